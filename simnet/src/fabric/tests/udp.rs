//! UDP and multicast.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::Ipv4Addr;

use super::super::limits::{DATAGRAM_BYTES, UDP_BYTES, UDP_OVERHEAD};
use super::super::packet::Cause;
use super::*;

const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251));
const MDNS: u16 = 5353;

/// A socket that hears the group on the first interface on a segment.
fn member(net: &HostNet) -> UdpSocket {
    let socket = net.udp(UdpSpec::shared(SocketAddr::new(ip(0).to_unspecified(), MDNS))).unwrap();
    socket.join(GROUP, 2).unwrap();
    socket
}

trait Unspecified {
    fn to_unspecified(self) -> IpAddr;
}

impl Unspecified for IpAddr {
    fn to_unspecified(self) -> IpAddr {
        if self.is_ipv4() { address("0.0.0.0:0").ip() } else { address("[::]:0").ip() }
    }
}

/// What comes within a second.
async fn heard(socket: &UdpSocket) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Ok(datagram) = tokio::time::timeout(SECOND, socket.recv()).await {
        all.push(datagram.unwrap().payload.to_vec());
    }
    all
}

fn group() -> SocketAddr {
    SocketAddr::new(GROUP, MDNS)
}

#[test]
fn a_datagram_tells_where_it_comes_from() {
    simulate(1, async |fabric| {
        let [a, b] = two(&fabric);
        let sender = fabric.net(a).udp(UdpSpec::new(address("0.0.0.0:0"))).unwrap();
        let receiver = fabric.net(b).udp(UdpSpec::new(address("0.0.0.0:7000"))).unwrap();
        sender.send_to(&b"hello"[..], at(ip(1)), None).unwrap();
        let datagram = receiver.recv().await.unwrap();
        assert_eq!(datagram.source, SocketAddr::new(ip(0), sender.local_addr().port()));
        assert_eq!((datagram.destination, datagram.interface), (at(ip(1)), 2));
        assert_eq!((&datagram.payload[..], datagram.hops), (&b"hello"[..], 64));
        // And back.
        receiver.send_to(&b"yes"[..], datagram.source, None).unwrap();
        assert_eq!(sender.recv().await.unwrap().source, at(ip(1)));
        let error = sender.send_to(&b"?"[..], at(ip6(1)), None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_group_is_heard_by_its_members_and_the_sender() {
    simulate(1, async |fabric| {
        let hosts: [HostId; 4] = lan(&fabric, SegmentSpec::default(), &Quality::default());
        let sockets: Vec<UdpSocket> =
            hosts[..3].iter().map(|host| member(&fabric.net(*host))).collect();
        let same_host = member(&fabric.net(hosts[0]));
        let stranger = fabric.net(hosts[3]).udp(UdpSpec::shared(address("0.0.0.0:5353"))).unwrap();
        sockets[0].send_to(&b"who?"[..], group(), Some(2)).unwrap();
        for socket in sockets.iter().chain([&same_host]) {
            let datagram = socket.recv().await.unwrap();
            assert_eq!(datagram.source, SocketAddr::new(ip(0), MDNS));
            assert_eq!((datagram.destination, datagram.interface), (group(), 2));
            assert_eq!(datagram.hops, 255);
        }
        for socket in sockets.iter().chain([&same_host, &stranger]) {
            assert!(heard(socket).await.is_empty(), "once, and members only");
        }
        let figures = fabric.figures();
        assert_eq!((figures.multicast_packets, figures.arrivals), (1, 2));
        assert_eq!(figures.multicast_bytes, 32, "20 of IP, 8 of UDP, 4 of ours");
        // Who has left hears nothing.
        sockets[1].leave(GROUP, 2).unwrap();
        sockets[0].send_to(&b"again"[..], group(), Some(2)).unwrap();
        assert!(heard(&sockets[1]).await.is_empty());
        assert_eq!(heard(&sockets[2]).await, [b"again"]);
    });
}

#[test]
fn ipv6_groups_have_scopes() {
    simulate(1, async |fabric| {
        let [a, b] = two(&fabric);
        let group = address("[ff02::fb%2]:5353");
        let open = |host| {
            let socket = fabric.net(host).udp(UdpSpec::shared(address("[::]:5353"))).unwrap();
            socket.join(group.ip(), 2).unwrap();
            socket
        };
        let (ada, bob) = (open(a), open(b));
        ada.send_to(&b"who?"[..], group, None).unwrap();
        let datagram = bob.recv().await.unwrap();
        assert_eq!(datagram.source, address("[fe80::1%2]:5353"), "of the group's own scope");
        assert_eq!(datagram.destination, group);
        bob.send_to(&b"me"[..], datagram.source, None).unwrap();
        let mut answers = Vec::new();
        for _ in 0..2 {
            answers.push(ada.recv().await.unwrap().source);
        }
        assert_eq!(answers, [address("[fe80::1%2]:5353"), address("[fe80::2%2]:5353")]);
    });
}

#[test]
fn interfaces_are_apart() {
    simulate(1, async |fabric| {
        let [a, b]: [HostId; 2] = lan(&fabric, SegmentSpec::default(), &Quality::default());
        let second = fabric.segment(SegmentSpec::default());
        let c = fabric.host("c");
        fabric.attach(a, second, &[(address("10.1.0.1:0").ip(), 24)], Quality::default());
        fabric.attach(c, second, &[(address("10.1.0.3:0").ip(), 24)], Quality::default());
        let (ada, bob, cyd) =
            (member(&fabric.net(a)), member(&fabric.net(b)), member(&fabric.net(c)));
        ada.send_to(&b"to c"[..], group(), Some(3)).unwrap();
        let datagram = cyd.recv().await.unwrap();
        assert_eq!(datagram.source.ip(), address("10.1.0.1:0").ip());
        assert!(heard(&bob).await.is_empty());
        assert!(heard(&ada).await.is_empty(), "it joined on its first interface only");
        cyd.send_to(&b"to a"[..], group(), None).unwrap();
        assert!(heard(&ada).await.is_empty());
        ada.join(GROUP, 3).unwrap();
        cyd.send_to(&b"to a"[..], group(), None).unwrap();
        assert_eq!(ada.recv().await.unwrap().interface, 3);
        let error = ada.join(GROUP, 4).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn each_member_has_its_own_loss_and_delay() {
    simulate(1, async |fabric| {
        let quality = Quality {
            loss: Loss::Independent(0.3),
            latency: Latency::Uniform { min: MS, max: 50 * MS },
            ..Quality::default()
        };
        let hosts: [HostId; 3] = lan(&fabric, SegmentSpec::default(), &quality);
        let sockets = hosts.map(|host| member(&fabric.net(host)));
        let mut counts: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
        for _ in 0..300 {
            sockets[0].send_to(&b"!"[..], group(), None).unwrap();
            sleep(SECOND).await;
            let mut hearers = Vec::new();
            for (n, socket) in sockets.iter().enumerate() {
                if !heard(socket).await.is_empty() {
                    hearers.push(n);
                }
            }
            *counts.entry(hearers).or_default() += 1;
        }
        // Its sender always; the others with 0.7 each, if it got out, again with 0.7.
        for (hearers, expected) in
            [(vec![0, 1, 2], 103), (vec![0, 1], 44), (vec![0, 2], 44), (vec![0], 109)]
        {
            let count = counts.get(&hearers).copied().unwrap_or(0);
            assert!(count.abs_diff(expected) < 30, "{count} of 300 by {hearers:?}: {counts:?}");
        }
    });
}

#[test]
fn a_socket_keeps_so_much_and_no_more() {
    simulate(1, async |fabric| {
        let [a, b] = two(&fabric);
        let sender = fabric.net(a).udp(UdpSpec::new(address("0.0.0.0:0"))).unwrap();
        let receiver = fabric.net(b).udp(UdpSpec::new(address("0.0.0.0:7000"))).unwrap();
        for _ in 0..500 {
            sender.send_to(vec![0; 1000], at(ip(1)), None).unwrap();
        }
        sleep(SECOND).await;
        let kept = UDP_BYTES / (1000 + UDP_OVERHEAD);
        assert_eq!(heard(&receiver).await.len(), kept);
        assert_eq!(fabric.figures().lost.by(Cause::SocketFull), 500 - kept as u64);
        let error = sender.send_to(vec![0; DATAGRAM_BYTES + 1], at(ip(1)), None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_port_is_shared_only_by_those_who_say_so() {
    simulate(1, async |fabric| {
        let [a, b] = two(&fabric);
        let net = fabric.net(a);
        let spec = UdpSpec::shared(address("0.0.0.0:5353"));
        let (first, second) = (net.udp(spec).unwrap(), net.udp(spec).unwrap());
        for taken in [UdpSpec::new(spec.address), UdpSpec::new(SocketAddr::new(ip(0), MDNS))] {
            assert_eq!(net.udp(taken).err().unwrap().kind(), ErrorKind::AddrInUse);
        }
        net.udp(UdpSpec::new(address("[::]:5353"))).expect("another family");
        // A unicast goes to the one that was opened last.
        let sender = fabric.net(b).udp(UdpSpec::new(address("0.0.0.0:0"))).unwrap();
        sender.send_to(&b"x"[..], SocketAddr::new(ip(0), MDNS), None).unwrap();
        assert_eq!(heard(&second).await.len(), 1);
        assert_eq!(heard(&first).await.len(), 0);
        drop((first, second));
        net.udp(UdpSpec::new(spec.address)).expect("it is free again");
    });
}

#[test]
fn access_points_sin() {
    let hears = |spec: SegmentSpec, seed| {
        simulate(seed, async |fabric| {
            let [a, b] = lan(&fabric, spec, &Quality::default());
            let (ada, bob) = (member(&fabric.net(a)), member(&fabric.net(b)));
            let mut heard_at = Vec::new();
            for _ in 0..100 {
                sleep(SECOND + 7 * MS).await;
                let start = fabric.now();
                ada.send_to(&b"x"[..], group(), None).unwrap();
                if tokio::time::timeout(SECOND, bob.recv()).await.is_ok() {
                    heard_at.push((start, fabric.now()));
                }
            }
            // Unicast passes all the same, unless clients are kept apart.
            ada.send_to(&b"x"[..], SocketAddr::new(ip(1), MDNS), None).unwrap();
            (heard_at, heard(&bob).await.len())
        })
    };
    let spec = |multicast| SegmentSpec { multicast, ..SegmentSpec::default() };
    let (all, unicast) = hears(spec(Multicast::Deliver), 1);
    assert_eq!((all.len(), unicast), (100, 1));
    let (none, unicast) = hears(spec(Multicast::Drop), 1);
    assert_eq!((none.len(), unicast), (0, 1));
    let every = 100 * MS;
    let (some, unicast) = hears(spec(Multicast::Beacon { every, loss: 0.2 }), 1);
    assert!((70..90).contains(&some.len()) && unicast == 1, "{}", some.len());
    for (sent, heard) in some {
        let beacon = (heard - MS / 5).as_nanos();
        assert_eq!(beacon % every.as_nanos(), 0, "it left at a beacon");
        assert!(heard - sent <= every + MS / 2, "it left at the next one");
    }
    let isolated = SegmentSpec { client_isolation: true, ..SegmentSpec::default() };
    let (none, unicast) = hears(isolated, 1);
    assert_eq!((none.len(), unicast), (0, 0));
}
