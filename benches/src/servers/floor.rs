//! The floor: a bare relay that does what no server can avoid, and nothing else.
//!
//! ```text
//!   epoll ─▶ recv ─▶ unmask ─┬─▶ a turn:    all that was read, in one send to each reader
//!                            ├─▶ a message: one send for each message and reader
//!                            └─▶ a file:    a turn, put into a memfd and sent by sendfile
//! ```
//!
//! One thread. Of the protocol it has the handshake and whole, unfragmented messages; it checks
//! nothing, times nothing, and bounds no queue. Only sound clients of this crate may meet it.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;

use rustix::fs::{MemfdFlags, memfd_create, sendfile};
use rustix::net::{RecvFlags, SendFlags};

use crate::frame;
use crate::poll::{Poll, Ready};

/// Bytes read at once.
const READ_BYTES: usize = 256 * 1024;
/// The key of the listener.
const LISTENER: u64 = u64::MAX;

/// What goes into one send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// One message.
    Message,
    /// All messages that one read gave.
    Turn,
    /// The same, from a file in memory, which the kernel need not copy for each reader. The file
    /// cannot be used again before all have read it, so each turn has a new one.
    File,
}

#[derive(Default)]
struct Peer {
    stream: Option<TcpStream>,
    channel: Option<Rc<str>>,
    /// What was read of a request or a frame that is not whole.
    rest: Vec<u8>,
    queue: VecDeque<Rc<[u8]>>,
    /// How much of the first entry is sent.
    sent: usize,
}

struct Relay {
    poll: Poll,
    unit: Unit,
    peers: Vec<Peer>,
    channels: BTreeMap<Rc<str>, Vec<usize>>,
    /// Where frames are encoded, in turn.
    out: Vec<u8>,
}

/// Serves until it is killed.
pub(crate) fn serve(unit: Unit, listener: &TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut relay = Relay {
        poll: Poll::new()?,
        unit,
        peers: Vec::new(),
        channels: BTreeMap::new(),
        out: Vec::with_capacity(READ_BYTES),
    };
    relay.poll.add(listener, LISTENER)?;
    let mut buffer = vec![0; READ_BYTES];
    let mut ready = Vec::new();
    loop {
        relay.poll.wait(None, &mut ready)?;
        for &Ready { key, readable } in &ready {
            if key == LISTENER {
                relay.accept(listener)?;
                continue;
            }
            let index = key as usize;
            if readable && relay.read(index, &mut buffer).is_err() {
                relay.leave(index);
            }
            if !relay.peers[index].queue.is_empty() {
                relay.drain(index);
            }
        }
    }
}

/// A file with these bytes that lives while it is open.
fn in_memory(bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("turn", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    Ok(file)
}

impl Relay {
    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        while let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            self.poll.add(&stream, self.peers.len() as u64)?;
            self.peers.push(Peer { stream: Some(stream), ..Peer::default() });
        }
        Ok(())
    }

    fn read(&mut self, index: usize, buffer: &mut [u8]) -> io::Result<()> {
        let peer = &mut self.peers[index];
        let Some(stream) = &mut peer.stream else { return Ok(()) };
        let kept = std::mem::take(&mut peer.rest);
        let got = if kept.is_empty() {
            rustix::net::recv(&*stream, &mut *buffer, RecvFlags::empty())?.0
        } else {
            buffer[..kept.len()].copy_from_slice(&kept);
            kept.len() + stream.read(&mut buffer[kept.len()..])?
        };
        if got == kept.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let input = &mut buffer[..got];
        if peer.channel.is_some() { self.relay(index, input) } else { self.open(index, input) }
    }

    fn open(&mut self, index: usize, input: &[u8]) -> io::Result<()> {
        let peer = &mut self.peers[index];
        if !input.ends_with(b"\r\n\r\n") {
            peer.rest = input.to_vec();
            return Ok(());
        }
        let head = String::from_utf8_lossy(input);
        let (answer, path) = frame::answer(&head).ok_or(io::ErrorKind::InvalidData)?;
        let path: Rc<str> = path.into();
        peer.channel = Some(Rc::clone(&path));
        self.channels.entry(path).or_default().push(index);
        peer.stream.as_mut().map_or(Ok(()), |stream| stream.write_all(answer.as_bytes()))
    }

    /// Turns all whole frames of `input` into a server's, and sends them.
    fn relay(&mut self, index: usize, input: &mut [u8]) -> io::Result<()> {
        let mut out = std::mem::take(&mut self.out);
        let mut at = 0;
        while let Some(found) = frame::masked(&input[at..]) {
            if found.close {
                self.out = Vec::with_capacity(READ_BYTES);
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            let payload = &mut input[at + found.start..at + found.end];
            frame::mask(payload, found.key);
            frame::put_header(payload.len(), None, &mut out);
            out.extend_from_slice(payload);
            at += found.end;
            if self.unit == Unit::Message {
                self.publish(index, &out);
                out.clear();
            }
        }
        if self.unit != Unit::Message && !out.is_empty() {
            self.publish(index, &out);
        }
        out.clear();
        self.out = out;
        self.peers[index].rest = input[at..].to_vec();
        Ok(())
    }

    fn publish(&mut self, sender: usize, frames: &[u8]) {
        let Some(channel) = &self.peers[sender].channel else { return };
        let file = match self.unit {
            Unit::File => in_memory(frames).ok(),
            Unit::Turn | Unit::Message => None,
        };
        let mut shared = None;
        for &index in &self.channels[channel] {
            let peer = &mut self.peers[index];
            let Some(stream) = peer.stream.as_ref().filter(|_| index != sender) else { continue };
            let mut sent = 0;
            if peer.queue.is_empty() {
                let took = match &file {
                    Some(file) => sendfile(stream, file, Some(&mut 0), frames.len()),
                    None => rustix::net::send(stream, frames, SendFlags::NOSIGNAL),
                };
                sent = took.unwrap_or(0);
                if sent == frames.len() {
                    continue;
                }
                peer.sent = sent;
                // A socket that is gone tells it when it is read.
                let _ = self.poll.want_room(stream, index as u64, true);
            }
            debug_assert!(sent == 0 || peer.queue.is_empty(), "nothing overtakes");
            peer.queue.push_back(Rc::clone(shared.get_or_insert_with(|| frames.into())));
        }
    }

    fn drain(&mut self, index: usize) {
        let peer = &mut self.peers[index];
        let Some(stream) = &peer.stream else { return };
        while let Some(first) = peer.queue.front() {
            match rustix::net::send(stream, &first[peer.sent..], SendFlags::NOSIGNAL) {
                Ok(sent) if peer.sent + sent == first.len() => {
                    peer.sent = 0;
                    peer.queue.pop_front();
                }
                Ok(sent) => peer.sent += sent,
                Err(_) => return,
            }
        }
        let _ = self.poll.want_room(stream, index as u64, false);
    }

    fn leave(&mut self, index: usize) {
        let peer = std::mem::take(&mut self.peers[index]);
        if let Some(members) = peer.channel.and_then(|channel| self.channels.get_mut(&channel)) {
            members.retain(|member| *member != index);
        }
    }
}
