//! A bare TCP connection: bytes out, and HTTP heads or frames in.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::SendFlags;
use socket2::{Domain, SockRef, Socket, Type};

use super::conn::Conn;
use super::frame::{self, Frame, Role};
use super::http::{ACCEPT, Answer, Request};
use super::voice::Voice;
use crate::case::{Step, Stop, expect};
use crate::lan::Host;
use crate::log::{Direction, Log, brief};

/// Limit for what is expected to come: only a failure waits so long. A machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

thread_local! {
    static HASTE: Cell<Duration> = const { Cell::new(Duration::MAX) };
}

/// Does some work of this thread with less patience on every connection that it opens. For who
/// knows that much will be waited for in vain, as with a target that is wrong on purpose.
pub fn in_haste<T>(limit: Duration, work: impl FnOnce() -> T) -> T {
    let before = HASTE.replace(limit);
    let done = work();
    HASTE.set(before);
    done
}

/// A connection, with what came and was not read yet.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    pub(super) buffer: BytesMut,
    role: Role,
    host_header: String,
    name: String,
    log: Log,
}

impl Wire {
    /// Connects to the target from `host`, or from this machine. `name` is for the log;
    /// `host_header` is what requests without a `Host` get.
    ///
    /// # Errors
    ///
    /// The target does not accept.
    pub fn connect(
        host: Option<&Host>,
        to: SocketAddr,
        host_header: &str,
        name: &str,
        log: &Log,
    ) -> Step<Self> {
        Self::open(host, to, None, host_header, name, log)
    }

    /// The same, with a kernel buffer for each direction of about `buffer_bytes`, so that little is
    /// on the way that one side has not read.
    ///
    /// # Errors
    ///
    /// The target does not accept.
    pub fn open(
        host: Option<&Host>,
        to: SocketAddr,
        buffer_bytes: Option<usize>,
        host_header: &str,
        name: &str,
        log: &Log,
    ) -> Step<Self> {
        let connect = || -> io::Result<TcpStream> {
            let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
            if let Some(bytes) = buffer_bytes {
                socket.set_recv_buffer_size(bytes)?;
                socket.set_send_buffer_size(bytes)?;
            }
            socket.connect_timeout(&to.into(), PATIENCE)?;
            Ok(socket.into())
        };
        let stream = host.map_or_else(connect, |host| host.enter(connect));
        let stream = stream.map_err(|error| {
            log.add(name, Direction::Note, format!("connect to {to}: {error}"));
            Stop::fail(format!("a TCP connection to {to}"), error.to_string())
        })?;
        log.add(name, Direction::Note, format!("connected to {to}"));
        Self::on(stream, Role::Client, host_header, name, log)
    }

    pub(super) fn on(
        stream: TcpStream,
        role: Role,
        host_header: &str,
        name: &str,
        log: &Log,
    ) -> Step<Self> {
        let wire = Self {
            stream,
            buffer: BytesMut::new(),
            role,
            host_header: host_header.to_owned(),
            name: name.to_owned(),
            log: log.clone(),
        };
        wire.stream.set_nodelay(true).map_err(|e| Stop::fail("a socket option", e.to_string()))?;
        wire.patience(PATIENCE);
        Ok(wire)
    }

    /// Sets how long to wait for what is expected.
    pub fn patience(&self, limit: Duration) {
        let limit = limit.min(HASTE.get());
        let limit = Some(limit.max(Duration::from_millis(1)));
        // A socket that is broken says so at the next read.
        let _ = self.stream.set_read_timeout(limit);
        let _ = self.stream.set_write_timeout(limit);
    }

    /// Which end the suite plays.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Its name in the log.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Our own address.
    #[must_use]
    pub fn local_ip(&self) -> Option<IpAddr> {
        self.stream.local_addr().ok().map(|address| address.ip())
    }

    /// Adds a line about what was sent or came.
    pub fn say(&self, direction: Direction, what: impl Into<String>) {
        self.log.add(&self.name, direction, what);
    }

    /// Sends bytes that the caller logs.
    ///
    /// # Errors
    ///
    /// The target has ended the connection, or takes nothing.
    pub fn write(&mut self, bytes: &[u8]) -> Step {
        self.stream.write_all(bytes).map_err(|error| {
            self.say(Direction::Note, format!("write failed: {error}"));
            Stop::fail("that the target takes what is sent", error.to_string())
        })
    }

    /// Sends bytes.
    ///
    /// # Errors
    ///
    /// The target has ended the connection, or takes nothing.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Step {
        self.say(Direction::Sent, format!("{} bytes {}", bytes.len(), brief(bytes)));
        self.write(bytes)
    }

    /// Sends the head of a request, with the `Host` of this connection if it has none.
    ///
    /// # Errors
    ///
    /// The target takes nothing.
    pub fn send_request(&mut self, request: &Request) -> Step {
        let text = self.with_host(request).text();
        self.say(Direction::Sent, text.trim_end());
        self.write(text.as_bytes())
    }

    /// The request with the `Host` of this connection, if it has none.
    #[must_use]
    pub fn with_host(&self, request: &Request) -> Request {
        match request.header("Host") {
            Some(_) => request.clone(),
            None => request.clone().with("Host", &self.host_header),
        }
    }

    /// Says that nothing more will be sent.
    pub fn finish(&self) {
        self.say(Direction::Note, "end of what is sent");
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Ends the connection with a reset instead of an end.
    pub fn reset(self) {
        self.say(Direction::Note, "reset");
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// A second handle that says, from another thread, that this connection lives.
    ///
    /// # Errors
    ///
    /// No handle is left in this process.
    pub fn voice(&self) -> Step<Voice> {
        let stream = self.stream.try_clone().map_err(|e| Stop::fail("a handle", e.to_string()))?;
        Ok(Voice { stream, pong: frame::encode(self.role, frame::FIN | frame::PONG, b"") })
    }

    /// Reads once into the buffer; false at the end of the stream, in order or not.
    ///
    /// # Errors
    ///
    /// Nothing came in time: `expected` did not.
    pub(super) fn fill(&mut self, expected: &dyn Fn() -> String) -> Step<bool> {
        let mut chunk = [0; 64 * 1024];
        let started = Instant::now();
        match self.stream.read(&mut chunk) {
            Ok(0) => Ok(false),
            Ok(n) => {
                self.buffer.extend_from_slice(&chunk[..n]);
                Ok(true)
            }
            Err(e) if is_over(e.kind()) => Ok(false),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                let waited = format!("nothing within {:.1} s", started.elapsed().as_secs_f64());
                self.say(Direction::Note, &waited);
                Err(Stop::fail(expected(), waited))
            }
            Err(e) => Err(Stop::fail(expected(), e.to_string())),
        }
    }

    /// Sends an upgrade request, which the target must accept.
    ///
    /// # Errors
    ///
    /// It does not.
    pub fn upgrade(mut self, request: &Request) -> Step<(Conn, Answer)> {
        let answer = self.ask(request)?;
        let expected = format!("101 to {} {}", request.method, request.target);
        expect(answer.status == 101, &expected, answer.describe())?;
        let accept = answer.header("Sec-WebSocket-Accept");
        let sound = accept == Some(ACCEPT)
            && answer.has_token("Upgrade", "websocket")
            && answer.has_token("Connection", "upgrade");
        expect(
            sound,
            format!("{expected} with Upgrade, Connection and Sec-WebSocket-Accept: {ACCEPT}"),
            answer.describe(),
        )?;
        Ok((Conn::on(self), answer))
    }

    /// Opens the channel at `path` as a client.
    ///
    /// # Errors
    ///
    /// It is refused.
    pub fn client(self, path: &str) -> Step<Conn> {
        Ok(self.upgrade(&Request::upgrade(path))?.0)
    }

    /// Goes on with frames.
    #[must_use]
    pub fn into_conn(self) -> Conn {
        Conn::on(self)
    }

    /// The next frame, as it came; None at the end of the stream.
    ///
    /// # Errors
    ///
    /// Nothing came in time, or what came is no frame.
    pub fn frame(&mut self, expected: &str) -> Step<Option<Frame>> {
        loop {
            let parsed = frame::parse(&self.buffer).map_err(|found| Stop::fail(expected, found))?;
            if let Some((frame, taken)) = parsed {
                self.buffer.advance(taken);
                self.say(Direction::Received, frame.describe());
                return Ok(Some(frame));
            }
            if !self.fill(&|| expected.to_owned())? {
                self.say(Direction::Note, "the target ended the connection");
                return Ok(None);
            }
        }
    }

    /// Reads once, at most `bytes_max`, without taking frames apart; the frames come later from
    /// what was read. None if nothing came in time, 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// The socket is broken.
    pub fn trickle(&mut self, bytes_max: usize, limit: Duration) -> Step<Option<usize>> {
        if !self.is_ready(PollFlags::IN, limit)? {
            return Ok(None);
        }
        let mut chunk = vec![0; bytes_max];
        match self.stream.read(&mut chunk) {
            Ok(n) => {
                self.buffer.extend_from_slice(&chunk[..n]);
                Ok(Some(n))
            }
            Err(e) if is_over(e.kind()) => Ok(Some(0)),
            Err(e) => Err(Stop::fail("bytes", e.to_string())),
        }
    }

    /// Writes what the socket takes, waiting for room no longer than `limit`: how much it took.
    ///
    /// # Errors
    ///
    /// The target has ended the connection.
    pub fn write_some(&mut self, bytes: &[u8], limit: Duration) -> Step<usize> {
        if !self.is_ready(PollFlags::OUT, limit)? {
            return Ok(0);
        }
        let written = rustix::net::send(&self.stream, bytes, SendFlags::DONTWAIT);
        match written {
            Ok(n) => Ok(n),
            Err(rustix::io::Errno::AGAIN) => Ok(0),
            Err(error) => {
                self.say(Direction::Note, format!("write failed: {error}"));
                Err(Stop::fail("that the target takes what is sent", error.to_string()))
            }
        }
    }

    fn is_ready(&self, what: PollFlags, limit: Duration) -> Step<bool> {
        poll(&self.stream, what, limit)
    }
}

/// Whether a socket becomes ready in time.
pub(super) fn poll(socket: &impl AsFd, what: PollFlags, limit: Duration) -> Step<bool> {
    let mut waiting = [PollFd::new(socket, what)];
    let limit = Timespec {
        tv_sec: limit.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    match rustix::event::poll(&mut waiting, Some(&limit)) {
        Ok(ready) => Ok(ready > 0),
        Err(error) => Err(Stop::fail("a socket that can be waited for", error.to_string())),
    }
}

/// Whether an error says that the other side has ended the connection.
fn is_over(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted
    )
}
