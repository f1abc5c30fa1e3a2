//! HTTP and WebSocket handshakes by hand, so that nothing is sent but what a test says.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use tungstenite::WebSocket;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::Role;

use crate::lab::Host;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The headers by which a request asks for a link.
pub(crate) const AS_LINK: &[(&str, &str)] = &[("X-BroadcastWebSocket-Proxy", "true")];

/// An answer, and the connection that it came on.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) stream: TcpStream,
}

/// A connection from `host`.
pub(crate) fn connect(host: &Host, to: SocketAddr) -> io::Result<TcpStream> {
    let stream = host.enter(|| TcpStream::connect_timeout(&to, Duration::from_secs(5)))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Asks for an upgrade to WebSocket, with a `Host` header that is the address.
pub(crate) fn ask(
    host: &Host,
    to: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> io::Result<Answer> {
    let upgrade = [
        ("Host", &*to.to_string()),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY),
    ];
    request(connect(host, to)?, path, &[&upgrade, headers].concat())
}

/// Sends a GET and reads the head of its answer, and no byte more.
pub(crate) fn request(
    mut stream: TcpStream,
    path: &str,
    headers: &[(&str, &str)],
) -> io::Result<Answer> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut text = format!("GET {path} HTTP/1.1\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    stream.write_all((text + "\r\n").as_bytes())?;
    let head = read_head(&mut stream)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no status: {head}")))?;
    Ok(Answer { status, head, stream })
}

/// The body of what is at `path`, as a program of the same host gets it.
pub(crate) fn get(host: &Host, port: u16, path: &str) -> io::Result<String> {
    let stream = connect(host, (host.loopback(), port).into())?;
    let headers = [("Host", "localhost"), ("Connection", "close")];
    let mut answer = request(stream, path, &headers)?;
    let mut body = String::new();
    answer.stream.read_to_string(&mut body)?;
    Ok(body)
}

impl Answer {
    /// The value of a header, if the answer has it.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The WebSocket that stands after a sound 101, and its stream for a writer or to cut it.
    pub(crate) fn websocket(self) -> (WebSocket<TcpStream>, TcpStream) {
        assert_eq!(self.status, 101, "{}", self.head);
        assert_eq!(self.header("Sec-WebSocket-Accept"), Some(ACCEPT));
        open(self.stream, Role::Client)
    }
}

/// Answers the request on `stream` with 101, and gives its head.
pub(crate) fn accept(
    mut stream: TcpStream,
) -> io::Result<(String, WebSocket<TcpStream>, TcpStream)> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_nodelay(true)?;
    let head = read_head(&mut stream)?;
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("Sec-WebSocket-Key").then_some(value)
    });
    let key = key.ok_or_else(|| io::Error::other(format!("no key: {head}")))?;
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Access-Control-Allow-Origin: *\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes())?;
    let (socket, stream) = open(stream, Role::Server);
    Ok((head, socket, stream))
}

fn open(stream: TcpStream, role: Role) -> (WebSocket<TcpStream>, TcpStream) {
    stream.set_read_timeout(None).unwrap();
    let other = stream.try_clone().unwrap();
    (WebSocket::from_raw_socket(stream, role, None), other)
}

fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
