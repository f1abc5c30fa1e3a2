//! TCP: order, windows, time-outs, closing.

use std::io::ErrorKind;

use proxy::Stream;

use super::super::limits::{RECEIVE_BYTES, SEND_BYTES, TcpTimes};
use super::super::packet::{Body, Cause, Segment};
use super::*;

fn lossy(share: f64) -> Quality {
    Quality { loss: Loss::Independent(share), ..Quality::default() }
}

#[test]
fn order_is_kept_on_a_bad_network() {
    let quality = Quality {
        latency: Latency::Uniform { min: MS, max: 20 * MS },
        loss: Loss::Independent(0.05),
        duplicate: 0.05,
        reorder: 0.1,
        ..Quality::default()
    };
    for seed in 0..10 {
        simulate(seed, async |fabric| {
            let hosts = lan(&fabric, SegmentSpec::default(), &quality);
            let (mut server, mut client) = pair(&fabric, hosts).await;
            transfer(&mut client, &mut server, 400_000).await;
            transfer(&mut server, &mut client, 100_000).await;
            let figures = fabric.figures();
            assert!(figures.retransmissions > 10 && figures.lost.by(Cause::Loss) > 10);
            assert!(figures.arrivals + figures.lost.all() > figures.packets, "some came twice");
        });
    }
}

#[test]
fn one_loss_is_made_good_without_waiting_for_a_time_out() {
    simulate(1, async |fabric| {
        let [server, client] = two(&fabric);
        let (mut server_end, mut client_end) = pair(&fabric, [server, client]).await;
        transfer(&mut client_end, &mut server_end, 40_000).await;
        let start = fabric.now();
        let cut = fabric.block([client], [server]);
        client_end.write_all(&[1; 1000]).await.unwrap();
        fabric.unblock(cut);
        // What follows is acknowledged as out of order, three times.
        client_end.write_all(&[2; 9000]).await.unwrap();
        server_end.read_exact(&mut [0; 10_000]).await.unwrap();
        assert!(fabric.now() - start < 5 * MS, "{:?}", fabric.now() - start);
        assert_eq!(fabric.figures().retransmissions, 1);
    });
}

#[test]
fn several_losses_of_one_window_are_made_good_one_after_the_other() {
    simulate(1, async |fabric| {
        let [server, client] = two(&fabric);
        let (mut server_end, mut client_end) = pair(&fabric, [server, client]).await;
        transfer(&mut client_end, &mut server_end, 40_000).await;
        let start = fabric.now();
        for _ in 0..3 {
            let cut = fabric.block([client], [server]);
            client_end.write_all(&[1; 1000]).await.unwrap();
            fabric.unblock(cut);
            client_end.write_all(&[2; 3000]).await.unwrap();
        }
        server_end.read_exact(&mut [0; 12_000]).await.unwrap();
        assert!(fabric.now() - start < 5 * MS, "{:?}", fabric.now() - start);
        assert_eq!(fabric.figures().retransmissions, 3);
    });
}

#[test]
fn a_reader_of_small_bites_gets_everything() {
    simulate(1, async |fabric| {
        let hosts = two(&fabric);
        let (mut server, mut client) = pair(&fabric, hosts).await;
        let data = pattern(400_000);
        let (sent, ()) = tokio::join!(client.write_all(&data), async {
            let mut bite = [0; 100];
            for expected in data.chunks(100) {
                server.read_exact(&mut bite).await.unwrap();
                assert_eq!(bite, expected);
                sleep(MS).await;
            }
        });
        sent.unwrap();
        // Windows opened in steps of a segment, and were filled by whole ones.
        let packets = fabric.figures().packets;
        assert!(packets < 1300, "{packets} packets");
    });
}

#[test]
fn a_reader_that_stalls_holds_the_writer_and_the_window_opens_again() {
    simulate(1, async |fabric| {
        let hosts = two(&fabric);
        let (mut server, mut client) = pair(&fabric, hosts).await;
        let data = pattern(1_000_000);
        let mut taken = 0;
        loop {
            match client.try_write(&data[taken..]) {
                Ok(bytes) => taken += bytes,
                Err(error) => break assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            sleep(SECOND).await;
        }
        assert_eq!(taken, SEND_BYTES + RECEIVE_BYTES);
        // Probes of the closed window, at growing intervals, are answered.
        let before = fabric.figures().packets;
        sleep(600 * SECOND).await;
        let probes = fabric.figures().packets - before;
        assert!((10..40).contains(&probes), "{probes} packets");
        let mut got = vec![0; data.len()];
        let start = fabric.now();
        let (sent, read) =
            tokio::join!(client.write_all(&data[taken..]), server.read_exact(&mut got));
        sent.unwrap();
        read.unwrap();
        assert!(got == data);
        assert!(fabric.now() - start < SECOND, "it was told when the window opened");
    });
}

#[test]
fn a_lost_window_update_is_asked_for() {
    simulate(1, async |fabric| {
        let [a, b] = two(&fabric);
        let (mut server, mut client) = pair(&fabric, [a, b]).await;
        let data = pattern(100_000);
        client.write_all(&data).await.unwrap();
        sleep(SECOND).await;
        let mut got = vec![0; RECEIVE_BYTES];
        let cut = fabric.block([a], [b]);
        server.read_exact(&mut got).await.unwrap();
        sleep(10 * MS).await;
        fabric.unblock(cut);
        let mut rest = vec![0; data.len() - got.len()];
        server.read_exact(&mut rest).await.unwrap();
        assert!([got, rest].concat() == data);
    });
}

#[test]
fn who_hears_no_acknowledgement_gives_up_in_the_end() {
    simulate(1, async |fabric| {
        let [server, client] = two(&fabric);
        let times =
            TcpTimes { user_timeout: Some(20 * SECOND), retries: 99, ..TcpTimes::default() };
        fabric.set_tcp_times(times);
        let (mut server_end, mut client_end) = pair(&fabric, [server, client]).await;
        // One way only: data comes through, acknowledgements do not.
        fabric.block([server], [client]);
        let start = fabric.now();
        client_end.write_all(b"hello").await.unwrap();
        let error = client_end.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let took = (fabric.now() - start).as_secs();
        assert!((20..60).contains(&took), "{took} s");
        let mut heard = [0; 5];
        server_end.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"hello");
    });
}

#[test]
fn retries_end_after_what_they_double_to() {
    simulate(1, async |fabric| {
        let [server, client] = two(&fabric);
        let times = TcpTimes { retries: 3, ..TcpTimes::default() };
        fabric.set_tcp_times(times);
        let (_server, mut client_end) = pair(&fabric, [server, client]).await;
        fabric.block([client], [server]);
        let start = fabric.now();
        client_end.write_all(b"hello").await.unwrap();
        client_end.read(&mut [0]).await.unwrap_err();
        // 0.2 + 0.4 + 0.8 + 1.6 s, and the round trip each time.
        let took = (fabric.now() - start).as_millis();
        assert!((3000..3100).contains(&took), "{took} ms");
    });
}

#[test]
fn acknowledgements_travel_with_data_or_late() {
    simulate(1, async |fabric| {
        let hosts = two(&fabric);
        let (mut server, mut client) = pair(&fabric, hosts).await;
        sleep(SECOND).await;
        let before = fabric.figures();
        for _ in 0..100 {
            client.write_all(b"ping").await.unwrap();
            server.read_exact(&mut [0; 4]).await.unwrap();
            server.write_all(b"pong").await.unwrap();
            client.read_exact(&mut [0; 4]).await.unwrap();
        }
        assert_eq!(fabric.figures().packets - before.packets, 200);
        sleep(SECOND).await;
        assert_eq!(fabric.figures().packets - before.packets, 201, "the last pong's");
        // Nothing happens on an idle network.
        let events = fabric.figures().events;
        sleep(3600 * SECOND).await;
        assert_eq!(fabric.figures().events, events);
    });
}

#[test]
fn sequence_numbers_are_those_of_a_real_wire() {
    simulate(3, async |fabric| {
        let hosts = two(&fabric);
        let seen = tapped(&fabric);
        let (mut server, mut client) = pair(&fabric, hosts).await;
        client.write_all(b"ping").await.unwrap();
        server.read_exact(&mut [0; 4]).await.unwrap();
        drop(server);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        drop(client);
        sleep(SECOND).await;
        let seen = seen.borrow();
        let segments: Vec<&Segment> = seen
            .sent
            .iter()
            .map(|(.., packet)| match &packet.body {
                Body::Tcp(segment) => segment,
                Body::Udp { .. } => panic!("who sent this?"),
            })
            .collect();
        let (ours, theirs) = (segments[0].sequence, segments[1].sequence);
        assert_ne!(ours, theirs);
        let flags = |s: &Segment| {
            let all = [('S', s.syn), ('F', s.fin), ('R', s.rst), ('P', s.psh), ('A', s.ack)];
            all.into_iter().filter(|f| f.1).map(|f| f.0).collect::<String>()
        };
        let relative = |s: &Segment, (ours, theirs): (u32, u32)| {
            let acknowledged = if s.ack { s.acknowledged.wrapping_sub(theirs) } else { 0 };
            (flags(s), s.sequence.wrapping_sub(ours), acknowledged, s.payload.len())
        };
        let shown: Vec<_> = seen
            .sent
            .iter()
            .zip(&segments)
            .map(|((_, from, ..), segment)| {
                let client = from.host == hosts[1];
                relative(segment, if client { (ours, theirs) } else { (theirs, ours) })
            })
            .collect();
        let expected = [
            ("S", 0, 0, 0),
            ("SA", 0, 1, 0),
            ("A", 1, 1, 0),
            ("PA", 1, 1, 4),
            ("FA", 1, 5, 0),
            ("A", 5, 2, 0),
            ("FA", 5, 2, 0),
            ("A", 2, 6, 0),
        ];
        let expected: Vec<_> =
            expected.map(|(f, s, a, n)| (f.to_owned(), s, a, n)).into_iter().collect();
        assert_eq!(shown, expected);
    });
}

#[test]
fn a_lost_last_word_is_said_again() {
    for seed in 0..10 {
        simulate(seed, async |fabric| {
            let hosts = lan(&fabric, SegmentSpec::default(), &lossy(0.15));
            fabric.tap(Rc::new(RefCell::new(NoReset)));
            let (mut server, mut client) = pair(&fabric, hosts).await;
            client.write_all(b"last words").await.unwrap();
            drop(client);
            let mut heard = Vec::new();
            server.read_to_end(&mut heard).await.unwrap();
            assert_eq!(heard, b"last words");
            drop(server);
            sleep(600 * SECOND).await;
            assert_eq!(hosts.map(|host| fabric.connections(host)), [0, 0], "nothing is left");
        });
    }
}

/// Asserts that nobody resets anything.
struct NoReset;

impl Tap for NoReset {
    fn sent(&mut self, _: Duration, _: u64, _: InterfaceId, _: SegmentId, packet: &Packet) {
        assert!(!matches!(&packet.body, Body::Tcp(Segment { rst: true, .. })), "{packet:?}");
    }

    fn fate(&mut self, _: Duration, _: u64, _: Fate) {}
}

#[test]
fn a_segment_is_cut_to_the_narrowest_link_also_when_it_narrows_later() {
    simulate(1, async |fabric| {
        let hosts = two(&fabric);
        let seen = tapped(&fabric);
        let (mut server, mut client) = pair(&fabric, hosts).await;
        transfer(&mut client, &mut server, 50_000).await;
        let narrow = Quality { mtu: 576, ..Quality::default() };
        let largest = |seen: &Seen| seen.sent.iter().map(|(.., p)| p.bytes()).max();
        assert_eq!(largest(&seen.borrow()), Some(1500));
        seen.borrow_mut().sent.clear();
        fabric.degrade(Place::Host(hosts[0]), narrow);
        fabric.tap(Rc::new(RefCell::new(Sizes(576))));
        transfer(&mut client, &mut server, 50_000).await;
        assert_eq!(fabric.figures().lost.all(), 0);
    });
}

/// Asserts that packets are no larger than this.
struct Sizes(u64);

impl Tap for Sizes {
    fn sent(&mut self, _: Duration, _: u64, _: InterfaceId, _: SegmentId, packet: &Packet) {
        assert!(packet.bytes() <= self.0, "{} bytes", packet.bytes());
    }

    fn fate(&mut self, _: Duration, _: u64, _: Fate) {}
}
