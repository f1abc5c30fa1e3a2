//! The header of a frame (RFC 6455 section 5.2): read, judged and written.
//!
//! ```text
//!   byte 0                byte 1                 bytes
//!  ┌─────┬───────┬──────┐┌──────┬──────────────┐┌───────────────┬──────────────┬─ ─ ─ ─ ─
//!  │ FIN │ RSV   │opcode││ MASK │ length:      ││ length:       │ masking key: │ payload
//!  │ 1   │ 3 × 0 │ 4    ││ 1    │ 0-125, or    ││ 0, 2 (126) or │ 0 or 4       │
//!  └─────┴───────┴──────┘└──────┤ 126, or 127  ││ 8 (127) bytes │ bytes        │
//!                               └──────────────┘└───────────────┴──────────────┴─ ─ ─ ─ ─
//! ```
//!
//! All that a header alone can do wrong is found here, at the first byte that shows it. What
//! depends on the role, on the frames before or on a limit is the decoder's to judge.

use std::fmt;

use super::violation::Violation;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASK: u8 = 0x80;
const LENGTH: u8 = 0x7f;
/// In the 7 bits of the length: it stands in the next 2 bytes.
const TWO_BYTES: u8 = 126;
/// In the 7 bits of the length: it stands in the next 8 bytes.
const EIGHT_BYTES: u8 = 127;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpCode {
    /// The next fragment of the message that is open.
    Continuation = 0x0,
    /// A text message, or its first fragment.
    Text = 0x1,
    /// A binary message, or its first fragment.
    Binary = 0x2,
    /// The end of the connection.
    Close = 0x8,
    /// A question whether the other side is there.
    Ping = 0x9,
    /// The answer to a ping, or a sign of life that nobody asked for.
    Pong = 0xa,
}

impl OpCode {
    /// `None` if the 4 bits are reserved (0x3 to 0x7 and 0xb to 0xf).
    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    /// Whether frames of this kind may stand within a fragmented message (RFC 6455 section 5.5).
    #[must_use]
    pub(crate) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

impl fmt::Display for OpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Continuation => "continuation",
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Close => "close",
            Self::Ping => "ping",
            Self::Pong => "pong",
        })
    }
}

/// All that stands before a frame's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Whether this frame ends its message.
    pub(crate) fin: bool,
    /// What the frame is for.
    pub(crate) opcode: OpCode,
    /// The masking key, if the payload is masked.
    pub(crate) mask: Option<[u8; 4]>,
    /// Bytes of payload, below 2⁶³.
    pub(crate) len: u64,
}

impl Header {
    /// Bytes of the longest header: an 8-byte length and a masking key.
    pub(crate) const BYTES_MAX: usize = 14;
    /// Bytes of the longest header without a masking key.
    pub(crate) const UNMASKED_BYTES_MAX: usize = 10;
    /// Bytes of payload in a control frame at most (RFC 6455 section 5.5).
    pub(crate) const CONTROL_PAYLOAD_MAX: usize = 125;

    /// Reads the header at the front of `input`, and says how many bytes it takes.
    ///
    /// `None` if `input` ends within the header.
    ///
    /// # Errors
    ///
    /// What is wrong with the header, as soon as the bytes that are there show it.
    #[inline]
    pub(crate) fn parse(input: &[u8]) -> Result<Option<(Self, usize)>, Violation> {
        let Some((&first, rest)) = input.split_first() else { return Ok(None) };
        let (fin, opcode) = parse_first_byte(first)?;
        let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
        let short = second & LENGTH;
        if opcode.is_control() && usize::from(short) > Self::CONTROL_PAYLOAD_MAX {
            return Err(Violation::LongControl { opcode });
        }
        let Some((len, rest)) = parse_length(short, rest)? else { return Ok(None) };
        let (mask, rest) = if second & MASK == 0 {
            (None, rest)
        } else {
            let Some((key, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (Some(*key), rest)
        };
        Ok(Some((Self { fin, opcode, mask, len }, input.len() - rest.len())))
    }

    /// Writes the header to the front of `room`, with its length in as few bytes as possible, and
    /// returns what was written.
    #[inline]
    #[must_use]
    pub(crate) fn encode(self, room: &mut [u8; Self::BYTES_MAX]) -> &[u8] {
        room[0] = if self.fin { FIN } else { 0 } | self.opcode as u8;
        let (short, mut end) = match (u8::try_from(self.len), u16::try_from(self.len)) {
            (Ok(len), _) if len < TWO_BYTES => (len, 2),
            (_, Ok(len)) => {
                room[2..4].copy_from_slice(&len.to_be_bytes());
                (TWO_BYTES, 4)
            }
            _ => {
                room[2..10].copy_from_slice(&self.len.to_be_bytes());
                (EIGHT_BYTES, 10)
            }
        };
        room[1] = short;
        if let Some(key) = self.mask {
            room[1] |= MASK;
            room[end..end + 4].copy_from_slice(&key);
            end += 4;
        }
        &room[..end]
    }
}

fn parse_first_byte(first: u8) -> Result<(bool, OpCode), Violation> {
    if first & RESERVED != 0 {
        return Err(Violation::ReservedBits { bits: (first & RESERVED) >> 4 });
    }
    let bits = first & OPCODE;
    let opcode = OpCode::from_bits(bits).ok_or(Violation::ReservedOpcode { opcode: bits })?;
    let fin = first & FIN != 0;
    if opcode.is_control() && !fin {
        return Err(Violation::FragmentedControl { opcode });
    }
    Ok((fin, opcode))
}

/// The length, and what follows it; `None` if `rest` ends within it.
fn parse_length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Violation> {
    let (len, rest, longest_in_fewer, bytes) = match short {
        TWO_BYTES => {
            let Some((len, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (u64::from(u16::from_be_bytes(*len)), rest, 125, 2)
        }
        EIGHT_BYTES => {
            let Some((len, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (u64::from_be_bytes(*len), rest, u64::from(u16::MAX), 8)
        }
        len => return Ok(Some((len.into(), rest))),
    };
    if len <= longest_in_fewer {
        return Err(Violation::PaddedLength { len, bytes });
    }
    if len >> 63 != 0 {
        return Err(Violation::LengthBeyond63Bits { len });
    }
    Ok(Some((len, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_header() -> impl Strategy<Value = Header> {
        let opcode = (0_u8..16).prop_filter_map("reserved", OpCode::from_bits);
        let len = prop_oneof![0_u64..300, 65_500_u64..65_600, 0..=u64::MAX >> 1];
        (any::<bool>(), opcode, any::<Option<[u8; 4]>>(), len).prop_map(
            |(fin, opcode, mask, len)| {
                let control = opcode.is_control();
                Header {
                    fin: fin || control,
                    opcode,
                    mask,
                    len: if control { len % 126 } else { len },
                }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_and_each_part_of_it_is_incomplete(header in any_header()) {
            let mut room = [0; Header::BYTES_MAX];
            let bytes = header.encode(&mut room);
            let unmasked = bytes.len() - header.mask.map_or(0, |key| key.len());
            prop_assert!(unmasked <= Header::UNMASKED_BYTES_MAX);
            for end in 0..bytes.len() {
                prop_assert_eq!(Header::parse(&bytes[..end]), Ok(None));
            }
            prop_assert_eq!(Header::parse(bytes), Ok(Some((header, bytes.len()))));
            // What follows the header does not matter.
            let followed = [bytes, &[0xff; 5]].concat();
            prop_assert_eq!(Header::parse(&followed), Ok(Some((header, bytes.len()))));
        }
    }

    #[test]
    fn a_violation_shows_at_the_first_byte_that_holds_it() {
        let close = OpCode::Close;
        let cases: [(&[u8], Violation); 11] = [
            (&[0xc1], Violation::ReservedBits { bits: 0b100 }),
            (&[0xa1], Violation::ReservedBits { bits: 0b010 }),
            (&[0x91], Violation::ReservedBits { bits: 0b001 }),
            (&[0x83], Violation::ReservedOpcode { opcode: 3 }),
            (&[0x8b], Violation::ReservedOpcode { opcode: 11 }),
            (&[0x08], Violation::FragmentedControl { opcode: close }),
            (&[0x88, 0xfe], Violation::LongControl { opcode: close }),
            (&[0x88, 127], Violation::LongControl { opcode: close }),
            (&[0x81, 126, 0, 125], Violation::PaddedLength { len: 125, bytes: 2 }),
            (
                &[0x81, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
                Violation::PaddedLength { len: 65_535, bytes: 8 },
            ),
            (
                &[0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
                Violation::LengthBeyond63Bits { len: 1 << 63 },
            ),
        ];
        for (bytes, violation) in cases {
            assert_eq!(Header::parse(&bytes[..bytes.len() - 1]), Ok(None), "{bytes:x?} cut");
            assert_eq!(Header::parse(bytes), Err(violation), "{bytes:x?}");
        }
    }

    #[test]
    fn the_shortest_length_that_needs_its_bytes_is_allowed() {
        let len_of = |bytes: &[u8]| Header::parse(bytes).map(|parsed| parsed.unwrap().0.len);
        assert_eq!(len_of(&[0x82, 125]), Ok(125));
        assert_eq!(len_of(&[0x82, 126, 0, 126]), Ok(126));
        assert_eq!(len_of(&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]), Ok(65_536));
        assert_eq!(
            len_of(&[0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255]),
            Ok(u64::MAX >> 1)
        );
    }
}
