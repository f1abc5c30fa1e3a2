//! Adverts are strangers' claims: they lead to channels of hosts on the network and nowhere else.

use std::net::{Ipv4Addr, SocketAddr};

use crate::client::exchange;
use crate::foreign::Acceptor;
use crate::lab::{Host, Lab};
use crate::multicast::{Advert, Multicast};
use crate::program::{Proxy, wait_linked_one_way};
use crate::{SOON, check, wait};

const BAIT: &str = "path=/broadcast/bait";
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);

/// The first port of the hostile host.
const PORTS: u16 = 7000;

fn advert(instance: &str, address: Ipv4Addr, port: u16, texts: &[&str]) -> Advert {
    let texts = texts.iter().map(|text| (*text).to_owned()).collect();
    // The host's name follows from the port, so that two of one port are one proxy.
    Advert { instance: instance.to_owned(), host: format!("h{port}.local"), address, port, texts }
}

fn acceptor(host: &Host, port: u16) -> Acceptor {
    Acceptor::on(host, SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port))
}

/// Announces the adverts, each on a port of its own with somebody there, then an honest one, and
/// gives how often each was dialled once the honest one is linked.
fn dialled(proxy: &Host, hostile: &Host, adverts: &[(&str, Ipv4Addr, &[&str])]) -> Vec<u64> {
    let numbered = || (PORTS..).zip(adverts);
    let acceptors: Vec<_> = numbered().map(|(port, _)| acceptor(hostile, port)).collect();
    let honest_port = PORTS - 1;
    let honest = acceptor(hostile, honest_port);
    let running = Proxy::start(proxy);
    let _client = running.join("/broadcast/bait");
    let multicast = Multicast::on(hostile);
    for (port, (instance, address, texts)) in numbered() {
        multicast.announce(&advert(instance, *address, port, texts));
    }
    multicast.announce(&advert("honest[1]", hostile.v4(), honest_port, &[BAIT]));
    wait("the honest advert is followed", SOON, || {
        check(honest.heads().len() == 1, || format!("{:#?}", running.status()))
    });
    acceptors.iter().map(Acceptor::connections).collect()
}

#[test]
fn malformed_adverts_are_not_followed() {
    let Some(lab) = Lab::new() else { return };
    let (host, hostile) = (lab.host(), lab.host());
    let here = hostile.v4();
    let counts = dialled(
        &host,
        &hostile,
        &[
            ("no-record[1]", here, &[]),
            ("empty[1]", here, &[""]),
            ("no-path[1]", here, &["txtvers=1"]),
            ("no-value[1]", here, &["path"]),
            ("local[1]", here, &["path=/local/bait"]),
            ("segments[1]", here, &["path=/broadcast/bait/x"]),
            ("slash[1]", here, &["path=/broadcast/bait/"]),
            ("encoded[1]", here, &["path=/broadcast/b%61it"]),
            ("query[1]", here, &["path=/broadcast/bait?x"]),
            ("line[1]", here, &["path=/broadcast/bait HTTP/1.1\r\nX: y\r\n\r\n"]),
            ("url[1]", here, &["path=ws://10.77.0.1:9009/broadcast/bait"]),
            ("second[1]", here, &["path=/local/bait", BAIT]),
            ("printer", here, &[BAIT]),
            ("no-digits[]", here, &[BAIT]),
            ("two words[1]", here, &[BAIT]),
        ],
    );
    assert_eq!(counts, [0; 15]);
}

#[test]
fn adverts_that_lead_off_the_network_are_not_followed() {
    let Some(lab) = Lab::new() else { return };
    let (host, hostile) = (lab.host(), lab.host());
    // Were it dialled, it would be reached.
    hostile.ip(&format!("addr add {ELSEWHERE}/32 dev lo"));
    host.ip(&format!("route add {ELSEWHERE} via {}", hostile.v4()));
    let zero = Ipv4Addr::UNSPECIFIED;
    let counts =
        dialled(&host, &hostile, &[("off[1]", ELSEWHERE, &[BAIT]), ("zero[1]", zero, &[BAIT])]);
    assert_eq!(counts, [0, 0]);
}

#[test]
fn adverts_with_other_strings_are_followed() {
    let Some(lab) = Lab::new() else { return };
    let (host, hostile) = (lab.host(), lab.host());
    let long = format!("x={}", "y".repeat(253));
    let padded = [[long.as_str(); 10].as_slice(), &[BAIT]].concat();
    let here = hostile.v4();
    let padding = [("padded[1]", here, padded.as_slice()), ("two[1]", here, &[BAIT, "path=/x"])];
    let counts = dialled(&host, &hostile, &padding);
    assert_eq!(counts, [1, 1]);
}

#[test]
fn another_hosts_loopback_address_is_not_ours() {
    let Some(lab) = Lab::new() else { return };
    let (host, hostile) = (lab.host(), lab.host());
    let on_loopback = acceptor(&host, PORTS);
    let counts = dialled(&host, &hostile, &[("loop[1]", Ipv4Addr::LOCALHOST, &[BAIT])]);
    assert_eq!(counts, [0]);
    assert_eq!(on_loopback.connections(), 0, "an advert from elsewhere led to our loopback");
}

#[test]
fn one_acceptor_under_many_names_gets_one_link() {
    let Some(lab) = Lab::new() else { return };
    let (host, hostile) = (lab.host(), lab.host());
    let proxy = Proxy::start(&host);
    let _client = proxy.join("/broadcast/bait");
    let (same, other) = (acceptor(&hostile, PORTS), acceptor(&hostile, PORTS + 1));
    let honest = acceptor(&hostile, PORTS + 2);
    let multicast = Multicast::on(&hostile);
    for number in 0..20 {
        // One host under many instances, and one address under many hosts.
        let instance = format!("same[{number}]");
        multicast.announce(&advert(&instance, hostile.v4(), PORTS, &[BAIT]));
        let instance = format!("other[{number}]");
        multicast.announce(&Advert {
            host: format!("other-{number}.local"),
            ..advert(&instance, hostile.v4(), PORTS + 1, &[BAIT])
        });
    }
    multicast.announce(&advert("honest[1]", hostile.v4(), PORTS + 2, &[BAIT]));
    wait("three links", SOON, || {
        let links = [&same, &other, &honest].map(|acceptor| acceptor.heads().len());
        check(links == [1, 1, 1], || format!("{links:?}"))
    });
    // All but one go, and the link stays what it is.
    for number in 0..19 {
        multicast.withdraw(&format!("same[{number}]"));
        multicast.withdraw(&format!("other[{number}]"));
    }
    wait("their goodbyes were heard", SOON, || {
        let status = proxy.status();
        let remotes = status.remotes_on("bait").count();
        check((3..=4).contains(&remotes), || format!("{status:#?}"))
    });
    let connections = [&same, &other, &honest].map(Acceptor::connections);
    assert_eq!(connections, [1, 1, 1]);
    assert_eq!(proxy.status().links("bait").len(), 3);
}

#[test]
fn an_advert_that_leads_to_ourselves_makes_no_link() {
    let Some(lab) = Lab::new() else { return };
    let (host, hostile) = (lab.host(), lab.host());
    let proxy = Proxy::start(&host);
    let (alice, bob) = (proxy.join("/broadcast/bait"), proxy.join("/broadcast/bait"));
    let honest = acceptor(&hostile, PORTS);
    let multicast = Multicast::on(&hostile);
    multicast.announce(&advert("mirror[1]", host.v4(), 9009, &[BAIT]));
    multicast.announce(&advert("honest[1]", hostile.v4(), PORTS, &[BAIT]));
    wait("the honest advert is followed", SOON, || {
        check(honest.heads().len() == 1, || format!("{:#?}", proxy.status()))
    });
    exchange(&[&alice, &bob], 10);
    let status = proxy.status();
    assert_eq!(status.links("bait").len(), 1, "{status:#?}");
    assert_eq!(status.counters["links_accepted"], 0, "{status:#?}");
}

#[test]
fn sound_proxies_link_amid_noise() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let hostile = lab.host();
    let proxies = hosts.each_ref().map(Proxy::start);
    let multicast = Multicast::on(&hostile);
    let bait = acceptor(&hostile, PORTS);
    let _client = proxies[0].join("/broadcast/bait");
    noise(&multicast);
    multicast.announce(&advert("no-port[1]", hostile.v4(), 0, &[BAIT]));
    for number in 0..2000 {
        let instance = format!("flood[{number}]");
        multicast.announce(&advert(&instance, hostile.v4(), PORTS, &[BAIT]));
    }
    let clients = proxies.each_ref().map(|proxy| proxy.join("/broadcast/chat"));
    wait_linked_one_way("chat", &proxies.each_ref());
    exchange(&clients.each_ref(), 50);
    wait("one link amid the flood", SOON, || {
        check(bait.heads().len() == 1, || format!("{}", bait.connections()))
    });
    assert_eq!(bait.connections(), 1);
}

/// Packets that are none.
fn noise(multicast: &Multicast) {
    let head = b"\0\0\x84\0\0\0\0\x01\0\0\0\0";
    multicast.send(b"");
    multicast.send(&[0xff; 1400]);
    multicast.send(&head[..7]);
    // A name that points to itself, a record that is longer than the packet, a name of text.
    multicast.send(&[&head[..], b"\xc0\x0c\0\x0c\0\x01\0\0\0\x78\0\x02\xc0\x0c"].concat());
    multicast
        .send(&[&head[..], b"\x03_ws\x04_tcp\x05local\0\0\x10\0\x01\0\0\0\x78\xff\xff"].concat());
    multicast.send(&[&head[..], b"\x3f_ws"].concat());
}
