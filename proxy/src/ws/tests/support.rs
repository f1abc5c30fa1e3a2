//! Frames as bytes, and the two decoders behind one interface.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use bytes::Bytes;
use tungstenite::protocol::{Message, Role as TheirRole, WebSocket, WebSocketConfig};
use tungstenite::{Error, error::CapacityError};

use crate::ws::frame::OpCode;
use crate::ws::frames::frames;
use crate::ws::mask::apply_mask;
use crate::ws::{Batch, Control, Decoder, Role, Violation};

pub(super) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame to be written as it stands, right or wrong.
#[derive(Clone, Debug)]
pub(super) struct RawFrame {
    pub fin: bool,
    pub rsv: u8,
    pub opcode: u8,
    pub mask: Option<[u8; 4]>,
    /// Bytes for the length beside the 7 bits: 0, 2 or 8; `None` for as few as possible.
    pub length_bytes: Option<usize>,
    /// The length that the header tells; `None` for the payload's own.
    pub claimed: Option<u64>,
    pub payload: Vec<u8>,
}

impl RawFrame {
    /// A valid frame from a client.
    pub(super) fn new(fin: bool, opcode: u8, payload: impl Into<Vec<u8>>) -> Self {
        let payload = payload.into();
        let mask = Some(KEY);
        Self { fin, rsv: 0, opcode, mask, length_bytes: None, claimed: None, payload }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let len = self.claimed.unwrap_or(self.payload.len() as u64);
        let fewest = if len < 126 {
            0
        } else if len < 65_536 {
            2
        } else {
            8
        };
        let length_bytes = self.length_bytes.unwrap_or(fewest).max(fewest);
        out.push(u8::from(self.fin) << 7 | self.rsv << 4 | self.opcode);
        let short = match length_bytes {
            0 => len.to_be_bytes()[7],
            2 => 126,
            _ => 127,
        };
        out.push(u8::from(self.mask.is_some()) << 7 | short);
        out.extend_from_slice(&len.to_be_bytes()[8 - length_bytes..]);
        out.extend_from_slice(&self.mask.unwrap_or_default());
        if self.mask.is_none() {
            out.truncate(out.len() - 4);
        }
        let start = out.len();
        out.extend_from_slice(&self.payload);
        if let Some(key) = self.mask {
            apply_mask(&mut out[start..], key, 0);
        }
    }
}

pub(super) fn wire(frames: &[RawFrame]) -> Vec<u8> {
    let mut out = Vec::new();
    for frame in frames {
        frame.write(&mut out);
    }
    out
}

/// The bytes of `frames` as the peer of `role` sends them.
pub(super) fn wire_for(role: Role, mut frames: Vec<RawFrame>) -> Vec<u8> {
    if role == Role::Client {
        // What was made without a mask gets one, so that the same share is wrong.
        for frame in &mut frames {
            frame.mask = if frame.mask.is_some() { None } else { Some([0; 4]) };
        }
    }
    wire(&frames)
}

/// What a connection showed, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(Option<(u16, String)>),
}

/// All that was shown, and the failure that ended it.
#[derive(Debug)]
pub(super) struct Seen<E> {
    pub events: Vec<Event>,
    pub failure: Option<E>,
}

/// Gives our decoder the chunks one by one, taking the batch whenever it returns.
pub(super) fn ours(role: Role, limit: usize, chunks: &[&[u8]]) -> Seen<Violation> {
    let mut decoder = Decoder::new(role, limit);
    let mut batch = Batch::default();
    let mut events = Vec::new();
    for mut input in chunks.iter().copied() {
        while !input.is_empty() {
            let outcome = decoder.decode(&mut input, &mut batch);
            events.extend(take_messages(&mut batch));
            match outcome {
                Ok(Some(Control::Ping(payload))) => events.push(Event::Ping(payload.to_vec())),
                Ok(Some(Control::Pong)) => events.push(Event::Pong),
                Ok(Some(Control::Close(why))) => {
                    events.push(Event::Close(why.map(|(code, reason)| (code.get(), reason))));
                }
                Ok(None) => assert!(input.is_empty(), "None means that all is consumed"),
                Err(violation) => return Seen { events, failure: Some(violation) },
            }
        }
    }
    Seen { events, failure: None }
}

/// Empties the batch and reads it back, by our own frame walk and by tungstenite as a client.
pub(super) fn take_messages(batch: &mut Batch) -> Vec<Event> {
    let (messages, payload_bytes) = (batch.messages(), batch.payload_bytes());
    assert_eq!(batch.is_empty(), messages == 0);
    let chunks: Vec<Bytes> = batch.take().collect();
    assert!(batch.is_empty() && batch.messages() == 0 && batch.payload_bytes() == 0);
    let mut walked = Vec::new();
    for chunk in &chunks {
        for frame in frames(chunk) {
            assert!(frame.header.fin && frame.header.mask.is_none());
            walked.push(match frame.header.opcode {
                OpCode::Text => {
                    Event::Text(str::from_utf8(&chunk[frame.payload]).expect("checked").into())
                }
                OpCode::Binary => Event::Binary(chunk[frame.payload].to_vec()),
                other => panic!("a {other} frame in a batch"),
            });
        }
    }
    let chunks: Vec<&[u8]> = chunks.iter().map(|chunk| &chunk[..]).collect();
    if !chunks.is_empty() {
        let read_back = theirs(Role::Client, usize::MAX, &chunks);
        assert_eq!(read_back.failure, None);
        assert_eq!(read_back.events, walked);
    }
    let bytes = walked.iter().map(|event| match event {
        Event::Text(text) => text.len(),
        Event::Binary(bytes) => bytes.len(),
        _ => 0,
    });
    assert_eq!((messages, payload_bytes), (walked.len(), bytes.sum()));
    walked
}

/// Gives tungstenite the chunks as so many reads, up to a Close; a failure is its close code.
pub(super) fn theirs(role: Role, limit: usize, chunks: &[&[u8]]) -> Seen<u16> {
    let reads = chunks.iter().filter(|chunk| !chunk.is_empty()).map(|chunk| chunk.to_vec());
    let role = match role {
        Role::Server => TheirRole::Server,
        Role::Client => TheirRole::Client,
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(0)
        // Its limit for frames counts for control frames too.
        .max_frame_size(Some(limit.max(125)))
        .max_message_size(Some(limit));
    let mut socket = WebSocket::from_raw_socket(Reads(reads.collect()), role, Some(config));
    let mut events = Vec::new();
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => events.push(Event::Text(text.to_string())),
            Ok(Message::Binary(bytes)) => events.push(Event::Binary(bytes.to_vec())),
            Ok(Message::Ping(payload)) => events.push(Event::Ping(payload.to_vec())),
            Ok(Message::Pong(_)) => events.push(Event::Pong),
            Ok(Message::Close(why)) => {
                let why = why.map(|frame| (frame.code.into(), frame.reason.to_string()));
                events.push(Event::Close(why));
                return Seen { events, failure: None };
            }
            Ok(Message::Frame(_)) => unreachable!("never read"),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return Seen { events, failure: None };
            }
            Err(error) => return Seen { events, failure: Some(class(&error)) },
        }
    }
}

/// The close code that RFC 6455 gives to one of tungstenite's errors.
fn class(error: &Error) -> u16 {
    match error {
        Error::Protocol(_) => 1002,
        Error::Utf8(_) => 1007,
        Error::Capacity(CapacityError::MessageTooLong { .. }) => 1009,
        other => panic!("no close code for {other}"),
    }
}

/// A stream that gives one chunk to each read, then has nothing more for now. It takes all that
/// is written.
struct Reads(VecDeque<Vec<u8>>);

impl Read for Reads {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let Some(chunk) = self.0.front_mut() else { return Err(io::ErrorKind::WouldBlock.into()) };
        let taken = chunk.len().min(room.len());
        room[..taken].copy_from_slice(&chunk[..taken]);
        chunk.drain(..taken);
        if chunk.is_empty() {
            self.0.pop_front();
        }
        Ok(taken)
    }
}

impl Write for Reads {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
