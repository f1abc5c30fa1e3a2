//! Makes packets, each of a size that no network splits.
//!
//! A message that does not fit goes out as several: answers as they come, with what belongs to
//! them; known answers in packets that say that more follow (RFC 6762 section 7.2).

use std::collections::BTreeSet;
use std::net::IpAddr;

use bytes::Bytes;
use simple_dns::rdata::{A, AAAA, NSEC, PTR, RData, SRV, TXT};
use simple_dns::{
    CLASS, CharacterString, Label, Name as DnsName, Packet, PacketFlag, QCLASS, QTYPE, Question,
    ResourceRecord, TYPE,
};

use super::PACKET_BYTES_MAX;
use super::name::{self, Name};
use super::record::{Data, Record, kind};

/// A question of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) name: Name,
    pub(super) kind: u16,
    pub(super) unicast: bool,
}

/// An answer, and what its reader will want to know next (RFC 6763 section 12).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) records: Vec<Record>,
    pub(super) additional: Vec<Record>,
}

/// What an answer to somebody who speaks plain DNS repeats (RFC 6762 section 6.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Legacy {
    pub(super) id: u16,
    pub(super) questions: Vec<Ask>,
}

/// Bytes of a packet's head.
const HEAD_BYTES: usize = 12;

/// Type, class, TTL and length of a record.
const FIXED_BYTES: usize = 10;

/// Packets with these questions and known answers. Of the answers as many as `packets` hold; who
/// gives the rest again does no harm.
pub(super) fn query(asks: &[Ask], known: &[Record], packets: usize) -> Vec<Bytes> {
    let mut done = Vec::new();
    let mut draft = Draft::new(Packet::new_query(0));
    for ask in asks {
        if !draft.fits([Cost::ask(ask)]) {
            done.push(draft.replace(Packet::new_query(0)));
        }
        draft.ask(ask);
    }
    for record in known {
        if !draft.fits([Cost::record(record)]) {
            if done.len() + 1 >= packets {
                break;
            }
            draft.packet.set_flags(PacketFlag::TRUNCATION);
            done.push(draft.replace(Packet::new_query(0)));
        }
        let cost = Cost::record(record);
        draft.take(cost);
        draft.packet.answers.push(plain(record));
    }
    done.push(draft.replace(Packet::new_query(0)));
    done.into_iter().map(|packet| bytes(&packet)).collect()
}

/// A packet that asks whether these names are taken, and says what we would say of them.
pub(super) fn probe(asks: &[Ask], claims: &[Record]) -> Bytes {
    let mut packet = Packet::new_query(0);
    packet.questions.extend(asks.iter().map(question));
    packet.name_servers.extend(claims.iter().map(plain));
    bytes(&packet)
}

/// Packets with these answers, each record once in a packet.
pub(super) fn response(answers: &[Answer], legacy: Option<&Legacy>) -> Vec<Bytes> {
    let empty = || {
        let mut packet = Packet::new_reply(legacy.map_or(0, |legacy| legacy.id));
        packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
        packet.questions.extend(legacy.iter().flat_map(|l| &l.questions).map(question));
        packet
    };
    let mut done = Vec::new();
    let mut draft = Draft::new(empty());
    let mut additional: Vec<&Record> = Vec::new();
    for answer in answers {
        let all = answer.records.iter().chain(&answer.additional);
        if !draft.fits(all.map(Cost::record)) && !draft.packet.answers.is_empty() {
            draft.close(&mut additional);
            done.push(draft.replace(empty()));
        }
        for record in &answer.records {
            if draft.take(Cost::record(record)) {
                draft.packet.answers.push(plain(record));
            }
        }
        for record in &answer.additional {
            if draft.fits([Cost::record(record)]) {
                draft.reserve(Cost::record(record));
                additional.push(record);
            }
        }
    }
    draft.close(&mut additional);
    done.push(draft.replace(empty()));
    done.retain(|packet| !packet.answers.is_empty());
    done.iter().map(bytes).collect()
}

/// A packet in the making, and how large it can become.
struct Draft<'a> {
    packet: Packet<'a>,
    bytes: usize,
    /// Names that stand in it, which the next records only point to.
    names: BTreeSet<Vec<u8>>,
    records: BTreeSet<Vec<u8>>,
}

/// What an entry takes: names that may be pointed to, and bytes beside them.
struct Cost<'a> {
    names: Vec<&'a [u8]>,
    fixed: usize,
    /// Tells records apart; empty for questions.
    identity: Vec<u8>,
}

impl<'a> Cost<'a> {
    fn ask(ask: &'a Ask) -> Self {
        Self { names: vec![ask.name.wire()], fixed: 4, identity: Vec::new() }
    }

    fn record(record: &'a Record) -> Self {
        let data = record.data.bytes(true);
        let kind = record.data.kind().to_be_bytes();
        let identity = [&record.name.key()[..], &kind, &data].concat();
        let (names, fixed) = match &record.data {
            Data::Ptr(to) => (vec![record.name.wire(), to.wire()], 0),
            // Its own name, which is short, and one window of types.
            Data::Nsec(_) => (vec![record.name.wire()], record.name.wire().len() + 2 + 32),
            // RFC 2782: the target is not compressed.
            _ => (vec![record.name.wire()], data.len()),
        };
        Self { names, fixed: FIXED_BYTES + fixed, identity }
    }
}

impl<'a> Draft<'a> {
    fn new(packet: Packet<'a>) -> Self {
        let mut this =
            Self { packet, bytes: HEAD_BYTES, names: BTreeSet::new(), records: BTreeSet::new() };
        this.count_questions();
        this
    }

    fn count_questions(&mut self) {
        let asked = std::mem::take(&mut self.packet.questions);
        for question in &asked {
            let wire: usize = question.qname.as_bytes().map(|label| label.len() + 1).sum();
            self.bytes += wire + 1 + 4;
        }
        self.packet.questions = asked;
    }

    fn replace(&mut self, packet: Packet<'a>) -> Packet<'a> {
        std::mem::replace(self, Self::new(packet)).packet
    }

    /// Adds what was reserved and has not become an answer meanwhile.
    fn close(&mut self, additional: &mut Vec<&Record>) {
        for record in additional.drain(..) {
            if self.records.insert(Cost::record(record).identity) {
                self.packet.additional_records.push(plain(record));
            }
        }
    }

    fn fits<'c>(&self, costs: impl IntoIterator<Item = Cost<'c>>) -> bool {
        let most: usize = costs.into_iter().map(|cost| self.size(&cost)).sum();
        self.bytes + most <= PACKET_BYTES_MAX
    }

    fn size(&self, cost: &Cost<'_>) -> usize {
        if !cost.identity.is_empty() && self.records.contains(&cost.identity) {
            return 0;
        }
        cost.fixed + cost.names.iter().map(|wire| self.name_size(wire)).sum::<usize>()
    }

    fn name_size(&self, wire: &[u8]) -> usize {
        let mut rest = wire;
        while rest.len() > 1 {
            if self.names.contains(rest) {
                return wire.len() - rest.len() + 2;
            }
            rest = name::parent(rest);
        }
        wire.len()
    }

    fn reserve(&mut self, cost: Cost<'_>) {
        self.bytes += self.size(&cost);
        for wire in cost.names {
            let mut rest = wire;
            while rest.len() > 1 && self.names.insert(rest.to_vec()) {
                rest = name::parent(rest);
            }
        }
    }

    /// Counts a record; not if it is there already.
    fn take(&mut self, cost: Cost<'_>) -> bool {
        let identity = cost.identity.clone();
        self.reserve(cost);
        self.records.insert(identity)
    }

    fn ask(&mut self, ask: &Ask) {
        self.reserve(Cost::ask(ask));
        self.packet.questions.push(question(ask));
    }
}

fn bytes(packet: &Packet<'_>) -> Bytes {
    packet.build_bytes_vec_compressed().expect("writing to memory does not fail").into()
}

fn question(ask: &Ask) -> Question<'static> {
    let kind = if ask.kind == kind::ANY { QTYPE::ANY } else { QTYPE::TYPE(TYPE::from(ask.kind)) };
    Question::new(dns_name(&ask.name), kind, QCLASS::CLASS(CLASS::IN), ask.unicast)
}

fn plain(record: &Record) -> ResourceRecord<'static> {
    let data = match &record.data {
        Data::Ptr(to) => RData::PTR(PTR(dns_name(to))),
        Data::Srv { priority, weight, port, target } => RData::SRV(SRV {
            priority: *priority,
            weight: *weight,
            port: *port,
            target: dns_name(target),
        }),
        Data::Txt(strings) => RData::TXT(text(strings)),
        Data::Address(IpAddr::V4(address)) => RData::A(A { address: address.to_bits() }),
        Data::Address(IpAddr::V6(address)) => RData::AAAA(AAAA { address: address.to_bits() }),
        Data::Nsec(kinds) => {
            let kinds: Vec<TYPE> = kinds.iter().map(|kind| TYPE::from(*kind)).collect();
            RData::NSEC(NSEC::from_types(dns_name(&record.name), &kinds))
        }
    };
    ResourceRecord::new(dns_name(&record.name), CLASS::IN, record.ttl, data)
        .with_cache_flush(record.flush)
}

fn text(strings: &[u8]) -> TXT<'static> {
    let mut txt = TXT::new();
    for string in self::strings(strings) {
        let string = CharacterString::new(string).expect("its length is a byte");
        txt.add_char_string(string.into_owned());
    }
    txt
}

/// The strings of a TXT record's data.
pub(super) fn strings(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (&length, after) = rest.split_first()?;
        let (string, after) = after.split_at_checked(length.into())?;
        rest = after;
        Some(string)
    })
}

fn dns_name(name: &Name) -> DnsName<'static> {
    let labels: Vec<Label<'static>> =
        name.labels().map(|label| Label::new_unchecked(label.to_vec())).collect();
    DnsName::new_with_labels(&labels)
}
