//! The load: clients on one channel, all in one thread, on raw non-blocking sockets.
//!
//! ```text
//!   round:  senders ─▶ n messages outstanding ─▶ server ─▶ every other client has all n ─▶ next
//! ```
//!
//! A round is over when every client has every message of every other client. What each one must
//! get is known to the byte beforehand ([`Script`]), so checking it is one comparison of memory:
//! a message lost, twice, out of its sender's order, changed, or sent back to its sender ends the
//! run. A byte too many is found at the next round at the latest ([`Crowd::settle`]).

mod check;
mod script;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use hdrhistogram::Histogram;
use rustix::net::{RecvFlags, SendFlags};

use self::check::Check;
use self::script::Script;
use crate::clock::{Instant, now};
use crate::error::{Context, Error};
use crate::frame;
use crate::poll::{Poll, Ready};
use crate::servers::account;

/// Bytes read at once.
const READ_BYTES: usize = 1024 * 1024;
/// Handshakes under way at once: fewer than a listener's backlog.
const HANDSHAKES: usize = 256;
/// Time for anything that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shape {
    /// Bytes of a message.
    pub(crate) size: usize,
    /// Messages on the way at once, of all senders together.
    pub(crate) outstanding: usize,
    /// Time from one round to the next, if not at once.
    pub(crate) pace: Option<Duration>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) messages: u64,
    pub(crate) deliveries: u64,
    pub(crate) wall: Duration,
    /// CPU time of the load itself.
    pub(crate) own_cpu: Duration,
    /// From sending a round to each delivery of it, in nanoseconds.
    pub(crate) latency: Histogram<u64>,
}

/// One connected client.
struct Client {
    stream: TcpStream,
    check: Check,
}

/// Clients on one channel; the first few of them send.
pub(crate) struct Crowd {
    poll: Poll,
    clients: Vec<Client>,
    senders: usize,
    buffer: Vec<u8>,
    /// Messages that each sender has sent.
    sent: u64,
    /// The server answers those who send; that is none of a reader's messages.
    answered: bool,
}

/// Opens a WebSocket for each address and path, many at once.
pub(crate) fn connect(places: &[(SocketAddr, String)]) -> Result<Vec<TcpStream>, Error> {
    let mut streams = Vec::with_capacity(places.len());
    for some in places.chunks(HANDSHAKES) {
        let first = streams.len();
        for (address, path) in some {
            let mut stream =
                TcpStream::connect(address).with(|| format!("connecting to {address}"))?;
            stream.set_nodelay(true).context("setting up a socket")?;
            stream.set_read_timeout(Some(PATIENCE)).context("setting up a socket")?;
            let request = frame::request(address.port(), path);
            stream.write_all(request.as_bytes()).context("asking for a WebSocket")?;
            streams.push(stream);
        }
        for stream in &mut streams[first..] {
            upgraded(stream)?;
        }
    }
    Ok(streams)
}

/// Reads the answer to a handshake, and nothing after it.
fn upgraded(stream: &mut TcpStream) -> Result<(), Error> {
    let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
    while !head.ends_with(b"\r\n\r\n") {
        let got = stream.read(&mut buffer).context("waiting for the answer to a handshake")?;
        head.extend_from_slice(&buffer[..got]);
        if got == 0 {
            break;
        }
    }
    if head.starts_with(b"HTTP/1.1 101 ") && head.ends_with(b"\r\n\r\n") {
        Ok(())
    } else {
        Err(Error(format!("no WebSocket, but {:?}", String::from_utf8_lossy(&head))))
    }
}

impl Crowd {
    /// A client for each of `places`; the first `senders` of them send.
    pub(crate) fn join(places: &[(SocketAddr, String)], senders: usize) -> Result<Self, Error> {
        Self::of(connect(places)?, senders)
    }

    /// The clients of these connections; the first `senders` of them send.
    pub(crate) fn of(streams: Vec<TcpStream>, senders: usize) -> Result<Self, Error> {
        let poll = Poll::new().context("making a poll")?;
        let mut clients = Vec::with_capacity(streams.len());
        for (index, stream) in streams.into_iter().enumerate() {
            stream.set_nonblocking(true).context("setting up a socket")?;
            poll.add(&stream, index as u64).context("watching a socket")?;
            clients.push(Client { stream, check: Check::default() });
        }
        Ok(Self { poll, clients, senders, buffer: vec![0; READ_BYTES], sent: 0, answered: false })
    }

    /// Lets the server say something of its own to those who send.
    pub(crate) fn answered(mut self) -> Self {
        self.answered = true;
        self
    }

    /// Sends rounds of `shape` for `time`, one at least.
    pub(crate) fn run(&mut self, shape: Shape, time: Duration) -> Result<Load, Error> {
        let mut latency = Histogram::new(3).expect("3 digits are allowed");
        let (started, own) = (now(), account::own_cpu());
        let mut load = 0;
        let mut due = started;
        loop {
            load += self.round(shape, &mut latency)?;
            if let Some(pace) = shape.pace {
                due += pace;
                self.idle_until(due)?;
            }
            if started.elapsed() >= time {
                break;
            }
        }
        Ok(Load {
            messages: load,
            deliveries: load * (self.clients.len() as u64 - 1),
            wall: started.elapsed(),
            own_cpu: account::own_cpu() - own,
            latency,
        })
    }

    /// One short message from each, after which whoever got a byte too many has been found.
    pub(crate) fn settle(&mut self) -> Result<(), Error> {
        let shape = Shape { size: 64, outstanding: self.senders, pace: None };
        self.run(shape, Duration::ZERO).map(drop)
    }

    /// Sends one round and waits until all have it; says how many messages it had.
    fn round(&mut self, shape: Shape, latency: &mut Histogram<u64>) -> Result<u64, Error> {
        let each = shape.outstanding.div_ceil(self.senders);
        let script = Script::new(shape.size, self.senders, each, self.sent);
        self.sent += each as u64;
        for (index, client) in self.clients.iter_mut().enumerate() {
            client.check = Check::new(&script, index);
        }
        let started = now();
        let mut writing: Vec<usize> = vec![0; self.senders];
        for sender in 0..self.senders {
            self.send(&script, sender, &mut writing)?;
        }
        let mut waiting = self.clients.iter().filter(|client| !client.check.is_done()).count();
        let mut ready = Vec::new();
        while waiting > 0 {
            self.poll.wait(Some(PATIENCE), &mut ready).context("waiting for sockets")?;
            if ready.is_empty() {
                return Err(self.overdue(waiting));
            }
            for &Ready { key, readable } in &ready {
                let index = key as usize;
                if index < self.senders && writing[index] < script.masked(index).len() {
                    self.send(&script, index, &mut writing)?;
                }
                if readable {
                    let had = self.clients[index].check.received();
                    waiting -= usize::from(self.receive(&script, index)?);
                    let got = self.clients[index].check.received() - had;
                    let since = started.elapsed().as_nanos() as u64;
                    // A value beyond the histogram's range grows it; only memory could fail.
                    let _ = latency.record_n(since.max(1), got as u64);
                }
            }
        }
        Ok((each * self.senders) as u64)
    }

    fn overdue(&self, waiting: usize) -> Error {
        let owed: usize = self.clients.iter().map(|client| client.check.owed()).sum();
        Error(format!(
            "lost: {waiting} clients wait for {owed} bytes, and nothing came for {PATIENCE:?}"
        ))
    }

    /// Writes on, as much as the sender's socket takes.
    fn send(&mut self, script: &Script, sender: usize, writing: &mut [usize]) -> Result<(), Error> {
        let (stream, bytes) = (&self.clients[sender].stream, script.masked(sender));
        let had_to_wait = writing[sender] > 0;
        while writing[sender] < bytes.len() {
            match rustix::net::send(stream, &bytes[writing[sender]..], SendFlags::NOSIGNAL) {
                Ok(sent) => writing[sender] += sent,
                Err(rustix::io::Errno::AGAIN) => {
                    return self.poll.want_room(stream, sender as u64, true).context("watching");
                }
                Err(error) => return Err(Error(format!("a sender was cut off: {error}"))),
            }
        }
        if had_to_wait {
            self.poll.want_room(stream, sender as u64, false).context("watching")?;
        }
        Ok(())
    }

    /// Reads once, and checks; true if that was the client's last of this round.
    fn receive(&mut self, script: &Script, index: usize) -> Result<bool, Error> {
        let client = &mut self.clients[index];
        let got = match rustix::net::recv(&client.stream, &mut *self.buffer, RecvFlags::empty()) {
            Ok((0, _)) => return Err(Error(format!("client {index} was cut off"))),
            Ok((got, _)) => got,
            Err(rustix::io::Errno::AGAIN) => return Ok(false),
            Err(error) => return Err(Error(format!("client {index} was cut off: {error}"))),
        };
        if self.answered && index < self.senders {
            return Ok(false);
        }
        client.check.take(script, &self.buffer[..got]).with(|| format!("client {index}"))?;
        Ok(client.check.is_done())
    }

    /// Waits; whoever gets anything meanwhile got a byte too many.
    fn idle_until(&mut self, due: Instant) -> Result<(), Error> {
        let mut early = Vec::new();
        loop {
            let left = due.saturating_duration_since(now());
            if left.is_zero() {
                return Ok(());
            }
            self.poll.wait(Some(left), &mut early).context("waiting")?;
            for ready in &early {
                let index = ready.key as usize;
                if !self.answered || index >= self.senders {
                    return Err(Error(format!("client {index} got more than was sent")));
                }
                let stream = &self.clients[index].stream;
                rustix::net::recv(stream, &mut *self.buffer, RecvFlags::empty())
                    .context("reading")?;
            }
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for client in &self.clients {
            let _ = client.stream.shutdown(Shutdown::Both);
        }
    }
}
