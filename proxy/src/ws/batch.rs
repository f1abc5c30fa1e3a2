//! What one turn of a connection completed, encoded once for all receivers.
//!
//! ```text
//!   sealed, in order                                  open
//!  ┌────────┬────────┬────────┐ ┌──────────────────┐ ┌────────┬────────┬─ ─ ─ ─
//!  │ frame  │ frame  │ frame  │ │ a large message, │ │ frame  │ frame  │ next
//!  └────────┴────────┴────────┘ │ its own buffer   │ └────────┴────────┴─ ─ ─ ─
//!    one contiguous chunk       └──────────────────┘   becomes the last chunk
//! ```
//!
//! A chunk holds whole frames only: unmasked, unfragmented, each one message. Usually there is
//! one; only a large message that took several reads is a chunk of its own, because it is not
//! copied again. Every chunk is at least half as long as the memory that it keeps alive, so what
//! waits for a slow receiver costs at most twice its length.

use bytes::{Buf, Bytes};

use super::frame::{Header, OpCode};
use super::mask::apply_mask;
use super::message::HEADER_ROOM;
use super::utf8;
use super::violation::Violation;

/// Bytes from which on an assembled message keeps its own buffer. Below, one copy (some 2 µs at
/// most) is cheaper than another buffer in the write to each of many receivers.
const OWN_CHUNK_BYTES_MIN: usize = 64 * 1024;

/// Bytes of buffer that an empty batch may keep for next time: more than a read fills.
const KEPT_BYTES_MAX: usize = 512 * 1024;

/// Complete messages, encoded in the order in which they completed.
///
/// One serves all connections of a worker in turn: filled by [`super::Decoder::decode`], emptied
/// by [`Batch::take`].
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Chunks that are finished.
    sealed: Vec<Bytes>,
    /// The chunk that grows, after all sealed ones. Empty between turns, with its memory kept.
    open: Vec<u8>,
    messages: usize,
    payload_bytes: usize,
}

impl Batch {
    /// Messages in the batch.
    #[must_use]
    pub(crate) fn messages(&self) -> usize {
        self.messages
    }

    /// Bytes of payload in the batch, headers not counted.
    #[must_use]
    pub(crate) fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    /// Whether there is nothing to take.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// Empties the batch: its chunks, in order, to be sent in that order.
    #[must_use = "the messages are lost with it"]
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Bytes> + use<> {
        self.messages = 0;
        self.payload_bytes = 0;
        let last = self.seal();
        // In the usual case the vector is empty and owns nothing.
        std::mem::take(&mut self.sealed).into_iter().chain(last)
    }

    /// Appends the message whose only frame has `header`, its `len` bytes of payload at the front
    /// of `input`: unmasked while copied, checked in place, and taken back if it is not valid.
    #[inline]
    pub(super) fn push(
        &mut self,
        header: &Header,
        len: usize,
        input: &[u8],
    ) -> Result<(), Violation> {
        let mut room = [0; Header::BYTES_MAX];
        let encoded = Header { mask: None, ..*header }.encode(&mut room);
        let start = self.open.len();
        let payload_start = start + encoded.len();
        if self.open.capacity() < payload_start + len {
            // No frame gets longer here, so this is also enough for all that follows in `input`.
            self.open.reserve(Header::UNMASKED_BYTES_MAX + input.len());
        }
        self.open.extend_from_slice(encoded);
        self.open.extend_from_slice(&input[..len]);
        let payload = &mut self.open[payload_start..];
        if let Some(key) = header.mask {
            apply_mask(payload, key, 0);
        }
        if header.opcode == OpCode::Text {
            let (Ok(at) | Err(at)) = utf8::valid_up_to(payload);
            if at < len {
                self.open.truncate(start);
                return Err(Violation::NotUtf8 { at });
            }
        }
        self.count(len);
        Ok(())
    }

    /// Appends an assembled message: [`HEADER_ROOM`], then its valid payload.
    pub(super) fn push_buffer(&mut self, opcode: OpCode, mut buffer: Vec<u8>) {
        let len = buffer.len() - HEADER_ROOM;
        let header = Header { fin: true, opcode, mask: None, len: len as u64 };
        let mut room = [0; Header::BYTES_MAX];
        let encoded = header.encode(&mut room);
        let start = HEADER_ROOM - encoded.len();
        buffer[start..HEADER_ROOM].copy_from_slice(encoded);
        if len < OWN_CHUNK_BYTES_MIN {
            self.open.extend_from_slice(&buffer[start..]);
        } else {
            let before = self.seal();
            self.sealed.extend(before);
            // Never a copy: bytes 1.12 boxes a full vector as it is, and keeps the capacity of
            // another (only `into_boxed_slice` by ourselves would shrink it).
            let mut chunk = Bytes::from(buffer);
            chunk.advance(start);
            self.sealed.push(chunk);
        }
        self.count(len);
    }

    fn count(&mut self, len: usize) {
        self.messages += 1;
        self.payload_bytes += len;
    }

    /// Ends the open chunk, if there is anything in it.
    fn seal(&mut self) -> Option<Bytes> {
        if self.open.is_empty() {
            return None;
        }
        if self.open.len() >= self.open.capacity() / 2 {
            return Some(std::mem::take(&mut self.open).into());
        }
        // Shared as it is, some 10 bytes could keep 64 KiB alive: an exact copy instead, and the
        // memory stays here for the next turn.
        let chunk = Bytes::copy_from_slice(&self.open);
        self.open.clear();
        if self.open.capacity() > KEPT_BYTES_MAX {
            self.open = Vec::new();
        }
        Some(chunk)
    }

    /// Bytes of heap in the chunk that grows.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        self.open.capacity()
    }
}
