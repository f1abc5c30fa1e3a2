//! One number for a whole run: the same seed gives the same number, on any machine.
//!
//! ```text
//!   record ─▶ its JSON ──────────────────────────┐
//!   packet ─▶ time, way, addresses, lengths, ... ├─▶ SipHash 1-3, 128 bits
//!   fate ───▶ time, packet, interface, cause ────┘
//! ```
//!
//! A record counts with all that it says. Of TCP the payload counts with its length only: the
//! masks of WebSocket frames (RFC 6455 section 5.3) need not come from the seed. Datagrams count
//! whole. All integers go in as little-endian bytes, each kind behind a byte of its own, so that
//! no two runs look alike by how their parts meet.

use std::fmt;
use std::hash::Hasher as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::Sink;
use crate::event::Record;
use crate::fabric::packet::{Body, Cause, Fate, InterfaceId, Packet, Segment, SegmentId, Tap};

/// Digests a run. Both a [`Sink`] and a [`Tap`].
#[derive(Clone, Debug)]
pub struct Hash {
    hasher: SipHasher13,
    /// The record under way, kept so that its memory is.
    line: Vec<u8>,
}

/// What a [`struct@Hash`] came to. Shown as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(pub u128);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Default for Hash {
    fn default() -> Self {
        Self { hasher: SipHasher13::new(), line: Vec::new() }
    }
}

impl Hash {
    /// The digest of all that was taken so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest(self.hasher.finish128().as_u128())
    }

    fn kind(&mut self, kind: u8) {
        self.hasher.write(&[kind]);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.hasher.write(bytes);
    }

    fn number(&mut self, number: u64) {
        self.hasher.write(&number.to_le_bytes());
    }

    fn time(&mut self, at: Duration) {
        self.number(at.as_secs());
        self.number(at.subsec_nanos().into());
    }

    fn interface(&mut self, interface: InterfaceId) {
        self.number(interface.host.0.into());
        self.number(interface.index.into());
    }

    fn address(&mut self, address: SocketAddr) {
        match address {
            SocketAddr::V4(v4) => self.hasher.write(&v4.ip().octets()),
            SocketAddr::V6(v6) => {
                self.hasher.write(&v6.ip().octets());
                self.number(v6.scope_id().into());
            }
        }
        self.number(address.port().into());
    }

    fn segment(&mut self, segment: &Segment) {
        let Segment { sequence, acknowledged, window, syn, ack, fin, rst, psh, payload } = segment;
        self.number((*sequence).into());
        self.number((*acknowledged).into());
        self.number((*window).into());
        self.hasher.write(&[*syn, *ack, *fin, *rst, *psh].map(u8::from));
        self.number(payload.len() as u64);
    }
}

impl Sink for Hash {
    fn record(&mut self, record: &Record) {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        serde_json::to_writer(&mut line, record).expect("a record has only text for keys");
        self.kind(b'r');
        self.bytes(&line);
        self.line = line;
    }
}

impl Tap for Hash {
    fn sent(
        &mut self,
        at: Duration,
        number: u64,
        from: InterfaceId,
        segment: SegmentId,
        packet: &Packet,
    ) {
        self.kind(b'p');
        self.time(at);
        self.number(number);
        self.interface(from);
        self.number(segment.0.into());
        self.address(packet.source);
        self.address(packet.destination);
        match &packet.body {
            Body::Udp { payload, hops } => {
                self.hasher.write(&[b'u', *hops]);
                self.bytes(payload);
            }
            Body::Tcp(segment) => {
                self.kind(b't');
                self.segment(segment);
            }
        }
    }

    fn fate(&mut self, at: Duration, number: u64, fate: Fate) {
        let (kind, interface) = match fate {
            Fate::Arrives(interface) => (b'a', Some(interface)),
            Fate::Lost(interface, cause) => (cause_kind(cause), interface),
        };
        self.kind(kind);
        self.time(at);
        self.number(number);
        self.kind(u8::from(interface.is_some()));
        if let Some(interface) = interface {
            self.interface(interface);
        }
    }
}

/// A number for each cause that stays when the type's order changes.
fn cause_kind(cause: Cause) -> u8 {
    match cause {
        Cause::Loss => 1,
        Cause::QueueFull => 2,
        Cause::Cut => 3,
        Cause::NoHost => 4,
        Cause::Filtered => 5,
        Cause::NoRoute => 6,
        Cause::TooLarge => 7,
        Cause::SocketFull => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, SessionNo};
    use crate::trace::testing::{connection, datagram, interface, record, send};

    #[derive(Clone, Copy)]
    enum Step {
        Record(u64, u32),
        Udp(u16, &'static str),
        Tcp(u32, &'static str),
        Fate(u64, Fate),
    }
    use Step::{Record as Told, Tcp, Udp};

    fn digest_of(steps: &[Step]) -> Digest {
        let mut hash = Hash::default();
        for step in steps {
            let mut packet = datagram("10.0.0.1:5353", "224.0.0.251:5353", b"");
            match *step {
                Told(ms, session) => hash.record(&joined(ms, session)),
                Udp(port, payload) => {
                    packet.source.set_port(port);
                    packet.body = Body::Udp { payload: payload.into(), hops: 255 };
                    send(&mut hash, Duration::ZERO, 0, interface(0), &packet);
                }
                Tcp(sequence, payload) => {
                    let payload = payload.into();
                    packet.body = Body::Tcp(Segment { sequence, payload, ..Segment::default() });
                    send(&mut hash, Duration::ZERO, 0, interface(0), &packet);
                }
                Step::Fate(ms, fate) => hash.fate(Duration::from_millis(ms), 0, fate),
            }
        }
        hash.digest()
    }

    fn joined(ms: u64, session: u32) -> Record {
        record(ms, Event::Joined { session: SessionNo(session) })
    }

    /// Pinned: a change here makes every digest that somebody wrote down worthless.
    #[test]
    fn digests_stay_the_same_from_version_to_version() {
        let mut hash = Hash::default();
        hash.record(&joined(1, 2));
        for (at, number, from, packet) in connection() {
            send(&mut hash, at, number, from, &packet);
            hash.fate(at, number, Fate::Arrives(interface(1)));
        }
        assert_eq!(hash.digest().to_string(), "a07a143c3a7952d8228094a850ed0553");
    }

    #[test]
    fn whatever_differs_shows_but_not_what_a_mask_may_change() {
        let arrives = |ms, host| Step::Fate(ms, Fate::Arrives(interface(host)));
        let lost = |interface, cause| Step::Fate(1, Fate::Lost(interface, cause));
        let different: [&[Step]; 18] = [
            &[],
            &[Told(1, 1)],
            &[Told(2, 1)],
            &[Told(1, 2)],
            &[Told(1, 1), Told(1, 2)],
            &[Told(1, 2), Told(1, 1)],
            &[Udp(5353, "one")],
            &[Udp(5353, "two")],
            &[Udp(5354, "one")],
            &[Tcp(1, "one")],
            &[Tcp(2, "one")],
            &[Tcp(1, "three")],
            &[arrives(1, 1)],
            &[arrives(2, 1)],
            &[arrives(1, 2)],
            &[lost(Some(interface(1)), Cause::Cut)],
            &[lost(Some(interface(1)), Cause::Loss)],
            &[lost(None, Cause::Loss)],
        ];
        let mut digests = different.map(digest_of).to_vec();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), different.len(), "two different runs have one digest");
        assert_eq!(digest_of(&[Tcp(1, "one")]), digest_of(&[Tcp(1, "two")]));
    }
}
