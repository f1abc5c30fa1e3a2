//! We show what tungstenite shows and refuse what it refuses, but for these differences.
//!
//! 1. A length in more bytes than it needs: refused here with 1002, as RFC 6455 section 5.2 says;
//!    tungstenite accepts it. In a control frame, any length beyond the 7 bits is one too long.
//! 2. A length with the highest of 64 bits set: 1002 here, for the same section; to tungstenite it
//!    is just too big (1009).
//! 3. A Close with a code that may not be sent: a violation here (1002); tungstenite reports a
//!    Close with code 1002 and a text of its own, or, if the reason is no UTF-8 either, that.
//! 4. Close code 1014: accepted here, because IANA registered it; refused by tungstenite.
//! 5. A frame both too big and wrong in its header: here the header's fault counts, which comes
//!    first in the stream; tungstenite compares the length first (1009).
//! 6. Time: we refuse at the first byte that shows a fault, tungstenite mostly when the frame is
//!    complete. So after a violation the oracle is given the rest of the frame.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;

use super::support::{Event, RawFrame, ours, theirs, wire_for};
use crate::ws::{Role, Violation};

const FRAME_HEADER_BYTES_MAX: usize = 14;
const MARKER: &[u8] = b"the frame before was accepted";

/// Gives both the same bytes, to us cut into `chunks`, and compares what they show.
pub(crate) fn assert_same_judgement(role: Role, limit: usize, stream: &[u8], chunks: &[&[u8]]) {
    let ours = ours(role, limit, chunks);
    let Some(violation) = &ours.failure else {
        let theirs = theirs(role, limit, &[stream]);
        assert_eq!(theirs.failure, None, "only tungstenite refuses it");
        assert_same_events(&ours.events, &theirs.events);
        return;
    };
    let theirs = theirs(role, limit, &[&completed(role, limit, stream)]);
    let before = &theirs.events[..ours.events.len().min(theirs.events.len())];
    assert_same_events(&ours.events, before);
    let after = &theirs.events[before.len()..];
    match violation {
        Violation::PaddedLength { .. } => {} // difference 1
        Violation::LongControl { .. } if has_padded_length(role, stream) => {} // difference 1
        Violation::BadCloseCode { .. } => match after {
            [refused] => assert_eq!(*refused, close_refused_by_tungstenite(), "difference 3"),
            _ => assert_eq!(theirs.failure, Some(1007), "difference 3"),
        },
        _ => {
            assert_eq!(after, [], "only we refuse it, with {violation:?}");
            let also_too_big =
                may_also_be_too_big(violation) && has_frame_over(role, limit, stream);
            let same = theirs.failure == Some(violation.code().get());
            let differs = also_too_big && theirs.failure == Some(1009);
            assert!(same || differs, "{violation:?} here, {:?} there", theirs.failure);
        }
    }
}

fn assert_same_events(ours: &[Event], theirs: &[Event]) {
    let theirs = theirs.iter().zip(ours).map(|(theirs, ours)| match ours {
        Event::Close(Some((1014, _))) => {
            assert_eq!(*theirs, close_refused_by_tungstenite(), "difference 4");
            ours
        }
        _ => theirs,
    });
    assert_eq!(ours.iter().collect::<Vec<_>>(), theirs.collect::<Vec<_>>());
}

fn close_refused_by_tungstenite() -> Event {
    Event::Close(Some((1002, "Protocol violation".into())))
}

/// Differences 2 and 5.
fn may_also_be_too_big(violation: &Violation) -> bool {
    matches!(
        violation,
        Violation::LengthBeyond63Bits { .. }
            | Violation::ReservedBits { .. }
            | Violation::FragmentedControl { .. }
            | Violation::LongControl { .. }
            | Violation::Unmasked
            | Violation::Masked
            | Violation::StrayContinuation
            | Violation::InterruptedMessage { .. }
    )
}

/// A header in a stream, as tungstenite reads it.
struct TheirHeader {
    len: u64,
    /// Whether the length takes more bytes than it needs.
    padded: bool,
    /// Where the frame ends.
    end: usize,
}

fn headers(stream: &[u8]) -> Vec<TheirHeader> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(rest) = stream.get(start..) {
        let mut cursor = Cursor::new(rest);
        let Ok(Some((header, len))) = FrameHeader::parse(&mut cursor) else { break };
        let padded = cursor.position() > header.len(len) as u64;
        let payload_start = start + usize::try_from(cursor.position()).expect("a few bytes");
        start = payload_start.saturating_add(usize::try_from(len).expect("64 bits"));
        found.push(TheirHeader { len, padded, end: start });
    }
    found
}

fn has_frame_over(role: Role, limit: usize, stream: &[u8]) -> bool {
    let headers = headers(&with_whole_header(role, stream));
    headers.iter().any(|header| header.len > limit.max(125) as u64)
}

fn has_padded_length(role: Role, stream: &[u8]) -> bool {
    headers(&with_whole_header(role, stream)).iter().any(|header| header.padded)
}

/// The stream, and if it ends within a header the rest of that, so that it has a length.
fn with_whole_header(role: Role, stream: &[u8]) -> Vec<u8> {
    let mut stream = stream.to_vec();
    let whole = headers(&stream);
    let start = whole.last().map_or(0, |header| header.end);
    // A reserved opcode never makes a header, whatever follows.
    for _ in 0..FRAME_HEADER_BYTES_MAX {
        if start < stream.len() && headers(&stream).len() == whole.len() {
            let is_mask_bit = stream.len() == start + 1 && role == Role::Server;
            stream.push(if is_mask_bit { 0x80 } else { 0 });
        }
    }
    stream
}

/// Difference 6: the stream with its last frame completed, and one more after it, which the
/// oracle must not reach.
fn completed(role: Role, limit: usize, stream: &[u8]) -> Vec<u8> {
    let mut stream = with_whole_header(role, stream);
    let end = headers(&stream).last().map_or(0, |header| header.end);
    // A frame that is too big is refused by its header.
    if end <= stream.len() + limit.max(125) {
        stream.resize(end.max(stream.len()), 0);
    }
    stream.extend(wire_for(role, vec![RawFrame::new(true, 9, MARKER)]));
    stream
}
