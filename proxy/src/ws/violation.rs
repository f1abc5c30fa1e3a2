//! What a peer did that RFC 6455 forbids, and the close code that tells it so.
//!
//! Each text says what was found, what is allowed, and where the RFC says so; it fits into the
//! reason of a Close frame (123 bytes), so `close(violation.code(), &violation.to_string())` is
//! what to send before the connection is dropped.

use super::close::CloseCode;
use super::frame::OpCode;

/// Why a connection must be failed (RFC 6455 section 7.1.7).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    /// A reserved bit is set, though no extension was negotiated.
    #[error("reserved bits are {bits:03b}; without an extension they are 000 (RFC 6455 5.2)")]
    ReservedBits {
        /// RSV1, RSV2 and RSV3, as the three lowest bits.
        bits: u8,
    },
    /// An opcode that RFC 6455 gives no meaning.
    #[error("opcode {opcode:#x} is reserved; 0x0-0x2 and 0x8-0xa have a meaning (RFC 6455 5.2)")]
    ReservedOpcode {
        /// The opcode.
        opcode: u8,
    },
    /// A control frame without FIN.
    #[error("a {opcode} frame without FIN; control frames are never fragmented (RFC 6455 5.5)")]
    FragmentedControl {
        /// Which control frame.
        opcode: OpCode,
    },
    /// A control frame whose length does not fit into its 7 bits.
    #[error("a {opcode} frame longer than 125 bytes; no control frame may be (RFC 6455 5.5)")]
    LongControl {
        /// Which control frame.
        opcode: OpCode,
    },
    /// A length in more bytes than it needs.
    #[error("length {len} in {bytes} extra bytes; it must take as few as possible (RFC 6455 5.2)")]
    PaddedLength {
        /// The length.
        len: u64,
        /// How many bytes carried it: 2 or 8.
        bytes: u8,
    },
    /// A 64-bit length with its highest bit set.
    #[error("length {len:#x}; the highest of its 64 bits must be 0 (RFC 6455 5.2)")]
    LengthBeyond63Bits {
        /// The length.
        len: u64,
    },
    /// A frame from a client without a mask.
    #[error("a frame without a mask; a client must mask every frame (RFC 6455 5.1)")]
    Unmasked,
    /// A frame from a server with a mask.
    #[error("a frame with a mask; a server must not mask any frame (RFC 6455 5.1)")]
    Masked,
    /// A continuation of nothing.
    #[error("a continuation frame, but no message is open to be continued (RFC 6455 5.4)")]
    StrayContinuation,
    /// A new message before the end of a fragmented one.
    #[error(
        "a {opcode} frame inside a fragmented message; only its rest may follow (RFC 6455 5.4)"
    )]
    InterruptedMessage {
        /// The kind of message that was begun.
        opcode: OpCode,
    },
    /// A message over the limit.
    #[error("a message of at least {len} bytes; the limit here is {max} bytes")]
    TooBig {
        /// Its length in bytes, as far as its headers have told it.
        len: u64,
        /// The limit.
        max: usize,
    },
    /// A text message that is not UTF-8.
    #[error("a text message is not UTF-8 from byte {at} on (RFC 6455 8.1)")]
    NotUtf8 {
        /// How many bytes of the message are valid.
        at: usize,
    },
    /// A Close frame with half a code.
    #[error("a close frame of 1 byte; it is empty or begins with a 2-byte code (RFC 6455 5.5.1)")]
    CutCloseCode,
    /// A close code that nobody may send.
    #[error("close code {code}; 1000-1003, 1007-1014 and 3000-4999 may be sent (RFC 6455 7.4)")]
    BadCloseCode {
        /// The code.
        code: u16,
    },
    /// A close reason that is not UTF-8.
    #[error("the reason in a close frame is not UTF-8 (RFC 6455 5.5.1)")]
    BadCloseReason,
}

impl Violation {
    /// The code with which to close the connection (RFC 6455 section 7.4.1).
    #[must_use]
    pub(crate) fn code(&self) -> CloseCode {
        match self {
            Self::NotUtf8 { .. } | Self::BadCloseReason => CloseCode::INVALID_DATA,
            Self::TooBig { .. } => CloseCode::TOO_BIG,
            Self::ReservedBits { .. }
            | Self::ReservedOpcode { .. }
            | Self::FragmentedControl { .. }
            | Self::LongControl { .. }
            | Self::PaddedLength { .. }
            | Self::LengthBeyond63Bits { .. }
            | Self::Unmasked
            | Self::Masked
            | Self::StrayContinuation
            | Self::InterruptedMessage { .. }
            | Self::CutCloseCode
            | Self::BadCloseCode { .. } => CloseCode::PROTOCOL,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::close::REASON_BYTES_MAX;

    #[test]
    fn a_text_says_what_was_found_and_what_is_allowed() {
        assert_eq!(
            Violation::FragmentedControl { opcode: OpCode::Ping }.to_string(),
            "a ping frame without FIN; control frames are never fragmented (RFC 6455 5.5)"
        );
        assert_eq!(
            Violation::ReservedBits { bits: 1 }.to_string(),
            "reserved bits are 001; without an extension they are 000 (RFC 6455 5.2)"
        );
    }

    #[test]
    fn every_text_fits_into_a_close_frame() {
        let opcode = OpCode::Continuation;
        let longest = [
            Violation::ReservedBits { bits: 7 },
            Violation::ReservedOpcode { opcode: 15 },
            Violation::FragmentedControl { opcode: OpCode::Close },
            Violation::LongControl { opcode: OpCode::Close },
            Violation::PaddedLength { len: 65_535, bytes: 8 },
            Violation::LengthBeyond63Bits { len: u64::MAX },
            Violation::Unmasked,
            Violation::Masked,
            Violation::StrayContinuation,
            Violation::InterruptedMessage { opcode },
            Violation::TooBig { len: u64::MAX, max: usize::MAX },
            Violation::NotUtf8 { at: usize::MAX },
            Violation::CutCloseCode,
            Violation::BadCloseCode { code: u16::MAX },
            Violation::BadCloseReason,
        ];
        for violation in longest {
            let text = violation.to_string();
            assert!(text.len() <= REASON_BYTES_MAX, "{} bytes: {text}", text.len());
        }
    }
}
