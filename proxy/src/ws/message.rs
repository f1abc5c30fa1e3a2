//! A message of which only a part has come, and how it becomes a frame without being moved.
//!
//! ```text
//!  ┌───────────────────┬────────────────────────┬───────┬─ ─ ─ ─ ─ ─ ─ ─┐
//!  │ room for a header │ payload, unmasked:     │ ≤ 3 B │ room for what
//!  │ 10 bytes          │ whole code points      │       │ is still to come
//!  └───────────────────┴────────────────────────┴───────┴─ ─ ─ ─ ─ ─ ─ ─┘
//!                                      valid ───┘ a cut code point of a text:
//!                                                 checked again when more has come
//! ```
//!
//! The last frame of a message tells its length, so its header is written last, into room kept in
//! front. The buffer grows with what is received, whatever a header promises: a hostile header
//! costs its sender more than it costs us.

use super::frame::{Header, OpCode};
use super::mask::{apply_mask, rotate};
use super::utf8;
use super::violation::Violation;

/// The bytes kept free in front of the payload.
pub(super) const HEADER_ROOM: usize = Header::UNMASKED_BYTES_MAX;

/// A message that has begun, and the frame of it that is being received.
#[derive(Debug)]
pub(super) struct Partial {
    /// Text or binary.
    opcode: OpCode,
    /// [`HEADER_ROOM`], then the payload received so far.
    buffer: Vec<u8>,
    /// Bytes of payload known to be valid. Counted for text only.
    valid: usize,
    /// Bytes that the current frame still owes; 0 between frames.
    owed: usize,
    /// The current frame's key, turned to the next byte that it owes.
    mask: Option<[u8; 4]>,
    /// Whether the current frame is the last one.
    fin: bool,
}

impl Partial {
    /// A message that starts; [`Partial::begin_frame`] must follow.
    pub(super) fn new(opcode: OpCode) -> Self {
        Self { opcode, buffer: Vec::new(), valid: 0, owed: 0, mask: None, fin: false }
    }

    /// Bytes of payload received so far.
    pub(super) fn len(&self) -> usize {
        self.buffer.len().saturating_sub(HEADER_ROOM)
    }

    /// Whether a frame of it has been begun and not been received in full.
    pub(super) fn is_within_frame(&self) -> bool {
        self.owed > 0
    }

    /// Whether all of it has come.
    pub(super) fn is_complete(&self) -> bool {
        self.fin && self.owed == 0
    }

    /// Starts the next frame, whose payload is `len` bytes long.
    pub(super) fn begin_frame(&mut self, header: &Header, len: usize) {
        debug_assert!(!self.fin && self.owed == 0, "the frame before has ended, and was not last");
        self.owed = len;
        self.mask = header.mask;
        self.fin = header.fin;
    }

    /// Takes what `input` has of the current frame.
    pub(super) fn receive(&mut self, input: &mut &[u8]) -> Result<(), Violation> {
        let (received, rest) = input.split_at(self.owed.min(input.len()));
        *input = rest;
        self.make_room(received.len());
        let start = self.buffer.len();
        self.buffer.extend_from_slice(received);
        if let Some(key) = self.mask {
            apply_mask(&mut self.buffer[start..], key, 0);
            self.mask = Some(rotate(key, received.len()));
        }
        self.owed -= received.len();
        self.check_text()
    }

    /// Reserves for `received` bytes; where it must grow, it doubles, so that copying stays linear
    /// however small the parts.
    ///
    /// Within the last frame the end is known, and doubling stops there: the buffer of an
    /// unfragmented message becomes exactly as long as the message, so that nothing is left over
    /// in what receivers share. In any case at least half of the buffer is in use afterwards.
    fn make_room(&mut self, received: usize) {
        let used = self.buffer.len();
        if used == 0 {
            self.buffer.reserve_exact(HEADER_ROOM + received);
            self.buffer.resize(HEADER_ROOM, 0);
        } else if self.buffer.capacity() - used < received {
            let double = if self.fin { used.min(self.owed) } else { used };
            self.buffer.reserve_exact(received.max(double));
        }
    }

    /// RFC 6455 section 8.1, as soon as the bytes show it: a sender of 16 MiB of garbage is
    /// stopped at the first wrong byte.
    fn check_text(&mut self) -> Result<(), Violation> {
        if self.opcode != OpCode::Text {
            return Ok(());
        }
        let unchecked = &self.buffer[HEADER_ROOM + self.valid..];
        let valid = utf8::valid_up_to(unchecked);
        let (Ok(more) | Err(more)) = valid;
        self.valid += more;
        // A code point may be cut by the end of a fragment, not by the end of the message.
        let cut_at_the_end = self.is_complete() && self.valid < self.len();
        if valid.is_err() || cut_at_the_end {
            return Err(Violation::NotUtf8 { at: self.valid });
        }
        Ok(())
    }

    /// The complete message: its kind, and [`HEADER_ROOM`] with the payload behind it.
    pub(super) fn into_parts(self) -> (OpCode, Vec<u8>) {
        debug_assert!(self.is_complete(), "only a whole message may leave");
        (self.opcode, self.buffer)
    }

    /// Bytes of heap in use.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Where the payload lies, to show that it stays there.
    #[cfg(test)]
    pub(super) fn payload_address(&self) -> usize {
        self.buffer.as_ptr().addr() + HEADER_ROOM
    }
}
