//! Partitions, cables, power, sleep, other addresses.

use std::io::ErrorKind;

use super::super::limits::TcpTimes;
use super::super::packet::Cause;
use super::*;

#[test]
fn a_healed_partition_goes_on_where_it_was() {
    simulate(1, async |fabric| {
        let [server, client] = two(&fabric);
        let (mut server_end, mut client_end) = pair(&fabric, [server, client]).await;
        let data = pattern(200_000);
        let mut got = vec![0; data.len()];
        let (sent, read, ()) =
            tokio::join!(client_end.write_all(&data), server_end.read_exact(&mut got), async {
                sleep(2 * MS).await;
                let cuts = [fabric.block([server], [client]), fabric.block([client], [server])];
                sleep(10 * SECOND).await;
                cuts.into_iter().for_each(|cut| fabric.unblock(cut));
            });
        sent.unwrap();
        read.unwrap();
        assert!(got == data);
        // Tried after 0.2, 0.6, 1.4, … s.
        let after = fabric.now();
        assert!(after > 10 * SECOND && after < 14 * SECOND, "{after:?}");
    });
}

#[test]
fn a_partition_can_be_one_way_and_between_groups() {
    simulate(1, async |fabric| {
        let hosts: [HostId; 4] = lan(&fabric, SegmentSpec::default(), &Quality::default());
        let sockets =
            hosts.map(|host| fabric.net(host).udp(UdpSpec::new(address("0.0.0.0:7000"))).unwrap());
        let passes = async |from: usize, to: usize| {
            sockets[from].send_to(&b"x"[..], at(ip(to)), None).unwrap();
            tokio::time::timeout(MS * 10, sockets[to].recv()).await.is_ok()
        };
        let cut = fabric.block([hosts[0], hosts[1]], [hosts[2], hosts[3]]);
        assert!(!passes(0, 2).await && !passes(1, 3).await);
        assert!(passes(2, 0).await && passes(3, 1).await, "the other way is open");
        assert!(passes(0, 1).await && passes(3, 2).await, "within each half");
        let second = fabric.block([hosts[0]], [hosts[2]]);
        fabric.unblock(cut);
        assert!(!passes(0, 2).await && passes(1, 3).await);
        fabric.unblock(second);
        assert!(passes(0, 2).await);
        assert_eq!(fabric.figures().lost.by(Cause::Cut), 3);
    });
}

#[test]
fn a_lossy_spell_begins_and_ends() {
    simulate(1, async |fabric| {
        let [a, b] = two(&fabric);
        let sender = fabric.net(a).udp(UdpSpec::new(address("0.0.0.0:0"))).unwrap();
        let receiver = fabric.net(b).udp(UdpSpec::new(address("0.0.0.0:7000"))).unwrap();
        let passes = async || {
            sender.send_to(&b"x"[..], at(ip(1)), None).unwrap();
            tokio::time::timeout(MS * 10, receiver.recv()).await.is_ok()
        };
        let deaf = Quality { loss: Loss::Independent(1.0), ..Quality::default() };
        for place in [Place::Host(a), Place::Host(b), Place::Segment(SegmentId(0))] {
            assert!(passes().await);
            fabric.degrade(place, deaf.clone());
            assert!(!passes().await, "{place:?}");
            fabric.restore(place);
        }
        assert!(passes().await);
    });
}

#[test]
fn a_cable_is_pulled_and_put_in() {
    simulate(1, async |fabric| {
        let [server, client] = two(&fabric);
        let (mut server_end, mut client_end) = pair(&fabric, [server, client]).await;
        assert_eq!(fabric.net(client).interfaces().len(), 5);
        fabric.unplug(interface(client));
        assert_eq!(fabric.net(client).interfaces().len(), 2, "loopback alone");
        client_end.write_all(b"later").await.unwrap();
        sleep(5 * SECOND).await;
        assert_eq!(fabric.figures().lost.by(Cause::Cut), 5);
        fabric.plug(interface(client));
        let mut word = [0; 5];
        server_end.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"later");
    });
}

#[test]
fn power_loss_is_silent_until_the_host_is_back() {
    simulate(1, async |fabric| {
        let [server, client] = two(&fabric);
        let (mut server_end, mut client_end) = pair(&fabric, [server, client]).await;
        transfer(&mut client_end, &mut server_end, 1000).await;
        fabric.power_off(server);
        // Its own programs, if they ran outside of its processes, have no sockets any more.
        assert_eq!(server_end.read(&mut [0]).await.unwrap_err().kind(), ErrorKind::NotConnected);
        drop(server_end);
        let listening = fabric.net(server).listen(address("0.0.0.0:7000")).await;
        assert_eq!(listening.err().unwrap().kind(), ErrorKind::NotConnected);
        client_end.write_all(b"anybody?").await.unwrap();
        let mut byte = [0];
        let silence = tokio::time::timeout(60 * SECOND, client_end.read(&mut byte)).await;
        silence.expect_err("nobody tells");
        fabric.power_on(server);
        let error = client_end.read(&mut byte).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        // The port is free, and the new life is another one.
        let (mut server_end, mut client_end) = pair(&fabric, [server, client]).await;
        transfer(&mut client_end, &mut server_end, 1000).await;
    });
}

#[test]
fn a_former_life_of_the_same_port_is_ended_by_its_successor() {
    simulate(1, async |fabric| {
        let [server, client] = two(&fabric);
        let listener = listen(&fabric.net(server)).await;
        let net = fabric.net(client);
        let (accepted, connected) = tokio::join!(listener.accept(), net.connect(at(ip(0))));
        let (mut former, mut connected) = (accepted.unwrap().0, connected.unwrap());
        transfer(&mut connected, &mut former, 1000).await;
        let port = connected.local_addr().port();
        fabric.power_off(client);
        fabric.power_on(client);
        fabric.shared.with(|core| core[client].next_port = port);
        // The server answers the SYN from its old connection, is told, and hears the next.
        let (accepted, connected) = tokio::join!(listener.accept(), net.connect(at(ip(0))));
        let (mut accepted, mut connected) = (accepted.unwrap().0, connected.unwrap());
        assert_eq!(connected.local_addr().port(), port);
        transfer(&mut connected, &mut accepted, 1000).await;
        let error = former.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn what_a_host_sent_before_it_lost_power_arrives() {
    simulate(1, async |fabric| {
        let [server, client] = two(&fabric);
        let (mut server_end, mut client_end) = pair(&fabric, [server, client]).await;
        client_end.write_all(b"last").await.unwrap();
        fabric.power_off(client);
        let mut word = [0; 4];
        server_end.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"last");
    });
}

#[test]
fn a_host_that_sleeps_keeps_its_sockets_and_its_time() {
    simulate(1, async |fabric| {
        let [server, client] = two(&fabric);
        let (mut server_end, mut client_end) = pair(&fabric, [server, client]).await;
        let process = fabric.spawn(client, async move {
            let start = proxy::clock::now();
            proxy::clock::sleep(10 * SECOND).await;
            let mut word = [0; 4];
            client_end.read_exact(&mut word).await.unwrap();
            (word, proxy::clock::now() - start)
        });
        sleep(5 * SECOND).await;
        fabric.sleep(client);
        server_end.write_all(b"wake").await.unwrap();
        sleep(100 * SECOND).await;
        assert!(fabric.figures().lost.by(Cause::NoHost) > 5, "it hears nothing");
        fabric.wake(client);
        let Exit::Done((word, slept)) = process.join().await else { panic!("it ends") };
        assert_eq!(&word, b"wake");
        assert!(fabric.now() > 110 * SECOND);
        // The server's last tries were seconds apart, and up to 102.4 s.
        assert!(slept >= 10 * SECOND && slept < 110 * SECOND, "{slept:?}");
        assert!(fabric.now() - slept >= 100 * SECOND - MS);
    });
}

#[test]
fn a_host_that_sleeps_sends_on_when_it_wakes_up() {
    simulate(1, async |fabric| {
        let user_timeout = Some(20 * SECOND);
        fabric.set_tcp_times(TcpTimes { user_timeout, ..TcpTimes::default() });
        let [server, client] = two(&fabric);
        let (mut server_end, mut client_end) = pair(&fabric, [server, client]).await;
        let cut = fabric.block([client], [server]);
        client_end.write_all(b"after").await.unwrap();
        fabric.sleep(client);
        fabric.unblock(cut);
        let packets = fabric.figures().packets;
        sleep(100 * SECOND).await;
        assert_eq!(fabric.figures().packets, packets, "no retransmissions in its sleep");
        let woken = fabric.now();
        fabric.wake(client);
        let mut word = [0; 5];
        server_end.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"after");
        assert!(fabric.now() - woken < SECOND);
    });
}

#[test]
fn another_address_ends_the_connections_of_the_old_one() {
    simulate(1, async |fabric| {
        let times = TcpTimes { retries: 4, ..TcpTimes::default() };
        fabric.set_tcp_times(times);
        let [server, client] = two(&fabric);
        let (mut server_end, mut client_end) = pair(&fabric, [server, client]).await;
        let new = address("10.0.0.77:7000");
        fabric.readdress(interface(server), &[(new.ip(), 24)]);
        let listed: Vec<IpAddr> =
            fabric.net(server).interfaces().iter().map(|interface| interface.address).collect();
        assert!(listed.contains(&new.ip()) && !listed.contains(&ip(0)));
        client_end.write_all(b"are you there?").await.unwrap();
        server_end.write_all(b"it is me").await.unwrap();
        for end in [&mut client_end, &mut server_end] {
            let mut all = Vec::new();
            let error = end.read_to_end(&mut all).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
        }
        let listener = listen(&fabric.net(server)).await;
        let net = fabric.net(client);
        let (accepted, connected) = tokio::join!(listener.accept(), net.connect(new));
        accepted.unwrap();
        connected.unwrap();
    });
}
