//! A bare TCP connection to the proxy: bytes out, and HTTP answers or frames in.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use bytes::BytesMut;
use socket2::{Domain, SockRef, Socket, Type};

use super::PATIENCE;
use super::http::{ACCEPT, Answer, Request};

pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;
pub(crate) const FIN: u8 = 0x80;

/// The masking key of all our frames. A fixed one: what it does to a payload is what counts.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame that the proxy sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// FIN, reserved bits and opcode.
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The code and the reason of a Close; anything else fails. No code is 1005.
    pub(crate) fn close_code(&self) -> (u16, String) {
        assert_eq!(self.first, FIN | CLOSE, "expected a close, got {:?}", self.brief());
        match self.payload.split_first_chunk() {
            None => (1005, String::new()),
            Some((code, reason)) => {
                let reason = str::from_utf8(reason).expect("a reason in UTF-8");
                (u16::from_be_bytes(*code), reason.to_owned())
            }
        }
    }

    fn brief(&self) -> String {
        let start = &self.payload[..self.payload.len().min(60)];
        let text = String::from_utf8_lossy(start);
        format!("{:#04x} {text:?} ({} bytes)", self.first, self.payload.len())
    }
}

/// A header as a client sends it: masked, and as the test wants it.
pub(crate) fn header(first: u8, length: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    bytes.extend_from_slice(length);
    bytes[1] |= 0x80;
    bytes.extend_from_slice(&MASK);
    bytes
}

/// The length of a payload in as few bytes as possible.
pub(crate) fn length(len: usize) -> Vec<u8> {
    match len {
        0..126 => vec![len as u8],
        126..0x1_0000 => [&[126][..], &(len as u16).to_be_bytes()].concat(),
        _ => [&[127][..], &(len as u64).to_be_bytes()].concat(),
    }
}

/// A frame as a client sends it, with any first byte.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(first, &length(payload.len()));
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// A whole text message.
pub(crate) fn text(payload: &str) -> Vec<u8> {
    frame(FIN | TEXT, payload.as_bytes())
}

/// A Close with a code and no reason.
pub(crate) fn close(code: u16) -> Vec<u8> {
    frame(FIN | CLOSE, &code.to_be_bytes())
}

/// A connection, with what came and was not read yet.
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    buffer: BytesMut,
    /// Bytes read from the stream so far.
    pub(crate) taken: u64,
}

impl Wire {
    /// A new connection.
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the proxy accepts");
        Self::on(stream)
    }

    /// A new connection whose own buffers in the kernel have this size, so that it holds little
    /// that it has not read, or that the proxy has not.
    pub(crate) fn open_narrow(address: SocketAddr, buffer: usize) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None);
        let socket = socket.expect("a socket");
        socket.set_recv_buffer_size(buffer).expect("a socket option");
        socket.set_send_buffer_size(buffer).expect("a socket option");
        socket.connect(&address.into()).expect("the proxy accepts");
        Self::on(socket.into())
    }

    fn on(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a socket option");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket option");
        Self { stream, buffer: BytesMut::new(), taken: 0 }
    }

    /// Opens the channel at `path`.
    pub(crate) fn upgrade(&mut self, path: &str) {
        let request = Request::upgrade(path);
        self.send(&request.bytes());
        self.is_upgraded();
    }

    /// The next answer must accept the upgrade.
    pub(crate) fn is_upgraded(&mut self) {
        let answer = self.answer();
        assert_eq!(answer.status, 101, "{answer:?}");
        assert_eq!(answer.header("sec-websocket-accept"), Some(ACCEPT));
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the proxy takes what is sent");
    }

    /// Sends bytes to a proxy that may have closed the connection already.
    pub(crate) fn send_if_open(&mut self, bytes: &[u8]) {
        match self.stream.write_all(bytes) {
            Err(e) if !is_over(e.kind()) => panic!("the proxy takes nothing: {e}"),
            _ => {}
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).expect("it is open");
    }

    /// Ends the connection at once, with a reset instead of an end.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(std::time::Duration::ZERO)).expect("an option");
    }

    /// Reads once; false at the end of the stream.
    fn fill(&mut self) -> bool {
        let mut chunk = [0; 64 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => false,
            Ok(n) => {
                self.buffer.extend_from_slice(&chunk[..n]);
                self.taken += n as u64;
                true
            }
            Err(e) if is_over(e.kind()) => false,
            Err(e) => panic!("nothing came in {PATIENCE:?}: {e}"),
        }
    }

    /// Reads until `len` bytes are there.
    fn need(&mut self, len: usize) {
        while self.buffer.len() < len {
            assert!(self.fill(), "the stream ended with {:?}", self.brief());
        }
    }

    fn brief(&self) -> String {
        String::from_utf8_lossy(&self.buffer[..self.buffer.len().min(60)]).into_owned()
    }

    fn take(&mut self, len: usize) -> Vec<u8> {
        self.need(len);
        self.buffer.split_to(len).into()
    }

    /// The next HTTP answer to a GET.
    pub(crate) fn answer(&mut self) -> Answer {
        self.read_answer(true)
    }

    /// The next HTTP answer, to `request`.
    pub(crate) fn answer_to(&mut self, request: &Request) -> Answer {
        self.read_answer(!request.is_head())
    }

    fn read_answer(&mut self, with_body: bool) -> Answer {
        let end = loop {
            match self.buffer.windows(4).position(|end| end == b"\r\n\r\n") {
                Some(end) => break end,
                None => assert!(self.fill(), "no answer; the stream ended with {}", self.brief()),
            }
        };
        let head = self.take(end + 4);
        let mut answer = Answer::of_head(&head[..end]);
        if with_body && answer.status != 101 {
            let length = answer.header("content-length").expect("the length of the body");
            answer.body = self.take(length.parse().expect("a number"));
        }
        answer
    }

    /// The next frame, which must be sound: final, unmasked, of minimal length.
    pub(crate) fn frame(&mut self) -> Frame {
        self.need(2);
        let (first, short) = (self.buffer[0], self.buffer[1]);
        assert!(first & 0xf0 == FIN && short < 0x80, "frame {first:#04x} {short:#04x}");
        let size = match short {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        let head = self.take(size);
        let len = match short {
            126 | 127 => head[2..].iter().fold(0, |len, byte| len << 8 | usize::from(*byte)),
            short => short.into(),
        };
        assert_eq!(length(len).len() + 1, size, "{len} in {size} bytes of header");
        Frame { first, payload: self.take(len) }
    }

    /// The next frame must be this whole text message.
    pub(crate) fn hears(&mut self, expected: &str) {
        let got = self.frame();
        let sound = got.first == FIN | TEXT && got.payload == expected.as_bytes();
        assert!(sound, "expected {expected:?}, got {}", got.brief());
    }

    /// The next frame must be a Close, and the stream ends behind it; gives code and reason.
    pub(crate) fn closed(&mut self) -> (u16, String) {
        let close = self.frame().close_code();
        self.ended();
        close
    }

    /// The stream must end here.
    pub(crate) fn ended(&mut self) {
        while self.buffer.is_empty() {
            if !self.fill() {
                return;
            }
        }
        panic!("more came where the end was to be: {:?}", self.brief());
    }

    /// All that comes until the end of the stream.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        self.buffer.split().into()
    }
}

/// Whether an error says that the other side has ended the connection.
pub(crate) fn is_over(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted
    )
}
