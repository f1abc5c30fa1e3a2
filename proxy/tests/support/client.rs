//! A WebSocket client by other people: tungstenite, blocking, with a deadline on each read.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::Response;
use tungstenite::protocol::frame::{CloseFrame, coding::CloseCode};
use tungstenite::{Error, Message, WebSocket};

use super::PATIENCE;

/// A client on a channel.
pub(crate) struct Client(pub(crate) WebSocket<TcpStream>);

impl Client {
    /// Opens the channel at `path`.
    pub(crate) fn join(address: SocketAddr, path: &str) -> Self {
        Self::join_with(address, path, &[]).0
    }

    /// Opens the channel at `path` with more headers, and gives the answer too.
    pub(crate) fn join_with(
        address: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> (Self, Response) {
        let stream = TcpStream::connect(address).expect("the proxy accepts");
        stream.set_nodelay(true).expect("a socket option");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket option");
        let request = format!("ws://localhost:{}{path}", address.port());
        let mut request = request.into_client_request().expect("a sound URL");
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().expect("a sound value"));
        }
        let (socket, answer) = tungstenite::client(request, stream).expect("a handshake");
        (Self(socket), answer)
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, message: impl Into<Message>) {
        self.0.send(message.into()).expect("a message is sent");
    }

    /// The next text, binary or close message. Pings are answered on the way.
    pub(crate) fn next(&mut self) -> Message {
        let started = Instant::now();
        loop {
            let message = self.0.read().unwrap_or_else(|error| match error {
                Error::Io(e) if e.kind() == ErrorKind::WouldBlock => {
                    panic!("no message came in {PATIENCE:?}")
                }
                error => panic!("a message was to come, and not: {error}"),
            });
            if !message.is_ping() && !message.is_pong() {
                return message;
            }
            assert!(started.elapsed() < PATIENCE, "nothing but pings came in {PATIENCE:?}");
        }
    }

    /// The next message must be this one.
    pub(crate) fn hears(&mut self, expected: impl Into<Message>) {
        let (expected, got) = (expected.into(), self.next());
        assert!(got == expected, "expected {}, got {}", brief(&expected), brief(&got));
    }

    /// The next message must be a Close; gives its code and reason.
    pub(crate) fn closed(&mut self) -> (u16, String) {
        match self.next() {
            Message::Close(Some(close)) => (close.code.into(), close.reason.to_string()),
            other => panic!("expected a close, got {}", brief(&other)),
        }
    }

    /// Leaves with a closing handshake, and hears nothing more on the way.
    pub(crate) fn leave(mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "done".into() };
        self.0.close(Some(frame)).expect("a close is sent");
        assert_eq!(self.closed().0, 1000);
    }
}

/// A message in a line for a person.
fn brief(message: &Message) -> String {
    let text = format!("{message:?}");
    let start: String = text.chars().take(80).collect();
    format!("{start} ({} bytes)", message.len())
}
