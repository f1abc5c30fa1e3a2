//! WebSocket frames, taken apart so that a fault can change them.
//!
//! Unlike the proxy's own decoder this one accepts what RFC 6455 forbids, because most faults are
//! to let just that through.

use std::time::Duration;

/// Opcodes of RFC 6455 section 5.2.
pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;

/// For faults that wait: long enough that what was sent at once has arrived, also on a busy
/// machine, and short enough that nobody gives up.
pub(crate) const MOMENT: Duration = Duration::from_secs(2);

/// One frame, whether valid or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) fin: bool,
    pub(crate) reserved: u8,
    pub(crate) opcode: u8,
    pub(crate) mask: Option<[u8; 4]>,
    /// Without its mask.
    pub(crate) payload: Vec<u8>,
}

/// What is at the front of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// A frame, and how many bytes it takes.
    Whole(Frame, usize),
    /// The beginning of one.
    Partial,
    /// One that is larger than what is asked for.
    TooLarge,
}

impl Frame {
    /// A whole message or control frame, unmasked.
    pub(crate) fn new(opcode: u8, payload: impl Into<Vec<u8>>) -> Self {
        Self { fin: true, reserved: 0, opcode, mask: None, payload: payload.into() }
    }

    /// A close frame.
    pub(crate) fn close(code: u16, reason: &str) -> Self {
        Self::new(CLOSE, [&code.to_be_bytes(), reason.as_bytes()].concat())
    }

    /// What makes a sound receiver close with 1002.
    pub(crate) fn violation() -> Self {
        Self { reserved: 0x70, ..Self::new(TEXT, "") }
    }

    /// Whether it is text or binary, whole or in part.
    pub(crate) fn is_data(&self) -> bool {
        self.opcode < CLOSE
    }

    /// The code of a close frame.
    pub(crate) fn code(&self) -> Option<u16> {
        let code = self.payload.first_chunk().filter(|_| self.opcode == CLOSE)?;
        Some(u16::from_be_bytes(*code))
    }

    /// Reads a frame whose payload has at most `payload_max` bytes.
    pub(crate) fn parse(bytes: &[u8], payload_max: usize) -> Parsed {
        let Some((&[first, second], rest)) = bytes.split_first_chunk() else {
            return Parsed::Partial;
        };
        let (len, rest) = match second & 0x7f {
            126 => match rest.split_first_chunk() {
                Some((len, rest)) => (u64::from(u16::from_be_bytes(*len)), rest),
                None => return Parsed::Partial,
            },
            127 => match rest.split_first_chunk() {
                Some((len, rest)) => (u64::from_be_bytes(*len), rest),
                None => return Parsed::Partial,
            },
            len => (u64::from(len), rest),
        };
        let len = match usize::try_from(len) {
            Ok(len) if len <= payload_max => len,
            _ => return Parsed::TooLarge,
        };
        let (mask, rest) = match (second & 0x80 != 0, rest.split_first_chunk()) {
            (false, _) => (None, rest),
            (true, Some((mask, rest))) => (Some(*mask), rest),
            (true, None) => return Parsed::Partial,
        };
        let Some(payload) = rest.get(..len) else { return Parsed::Partial };
        let end = bytes.len() - rest.len() + payload.len();
        let mut payload = payload.to_vec();
        apply(mask, &mut payload);
        let (fin, reserved, opcode) = (first & 0x80 != 0, first & 0x70, first & 0x0f);
        Parsed::Whole(Self { fin, reserved, opcode, mask, payload }, end)
    }

    /// The bytes for the wire, with the length in as few of them as it needs.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        let mut bytes = vec![if self.fin { 0x80 } else { 0 } | self.reserved | self.opcode];
        match (u8::try_from(self.payload.len()), u16::try_from(self.payload.len())) {
            (Ok(len), _) if len < 126 => bytes.push(masked | len),
            (_, Ok(len)) => {
                bytes.push(masked | 126);
                bytes.extend(len.to_be_bytes());
            }
            _ => {
                bytes.push(masked | 127);
                bytes.extend((self.payload.len() as u64).to_be_bytes());
            }
        }
        bytes.extend(self.mask.iter().flatten());
        let start = bytes.len();
        bytes.extend(&self.payload);
        apply(self.mask, &mut bytes[start..]);
        bytes
    }
}

fn apply(mask: Option<[u8; 4]>, payload: &mut [u8]) {
    let Some(mask) = mask else { return };
    let wide = u64::from_ne_bytes([mask, mask].concat().try_into().expect("4 and 4 are 8"));
    let (words, rest) = payload.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_each_part_of_it_is_partial() {
        for len in [0, 1, 125, 126, 65_535, 65_536] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let frame = Frame { mask, ..Frame::new(BINARY, vec![7; len]) };
                let bytes = frame.encode();
                let followed = [&bytes[..], &[0xff; 3]].concat();
                assert_eq!(Frame::parse(&followed, len), Parsed::Whole(frame, bytes.len()));
                for end in [0, 1, 2, 5, bytes.len() - 1] {
                    assert_eq!(
                        Frame::parse(&bytes[..end.min(bytes.len() - 1)], len),
                        Parsed::Partial
                    );
                }
            }
        }
    }

    #[test]
    fn what_the_rfc_forbids_is_read_too() {
        let odd = Frame { fin: false, reserved: 0x70, ..Frame::new(0xf, vec![0; 200]) };
        let bytes = odd.encode();
        assert_eq!(Frame::parse(&bytes[..4], 199), Parsed::TooLarge);
        assert_eq!(Frame::parse(&bytes, 200), Parsed::Whole(odd, bytes.len()));
        assert_eq!(Frame::close(1008, "slow").code(), Some(1008));
        assert_eq!(Frame::new(CLOSE, "").code(), None);
    }
}
