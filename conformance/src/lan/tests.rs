//! The network is what cases take it for.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

/// For failures only.
const LIMIT: Duration = Duration::from_secs(20);

/// A network, unless there can be none, which is said.
pub(crate) fn lan() -> Option<Lan> {
    match Lan::new(&Log::new()) {
        Ok(lan) => Some(lan),
        Err(stop) if std::env::var_os("NWS_REQUIRE_NETNS").is_some() => {
            panic!("NWS_REQUIRE_NETNS is set, but this test {stop}")
        }
        Err(stop) => {
            let _ = writeln!(io::stderr(), "SKIPPED: {stop}");
            None
        }
    }
}

/// Whether a byte gets from one host to an address of another, and comes from there.
fn reaches(from: &Host, to: &Host, address: IpAddr) -> io::Result<()> {
    let listener = to.enter(|| TcpListener::bind(SocketAddr::new(address, 0)))?;
    let at = listener.local_addr()?;
    let mut here = from.enter(|| TcpStream::connect_timeout(&at, LIMIT))?;
    let (mut there, _) = listener.accept()?;
    here.write_all(b"x")?;
    there.read_exact(&mut [0])
}

#[test]
fn hosts_reach_each_other_but_not_other_networks() {
    let Some(lan) = lan() else { return };
    let second = lan.second_network().unwrap();
    let (alice, bob, carol) =
        (lan.host("alice").unwrap(), lan.host("bob").unwrap(), second.host("carol").unwrap());
    assert_eq!((alice.v4(), bob.v4()), ([10, 77, 0, 1].into(), [10, 77, 0, 2].into()));
    assert_eq!(carol.v6(), "fd77:0:0:1::1".parse::<std::net::Ipv6Addr>().unwrap());
    reaches(&alice, &bob, bob.v4().into()).unwrap();
    reaches(&alice, &bob, bob.v6().into()).unwrap();
    reaches(&alice, &carol, carol.v4().into()).unwrap_err();
    second.connect(&alice).unwrap();
    assert_eq!(alice.all_v4(), [Ipv4Addr::new(10, 77, 0, 1), Ipv4Addr::new(10, 77, 1, 2)]);
    reaches(&alice, &carol, carol.v4().into()).unwrap();
    reaches(&carol, &bob, bob.v4().into()).unwrap_err();
}

#[test]
fn multicast_passes_until_the_cable_is_cut() {
    let Some(lan) = lan() else { return };
    let (alice, bob) = (lan.host("alice").unwrap(), lan.host("bob").unwrap());
    let group = Ipv4Addr::new(224, 0, 0, 251);
    let ear = bob.enter(|| {
        let ear = UdpSocket::bind((group, 5353)).unwrap();
        ear.join_multicast_v4(&group, &bob.v4()).unwrap();
        ear
    });
    ear.set_read_timeout(Some(LIMIT)).unwrap();
    let mouth = alice.enter(|| UdpSocket::bind((alice.v4(), 0))).unwrap();
    let say = |word: &[u8]| mouth.send_to(word, (group, 5353));
    let hear = || {
        let mut buffer = [0; 9];
        let (length, from) = ear.recv_from(&mut buffer).unwrap();
        (buffer[..length].to_vec(), from.ip())
    };
    say(b"one").unwrap();
    assert_eq!(hear(), (b"one".to_vec(), alice.v4().into()));
    alice.cut().unwrap();
    say(b"two").unwrap();
    alice.repair().unwrap();
    say(b"three").unwrap();
    assert_eq!(hear().0, b"three");
    bob.cut().unwrap();
    say(b"four").unwrap();
    bob.repair().unwrap();
    say(b"five").unwrap();
    assert_eq!(hear().0, b"five");
}

#[test]
fn programs_end_with_their_host() {
    let Some(lan) = lan() else { return };
    let host = lan.host("alice").unwrap();
    let mut command = Command::new("sleep");
    let mut child = host.spawn(command.arg("600").stdin(Stdio::null())).unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    drop(host);
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < LIMIT, "it lives on");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_tap_sees_who_is_dialled_also_in_vain() {
    let Some(lan) = lan() else { return };
    let (alice, bob) = (lan.host("alice").unwrap(), lan.host("bob").unwrap());
    let elsewhere: [IpAddr; 2] = [[203, 0, 113, 7].into(), "2001:db8::7".parse().unwrap()];
    alice.set_router(&bob).unwrap();
    let (here, there) =
        (Tap::on(&alice, &Log::new()).unwrap(), Tap::on(&bob, &Log::new()).unwrap());
    let dial = |to: SocketAddr| {
        alice.enter(|| TcpStream::connect_timeout(&to, Duration::from_millis(1))).unwrap_err();
        to
    };
    let refused = [
        (IpAddr::from(bob.v4()), 7000),
        (bob.v4().into(), 0),
        (bob.v6().into(), 7001),
        (elsewhere[0], 7002),
        (elsewhere[1], 7003),
    ];
    let remote: Vec<_> = refused.into_iter().map(|to| dial(to.into())).collect();
    let local = dial(([127, 0, 0, 1], 7004).into());
    reaches(&alice, &bob, bob.v4().into()).unwrap();
    assert_eq!(there.dialled()[..remote.len()], remote);
    assert_eq!(here.dialled()[..=remote.len()], [remote, vec![local]].concat());
    assert_eq!(there.dialled().len(), 6, "one that was accepted, too");
    // Among much else.
    let mouth = alice.enter(|| UdpSocket::bind((alice.v4(), 0))).unwrap();
    for port in 8000..8100 {
        mouth.send_to(&[0; 1400], (bob.v4(), 9)).unwrap();
        dial((bob.v4(), port).into());
    }
    assert_eq!((here.dialled().len(), there.dialled().len()), (107, 106));
}
