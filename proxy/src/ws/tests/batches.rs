//! Encoded batches: walked, cut at frame ends, and masked for a server.

use proptest::prelude::*;
use proptest::sample::Index;

use super::strategies::valid_stream;
use super::support::wire_for;
use super::support::{Event, ours, theirs};
use crate::ws::frames::frames;
use crate::ws::{Batch, CloseCode, Decoder, Role, close, frame_end_at, mask_batch, ping};

/// The messages of a stream as one chunk or several, joined.
fn batch_of(stream: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new(Role::Server, usize::MAX);
    let mut batch = Batch::default();
    let mut input = stream;
    while decoder.decode(&mut input, &mut batch).unwrap().is_some() {}
    // What follows a Close is discarded by the next call.
    assert_eq!(decoder.decode(&mut input, &mut batch), Ok(None));
    assert!(input.is_empty());
    batch.take().collect::<Vec<_>>().concat()
}

fn any_batch() -> impl Strategy<Value = Vec<u8>> {
    valid_stream().prop_map(|frames| batch_of(&wire_for(Role::Server, frames)))
}

proptest! {
    #[test]
    fn frames_lie_end_to_end(batch in any_batch()) {
        let mut end = 0;
        for frame in frames(&batch) {
            prop_assert_eq!(frame.start, end);
            prop_assert!(frame.start < frame.payload.start);
            prop_assert_eq!(frame.payload.len() as u64, frame.header.len);
            end = frame.payload.end;
        }
        prop_assert_eq!(end, batch.len());
    }

    #[test]
    fn a_batch_cut_at_a_frame_end_is_two_batches(batch in any_batch(), at: Index) {
        let offset = at.index(batch.len() + 1);
        let cut = frame_end_at(&batch, offset);
        let (written, rest) = batch.split_at(cut);
        let read = |bytes| theirs(Role::Client, usize::MAX, &[bytes]).events;
        // Both halves are whole frames, together the whole batch.
        prop_assert_eq!([read(written), read(rest)].concat(), read(&batch));
        prop_assert_eq!(frames(written).count() + frames(rest).count(), frames(&batch).count());
        // It is the first such place that is not before the offset.
        prop_assert!(cut >= offset);
        let earlier = frames(&batch).map(|frame| frame.start).filter(|start| *start < cut);
        prop_assert!(earlier.into_iter().all(|start| start < offset));
        prop_assert_eq!(frame_end_at(&batch, cut), cut);
    }

    #[test]
    fn a_masked_batch_says_the_same_to_a_server(batch in any_batch(), seed: [u8; 4]) {
        let mut next = u32::from_ne_bytes(seed);
        let mut keys = Vec::new();
        let masked = mask_batch(&batch, || {
            next = next.wrapping_mul(747_796_405).wrapping_add(1);
            keys.push(next.to_ne_bytes());
            next.to_ne_bytes()
        });
        let used: Vec<_> = frames(&masked).filter_map(|frame| frame.header.mask).collect();
        prop_assert_eq!(used, keys, "each frame has its own key, in order");
        let said = theirs(Role::Client, usize::MAX, &[&batch]);
        let heard = theirs(Role::Server, usize::MAX, &[&masked]);
        prop_assert_eq!((said.failure, heard.failure), (None, None));
        prop_assert_eq!(&said.events, &heard.events);
        prop_assert_eq!(ours(Role::Server, usize::MAX, &[&masked]).events, said.events);
        let kept = masked.try_into_mut().map_or(0, |bytes| bytes.capacity());
        prop_assert_eq!(kept, batch.len() + 4 * frames(&batch).count(), "allocated exactly");
    }
}

#[test]
fn ends_of_frames() {
    let batch = b"\x81\x02ab\x82\x00\x82\x01c";
    let ends: Vec<usize> = (0..=batch.len()).map(|offset| frame_end_at(batch, offset)).collect();
    assert_eq!(ends, [0, 4, 4, 4, 4, 6, 6, 9, 9, 9]);
    assert_eq!(frame_end_at(b"", 0), 0);
}

#[test]
fn control_frames_are_masked_like_any_other() {
    let both = [ping(b"are you there?"), close(CloseCode::GOING_AWAY, "bye")].concat();
    let heard = ours(Role::Server, 0, &[&mask_batch(&both, || [1, 2, 3, 4])]);
    let expected =
        [Event::Ping(b"are you there?".to_vec()), Event::Close(Some((1001, "bye".into())))];
    assert_eq!((heard.events, heard.failure), (expected.to_vec(), None));
}

#[test]
#[should_panic(expected = "a chunk holds whole frames")]
fn half_a_frame_is_our_own_bug() {
    let _ = mask_batch(b"\x81\x02a", || [0; 4]);
}

#[test]
#[should_panic(expected = "the offset is one within the chunk")]
fn an_offset_beyond_the_chunk_is_our_own_bug() {
    let _ = frame_end_at(b"\x81\x00", 3);
}
