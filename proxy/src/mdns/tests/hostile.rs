//! Strangers: whatever they send does no harm.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use simple_dns::rdata::{A, PTR, RData, SRV, TXT};
use simple_dns::{CLASS, Label, Name as DnsName, Packet, ResourceRecord};

use super::super::PORT;
use super::super::reader::{Head, Question, Reader, Scratch};
use super::lan::{Lan, address, interface, service};
use super::s;
use crate::limits::MDNS_CACHE_BYTES_MAX;
use crate::net::Datagram;

fn dns_name<'a>(labels: &[&'a str]) -> DnsName<'a> {
    let labels: Vec<_> =
        labels.iter().map(|label| Label::new_unchecked(label.as_bytes())).collect();
    DnsName::new_with_labels(&labels)
}

/// An advert of an instance, with records that are all sound.
fn advert(instance: &str, ttl: u32) -> Vec<u8> {
    let owner = || dns_name(&[instance, "_ws", "_tcp", "local"]).into_owned();
    let host = || dns_name(&["stranger", "local"]);
    let srv = SRV { priority: 0, weight: 0, port: 7, target: host() };
    let text = TXT::new().with_string("path=/broadcast/x").unwrap();
    let a = A { address: address(1).to_bits() };
    let mut packet = Packet::new_reply(0);
    let records = [
        (host(), RData::A(a)),
        (dns_name(&["_ws", "_tcp", "local"]), RData::PTR(PTR(owner()))),
        (owner(), RData::SRV(srv)),
        (owner(), RData::TXT(text)),
    ];
    let records = records.map(|(name, data)| ResourceRecord::new(name, CLASS::IN, ttl, data));
    packet.answers.extend(records);
    packet.build_bytes_vec_compressed().unwrap()
}

/// One host that browses, and has a service that it probes for and one that it does not.
fn victim() -> Lan {
    let mut lan = Lan::new(1, 1);
    lan.browse(0);
    lan.register(0, &service("own", false));
    lan.run(s(5));
    lan.register(0, &service("new", true));
    lan.run(Duration::from_millis(300));
    lan
}

#[test]
fn addresses_may_stand_before_what_they_belong_to() {
    let mut lan = victim();
    lan.hear(0, (address(1), PORT).into(), true, &advert("x", 120));
    lan.collect();
    assert_eq!(lan.names(0), ["x"]);
    lan.hear(0, (address(1), PORT).into(), true, &advert("x", 0));
    lan.run(s(2));
    assert!(lan.names(0).is_empty());
}

#[test]
fn only_neighbours_and_only_the_right_port_are_heard() {
    let from = |source: SocketAddr, multicast: bool| {
        let mut lan = victim();
        lan.hear(0, source, multicast, &advert("x", 120));
        lan.collect();
        lan.names(0).len()
    };
    let far: IpAddr = [192, 0, 2, 1].into();
    assert_eq!(from((address(1), PORT).into(), true), 1);
    assert_eq!(from((address(1), PORT).into(), false), 1);
    assert_eq!(from((address(1), 5354).into(), true), 0, "answers come from port 5353");
    assert_eq!(from((far, PORT).into(), true), 1, "the group is the network's own");
    assert_eq!(from((far, PORT).into(), false), 0, "from another network");
}

#[test]
fn an_interface_that_is_not_ours_is_not_heard() {
    let mut lan = victim();
    let bytes = Bytes::from(advert("x", 120));
    let source = (address(1), PORT).into();
    let packet = Datagram { interface: 2, source, multicast: true, bytes };
    lan.engines[0].handle_packet(lan.now, &packet);
    lan.collect();
    assert!(lan.names(0).is_empty());
}

#[test]
fn a_record_that_is_said_again_for_a_shorter_time_lives_shorter() {
    let mut lan = victim();
    for ttl in [4500, 10] {
        lan.hear(0, (address(1), PORT).into(), true, &advert("x", ttl));
    }
    lan.run(s(9));
    assert_eq!(lan.names(0), ["x"]);
    lan.run(s(2));
    assert!(lan.names(0).is_empty());
    assert_eq!(lan.engines[0].cached(), 0);
}

#[test]
fn only_instances_of_the_type_are_led_to() {
    for target in [&["x", "_http", "_tcp", "local"][..], &["local"], &[]] {
        let mut lan = victim();
        lan.take_sent();
        let mut packet = Packet::new_reply(0);
        let data = RData::PTR(PTR(dns_name(target)));
        let of_type = dns_name(&["_ws", "_tcp", "local"]);
        packet.answers.push(ResourceRecord::new(of_type, CLASS::IN, 120, data));
        let bytes = packet.build_bytes_vec().unwrap();
        lan.hear(0, (address(1), PORT).into(), true, &bytes);
        assert!(lan.take_sent().is_empty());
        assert_eq!(lan.engines[0].cached(), 0);
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let mut lan = victim();
    for number in 0..60_000 {
        lan.hear(0, (address(1), PORT).into(), true, &advert(&format!("x[{number}]"), u32::MAX));
        lan.collect();
    }
    let kept = lan.engines[0].cached();
    // Three records of an instance each, besides the one address.
    assert!(kept < MDNS_CACHE_BYTES_MAX / 400, "{kept} records");
    assert!(kept > 3 * crate::limits::INSTANCES_MAX, "{kept} records");
    // Nobody confirms them, so they go, and there is room again.
    lan.run(s(4600));
    assert_eq!(lan.engines[0].cached(), 0);
}

#[test]
fn nobody_makes_us_flood_the_network() {
    let mut lan = victim();
    // They grow old within a second, and again, and again.
    for _ in 0..10 {
        for number in 0..2000 {
            lan.hear(0, (address(1), PORT).into(), true, &advert(&format!("x[{number}]"), 1));
        }
        lan.run(s(1));
    }
    let sent = lan.take_sent();
    assert!(sent.len() < 10 * 200, "{} packets in 10 s", sent.len());
}

#[test]
fn many_addresses_of_one_host_are_not_kept() {
    let mut lan = victim();
    lan.hear(0, (address(1), PORT).into(), true, &advert("x", 120));
    for number in 0..1000u32 {
        let mut packet = Packet::new_reply(0);
        let data = RData::A(A { address: number });
        let name = dns_name(&["stranger", "local"]);
        packet.answers.push(ResourceRecord::new(name, CLASS::IN, 120, data));
        let bytes = packet.build_bytes_vec().unwrap();
        lan.hear(0, (address(1), PORT).into(), true, &bytes);
    }
    assert!(lan.engines[0].cached() <= 3 + 64);
}

/// Random bytes, and sound packets with some bytes changed or the end missing.
fn packet() -> impl Strategy<Value = Vec<u8>> {
    let mut lan = victim();
    let own = lan.take_sent().into_iter().map(|(_, sent)| sent.bytes.to_vec());
    let sound: Vec<Vec<u8>> = own.chain([advert("x", 120), advert("y", 0)]).collect();
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    let changed = (prop::sample::select(sound), changes, any::<prop::sample::Index>());
    let changed = changed.prop_map(|(mut bytes, changes, end)| {
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if changes.len() % 2 == 1 {
            bytes.truncate(end.index(bytes.len()));
        }
        bytes
    });
    prop_oneof![prop::collection::vec(any::<u8>(), 0..200), changed]
}

/// What a packet holds: questions, and of records name, type, TTL and cache-flush.
type Content = (Vec<(Vec<u8>, Question)>, Vec<(Vec<u8>, u16, u32, bool)>);

/// All that is read of a packet, or nothing if it is broken anywhere.
fn read(bytes: &[u8]) -> Option<Content> {
    let head = Head::read(bytes)?;
    let (mut reader, mut s) = (Reader::new(bytes), Scratch::default());
    let (mut questions, mut records) = (Vec::new(), Vec::new());
    for _ in 0..head.questions {
        let question = reader.question(&mut s).ok()?;
        questions.extend(question.map(|question| (s.owner.wire.clone(), question)));
    }
    let counts = [head.answers, head.authorities, head.additionals];
    for _ in 0..counts.into_iter().map(u32::from).sum() {
        if let Some(found) = reader.record(&mut s).ok()? {
            reader.data(found, &mut s).ok()?;
            records.push((s.owner.wire.clone(), found.kind, found.ttl, found.flush));
        }
    }
    Some((questions, records))
}

fn wire(name: &DnsName<'_>) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.as_bytes() {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.extend_from_slice(label);
    }
    wire.push(0);
    wire
}

proptest! {
    #[test]
    fn no_packet_breaks_the_engine(packets in prop::collection::vec((packet(), any::<bool>(), any::<bool>()), 1..20)) {
        let mut lan = victim();
        for (bytes, multicast, legacy) in packets {
            let port = if legacy { 40_000 } else { PORT };
            lan.hear(0, (address(1), port).into(), multicast, &bytes);
            lan.run(Duration::from_millis(40));
        }
        lan.run(s(10));
        // It still does what it is there for.
        lan.hear(0, (address(1), PORT).into(), true, &advert("after all", 120));
        lan.run(Duration::from_millis(10));
        prop_assert!(lan.names(0).contains(&"after all"));
        lan.engines[0].set_interfaces(lan.now, vec![interface(5)]);
        for (_, sent) in lan.take_sent() {
            // Not by simple-dns, which refuses questions of a type that it does not know.
            prop_assert!(read(&sent.bytes).is_some());
        }
    }

    #[test]
    fn another_reader_reads_the_same(bytes in packet()) {
        // Other classes and other types than ours differ in what is thought sound.
        if let (Some((questions, records)), Ok(packet)) = (read(&bytes), Packet::parse(&bytes)) {
            let theirs = packet.answers.iter().chain(&packet.name_servers).chain(&packet.additional_records);
            let theirs: Vec<_> = theirs
                .filter(|r| r.class == CLASS::IN)
                .map(|r| (wire(&r.name), u16::from(r.rdata.type_code()), r.ttl, r.cache_flush))
                .collect();
            if packet.opt().is_none() {
                prop_assert_eq!(records, theirs);
            }
            for ((name, question), theirs) in questions.iter().zip(&packet.questions) {
                if questions.len() == packet.questions.len() {
                    prop_assert_eq!(name, &wire(&theirs.qname));
                    prop_assert_eq!(question.unicast, theirs.unicast_response);
                    prop_assert_eq!(question.kind, u16::from(theirs.qtype));
                }
            }
        }
    }
}

#[test]
fn the_other_reader_is_heard_often_enough() {
    // The comparison above says nothing where one of both refuses.
    let mut lan = victim();
    let sent = lan.take_sent();
    assert!(sent.len() >= 4);
    for (_, sent) in sent {
        assert!(read(&sent.bytes).is_some() && Packet::parse(&sent.bytes).is_ok());
    }
}
