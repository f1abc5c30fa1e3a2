//! Control frames: what they say, what to answer, and how to write them (RFC 6455 section 5.5).
//!
//! ```text
//!   Ping(x)            ─▶ Pong(x)
//!   Pong               ─▶ nothing
//!   Close(code, why)   ─▶ Close(code), then nothing more
//!   Close              ─▶ Close, then nothing more
//! ```
//!
//! Frames are written in the server's form, like a batch; [`super::mask_batch`] makes the
//! client's.

use bytes::Bytes;

use super::close::{self, CloseCode};
use super::frame::{Header, OpCode};
use super::violation::Violation;

/// A control frame that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// A question whether we are there, with up to 125 bytes to be sent back.
    Ping(Bytes),
    /// A sign of life.
    Pong,
    /// The end: the last frame that counts, with code and reason if the peer gave them.
    Close(Option<(CloseCode, String)>),
}

impl Control {
    /// Reads a control frame from its header and its unmasked payload.
    pub(super) fn parse(opcode: OpCode, payload: Vec<u8>) -> Result<Self, Violation> {
        debug_assert!(opcode.is_control(), "a {opcode} frame is no control frame");
        Ok(match opcode {
            OpCode::Ping => Self::Ping(payload.into()),
            OpCode::Close => Self::Close(close::parse(&payload)?),
            _ => Self::Pong,
        })
    }

    /// The frame that RFC 6455 asks for in answer, in the server's form.
    ///
    /// A Pong has the payload of its Ping (section 5.5.3). A Close is answered, unless we sent one
    /// before, with its own code (section 5.5.1); its reason is the peer's own, so not sent back.
    #[must_use]
    pub(crate) fn answer(&self) -> Option<Bytes> {
        match self {
            Self::Ping(payload) => Some(pong(payload)),
            Self::Pong => None,
            Self::Close(Some((code, _))) => Some(close(*code, "")),
            Self::Close(None) => Some(write(OpCode::Close, &[])),
        }
    }
}

/// A Ping frame.
///
/// # Panics
///
/// If `payload` is longer than 125 bytes.
#[must_use]
pub(crate) fn ping(payload: &[u8]) -> Bytes {
    write(OpCode::Ping, payload)
}

/// A Pong frame.
///
/// # Panics
///
/// If `payload` is longer than 125 bytes.
#[must_use]
pub(crate) fn pong(payload: &[u8]) -> Bytes {
    write(OpCode::Pong, payload)
}

/// A Close frame. Of a `reason` over 123 bytes the end is cut off, between two characters.
#[must_use]
pub(crate) fn close(code: CloseCode, reason: &str) -> Bytes {
    write(OpCode::Close, &close::encode(code, reason))
}

fn write(opcode: OpCode, payload: &[u8]) -> Bytes {
    // No input makes this fail: what a peer sends to be sent back was as short when it came.
    assert!(payload.len() <= Header::CONTROL_PAYLOAD_MAX, "RFC 6455 5.5: a control frame too long");
    let header = Header { fin: true, opcode, mask: None, len: payload.len() as u64 };
    [header.encode(&mut [0; Header::BYTES_MAX]), payload].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_those_of_the_rfc() {
        let answer = |control: Control| control.answer().map(|frame| frame.to_vec());
        assert_eq!(answer(Control::Ping("hi".into())), Some(b"\x8a\x02hi".to_vec()));
        assert_eq!(answer(Control::Pong), None);
        assert_eq!(answer(Control::Close(None)), Some(b"\x88\x00".to_vec()));
        let bye = Control::Close(Some((CloseCode::GOING_AWAY, "bye".into())));
        assert_eq!(answer(bye), Some(b"\x88\x02\x03\xe9".to_vec()));
    }

    #[test]
    fn frames_are_written_as_the_rfc_says() {
        assert_eq!(ping(b"Hello")[..], *b"\x89\x05Hello", "RFC 6455 section 5.7");
        assert_eq!(pong(&[7; 125])[..2], [0x8a, 125]);
        assert_eq!(close(CloseCode::POLICY, "too slow")[..], *b"\x88\x0a\x03\xf0too slow");
        assert_eq!(close(CloseCode::POLICY, &"€".repeat(99)).len(), 2 + 2 + 123);
    }

    #[test]
    #[should_panic(expected = "RFC 6455 5.5")]
    fn a_payload_over_125_bytes_is_our_own_bug() {
        let _ = ping(&[0; 126]);
    }
}
