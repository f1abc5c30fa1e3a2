//! The same seed gives the same packets, another one others.

use std::fmt::Write;

use super::*;

/// All that the wire shows of a world with every kind of chance in it.
fn history(seed: u64) -> String {
    simulate(seed, async |fabric| {
        let quality = Quality {
            latency: Latency::LongTailed { min: MS, shape: 1.5, max: SECOND },
            loss: Loss::Bursty { to_bad: 0.05, to_good: 0.3, lost_in_good: 0.01, lost_in_bad: 0.5 },
            duplicate: 0.02,
            reorder: 0.05,
            bits_per_second: Some(20_000_000),
            ..Quality::default()
        };
        let spec = SegmentSpec {
            multicast: Multicast::Beacon { every: 100 * MS, loss: 0.1 },
            ..SegmentSpec::default()
        };
        let hosts: [HostId; 5] = lan(&fabric, spec, &quality);
        let seen = tapped(&fabric);
        for host in hosts {
            let net = fabric.net(host);
            fabric.spawn(host, chatter(net));
        }
        sleep(20 * SECOND).await;
        fabric.power_off(hosts[1]);
        let cut = fabric.block([hosts[2]], [hosts[0], hosts[3]]);
        sleep(20 * SECOND).await;
        fabric.unblock(cut);
        sleep(20 * SECOND).await;
        let mut all = String::new();
        let seen = seen.borrow();
        assert!(seen.sent.len() > 1000);
        writeln!(all, "{:?}\n{:?}\n{:?}", seen.sent, seen.fates, fabric.figures()).unwrap();
        all
    })
}

/// Talks to everyone by multicast and to the next host by TCP.
async fn chatter(net: HostNet) {
    let group = address("224.0.0.251:5353");
    let socket = net.udp(UdpSpec::shared(address("0.0.0.0:5353"))).unwrap();
    socket.join(group.ip(), 2).unwrap();
    let listener = listen(&net).await;
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn_local(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4000];
            while let Ok(1..) = stream.read(&mut buffer).await {}
        }
    });
    let next = (net.host().0 as usize + 1) % 5;
    tasks.spawn_local(async move {
        loop {
            let Ok(mut stream) = net.connect(at(ip(next))).await else { continue };
            while stream.write_all(&[7; 5000]).await.is_ok() {
                proxy::clock::sleep(SECOND).await;
            }
        }
    });
    loop {
        socket.send_to(&b"here"[..], group, None).unwrap();
        let wait = proxy::clock::timeout(SECOND, socket.recv());
        if let Ok(heard) = wait.await {
            let datagram = heard.unwrap();
            socket.send_to(&b"hello"[..], datagram.source, None).unwrap();
            proxy::clock::sleep(100 * MS).await;
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_packets() {
    let first = history(1);
    assert!(first == history(1), "the same seed gave another history");
    assert!(first != history(2), "another seed gave the same history");
}

#[test]
fn a_world_on_another_thread_is_the_same() {
    #[expect(clippy::disallowed_methods, reason = "each world is on one thread")]
    let other = std::thread::spawn(|| history(3)).join().unwrap();
    assert!(other == history(3));
}
