//! Streams to be decoded: valid ones, frames with any fault, mutations, and cuts.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::support::RawFrame;
use crate::ws::Role;

pub(super) fn any_role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Server), Just(Role::Client)]
}

/// A valid message with its fragments and the control frames between them, or a control frame.
fn valid_frames() -> impl Strategy<Value = Vec<RawFrame>> {
    prop_oneof![
        6 => fragmented(1, text(40).prop_map(String::into_bytes)),
        6 => fragmented(2, vec(any::<u8>(), 0..300)),
        1 => fragmented(2, (65_500_usize..70_000, any::<u8>()).prop_map(|(n, b)| vec![b; n])),
        2 => control().prop_map(|frame| vec![frame]),
    ]
}

/// A whole valid stream: messages and control frames, perhaps a Close with something after it.
pub(super) fn valid_stream() -> impl Strategy<Value = Vec<RawFrame>> {
    let body = vec(valid_frames(), 0..8);
    let end = prop::option::weighted(0.3, (close(), vec(valid_frames(), 0..2)));
    (body, end).prop_map(|(body, end)| {
        let mut frames = body.concat();
        if let Some((close, after)) = end {
            frames.push(close);
            frames.extend(after.concat());
        }
        frames
    })
}

/// Frames of which each may have any fault, in any order.
pub(super) fn faulty_stream() -> impl Strategy<Value = Vec<RawFrame>> {
    let frame = (
        prop::bool::weighted(0.8),
        prop_oneof![30 => Just(0_u8), 1 => 1_u8..8],
        prop_oneof![30 => prop::sample::select(vec![0_u8, 0, 1, 1, 2, 8, 9, 10]), 1 => 0_u8..16],
        prop_oneof![30 => Just(true), 1 => Just(false)],
        any::<[u8; 4]>(),
        prop_oneof![30 => Just(None), 1 => Just(Some(2_usize)), 1 => Just(Some(8))],
        prop_oneof![
            60 => Just(None),
            2 => any::<u16>().prop_map(|len| Some(u64::from(len))),
            1 => any::<Option<u64>>(),
        ],
        payload(),
    );
    let frame =
        frame.prop_map(|(fin, rsv, opcode, masked, key, length_bytes, claimed, payload)| {
            let mask = masked.then_some(key);
            RawFrame { fin, rsv, opcode, mask, length_bytes, claimed, payload }
        });
    let frames = prop_oneof![
        2 => frame.prop_map(|frame| vec![frame]),
        3 => valid_frames(),
    ];
    vec(frames, 1..6).prop_map(|frames| frames.concat())
}

/// A change to the bytes of a stream.
#[derive(Clone, Debug)]
pub(super) enum Mutation {
    Flip(Index, u8),
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Truncate(Index),
}

pub(super) fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let mutation = prop_oneof![
        4 => (any::<Index>(), 0_u8..8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        2 => any::<(Index, u8)>().prop_map(|(at, byte)| Mutation::Set(at, byte)),
        1 => any::<(Index, u8)>().prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        1 => any::<Index>().prop_map(Mutation::Remove),
        1 => any::<Index>().prop_map(Mutation::Truncate),
    ];
    vec(mutation, 0..4)
}

impl Mutation {
    pub(super) fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Flip(at, bit) => *at.get_mut(bytes) ^= 1 << bit,
            Self::Set(at, byte) => *at.get_mut(bytes) = *byte,
            Self::Insert(at, byte) => bytes.insert(at.index(bytes.len()), *byte),
            Self::Remove(at) => _ = bytes.remove(at.index(bytes.len())),
            Self::Truncate(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
}

/// Where a stream is cut: nowhere, after every byte, or anywhere.
pub(super) fn cuts() -> impl Strategy<Value = Cuts> {
    prop_oneof![
        1 => Just(Cuts::Nowhere),
        1 => Just(Cuts::Everywhere),
        3 => vec(any::<Index>(), 0..12).prop_map(Cuts::At),
    ]
}

#[derive(Clone, Debug)]
pub(super) enum Cuts {
    Nowhere,
    Everywhere,
    At(Vec<Index>),
}

impl Cuts {
    pub(super) fn apply<'a>(&self, stream: &'a [u8]) -> Vec<&'a [u8]> {
        match self {
            Self::Nowhere => vec![stream],
            Self::Everywhere => stream.chunks(1).collect(),
            Self::At(places) => {
                let mut places: Vec<usize> =
                    places.iter().map(|at| at.index(stream.len() + 1)).collect();
                places.sort_unstable();
                let starts = [0].into_iter().chain(places.iter().copied());
                let ends = places.iter().copied().chain([stream.len()]);
                starts.zip(ends).map(|(start, end)| &stream[start..end]).collect()
            }
        }
    }
}

/// Text of one to four bytes a character.
fn text(chars: usize) -> impl Strategy<Value = String> {
    let char = prop_oneof![
        Just('a'),
        Just('µ'),
        Just('€'),
        Just('😀'),
        Just('\u{10ffff}'),
        Just('\u{d7ff}'),
        any::<char>(),
    ];
    vec(char, 0..chars).prop_map(|chars| chars.into_iter().collect())
}

/// Of data and of control frames alike: text, cut text, bytes, and what a Close may hold.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let any_code = prop_oneof![995_u16..1020, any::<u16>()];
    prop_oneof![
        4 => text(30).prop_map(String::into_bytes),
        2 => (text(30), any::<Index>()).prop_map(|(text, cut)| {
            text.as_bytes()[..cut.index(text.len() + 1)].to_vec()
        }),
        2 => vec(any::<u8>(), 0..200),
        1 => vec(any::<u8>(), 0..2),
        2 => (any_code, text(10)).prop_map(|(code, why)| close_payload(code, why.as_bytes())),
        1 => vec(any::<u8>(), 0..10).prop_map(|why| close_payload(1000, &why)),
    ]
}

fn close_payload(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), reason].concat()
}

fn fragmented(
    opcode: u8,
    payload: impl Strategy<Value = Vec<u8>>,
) -> impl Strategy<Value = Vec<RawFrame>> {
    let pieces = prop_oneof![
        2 => Just(vec![]),
        1 => vec((any::<Index>(), vec(control(), 0..2)), 0..5)
    ];
    (payload, pieces, any::<[u8; 4]>()).prop_map(move |(payload, mut pieces, key)| {
        pieces.sort_by_key(|(at, _)| at.index(payload.len() + 1));
        let mut frames = Vec::new();
        let mut start = 0;
        for (at, between) in pieces {
            let end = at.index(payload.len() + 1);
            let opcode = if frames.is_empty() { opcode } else { 0 };
            frames.push(keyed(RawFrame::new(false, opcode, &payload[start..end]), key));
            frames.extend(between);
            start = end;
        }
        let opcode = if frames.is_empty() { opcode } else { 0 };
        frames.push(keyed(RawFrame::new(true, opcode, &payload[start..]), key));
        frames
    })
}

fn control() -> impl Strategy<Value = RawFrame> {
    let payload = prop_oneof![vec(any::<u8>(), 0..10), vec(any::<u8>(), 120..126)];
    (9_u8..11, payload, any::<[u8; 4]>())
        .prop_map(|(opcode, payload, key)| keyed(RawFrame::new(true, opcode, payload), key))
}

fn close() -> impl Strategy<Value = RawFrame> {
    let code = prop_oneof![1000_u16..1004, 1007_u16..1014, 3000_u16..5000];
    let payload = prop_oneof![
        Just(vec![]),
        (code, text(30)).prop_map(|(code, why)| close_payload(code, why.as_bytes()))
    ];
    payload.prop_map(|payload| RawFrame::new(true, 8, payload))
}

fn keyed(frame: RawFrame, key: [u8; 4]) -> RawFrame {
    RawFrame { mask: Some(key), ..frame }
}
