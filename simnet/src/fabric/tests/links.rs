//! What links do to packets, and routers.

use std::io::ErrorKind;

use super::super::packet::Cause;
use super::*;

/// Sends so many datagrams of so many bytes at once and says when each arrives, by its number.
fn arrivals(quality: &Quality, count: u16, bytes: usize) -> (Vec<(u16, Duration)>, u64) {
    simulate(5, async |fabric| {
        let [a, b] = lan(&fabric, SegmentSpec::default(), &Quality::perfect());
        fabric.degrade(Place::Host(a), quality.clone());
        let sender = fabric.net(a).udp(UdpSpec::new(address("0.0.0.0:0"))).unwrap();
        let receiver = fabric.net(b).udp(UdpSpec::new(address("0.0.0.0:7000"))).unwrap();
        let send = async {
            for number in 0..count {
                let mut payload = vec![0; bytes];
                payload[..2].copy_from_slice(&number.to_be_bytes());
                sender.send_to(payload, at(ip(1)), None).unwrap();
                if quality.bits_per_second.is_none() {
                    sleep(MS).await;
                }
            }
        };
        let mut all = Vec::new();
        let receive = async {
            while let Ok(datagram) = tokio::time::timeout(10 * SECOND, receiver.recv()).await {
                let payload = datagram.unwrap().payload;
                all.push((u16::from_be_bytes([payload[0], payload[1]]), fabric.now()));
            }
        };
        tokio::join!(send, receive);
        (all, fabric.figures().lost.all())
    })
}

#[test]
fn a_bandwidth_spreads_a_burst_and_a_full_queue_loses() {
    // 1000 bytes with their headers take 8 ms at 1 Mbit/s.
    let quality =
        Quality { bits_per_second: Some(1_000_000), queue_bytes: 10_000, ..Quality::perfect() };
    let (all, lost) = arrivals(&quality, 20, 972);
    let numbers: Vec<u16> = all.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (0..10).collect::<Vec<u16>>(), "ten fit");
    assert_eq!(lost, 10);
    for (number, when) in all {
        assert_eq!(when, MS * 8 * (u32::from(number) + 1));
    }
}

#[test]
fn duplicates_come_twice_and_the_reordered_are_overtaken() {
    let latency = Latency::Fixed(5 * MS);
    let (all, _) = arrivals(&Quality { duplicate: 0.5, latency, ..Quality::default() }, 200, 10);
    assert!((270..330).contains(&all.len()), "{}", all.len());
    assert!(all.is_sorted());
    let (all, _) = arrivals(&Quality { reorder: 0.2, latency, ..Quality::default() }, 200, 10);
    assert_eq!(all.len(), 200);
    let overtaken = all.windows(2).filter(|pair| pair[0].0 > pair[1].0).count();
    assert!((20..60).contains(&overtaken), "{overtaken}");
}

#[test]
fn jitter_alone_reorders_nothing() {
    for latency in [
        Latency::Uniform { min: MS, max: 40 * MS },
        Latency::Normal { mean: 20 * MS, deviation: 10 * MS },
        Latency::LongTailed { min: 2 * MS, shape: 1.5, max: SECOND },
    ] {
        let (all, lost) = arrivals(&Quality { latency, ..Quality::default() }, 300, 10);
        assert_eq!((all.len(), lost), (300, 0));
        assert!(all.is_sorted_by_key(|(number, _)| *number), "{latency:?}");
    }
}

#[test]
fn latencies_are_distributed_as_they_say() {
    let mut draw = super::super::draw::Draw::new(1);
    let mut times = |latency| {
        let mut all: Vec<f64> =
            (0..10_000).map(|_| draw.latency(&latency).as_secs_f64() * 1000.0).collect();
        all.sort_by(f64::total_cmp);
        (all[0], all[5000], all[9000], all[9999])
    };
    let close = |a: f64, b: f64| assert!((a - b).abs() < b * 0.05, "{a} is not about {b}");
    let (least, middle, _, most) = times(Latency::Uniform { min: MS, max: 11 * MS });
    close(middle, 6.0);
    assert!((1.0..1.1).contains(&least) && (10.9..11.0).contains(&most));
    let (_, middle, nine_of_ten, _) = times(Latency::Normal { mean: 20 * MS, deviation: 5 * MS });
    close(middle, 20.0);
    close(nine_of_ten, 26.4);
    let (least, middle, nine_of_ten, most) =
        times(Latency::LongTailed { min: MS, shape: 2.0, max: 20 * MS });
    close(least, 1.0);
    close(middle, 1.414);
    close(nine_of_ten, 3.162);
    close(most, 20.0);
}

#[test]
fn bursts_of_loss_are_bursts() {
    let loss = Loss::Bursty { to_bad: 0.02, to_good: 0.2, lost_in_good: 0.0, lost_in_bad: 1.0 };
    let (all, lost) = arrivals(&Quality { loss, ..Quality::default() }, 5000, 10);
    // Bad for 1 in 11 packets, 5 at a time.
    assert!((350..550).contains(&lost), "{lost} of 5000");
    let bursts = all.windows(2).filter(|pair| pair[1].0 - pair[0].0 > 1).count();
    let mean = lost as f64 / bursts as f64;
    assert!((4.0..6.0).contains(&mean), "{mean} packets a burst");
}

#[test]
fn more_fragments_are_lost_more_often() {
    let quality = Quality { loss: Loss::Independent(0.1), ..Quality::default() };
    let (whole, _) = arrivals(&quality, 1000, 1400);
    assert!((870..930).contains(&whole.len()), "{}", whole.len());
    // 7 fragments: 0.9⁷ = 0.478 arrive.
    let (cut, _) = arrivals(&quality, 1000, 10_000);
    assert!((430..530).contains(&cut.len()), "{}", cut.len());
}

#[test]
fn a_router_passes_unicast_but_no_multicast() {
    simulate(1, async |fabric| {
        let ends: Vec<HostId> = (0..2u8)
            .map(|n| {
                let segment = fabric.segment(SegmentSpec::default());
                let host = fabric.host(format!("host{n}"));
                let address = (IpAddr::from([10, 0, n, 1]), 24);
                fabric.attach(host, segment, &[address], Quality::default());
                host
            })
            .collect();
        let far = address("10.0.0.1:7000");
        let (server, client) = (fabric.net(ends[0]), fabric.net(ends[1]));
        let error = client.connect(far).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NetworkUnreachable);
        let slow = Quality { latency: Latency::Fixed(10 * MS), mtu: 1000, ..Quality::perfect() };
        fabric.router(&[SegmentId(0), SegmentId(1)], slow);
        let listener = listen(&server).await;
        let start = fabric.now();
        let (accepted, connected) = tokio::join!(listener.accept(), client.connect(far));
        let (mut accepted, mut connected) = (accepted.unwrap().0, connected.unwrap());
        assert_eq!((fabric.now() - start).as_millis(), 31, "three packets through the router");
        transfer(&mut connected, &mut accepted, 50_000).await;
        assert_eq!(fabric.figures().lost.all(), 0, "segments were cut to the router's MTU");

        let group = address("239.1.2.3:7000");
        let open = |net: &HostNet| {
            let socket = net.udp(UdpSpec::new(address("0.0.0.0:7000"))).unwrap();
            socket.join(group.ip(), 2).unwrap();
            socket
        };
        let (hearer, sender) = (open(&server), open(&client));
        sender.send_to(&b"all"[..], group, None).unwrap();
        sender.send_to(&b"one"[..], far, None).unwrap();
        assert_eq!(hearer.recv().await.unwrap().payload, &b"one"[..]);
    });
}

#[test]
fn isolated_clients_still_reach_what_is_beyond_the_router() {
    simulate(1, async |fabric| {
        let guests = SegmentSpec { client_isolation: true, ..SegmentSpec::default() };
        let [_, guest] = lan(&fabric, guests, &Quality::default());
        let beyond = fabric.segment(SegmentSpec::default());
        let server = fabric.host("server");
        let address = address("192.0.2.1:7000");
        fabric.attach(server, beyond, &[(address.ip(), 24)], Quality::default());
        fabric.router(&[SegmentId(0), beyond], Quality::default());
        let listener = listen(&fabric.net(server)).await;
        let net = fabric.net(guest);
        let (accepted, connected) = tokio::join!(listener.accept(), net.connect(address));
        accepted.unwrap();
        connected.unwrap();
        let error = net.connect(at(ip(0))).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(fabric.figures().lost.by(Cause::Filtered), 7);
    });
}

#[test]
fn connections_share_a_narrow_link_without_starving() {
    simulate(1, async |fabric| {
        let narrow = Quality {
            bits_per_second: Some(10_000_000),
            queue_bytes: 30_000,
            ..Quality::default()
        };
        let [server, client] = lan(&fabric, SegmentSpec::default(), &narrow);
        let listener = listen(&fabric.net(server)).await;
        let net = fabric.net(client);
        let mut both = Vec::new();
        for _ in 0..5 {
            let (accepted, connected) = tokio::join!(listener.accept(), net.connect(at(ip(0))));
            both.push((accepted.unwrap().0, connected.unwrap()));
        }
        let start = fabric.now();
        let mut transfers = tokio::task::JoinSet::new();
        for (mut server_end, mut client_end) in both {
            transfers.spawn_local(async move {
                transfer(&mut client_end, &mut server_end, 1_000_000).await;
            });
        }
        transfers.join_all().await;
        // 5 MB take 4 s at 10 Mbit/s.
        let took = (fabric.now() - start).as_secs_f64();
        assert!((4.0..8.0).contains(&took), "{took} s");
        assert!(fabric.figures().lost.by(Cause::QueueFull) > 0, "the queue was full");
    });
}
