//! WebSocket frames (RFC 6455) for a relay: bytes in, batches and control frames out, no I/O.
//!
//! ```text
//!  what one read gave      Decoder, one per connection        Batch, one per worker
//!  ┌─────────────────┐     judges every rule of RFC 6455      ┌───────────────────────┐
//!  │ masked frames,  │ ──▶ unmasks, joins, checks UTF-8 ────▶ │ unmasked, whole       │
//!  │ fragmented, cut │      │                                 │ messages, end to end  │
//!  │ anywhere        │      ▼                                 └───────────┬───────────┘
//!  └─────────────────┘     Control: returned to the caller,               ▼ take
//!                          to be answered in order                Bytes, shared by all
//!                          (Control::answer)                      receivers
//! ```
//!
//! A message is encoded once, in the form that a server sends: unmasked, so the same for every
//! receiver. All that one read completes lies end to end in one buffer, so a receiver costs one
//! reference and one write. Where we are the client of a receiver, [`mask_batch`] makes its copy.
//!
//! A message enters a batch only when it is whole and valid. Nothing else does: not a part of one,
//! not a control frame. What a receiver gets is therefore right whatever the sender does next.
//!
//! Between messages a [`Decoder`] owns no heap memory; inside one it owns what has been received,
//! never what a header merely promises.
//!
//! Absent, on purpose: extensions (so the reserved bits are 0), the handshake, timers, and the
//! state of the closing handshake beyond "nothing counts after a Close".

mod batch;
mod close;
mod control;
mod decoder;
mod frame;
mod frames;
mod mask;
mod message;
#[cfg(any(test, fuzzing))]
pub(crate) mod tests;
mod utf8;
mod violation;

pub(crate) use batch::Batch;
pub(crate) use close::CloseCode;
pub(crate) use control::{Control, close, ping};
pub(crate) use decoder::{Decoder, Role};
pub(crate) use frames::{frame_end_at, mask_batch};
#[cfg(feature = "bench")]
pub(crate) use mask::apply_mask;
pub(crate) use violation::Violation;
