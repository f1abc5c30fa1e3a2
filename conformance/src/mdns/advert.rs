//! What the suite says of a service, in DNS records.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use simple_dns::rdata::{A, AAAA, PTR, RData, SRV, TXT};
use simple_dns::{
    CLASS, CharacterString, Name, Packet, PacketFlag, Question, ResourceRecord, TYPE,
};

use super::{SERVICE, name};
use crate::lan::Host;

/// Seconds that records live, unless they say otherwise (RFC 6762 section 10).
const TTL: u32 = 120;

/// Largest DNS label.
const LABEL_BYTES_MAX: usize = 63;

/// One instance of the service. What [`new`](Self::new) makes is sound; the rest makes it less so.
#[derive(Clone, Debug)]
pub struct Advert {
    instance: String,
    host: String,
    addresses: Vec<IpAddr>,
    port: u16,
    texts: Option<Vec<Vec<u8>>>,
    ttl: u32,
    in_pieces: bool,
}

impl Advert {
    /// That `host` has clients on a channel, at this port, under a fresh number.
    #[must_use]
    pub fn new(channel: &str, host: &Host, port: u16) -> Self {
        static NUMBERS: AtomicU32 = AtomicU32::new(1);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let suffix = format!("[{number}]");
        let room = LABEL_BYTES_MAX - suffix.len();
        Self {
            instance: format!("{}{suffix}", &channel[..channel.len().min(room)]),
            host: format!("{}-{number}", host.name()),
            addresses: vec![host.v4().into()],
            port,
            texts: Some(vec![format!("path=/broadcast/{channel}").into_bytes()]),
            ttl: TTL,
            in_pieces: false,
        }
    }

    /// The instance name: the first label.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.instance
    }

    /// Under this instance name, of at most 63 bytes.
    #[must_use]
    pub fn instance(self, instance: &str) -> Self {
        Self { instance: instance.to_owned(), ..self }
    }

    /// On a host of this name, without `.local`.
    #[must_use]
    pub fn host(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    /// At this port.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// On a host of these addresses.
    #[must_use]
    pub fn addresses(self, addresses: &[IpAddr]) -> Self {
        Self { addresses: addresses.to_vec(), ..self }
    }

    /// With these strings in the TXT record.
    #[must_use]
    pub fn texts(self, texts: &[&str]) -> Self {
        let texts = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        Self { texts: Some(texts), ..self }
    }

    /// Without a TXT record.
    #[must_use]
    pub fn without_texts(self) -> Self {
        Self { texts: None, ..self }
    }

    /// With records that live for so many seconds.
    #[must_use]
    pub fn ttl(self, seconds: u32) -> Self {
        Self { ttl: seconds, ..self }
    }

    /// With each record in a packet of its own, what explains the others last.
    #[must_use]
    pub fn in_pieces(self) -> Self {
        Self { in_pieces: true, ..self }
    }

    /// Whether a question is about this.
    pub(super) fn answers(&self, question: &Question<'_>) -> bool {
        [
            (self.service(), vec![TYPE::PTR]),
            (self.full_name(), vec![TYPE::SRV, TYPE::TXT]),
            (self.host_name(), vec![TYPE::A, TYPE::AAAA]),
        ]
        .into_iter()
        .any(|(name, kinds)| {
            name == question.qname
                && kinds.into_iter().any(|kind| match question.qtype {
                    simple_dns::QTYPE::TYPE(asked) => asked == kind,
                    other => other == simple_dns::QTYPE::ANY,
                })
        })
    }

    /// Whether the one who asks knows it already (RFC 6762 section 7.1).
    pub(super) fn is_known(&self, packet: &Packet<'_>) -> bool {
        packet.answers.iter().any(|record| {
            matches!(&record.rdata, RData::PTR(PTR(to)) if *to == self.full_name())
                && record.ttl >= self.ttl / 2
        })
    }

    /// The packets that say it.
    pub(super) fn packets(&self) -> Vec<Vec<u8>> {
        self.packets_with(self.ttl)
    }

    /// The packets that take it back.
    pub(super) fn goodbye(&self) -> Vec<Vec<u8>> {
        self.packets_with(0)
    }

    fn packets_with(&self, ttl: u32) -> Vec<Vec<u8>> {
        let records = self.records(ttl);
        if self.in_pieces {
            return records.into_iter().rev().map(|record| reply(record, Vec::new())).collect();
        }
        let mut records = records.into_iter();
        records.next().map(|first| reply(first, records.collect())).into_iter().collect()
    }

    fn records(&self, ttl: u32) -> Vec<ResourceRecord<'static>> {
        let record = |of, data| {
            let flush = !matches!(data, RData::PTR(_));
            ResourceRecord::new(of, CLASS::IN, ttl, data).with_cache_flush(flush)
        };
        let srv = SRV { priority: 0, weight: 0, port: self.port, target: self.host_name() };
        let mut records = vec![
            record(self.service(), RData::PTR(PTR(self.full_name()))),
            record(self.full_name(), RData::SRV(srv)),
        ];
        if let Some(texts) = &self.texts {
            let mut txt = TXT::new();
            for text in texts {
                let string = CharacterString::new(text).expect("a case sends strings that fit");
                txt.add_char_string(string.into_owned());
            }
            records.push(record(self.full_name(), RData::TXT(txt)));
        }
        records.extend(self.addresses.iter().map(|address| {
            let data = match address {
                IpAddr::V4(v4) => RData::A(A { address: v4.to_bits() }),
                IpAddr::V6(v6) => RData::AAAA(AAAA { address: v6.to_bits() }),
            };
            record(self.host_name(), data)
        }));
        records
    }

    fn service(&self) -> Name<'static> {
        name("", SERVICE)
    }

    fn full_name(&self) -> Name<'static> {
        name(&self.instance, SERVICE)
    }

    fn host_name(&self) -> Name<'static> {
        name(&self.host, "local")
    }
}

fn reply(answer: ResourceRecord<'static>, more: Vec<ResourceRecord<'static>>) -> Vec<u8> {
    let mut packet = Packet::new_reply(0);
    packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    packet.answers.push(answer);
    packet.additional_records = more;
    packet.build_bytes_vec_compressed().expect("records that were built can be written")
}
