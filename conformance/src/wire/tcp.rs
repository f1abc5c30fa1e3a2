//! A bare TCP connection: bytes out, and HTTP heads or frames in.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use socket2::{Domain, SockRef, Socket, Type};

use super::conn::Conn;
use super::frame::{self, Frame, Role};
use super::http::{ACCEPT, Answer, Request};
use crate::case::{Step, Stop, expect};
use crate::lan::Host;
use crate::log::{Direction, Log, brief};

/// Limit for what is expected to come: only a failure waits so long. A machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Largest head that is read.
const HEAD_BYTES_MAX: usize = 256 * 1024;

/// A connection, with what came and was not read yet.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    buffer: BytesMut,
    role: Role,
    host_header: String,
    name: String,
    log: Log,
}

/// Listens for the target.
#[derive(Debug)]
pub struct Acceptor {
    listener: TcpListener,
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

    fn on(stream: TcpStream, role: Role, host_header: &str, name: &str, log: &Log) -> Step<Self> {
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

    /// A second handle, to write from another thread.
    ///
    /// # Errors
    ///
    /// No handle is left in this process.
    pub fn writer(&self) -> Step<TcpStream> {
        self.stream.try_clone().map_err(|e| Stop::fail("a handle", e.to_string()))
    }

    /// Reads once into the buffer; false at the end of the stream, in order or not.
    ///
    /// # Errors
    ///
    /// Nothing came in time: `expected` did not.
    fn fill(&mut self, expected: &dyn Fn() -> String) -> Step<bool> {
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

    /// The next head, without its empty line.
    fn head(&mut self, expected: &str) -> Step<Vec<u8>> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|end| end == b"\r\n\r\n") {
                let head = self.buffer.split_to(end + 4)[..end].to_vec();
                self.say(Direction::Received, String::from_utf8_lossy(&head));
                return Ok(head);
            }
            expect(self.buffer.len() < HEAD_BYTES_MAX, expected, "a head without an end")?;
            if !self.fill(&|| expected.to_owned())? {
                let rest = format!("the end of the connection after {}", brief(&self.buffer));
                self.say(Direction::Note, "the target ended the connection");
                return Err(Stop::fail(expected, rest));
            }
        }
    }

    /// The next answer; that to a HEAD has no body.
    ///
    /// # Errors
    ///
    /// No answer came.
    pub fn answer_to(&mut self, method: &str) -> Step<Answer> {
        let head = self.head("an HTTP answer")?;
        let mut answer =
            Answer::parse(&head).map_err(|found| Stop::fail("an HTTP answer", found))?;
        let no_body = method == "HEAD" || matches!(answer.status, 100..200 | 204 | 304);
        if !no_body {
            answer.body = self.body(&answer)?;
        }
        Ok(answer)
    }

    /// The next answer to a GET.
    ///
    /// # Errors
    ///
    /// No answer came.
    pub fn answer(&mut self) -> Step<Answer> {
        self.answer_to("GET")
    }

    /// The body of an answer (RFC 9112 section 6.3).
    fn body(&mut self, answer: &Answer) -> Step<Vec<u8>> {
        if answer.has_token("Transfer-Encoding", "chunked") {
            return self.chunks();
        }
        let Some(length) = answer.header("Content-Length") else {
            while self.fill(&|| "the body of the answer".to_owned())? {}
            return Ok(self.buffer.split().to_vec());
        };
        let length =
            length.parse().map_err(|_| Stop::fail("a Content-Length that is a number", length))?;
        self.exactly(length)
    }

    fn chunks(&mut self) -> Step<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = self.buffer.windows(2).position(|end| end == b"\r\n") {
                    break end;
                }
                let more = self.fill(&|| "a chunk of the body".to_owned())?;
                expect(more, "a chunk of the body", "the end of the connection")?;
            };
            let line = self.exactly(end + 2)?;
            let line = String::from_utf8_lossy(&line).into_owned();
            let size = line.trim().split(';').next().unwrap_or("");
            let size = usize::from_str_radix(size, 16)
                .map_err(|_| Stop::fail("the size of a chunk", format!("{line:?}")))?;
            body.extend(self.exactly(size + 2)?.drain(..size));
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn exactly(&mut self, length: usize) -> Step<Vec<u8>> {
        while self.buffer.len() < length {
            let more = self.fill(&|| format!("{length} bytes"))?;
            expect(more, format!("{length} bytes"), "the end of the connection")?;
        }
        Ok(self.buffer.split_to(length).to_vec())
    }

    /// Sends a request as it stands, also without a `Host`, and reads its answer.
    ///
    /// # Errors
    ///
    /// No answer came.
    pub fn ask_as_is(&mut self, request: &Request) -> Step<Answer> {
        let text = request.text();
        self.say(Direction::Sent, text.trim_end());
        self.write(text.as_bytes())?;
        self.answer_to(&request.method)
    }

    /// Sends a request, with a `Host` if it has none, and reads its answer.
    ///
    /// # Errors
    ///
    /// No answer came.
    pub fn ask(&mut self, request: &Request) -> Step<Answer> {
        self.send_request(request)?;
        self.answer_to(&request.method)
    }

    /// Reads the head of a request of the target, where the suite plays the server.
    ///
    /// # Errors
    ///
    /// No request came.
    pub fn request(&mut self) -> Step<Request> {
        let head = self.head("an HTTP request")?;
        Request::parse(&head).map_err(|found| Stop::fail("an HTTP request", found))
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

    /// Reads up to `limit` bytes and throws them away, without the log; 0 at the end.
    ///
    /// # Errors
    ///
    /// Nothing came in time.
    pub fn swallow(&mut self, limit: usize) -> Step<usize> {
        if self.buffer.is_empty() && !self.fill(&|| "more bytes".to_owned())? {
            return Ok(0);
        }
        let taken = limit.min(self.buffer.len());
        self.buffer.advance(taken);
        Ok(taken)
    }
}

impl Acceptor {
    /// Listens on a free port of `host`, on all its addresses of IPv4.
    ///
    /// # Errors
    ///
    /// There is no socket.
    pub fn on(host: &Host, name: &str, log: &Log) -> Step<Self> {
        let bind = || TcpListener::bind(("0.0.0.0", 0));
        let listener = host.enter(bind).map_err(|e| Stop::fail("a socket", e.to_string()))?;
        Ok(Self { listener, name: name.to_owned(), log: log.clone() })
    }

    /// The port.
    ///
    /// # Panics
    ///
    /// A listener has an address.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.listener.local_addr().expect("a listener has an address").port()
    }

    /// The next connection of the target.
    ///
    /// # Errors
    ///
    /// None came in time.
    pub fn accept(&self, limit: Duration) -> Step<Wire> {
        let expected = || format!("a connection to {} port {}", self.name, self.port());
        match self.try_accept(limit)? {
            Some(wire) => Ok(wire),
            None => {
                Err(Stop::fail(expected(), format!("none within {:.1} s", limit.as_secs_f64())))
            }
        }
    }

    /// The next connection of the target, or None if there is none in time.
    ///
    /// # Errors
    ///
    /// The socket is broken.
    pub fn try_accept(&self, limit: Duration) -> Step<Option<Wire>> {
        let broken = |error: io::Error| Stop::fail("a connection", error.to_string());
        let mut waiting =
            [rustix::event::PollFd::new(&self.listener, rustix::event::PollFlags::IN)];
        let limit = rustix::event::Timespec {
            tv_sec: limit.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        };
        let ready =
            rustix::event::poll(&mut waiting, Some(&limit)).map_err(|e| broken(e.into()))?;
        if ready == 0 {
            return Ok(None);
        }
        let (stream, from) = self.listener.accept().map_err(broken)?;
        self.log.add(&self.name, Direction::Note, format!("accepted a connection of {from}"));
        Wire::on(stream, Role::Server, "", &self.name, &self.log).map(Some)
    }
}

/// Whether an error says that the other side has ended the connection.
fn is_over(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted
    )
}
