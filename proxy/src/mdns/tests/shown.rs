//! Packets as text, by another reader than the engine's.

use std::fmt::Write;

use simple_dns::rdata::RData;
use simple_dns::{Packet, PacketFlag, QTYPE, ResourceRecord};

use super::super::Transmit;

/// A packet, a line for its head and one for each entry.
pub(super) fn packet(bytes: &[u8]) -> String {
    let packet = Packet::parse(bytes).unwrap();
    let flag = |flag, name| if packet.has_flags(flag) { name } else { "" };
    let mut text = format!(
        "{}{}{} id {}\n",
        if packet.has_flags(PacketFlag::RESPONSE) { "response" } else { "query" },
        flag(PacketFlag::AUTHORITATIVE_ANSWER, " AA"),
        flag(PacketFlag::TRUNCATION, " TC"),
        packet.id(),
    );
    for question in &packet.questions {
        let kind = match question.qtype {
            QTYPE::TYPE(kind) => format!("{kind:?}"),
            other => format!("{other:?}"),
        };
        let unicast = if question.unicast_response { " QU" } else { "" };
        writeln!(text, "  ? {} {kind}{unicast}", question.qname).unwrap();
    }
    let sections =
        [("=", &packet.answers), ("!", &packet.name_servers), ("+", &packet.additional_records)];
    for (sign, records) in sections {
        for one in records {
            writeln!(text, "  {sign} {}", record(one)).unwrap();
        }
    }
    text
}

fn record(record: &ResourceRecord<'_>) -> String {
    let data = match &record.rdata {
        RData::PTR(to) => format!("PTR {}", to.0),
        RData::SRV(s) => format!("SRV {} {} {} {}", s.priority, s.weight, s.port, s.target),
        RData::TXT(text) => {
            let strings = text.iter_raw().map(|(key, value)| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                text(key) + &value.map_or(String::new(), |value| format!("={}", text(value)))
            });
            format!("TXT {:?}", strings.collect::<Vec<_>>())
        }
        RData::A(a) => format!("A {}", std::net::Ipv4Addr::from_bits(a.address)),
        RData::AAAA(a) => format!("AAAA {}", std::net::Ipv6Addr::from_bits(a.address)),
        RData::NSEC(nsec) => {
            let mut kinds = Vec::new();
            for map in &nsec.type_bit_maps {
                for (at, byte) in map.bitmap.iter().enumerate() {
                    let bits = (0..8).filter(|bit| byte & (0x80 >> bit) != 0);
                    kinds.extend(bits.map(|bit| at * 8 + bit));
                }
            }
            format!("NSEC {} {kinds:?}", nsec.next_name)
        }
        other => format!("{other:?}"),
    };
    let flush = if record.cache_flush { " flush" } else { "" };
    format!("{} {}s{flush} {data}", record.name, record.ttl)
}

/// Packets, each after where it goes.
pub(super) fn all(sent: &[(usize, Transmit)]) -> String {
    let one = |(from, sent): &(usize, Transmit)| {
        let Transmit { to, bytes, .. } = sent;
        format!("host {} to {to}: {}", from + 1, packet(bytes))
    };
    sent.iter().map(one).collect::<Vec<_>>().join("\n")
}
