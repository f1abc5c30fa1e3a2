//! Reads packets where they lie: no allocation for what is of no interest, which is nearly all.
//!
//! Each of N hosts reads each packet of N others, so this decides what a network of hundreds costs.
//! simple-dns makes the packets that we send, and is this reader's oracle: both must read the same
//! out of the same bytes. (It would refuse a whole packet for one question of a type that it does
//! not know.)

use super::name::NAME_BYTES_MAX;
use super::record::kind;

/// Bytes of a packet's head (RFC 1035 section 4.1.1).
const HEAD_BYTES: usize = 12;

/// The top bit of a class: the wish for a unicast answer in questions, cache-flush in records
/// (RFC 6762 sections 5.4 and 10.2).
const TOP_BIT: u16 = 0x8000;

/// The class of the internet; of others we know nothing.
const CLASS_IN: u16 = 1;
/// Only in questions.
const CLASS_ANY: u16 = 255;

/// The packet is none: what came before may be used, nothing after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// A packet's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) id: u16,
    pub(super) response: bool,
    /// More known answers follow in other packets (RFC 6762 section 7.2).
    pub(super) truncated: bool,
    pub(super) questions: u16,
    pub(super) answers: u16,
    pub(super) authorities: u16,
    pub(super) additionals: u16,
}

impl Head {
    /// None for what must be ignored in silence: other opcodes, and errors (RFC 6762 sections
    /// 18.3 and 18.11), or what is shorter than a head.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let head = bytes.first_chunk::<HEAD_BYTES>()?;
        let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let flags = word(2);
        (flags & 0x780f == 0).then_some(Self {
            id: word(0),
            response: flags & 0x8000 != 0,
            truncated: flags & 0x0200 != 0,
            questions: word(4),
            answers: word(6),
            authorities: word(8),
            additionals: word(10),
        })
    }
}

/// A name that was read: as written, and in lower case.
#[derive(Default)]
pub(super) struct NameBuffer {
    pub(super) wire: Vec<u8>,
    pub(super) key: Vec<u8>,
}

/// Where names and data are read to; reused from packet to packet.
#[derive(Default)]
pub(super) struct Scratch {
    /// The name of the last question or record.
    pub(super) owner: NameBuffer,
    /// The last record's data without compression, as written and with its name in lower case.
    pub(super) data: NameBuffer,
}

/// A question whose name is in the scratch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) kind: u16,
    pub(super) unicast: bool,
}

/// A record whose name is in the scratch, its data still in the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) kind: u16,
    pub(super) flush: bool,
    pub(super) ttl: u32,
    start: usize,
    end: usize,
}

/// A place in a packet.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// At the first question.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: HEAD_BYTES }
    }

    /// The next question; none if it is of a class that is not ours.
    pub(super) fn question(&mut self, into: &mut Scratch) -> Result<Option<Question>, Malformed> {
        self.at = name(self.bytes, self.at, &mut into.owner)?;
        let (kind, class) = (self.word()?, self.word()?);
        let known = matches!(class & !TOP_BIT, CLASS_IN | CLASS_ANY);
        Ok(known.then_some(Question { kind, unicast: class & TOP_BIT != 0 }))
    }

    /// The next record; none if it is of a class that is not ours.
    pub(super) fn record(&mut self, into: &mut Scratch) -> Result<Option<Found>, Malformed> {
        self.at = name(self.bytes, self.at, &mut into.owner)?;
        let (kind, class) = (self.word()?, self.word()?);
        let ttl = u32::from(self.word()?) << 16 | u32::from(self.word()?);
        let length = usize::from(self.word()?);
        let start = self.at;
        let end = start + length;
        if end > self.bytes.len() {
            return Err(Malformed);
        }
        self.at = end;
        let found = Found { kind, flush: class & TOP_BIT != 0, ttl, start, end };
        Ok((class & !TOP_BIT == CLASS_IN).then_some(found))
    }

    /// Reads a record's data into the scratch.
    pub(super) fn data(self, found: Found, into: &mut Scratch) -> Result<(), Malformed> {
        let plain = match found.kind {
            kind::PTR => 0,
            kind::SRV => 6,
            _ => {
                copy(&mut into.data, &self.bytes[found.start..found.end]);
                return Ok(());
            }
        };
        let fixed = self.bytes[found.start..found.end].get(..plain).ok_or(Malformed)?;
        let end = name(&self.bytes[..found.end], found.start + plain, &mut into.data)?;
        into.data.wire.splice(..0, fixed.iter().copied());
        into.data.key.splice(..0, fixed.iter().copied());
        if end == found.end { Ok(()) } else { Err(Malformed) }
    }

    fn word(&mut self) -> Result<u16, Malformed> {
        let word = self.bytes.get(self.at..self.at + 2).ok_or(Malformed)?;
        self.at += 2;
        Ok(u16::from_be_bytes([word[0], word[1]]))
    }
}

fn copy(into: &mut NameBuffer, bytes: &[u8]) {
    for buffer in [&mut into.wire, &mut into.key] {
        buffer.clear();
        buffer.extend_from_slice(bytes);
    }
}

/// Reads the name at `at`, and says where what follows it begins.
fn name(bytes: &[u8], mut at: usize, into: &mut NameBuffer) -> Result<usize, Malformed> {
    into.wire.clear();
    let mut end = None;
    loop {
        let length = usize::from(*bytes.get(at).ok_or(Malformed)?);
        match length >> 6 {
            0 => {
                let label = bytes.get(at..=at + length).ok_or(Malformed)?;
                // Names that lead in a circle grow too long.
                if into.wire.len() + label.len() + usize::from(length > 0) > NAME_BYTES_MAX {
                    return Err(Malformed);
                }
                into.wire.extend_from_slice(label);
                at += 1 + length;
                if length == 0 {
                    into.key.clear();
                    into.key.extend_from_slice(&into.wire);
                    // Lengths are below 64, where there are no letters.
                    into.key.make_ascii_lowercase();
                    return Ok(end.unwrap_or(at));
                }
            }
            3 => {
                let low = *bytes.get(at + 1).ok_or(Malformed)?;
                end.get_or_insert(at + 2);
                let to = (length & 0x3f) << 8 | usize::from(low);
                // Backwards only (RFC 1035 section 4.1.4: a prior occurrence), so it ends.
                if to >= at {
                    return Err(Malformed);
                }
                at = to;
            }
            _ => return Err(Malformed),
        }
    }
}
