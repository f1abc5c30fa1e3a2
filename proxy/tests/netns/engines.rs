//! Our own multicast DNS engine and others on one network: mdns-sd, Avahi, and whoever speaks plain
//! DNS. What they say of the same service is the same.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use mdns_sd::{ServiceDaemon, ServiceEvent, ServiceInfo};
use proxy::mdns::Event;
use simple_dns::rdata::RData;
use simple_dns::{Name, Packet, PacketFlag, ResourceRecord, TYPE};

use crate::avahi::Avahi;
use crate::client::exchange;
use crate::engine::{Peer, service};
use crate::lab::{Host, Lab, Stack};
use crate::multicast::{Advert, GROUP, Multicast, PORT, open, question};
use crate::program::{Proxy, wait_linked_one_way};
use crate::{SOON, check, wait};

/// From a goodbye to its effect, which RFC 6762 section 10.1 delays by a second.
const GOODBYE_MAX: Duration = Duration::from_secs(3);

const FULL_TYPE: &str = "_ws._tcp.local.";

fn daemon(host: &Host) -> ServiceDaemon {
    host.enter(ServiceDaemon::new).unwrap()
}

/// What [`service`] is for mdns-sd.
fn info(instance: &str, host: &str, port: u16) -> ServiceInfo {
    let text = [("path", "/broadcast/chat")];
    let host = format!("{host}.local.");
    let info = ServiceInfo::new(FULL_TYPE, instance, &host, (), port, &text[..]).unwrap();
    let mut info = info.enable_addr_auto();
    info.set_requires_probe(false);
    info
}

#[test]
fn mdns_sd_and_ours_find_each_other() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let (peer, daemon) = (Peer::on(&hosts[0]), daemon(&hosts[1]));
    let browser = daemon.browse(FULL_TYPE).unwrap();
    daemon.register(info("theirs[1]", "their-host", 7001)).unwrap();
    peer.register(&service("ours[1]", "our-host", 7002, false));

    // Its IPv4 address, its IPv6 address and the one of the interface alone.
    let theirs = peer.wait_found("theirs[1]", 3);
    assert_eq!((theirs.host.as_str(), theirs.port), ("their-host.local.", 7001));
    assert_eq!(theirs.value("path"), Some(&b"/broadcast/chat"[..]));
    assert!(theirs.addresses.iter().any(|(address, _)| *address == hosts[1].v4()));
    let next = |what: &str, is: &dyn Fn(&ServiceEvent) -> bool| {
        wait(what, SOON, || {
            let event = browser.recv_timeout(SOON).map_err(|error| error.to_string())?;
            check(is(&event), || format!("{event:?}"))
        });
    };
    next("ours is resolved", &|event| match event {
        ServiceEvent::ServiceResolved(found) if found.fullname.starts_with("ours[1]") => {
            assert_eq!((found.host.as_str(), found.port), ("our-host.local.", 7002));
            assert_eq!(found.get_property_val_str("path"), Some("/broadcast/chat"));
            found.addresses.iter().any(|address| address.to_ip_addr() == hosts[0].v4())
        }
        _ => false,
    });

    // A doubt does them no harm.
    peer.tell(|engine, now| engine.verify(now, "theirs[1]", "_ws._tcp"));
    daemon.verify(format!("ours[1].{FULL_TYPE}"), Duration::from_secs(2)).unwrap();
    std::thread::sleep(Duration::from_secs(4));
    assert!(matches!(peer.last("theirs[1]"), Some(Event::Found(_))), "{:#?}", peer.events());

    peer.unregister("ours[1]");
    let removed = |event: &ServiceEvent| matches!(event, ServiceEvent::ServiceRemoved(_, name) if name.starts_with("ours[1]"));
    next("ours is removed", &removed);
    daemon.unregister(&format!("theirs[1].{FULL_TYPE}")).unwrap();
    peer.wait_lost("theirs[1]", GOODBYE_MAX);
    let _ = daemon.shutdown();
}

#[test]
fn avahi_and_ours_find_each_other_also_by_names_with_dots() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let Some(avahi) = Avahi::publish(&hosts[1]) else { return };
    let peer = Peer::on(&hosts[0]);
    peer.register(&service("com.example\\chat[1]", "our-host", 7002, true));
    let mut published =
        avahi.service(&hosts[1], "org.example chat[2]", 7001, "path=/broadcast/chat");

    let theirs = peer.wait_found("org.example chat[2]", 1);
    assert_eq!((theirs.host.as_str(), theirs.port), ("browser.local.", 7001));
    assert_eq!(theirs.value("path"), Some(&b"/broadcast/chat"[..]));
    let ours = avahi.line('=', "com.example\\chat[1]", 0);
    let address = hosts[0].v4().to_string();
    assert_eq!(ours.rest, ["our-host.local", &address, "7002", "\"path=/broadcast/chat\""]);

    peer.tell(|engine, now| engine.verify(now, "org.example chat[2]", "_ws._tcp"));
    std::thread::sleep(Duration::from_secs(4));
    assert!(matches!(peer.last("org.example chat[2]"), Some(Event::Found(_))));

    published.kill().unwrap();
    published.wait().unwrap();
    peer.wait_lost("org.example chat[2]", GOODBYE_MAX);
    peer.unregister("com.example\\chat[1]");
    avahi.line('-', "com.example\\chat[1]", 0);
}

#[test]
fn a_name_that_avahi_has_is_not_ours_and_the_other_way_round() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host(), lab.host()];
    let Some(avahi) = Avahi::publish(&hosts[1]) else { return };
    let (peer, watcher) = (Peer::on(&hosts[0]), Peer::on(&hosts[2]));
    let mut theirs = avahi.service(&hosts[1], "first", 7001, "path=/broadcast/chat");
    watcher.wait_found("first", 1);
    peer.register(&service("first", "our-host", 7002, true));
    assert_eq!(watcher.wait_found("first (2)", 1).port, 7002);
    assert_eq!(watcher.wait_found("first", 1).port, 7001);
    let renamed =
        |event: &Event| matches!(event, Event::Renamed { instance, .. } if instance == "first (2)");
    assert!(peer.events().iter().any(renamed), "{:#?}", peer.events());

    peer.register(&service("second", "our-host", 7002, true));
    assert_eq!(watcher.wait_found("second", 1).port, 7002);
    let mut also = avahi.service(&hosts[1], "second", 7001, "path=/broadcast/chat");
    assert_eq!(watcher.wait_found("second #2", 1).port, 7001);
    assert_eq!(watcher.wait_found("second", 1).port, 7002);
    for child in [&mut theirs, &mut also] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn who_is_killed_is_lost_as_soon_as_it_is_doubted() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let (watcher, dead) = (Peer::on(&hosts[0]), Peer::on(&hosts[1]));
    dead.register(&service("dead[1]", "dead-host", 7001, false));
    watcher.wait_found("dead[1]", 1);
    drop(dead);
    watcher.tell(|engine, now| engine.verify(now, "dead[1]", "_ws._tcp"));
    watcher.wait_lost("dead[1]", Duration::from_secs(5));
}

#[test]
fn empty_datagrams_do_not_deafen_it() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let peer = Peer::on(&hosts[0]);
    let hostile = Multicast::on(&hosts[1]);
    let advert = |number: u16| Advert {
        instance: format!("x[{number}]"),
        host: "x.local".to_owned(),
        address: hosts[1].v4(),
        port: 7000 + number,
        texts: vec!["path=/broadcast/chat".to_owned()],
    };
    hostile.announce(&advert(0));
    peer.wait_found("x[0]", 1);
    (0..100).for_each(|_| hostile.send(b""));
    hostile.announce(&advert(1));
    wait("the advert after them", Duration::from_secs(5), || {
        let found = matches!(peer.last("x[1]"), Some(Event::Found(_)));
        check(found, || format!("{:#?}", peer.events()))
    });
}

#[test]
fn who_speaks_plain_dns_is_answered() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let peer = Peer::on(&hosts[0]);
    peer.register(&service("a.b[1]", "our-host", 7002, false));
    let socket = hosts[1].enter(|| UdpSocket::bind((hosts[1].v4(), 0))).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut ask = question(Name::new("_ws._tcp.local").unwrap(), TYPE::PTR);
    ask[..2].copy_from_slice(&4711u16.to_be_bytes());
    let mut buffer = [0; 9000];
    let length = wait("an answer", SOON, || {
        socket.send_to(&ask, (GROUP, PORT)).unwrap();
        socket.recv(&mut buffer).map_err(|error| error.to_string())
    });
    let answer = Packet::parse(&buffer[..length]).unwrap();
    assert_eq!(answer.id(), 4711);
    assert_eq!(answer.questions.len(), 1);
    let records: Vec<_> = answer.answers.iter().chain(&answer.additional_records).collect();
    assert!(records.len() >= 4 && records.iter().all(|r| r.ttl <= 10 && !r.cache_flush));
    assert!(
        matches!(&answer.answers[0].rdata, RData::PTR(to) if to.0.to_string() == r"a\.b[1]._ws._tcp.local")
    );
}

/// What is said of a service in answer to the question for its type, as text, with its host as
/// `HOST`.
fn answer_of(listener: &Host, host: &str) -> BTreeSet<String> {
    let socket = listener.enter(|| open(listener.v4())).unwrap();
    let ask = question(Name::new("_ws._tcp.local").unwrap(), TYPE::PTR);
    let mut buffer = [0; 9000];
    wait("an answer", SOON, || {
        socket.send_to(&ask, (GROUP, PORT)).unwrap();
        for _ in 0..20 {
            let Ok(length) = socket.recv(&mut buffer) else { continue };
            let Ok(packet) = Packet::parse(&buffer[..length]) else { continue };
            let records = packet.answers.iter().chain(&packet.additional_records);
            // Avahi announces the type along with its first instance (RFC 6763 section 9).
            let records =
                records.filter(|record| !record.name.to_string().starts_with("_services."));
            let all: BTreeSet<String> = records.map(|record| shown(record, host)).collect();
            let whole = ["PTR", "SRV", "TXT", "A "]
                .iter()
                .all(|kind| all.iter().any(|record| record.contains(&format!(" {kind}"))));
            if packet.has_flags(PacketFlag::RESPONSE | PacketFlag::AUTHORITATIVE_ANSWER) && whole {
                return Ok(all);
            }
        }
        Err("nothing whole yet".to_owned())
    })
}

fn shown(record: &ResourceRecord<'_>, host: &str) -> String {
    let data = match &record.rdata {
        RData::PTR(to) => format!("PTR {}", to.0),
        RData::SRV(srv) => {
            format!("SRV {} {} {} {}", srv.priority, srv.weight, srv.port, srv.target)
        }
        RData::TXT(text) => format!("TXT {text:?}"),
        RData::A(a) => format!("A {}", Ipv4Addr::from_bits(a.address)),
        other => format!("{:?}", other.type_code()),
    };
    let flush = if record.cache_flush { "flush" } else { "shared" };
    format!("{} {} {flush} {data}", record.name, record.ttl).replace(host, "HOST")
}

#[test]
fn mdns_sd_and_avahi_and_ours_say_the_same_of_a_service() {
    let answer = |say: &dyn Fn(&Host) -> Option<Box<dyn std::any::Any>>, name: &str| {
        let lab = Lab::new()?;
        let (host, listener) = (lab.host_with(Stack::V4), lab.host_with(Stack::V4));
        let _said = say(&host)?;
        Some(answer_of(&listener, name))
    };
    let ours = answer(
        &|host| {
            let peer = Peer::on(host);
            peer.register(&service("same[1]", "our-host", 7001, false));
            Some(Box::new(peer))
        },
        "our-host",
    );
    let Some(ours) = ours else { return };
    assert_eq!(ours.len(), 4, "{ours:#?}");
    let theirs = answer(
        &|host| {
            let daemon = daemon(host);
            daemon.register(info("same[1]", "their-host", 7001)).unwrap();
            Some(Box::new(daemon))
        },
        "their-host",
    );
    assert_eq!(Some(&ours), theirs.as_ref(), "mdns-sd");
    let avahi = answer(
        &|host| {
            let avahi = Avahi::publish(host)?;
            let child = avahi.service(host, "same[1]", 7001, "path=/broadcast/chat");
            Some(Box::new((avahi, Killed(child))))
        },
        "browser",
    );
    if let Some(avahi) = avahi {
        assert_eq!(ours, avahi, "Avahi");
    }
}

/// A program that ends with its owner.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn proxies_with_either_discovery_hear_each_other() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host(), lab.host()];
    let with = |at: usize, mdns: &str| Proxy::start_with(&hosts[at], &["--mdns", mdns]);
    let mut proxies = vec![with(0, "builtin"), with(1, "builtin"), with(2, "mdns-sd")];
    let discoveries: Vec<_> = proxies.iter().map(|proxy| proxy.status().discovery).collect();
    assert_eq!(discoveries, ["builtin", "builtin", "mdns-sd"]);
    let clients: Vec<_> = proxies.iter().map(|proxy| proxy.join("/broadcast/chat")).collect();
    wait_linked_one_way("chat", &proxies.iter().collect::<Vec<_>>());
    exchange(&clients.iter().collect::<Vec<_>>(), 50);

    let start = std::time::Instant::now();
    proxies.remove(0).stop();
    wait("nobody knows it any more", GOODBYE_MAX, || {
        for proxy in &proxies {
            let status = proxy.status();
            check(status.remotes_on("chat").count() == 1, || format!("{status:#?}"))?;
        }
        Ok(())
    });
    println!("forgotten {:?} after it was told to stop", start.elapsed());
}
