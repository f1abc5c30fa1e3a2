//! TCP: how connections come to be, and what may be taken for one.

use std::io::ErrorKind;

use super::super::limits::{BACKLOG, TcpTimes};
use super::super::packet::{Body, Segment};
use super::*;

#[test]
fn who_is_not_there_is_waited_for() {
    simulate(1, async |fabric| {
        let [_, client] = two(&fabric);
        let net = fabric.net(client);
        let error = net.connect(at(ip(9))).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        // 1 + 2 + 4 + … + 64 s.
        assert_eq!(fabric.now().as_secs(), 127);
        let times = TcpTimes { syn_retries: 1, ..TcpTimes::default() };
        fabric.set_tcp_times(times);
        net.connect(at(ip(9))).await.err().unwrap();
        assert_eq!(fabric.now().as_secs(), 130);
        // Nobody's network, and no router.
        let error = net.connect(address("192.0.2.1:7000")).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NetworkUnreachable);
        assert_eq!(fabric.now().as_secs(), 130);
    });
}

#[test]
fn refused_costs_one_round_trip() {
    simulate(1, async |fabric| {
        let [_, client] = two(&fabric);
        let error = fabric.net(client).connect(at(ip(0))).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(fabric.now(), MS * 8 / 10, "four links of 0.2 ms");
    });
}

#[test]
fn a_lost_syn_is_sent_again() {
    simulate(1, async |fabric| {
        let [server, client] = two(&fabric);
        let cut = fabric.block([client], [server]);
        let listener = listen(&fabric.net(server)).await;
        let net = fabric.net(client);
        let (accepted, connected, ()) =
            tokio::join!(listener.accept(), net.connect(at(ip(0))), async {
                sleep(2 * SECOND).await;
                fabric.unblock(cut);
            });
        accepted.unwrap();
        connected.unwrap();
        assert_eq!(fabric.now().as_secs(), 3, "tried at 0, 1 and 3 s");
    });
}

#[test]
fn a_full_backlog_lets_clients_wait() {
    simulate(1, async |fabric| {
        let [server, client] = two(&fabric);
        let listener = listen(&fabric.net(server)).await;
        let net = fabric.net(client);
        let mut waiting = Vec::new();
        for _ in 0..BACKLOG {
            waiting.push(net.connect(at(ip(0))).await.unwrap());
        }
        let start = fabric.now();
        let (one_more, ()) = tokio::join!(net.connect(at(ip(0))), async {
            sleep(500 * MS).await;
            listener.accept().await.unwrap();
        });
        one_more.unwrap();
        assert_eq!((fabric.now() - start).as_secs(), 1, "its second SYN was heard");
    });
}

#[test]
fn ipv6_and_link_local_connect() {
    simulate(1, async |fabric| {
        let [server, client] = two(&fabric);
        let listener = fabric.net(server).listen(address("[::]:7000")).await.unwrap();
        let net = fabric.net(client);
        let scoped = address("[fe80::1%2]:7000");
        for to in [at(ip6(0)), scoped] {
            let (accepted, connected) = tokio::join!(listener.accept(), net.connect(to));
            let (mut stream, peer) = accepted.unwrap();
            let mut connected = connected.unwrap();
            assert_eq!(peer, connected.local_addr());
            transfer(&mut connected, &mut stream, 10_000).await;
        }
        // Without a scope nobody knows which network is meant.
        let error = net.connect(address("[fe80::1]:7000")).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NetworkUnreachable);
        // IPv4 is none of an IPv6 listener's business.
        let error = net.connect(at(ip(0))).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = fabric.net(server).listen(at(ip(1))).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn a_port_may_be_used_again_while_the_other_side_lingers() {
    simulate(1, async |fabric| {
        let [server, client] = two(&fabric);
        let listener = listen(&fabric.net(server)).await;
        let net = fabric.net(client);
        let mut port = None;
        for _ in 0..2 {
            let (accepted, connected) = tokio::join!(listener.accept(), net.connect(at(ip(0))));
            let (accepted, mut connected) = (accepted.unwrap().0, connected.unwrap());
            // Who closes first lingers.
            drop(accepted);
            assert_eq!(connected.read(&mut [0]).await.unwrap(), 0);
            let own = connected.local_addr().port();
            assert_eq!(port.replace(own).unwrap_or(own), own);
            drop(connected);
            sleep(SECOND).await;
            assert_eq!([server, client].map(|host| fabric.connections(host)), [1, 0]);
            fabric.shared.with(|core| core[client].next_port = own);
        }
        assert_eq!(fabric.now().as_secs(), 2, "it was heard at once");
        sleep(60 * SECOND).await;
        assert_eq!(fabric.connections(server), 0);
    });
}

#[test]
fn only_a_reset_within_the_window_is_believed() {
    simulate(1, async |fabric| {
        let [server, client] = two(&fabric);
        let seen = tapped(&fabric);
        let (mut server_end, mut client_end) = pair(&fabric, [server, client]).await;
        let syn = seen.borrow().sent[0].3.clone();
        let Body::Tcp(Segment { sequence, .. }) = syn.body else { panic!("it is TCP") };
        // As somebody would who knows the addresses and guesses the number.
        let forge = |ahead: u32| {
            let segment =
                Segment { sequence: sequence.wrapping_add(ahead), rst: true, ..Segment::default() };
            let packet = Packet { body: Body::Tcp(segment), ..syn.clone() };
            fabric.shared.with(|core| {
                let route = core.route(client, packet.destination, None).unwrap();
                core.send(&route, packet);
            });
        };
        forge(0);
        forge(100_000);
        sleep(SECOND).await;
        transfer(&mut client_end, &mut server_end, 1000).await;
        forge(1001);
        let error = server_end.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn who_gives_up_connecting_leaves_nothing() {
    simulate(1, async |fabric| {
        let [server, client] = two(&fabric);
        let listener = listen(&fabric.net(server)).await;
        let net = fabric.net(client);
        tokio::select! {
            biased;
            _ = net.connect(at(ip(0))) => panic!("it takes a round trip"),
            () = std::future::ready(()) => {}
        }
        sleep(SECOND).await;
        assert_eq!([server, client].map(|host| fabric.connections(host)), [0, 0]);
        drop(listener);
    });
}
