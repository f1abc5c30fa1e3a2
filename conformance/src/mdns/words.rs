//! A packet in words.

use std::net::{Ipv4Addr, Ipv6Addr};

use simple_dns::rdata::{PTR, RData, TXT};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, Question, ResourceRecord};

use crate::log::brief;

/// Records that a line of the log shows.
const RECORDS_SHOWN: usize = 12;

/// Where the data of a packet's only record begins, if that is of the root: after the header and
/// the empty name, type, class, time to live and length of the record.
const TXT_AT: usize = 12 + 1 + 2 + 2 + 4 + 2;

/// What a packet says, on one line.
pub(super) fn describe(bytes: &[u8]) -> String {
    let packet = match Packet::parse(bytes) {
        Ok(packet) => packet,
        Err(error) => return format!("no DNS packet ({error}): {}", brief(bytes)),
    };
    let questions = packet.questions.iter().map(|of| format!("{}?", question(of)));
    let known = if packet.has_flags(PacketFlag::RESPONSE) { "" } else { "known: " };
    let records =
        packet.answers.iter().chain(&packet.name_servers).chain(&packet.additional_records);
    let records = records.map(|of| format!("{known}{}", record(of)));
    let all: Vec<_> = questions.chain(records).collect();
    let mut line = all[..all.len().min(RECORDS_SHOWN)].join("; ");
    if all.len() > RECORDS_SHOWN {
        line += &format!("; … {} more", all.len() - RECORDS_SHOWN);
    }
    if line.is_empty() { "an empty packet".to_owned() } else { line }
}

/// A question, without its question mark.
pub(super) fn question(question: &Question<'_>) -> String {
    let kind = match question.qtype {
        QTYPE::TYPE(kind) => format!("{kind:?}"),
        other => format!("{other:?}"),
    };
    format!("{kind} of {}", text(&question.qname))
}

/// A name, with its labels as they are.
pub(super) fn text(name: &Name<'_>) -> String {
    let labels = name.as_bytes().map(|label| String::from_utf8_lossy(label).into_owned());
    labels.collect::<Vec<_>>().join(".")
}

/// All strings of a TXT record, empty ones too, which the library's own list leaves out: read from
/// the bytes of a packet that has just this record.
pub(super) fn strings(data: &TXT<'_>) -> Vec<Vec<u8>> {
    let mut packet = Packet::new_reply(0);
    let data = RData::TXT(data.clone());
    packet.answers.push(ResourceRecord::new(Name::new_with_labels(&[]), CLASS::IN, 0, data));
    let bytes = packet.build_bytes_vec().expect("what was parsed can be written");
    let mut rest = bytes.get(TXT_AT..).unwrap_or_default();
    let mut strings = Vec::new();
    while let Some((length, after)) = rest.split_first() {
        let (string, after) = after.split_at(after.len().min((*length).into()));
        strings.push(string.to_vec());
        rest = after;
    }
    strings
}

fn record(record: &ResourceRecord<'_>) -> String {
    let says = match &record.rdata {
        RData::PTR(PTR(to)) => format!("PTR {} → {}", text(&record.name), text(to)),
        RData::SRV(srv) => {
            format!("SRV {} → {}:{}", text(&record.name), text(&srv.target), srv.port)
        }
        RData::TXT(txt) => {
            let strings: Vec<_> = strings(txt).iter().map(|string| brief(string)).collect();
            format!("TXT {} {}", text(&record.name), strings.join(" "))
        }
        RData::A(a) => format!("A {} {}", text(&record.name), Ipv4Addr::from_bits(a.address)),
        RData::AAAA(a) => format!("AAAA {} {}", text(&record.name), Ipv6Addr::from_bits(a.address)),
        other => format!("{:?} {}", other.type_code(), text(&record.name)),
    };
    match record.ttl {
        0 => format!("goodbye to {says}"),
        ttl => format!("{says} ({ttl} s)"),
    }
}
