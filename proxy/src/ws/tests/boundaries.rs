//! Both sides of every threshold, and every violation with its code.

use super::support::{Event, KEY, RawFrame, ours, wire};
use crate::ws::frame::OpCode;
use crate::ws::{CloseCode, Role, Violation};

const LIMIT: usize = 1 << 20;

/// What one input, cut after every byte and not at all, shows and fails with.
fn decoded(limit: usize, stream: &[u8]) -> (Vec<Event>, Option<Violation>) {
    let whole = ours(Role::Server, limit, &[stream]);
    let bytewise = ours(Role::Server, limit, &stream.chunks(1).collect::<Vec<_>>());
    assert_eq!(whole.events, bytewise.events);
    assert_eq!(whole.failure, bytewise.failure);
    (whole.events, whole.failure)
}

fn binary(fin: bool, payload: &[u8]) -> RawFrame {
    RawFrame::new(fin, 2, payload)
}

fn text(fin: bool, payload: &[u8]) -> RawFrame {
    RawFrame::new(fin, 1, payload)
}

fn rest(fin: bool, payload: &[u8]) -> RawFrame {
    RawFrame::new(fin, 0, payload)
}

#[test]
fn the_examples_of_the_rfc() {
    // RFC 6455 section 5.7; where it shows a server's form, we are the client.
    let hello = || Event::Text("Hello".into());
    let server = |bytes: &[u8]| ours(Role::Server, LIMIT, &[bytes]).events;
    let client = |bytes: &[u8]| ours(Role::Client, LIMIT, &[bytes]).events;
    assert_eq!(client(b"\x81\x05Hello"), [hello()]);
    assert_eq!(server(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), [hello()]);
    assert_eq!(client(b"\x01\x03Hel\x80\x02lo"), [hello()]);
    assert_eq!(client(b"\x89\x05Hello"), [Event::Ping(b"Hello".to_vec())]);
    assert_eq!(server(b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), [Event::Pong]);
}

#[test]
fn payloads_at_each_change_of_the_length_form() {
    for len in [0, 1, 125, 126, 127, 65_535, 65_536] {
        let payload = vec![0x5a; len];
        let expected = vec![Event::Binary(payload.clone())];
        let frame = wire(&[binary(true, &payload)]);
        assert_eq!(decoded(LIMIT, &frame), (expected.clone(), None), "{len} bytes");
        let (front, back) = payload.split_at(len / 3);
        let fragments = wire(&[binary(false, front), rest(false, b""), rest(true, back)]);
        assert_eq!(decoded(LIMIT, &fragments), (expected, None), "{len} bytes, fragmented");
    }
}

#[test]
fn both_sides_of_the_message_limit() {
    let too_big = |len| Some(Violation::TooBig { len, max: 300 });
    let sum = |fragments: &[usize]| {
        let last = fragments.len() - 1;
        let frame = |(i, len): (usize, &usize)| {
            RawFrame::new(i == last, u8::from(i == 0), vec![b'x'; *len])
        };
        let frames: Vec<RawFrame> = fragments.iter().enumerate().map(frame).collect();
        let (events, failure) = decoded(300, &wire(&frames));
        assert_eq!(events.len(), usize::from(failure.is_none()), "{fragments:?}");
        failure
    };
    assert_eq!(sum(&[300]), None);
    assert_eq!(sum(&[301]), too_big(301));
    assert_eq!(sum(&[100, 100, 100]), None);
    assert_eq!(sum(&[100, 100, 101]), too_big(301));
    assert_eq!(sum(&[300, 0, 0]), None);
    assert_eq!(sum(&[300, 1, 0]), too_big(301));
    assert_eq!(decoded(0, &wire(&[text(true, b"")])), (vec![Event::Text(String::new())], None));
    // Control frames have a limit of their own.
    let ping = wire(&[RawFrame::new(true, 9, [1; 125])]);
    assert_eq!(decoded(0, &ping), (vec![Event::Ping(vec![1; 125])], None));
}

#[test]
fn a_header_over_the_limit_fails_without_its_payload() {
    let promise = |len| {
        let frame = RawFrame { claimed: Some(len), ..binary(true, b"") };
        decoded(LIMIT, &wire(&[binary(true, b"before"), frame])).1
    };
    assert_eq!(promise(LIMIT as u64), None);
    for len in [LIMIT as u64 + 1, u64::MAX >> 1] {
        assert_eq!(promise(len), Some(Violation::TooBig { len, max: LIMIT }));
    }
    // A limit that no sum of lengths may overflow.
    let frames =
        [binary(false, b"x"), RawFrame { claimed: Some(u64::MAX >> 1), ..rest(true, b"") }];
    assert_eq!(decoded(usize::MAX, &wire(&frames)).1, None);
}

/// RFC 6455 section by section: what breaks it, and how it must end.
fn violations() -> Vec<(Vec<RawFrame>, Violation)> {
    let frame = |opcode| RawFrame::new(true, opcode, b"");
    let close = |payload: &[u8]| vec![RawFrame::new(true, 8, payload)];
    let reserved = |opcode| (vec![frame(opcode)], Violation::ReservedOpcode { opcode });
    let bits = |rsv| (vec![RawFrame { rsv, ..frame(1) }], Violation::ReservedBits { bits: rsv });
    let padded = |len: usize, bytes: u8| {
        let payload = vec![b'x'; len];
        let length_bytes = Some(usize::from(bytes));
        let frame = RawFrame { length_bytes, ..binary(true, &payload) };
        (vec![frame], Violation::PaddedLength { len: len as u64, bytes })
    };
    let bad_code = |code: u16| (close(&code.to_be_bytes()), Violation::BadCloseCode { code });
    let mut all: Vec<_> = (1..8).map(bits).collect();
    all.extend([3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(reserved));
    all.extend([padded(0, 2), padded(125, 2), padded(0, 8), padded(126, 8), padded(65_535, 8)]);
    all.extend([0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map(bad_code));
    for opcode in [OpCode::Close, OpCode::Ping, OpCode::Pong] {
        let fragment = RawFrame { fin: false, ..frame(opcode as u8) };
        all.push((vec![fragment], Violation::FragmentedControl { opcode }));
        let long = RawFrame::new(true, opcode as u8, [0; 126]);
        all.push((vec![long], Violation::LongControl { opcode }));
    }
    for opcode in [OpCode::Text, OpCode::Binary] {
        let again = vec![text(false, b"a"), frame(opcode as u8)];
        all.push((again, Violation::InterruptedMessage { opcode }));
    }
    let len = 1 << 63;
    let frame_with = |claimed| RawFrame { claimed: Some(claimed), ..frame(2) };
    all.push((vec![frame_with(len)], Violation::LengthBeyond63Bits { len }));
    all.push((vec![RawFrame { mask: None, ..frame(1) }], Violation::Unmasked));
    all.push((vec![rest(true, b"")], Violation::StrayContinuation));
    all.push((vec![rest(false, b"")], Violation::StrayContinuation));
    let ended = vec![text(false, b"a"), rest(true, b"b"), rest(true, b"c")];
    all.push((ended, Violation::StrayContinuation));
    all.push((close(b"\x03"), Violation::CutCloseCode));
    all.push((close(b"\x03\xe8\xff"), Violation::BadCloseReason));
    all.push((vec![text(true, b"ab\xff")], Violation::NotUtf8 { at: 2 }));
    all.push((
        vec![text(true, "ab€".as_bytes().split_last().unwrap().1)],
        Violation::NotUtf8 { at: 2 },
    ));
    all
}

#[test]
fn every_violation_ends_the_connection_with_its_code_and_keeps_what_came_before() {
    for (frames, violation) in violations() {
        let code = match violation {
            Violation::NotUtf8 { .. } | Violation::BadCloseReason => CloseCode::INVALID_DATA,
            _ => CloseCode::PROTOCOL,
        };
        assert_eq!(violation.code(), code);
        // One message before, which counts, and one after, which does not.
        let stream = [vec![text(true, b"before")], frames, vec![text(true, b"after")]].concat();
        let (events, failure) = decoded(LIMIT, &wire(&stream));
        assert_eq!(failure, Some(violation));
        assert_eq!(events[0], Event::Text("before".into()));
        assert!(!events.contains(&Event::Text("after".into())));
    }
    let too_big = Violation::TooBig { len: 1, max: 0 };
    assert_eq!(too_big.code(), CloseCode::TOO_BIG);
}

#[test]
fn a_client_takes_no_masked_frame() {
    let masked = ours(Role::Client, LIMIT, &[&wire(&[text(true, b"a")])]);
    assert_eq!((masked.events, masked.failure), (vec![], Some(Violation::Masked)));
}

#[test]
fn close_codes_that_may_be_sent_are_read() {
    for code in [1000_u16, 1003, 1007, 1014, 3000, 4999] {
        let payload = [&code.to_be_bytes(), "why €".as_bytes()].concat();
        let expected = Event::Close(Some((code, "why €".into())));
        let stream = wire(&[RawFrame::new(true, 8, payload)]);
        assert_eq!(decoded(LIMIT, &stream), (vec![expected], None));
    }
}

#[test]
fn nothing_after_a_close_counts() {
    let rsv = RawFrame { rsv: 7, ..text(true, b"wrong") };
    let close = RawFrame::new(true, 8, b"");
    let stream = wire(&[text(false, b"open"), close, rest(true, b"late"), rsv]);
    assert_eq!(decoded(LIMIT, &stream), (vec![Event::Close(None)], None));
}

#[test]
fn text_may_be_cut_at_any_byte_into_reads_and_fragments() {
    let message = "aµ€😀\u{10ffff}z";
    let bytes = message.as_bytes();
    for i in 0..=bytes.len() {
        for j in i..=bytes.len() {
            let (front, middle, back) = (&bytes[..i], &bytes[i..j], &bytes[j..]);
            let ping = RawFrame::new(true, 9, b"");
            let frames = [text(false, front), rest(false, middle), ping, rest(true, back)];
            let expected = vec![Event::Ping(vec![]), Event::Text(message.into())];
            assert_eq!(decoded(LIMIT, &wire(&frames)), (expected, None), "cut at {i} and {j}");
        }
    }
}

#[test]
fn a_code_point_that_the_message_ends_within_is_wrong() {
    for (text_bytes, at) in [("aµ", 1), ("a€", 1), ("a😀", 1)] {
        let bytes = text_bytes.as_bytes();
        for end in at + 1..bytes.len() {
            let expected = Some(Violation::NotUtf8 { at });
            let whole = wire(&[text(true, &bytes[..end])]);
            assert_eq!(decoded(LIMIT, &whole), (vec![], expected.clone()));
            let fragments = wire(&[text(false, &bytes[..end]), rest(true, b"")]);
            assert_eq!(decoded(LIMIT, &fragments), (vec![], expected));
        }
    }
}

#[test]
fn wrong_text_fails_at_its_first_wrong_byte() {
    // Long before the frame ends, and however the bytes before it were cut.
    let wrong = "aµ€".bytes().chain(*b"\xed\xa0\x80").collect::<Vec<u8>>();
    let frame = RawFrame { claimed: Some(1000), ..text(true, &wrong) };
    let stream = wire(&[frame]);
    let until_surrogate = &stream[..stream.len() - 1];
    assert_eq!(decoded(LIMIT, &until_surrogate[..until_surrogate.len() - 1]), (vec![], None));
    let expected = (vec![], Some(Violation::NotUtf8 { at: 6 }));
    assert_eq!(decoded(LIMIT, until_surrogate), expected);
    let fragments =
        wire(&[text(false, "aµ€".as_bytes()), rest(false, b"\xed"), rest(false, b"\xa0")]);
    assert_eq!(decoded(LIMIT, &fragments), expected);
}

#[test]
fn the_key_is_followed_through_every_cut() {
    let payload: Vec<u8> = (0..=255).cycle().take(1000).collect();
    let stream = wire(&[binary(true, &payload)]);
    assert_eq!(stream[4..8], KEY);
    for cut in 0..stream.len() {
        let (front, back) = stream.split_at(cut);
        let seen = ours(Role::Server, LIMIT, &[front, back]);
        assert_eq!(seen.events, [Event::Binary(payload.clone())], "cut at {cut}");
    }
}
