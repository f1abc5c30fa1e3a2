//! Encoded frames, walked: where each one lies, where a queue may be cut, how a client sends them.
//!
//! ```text
//!           a socket has taken this much
//!                      ▼
//!   ┌───┬─────────┬───┬─────────┬───┬─────────┐
//!   │ h │ payload │ h │ payload │ h │ payload │   chunk
//!   └───┴─────────┴───┴─────────┴───┴─────────┘
//!                               ▲
//!                   it must still get this much (frame_end_at); the rest may be dropped
//! ```
//!
//! All this is for our own output: chunks of a [`super::Batch`], and control frames. Bytes that
//! are anything else are our own bug, so they stop the program instead of being sent on.

use std::iter;
use std::ops::Range;

use bytes::Bytes;

use super::frame::Header;
use super::mask::apply_mask;

/// One frame in a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Where the frame starts.
    pub(crate) start: usize,
    /// Its header.
    pub(crate) header: Header,
    /// Where its payload lies; its end is the end of the frame.
    pub(crate) payload: Range<usize>,
}

/// The frames of `chunk`, in order.
///
/// # Panics
///
/// While iterating, if `chunk` is not a sequence of whole frames.
pub(crate) fn frames(chunk: &[u8]) -> impl Iterator<Item = Frame> {
    let mut start = 0;
    iter::from_fn(move || {
        let rest = chunk.get(start..).filter(|rest| !rest.is_empty())?;
        let parsed = Header::parse(rest).ok().flatten();
        let (header, header_len) = parsed.expect("a chunk holds whole, valid headers");
        let len = usize::try_from(header.len).expect("a chunk is no longer than memory");
        let payload_start = start + header_len;
        let frame = Frame { start, header, payload: payload_start..payload_start + len };
        assert!(frame.payload.end <= chunk.len(), "a chunk holds whole frames");
        start = frame.payload.end;
        Some(frame)
    })
}

/// Where the frame ends within which `offset` lies; `offset` itself if it is the start or the end
/// of a frame. So what is written up to `offset` must still be written up to here.
///
/// # Panics
///
/// If `chunk` is not a sequence of whole frames, or ends before `offset`.
#[must_use]
pub(crate) fn frame_end_at(chunk: &[u8], offset: usize) -> usize {
    let ends = frames(chunk).map(|frame| frame.payload.end);
    let end = iter::once(0).chain(ends).find(|end| *end >= offset);
    end.expect("the offset is one within the chunk")
}

/// The same frames as a client sends them (RFC 6455 section 5.3): each masked with a key of its
/// own, which must be unpredictable to whoever chose the payload.
///
/// # Panics
///
/// If `chunk` is not a sequence of whole, unmasked frames.
#[must_use]
pub(crate) fn mask_batch(chunk: &[u8], mut keys: impl FnMut() -> [u8; 4]) -> Bytes {
    let keys_len = frames(chunk).count() * size_of::<[u8; 4]>();
    let mut masked = Vec::with_capacity(chunk.len() + keys_len);
    for frame in frames(chunk) {
        assert!(frame.header.mask.is_none(), "a chunk is masked only once");
        let key = keys();
        let header = Header { mask: Some(key), ..frame.header };
        masked.extend_from_slice(header.encode(&mut [0; Header::BYTES_MAX]));
        let start = masked.len();
        masked.extend_from_slice(&chunk[frame.payload]);
        apply_mask(&mut masked[start..], key, 0);
    }
    masked.into()
}
