//! What a decoder owns, and when; what a batch copies, and what it keeps alive.

use bytes::Bytes;

use super::support::{KEY, RawFrame, wire};
use crate::ws::frames::frames;
use crate::ws::mask::apply_mask;
use crate::ws::{Batch, Decoder, Role, Violation};

const LIMIT: usize = 16 << 20;
/// More than a control frame and the two structs that hold what is incomplete.
const SMALL: usize = 512;

fn decoder() -> (Decoder, Batch) {
    (Decoder::new(Role::Server, LIMIT), Batch::default())
}

/// Gives all of `input` to the decoder, whatever control frames are in it.
fn feed(decoder: &mut Decoder, mut input: &[u8], batch: &mut Batch) -> Result<(), Violation> {
    while decoder.decode(&mut input, batch)?.is_some() {}
    assert!(input.is_empty(), "None means that all is consumed");
    Ok(())
}

/// The masked header of a frame, without its payload.
fn header(fin: bool, opcode: u8, len: usize) -> Vec<u8> {
    wire(&[RawFrame { claimed: Some(len as u64), ..RawFrame::new(fin, opcode, b"") }])
}

fn masked(payload: &[u8], offset: usize) -> Vec<u8> {
    let mut masked = payload.to_vec();
    apply_mask(&mut masked, KEY, offset);
    masked
}

/// What a chunk keeps alive, which only a buffer that nobody else holds tells.
fn kept_alive(chunk: Bytes) -> usize {
    chunk.try_into_mut().expect("nobody else holds it").capacity()
}

#[test]
fn an_idle_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 24, "{} bytes", size_of::<Decoder>());
}

#[test]
fn heap_is_owned_only_within_a_message_or_a_head() {
    let (mut decoder, mut batch) = decoder();
    let ping = RawFrame::new(true, 9, b"between");
    let frames = [
        RawFrame::new(true, 1, "µ"),
        ping.clone(),
        RawFrame::new(false, 2, b"begun"),
        ping,
        RawFrame::new(true, 0, vec![7; 300]),
        RawFrame::new(true, 8, b"\x03\xe8"),
    ];
    for (frame, open_after) in frames.iter().zip([false, false, true, true, false, false]) {
        let bytes = wire(std::slice::from_ref(frame));
        let (last, front) = bytes.split_last().unwrap();
        for byte in front {
            feed(&mut decoder, &[*byte], &mut batch).unwrap();
            assert!(decoder.heap_bytes() > 0, "in the middle of {frame:?}");
            assert!(decoder.heap_bytes() < 2 * SMALL);
        }
        feed(&mut decoder, &[*last], &mut batch).unwrap();
        assert_eq!(decoder.heap_bytes() > 0, open_after, "after {frame:?}");
    }
}

#[test]
fn a_violation_and_a_close_free_what_was_begun() {
    let begun = wire(&[RawFrame::new(false, 2, vec![0; 10_000])]);
    let wrong = RawFrame { rsv: 1, ..RawFrame::new(true, 9, b"") };
    for end in [wrong, RawFrame::new(true, 8, b"")] {
        let (mut decoder, mut batch) = decoder();
        feed(&mut decoder, &begun, &mut batch).unwrap();
        assert!(decoder.heap_bytes() > 10_000);
        let _ = feed(&mut decoder, &wire(&[end]), &mut batch);
        assert_eq!(decoder.heap_bytes(), 0);
        feed(&mut decoder, &begun, &mut batch).unwrap();
        assert_eq!(decoder.heap_bytes(), 0, "what comes after is discarded");
    }
}

#[test]
fn a_promise_allocates_nothing_and_memory_follows_what_is_received() {
    for fin in [true, false] {
        let (mut decoder, mut batch) = decoder();
        feed(&mut decoder, &header(fin, 2, LIMIT), &mut batch).unwrap();
        assert!(decoder.heap_bytes() < SMALL, "{} bytes for a header", decoder.heap_bytes());
        let mut received = 0;
        for read in [1, 1, 100, 1, 4096, 65_536, 3, 65_536, 1 << 20] {
            feed(&mut decoder, &vec![0; read], &mut batch).unwrap();
            received += read;
            let owned = decoder.heap_bytes();
            assert!(owned < SMALL + 2 * received, "{owned} bytes after {received}");
        }
    }
    let (mut decoder, mut batch) = decoder();
    let begun = [header(true, 2, LIMIT), vec![0; 10_000]].concat();
    feed(&mut decoder, &begun, &mut batch).unwrap();
    assert!(decoder.heap_bytes() < SMALL + 10_000, "the first part is kept exactly");
}

#[test]
fn many_small_fragments_do_not_move_the_message_each_time() {
    for (count, len) in [(100_000, 1), (1000, 100)] {
        let (mut decoder, mut batch) = decoder();
        feed(&mut decoder, &wire(&[RawFrame::new(false, 2, b"x")]), &mut batch).unwrap();
        let fragment = wire(&[RawFrame::new(false, 0, vec![b'x'; len])]);
        let (mut owned, mut grown) = (decoder.heap_bytes(), 0);
        for _ in 0..count {
            feed(&mut decoder, &fragment, &mut batch).unwrap();
            grown += usize::from(decoder.heap_bytes() != owned);
            owned = decoder.heap_bytes();
        }
        assert!(grown <= 20, "grown {grown} times");
    }
}

#[test]
fn a_large_message_is_handed_on_where_it_was_received() {
    let len = 1 << 20;
    let payload: Vec<u8> = (0..=255).cycle().take(len).collect();
    let (mut decoder, mut batch) = decoder();
    feed(&mut decoder, &wire(&[RawFrame::new(true, 1, b"before")]), &mut batch).unwrap();
    feed(&mut decoder, &header(true, 2, len), &mut batch).unwrap();
    for (i, part) in payload[..len - 1].chunks(60_000).enumerate() {
        feed(&mut decoder, &masked(part, i * 60_000), &mut batch).unwrap();
    }
    let address = decoder.payload_address();
    let mut last = masked(&payload[len - 1..], len - 1);
    last.extend(wire(&[RawFrame::new(true, 1, b"after")]));
    feed(&mut decoder, &last, &mut batch).unwrap();

    assert_eq!((batch.messages(), batch.payload_bytes()), (3, len + 11));
    let chunks: Vec<Bytes> = batch.take().collect();
    assert_eq!(chunks.len(), 3, "what came before, the message, what came after");
    assert_eq!(chunks[0][..], *b"\x81\x06before");
    assert_eq!(chunks[2][..], *b"\x81\x05after");
    let frame = frames(&chunks[1]).next().unwrap();
    assert_eq!(chunks[1][frame.payload.clone()], payload);
    assert_eq!(chunks[1][frame.payload].as_ptr().addr(), address, "not copied");
    assert!(kept_alive(chunks.into_iter().nth(1).unwrap()) <= len + 10, "nothing left over");
}

#[test]
fn all_but_large_messages_share_one_chunk_however_they_were_cut() {
    let mut stream = Vec::new();
    for len in [0, 10, 65_535, 3, 300] {
        RawFrame::new(true, 2, vec![1; len]).write(&mut stream);
        RawFrame::new(false, 2, vec![2; len / 2]).write(&mut stream);
        RawFrame::new(true, 0, vec![3; len / 2]).write(&mut stream);
    }
    for read in [1, 100, 8192, 65_536, stream.len()] {
        let (mut decoder, mut batch) = decoder();
        for input in stream.chunks(read) {
            feed(&mut decoder, input, &mut batch).unwrap();
        }
        assert_eq!((batch.messages(), batch.take().count()), (10, 1), "reads of {read}");
    }
    // From 64 KiB on a message that took two reads stands for itself; one that took one does not.
    let large = wire(&[RawFrame::new(true, 2, vec![1; 65_536])]);
    for (cut, chunks) in [(large.len(), 1), (1000, 2)] {
        let (mut decoder, mut batch) = decoder();
        let small = wire(&[RawFrame::new(true, 2, b"small")]);
        feed(&mut decoder, &small, &mut batch).unwrap();
        feed(&mut decoder, &large[..cut], &mut batch).unwrap();
        feed(&mut decoder, &large[cut..], &mut batch).unwrap();
        assert_eq!(batch.take().count(), chunks);
    }
}

#[test]
fn a_chunk_keeps_alive_at_most_twice_its_length() {
    let mut batch = Batch::default();
    let mut decoder = Decoder::new(Role::Server, LIMIT);
    // One worker's batch sees them all in turn, so small content meets a large buffer.
    for (count, len) in [(1, 10), (1, 1 << 20), (1, 10), (600, 100), (1, 0), (20, 3000), (2, 2)] {
        let stream = wire(&vec![RawFrame::new(true, 2, vec![0; len]); count]);
        for read in [stream.len(), 4096, 700] {
            for input in stream.chunks(read) {
                feed(&mut decoder, input, &mut batch).unwrap();
            }
            for chunk in batch.take() {
                let len = chunk.len();
                let kept = kept_alive(chunk);
                assert!(kept <= 2 * len + 1, "{len} bytes keep {kept} alive");
            }
            assert!(batch.heap_bytes() <= 256 * 1024, "what stays for the next turn");
        }
    }
}

#[test]
fn memory_of_a_usual_read_is_used_again_and_that_of_a_huge_one_is_not() {
    for (read, kept) in [(64 * 1024, true), (1 << 20, false)] {
        let (mut decoder, mut batch) = decoder();
        // One small message, then the start of one that does not go into the open chunk.
        let mut input = wire(&[RawFrame::new(true, 2, b"small")]);
        input.extend(header(true, 2, read));
        input.resize(read, 0);
        feed(&mut decoder, &input, &mut batch).unwrap();
        assert!(batch.heap_bytes() >= read - 10);
        let chunk = batch.take().next().unwrap();
        assert_eq!(chunk[..], *b"\x82\x05small");
        assert_eq!(kept_alive(chunk), 7);
        assert_eq!(batch.heap_bytes() >= read - 10, kept, "a read of {read}");
        assert_eq!(batch.heap_bytes() == 0, !kept, "a read of {read}");
    }
}

#[test]
fn a_large_message_of_many_fragments_keeps_alive_at_most_twice_its_length() {
    for last in [0, 1, 70_000, 300_000] {
        let (mut decoder, mut batch) = decoder();
        feed(&mut decoder, &wire(&[RawFrame::new(false, 2, b"")]), &mut batch).unwrap();
        let fragment = RawFrame::new(false, 0, [0; 100]);
        feed(&mut decoder, &wire(&vec![fragment; 700]), &mut batch).unwrap();
        feed(&mut decoder, &wire(&[RawFrame::new(true, 0, vec![0; last])]), &mut batch).unwrap();
        let chunks: Vec<Bytes> = batch.take().collect();
        let [chunk] = <[Bytes; 1]>::try_from(chunks).expect("one message, one chunk");
        let len = chunk.len();
        let kept = kept_alive(chunk);
        assert!(kept <= 2 * len, "{len} bytes keep {kept} alive");
    }
}

#[test]
fn what_one_read_completes_is_allocated_once() {
    let stream = wire(&vec![RawFrame::new(true, 2, vec![0; 64]); 900]);
    let (mut decoder, mut batch) = decoder();
    feed(&mut decoder, &wire(&[RawFrame::new(true, 2, b"")]), &mut batch).unwrap();
    batch.take().for_each(drop);
    let mut input = &stream[..];
    decoder.decode(&mut input, &mut batch).unwrap();
    assert!(batch.heap_bytes() <= stream.len() + 10, "reserved for this input, and never doubled");
}
