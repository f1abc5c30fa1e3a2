//! An open WebSocket, as a client, a dialler or an acceptor that the suite plays.

use tungstenite::handshake::derive_accept_key;

use super::frame::{self, BINARY, CLOSE, CONTINUATION, FIN, Frame, NO_CODE, PING, PONG, TEXT};
use super::http::{Answer, Request};
use super::tcp::Wire;
use crate::case::{Step, Stop, expect};
use crate::log::{Direction, brief};

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// [`TEXT`] or [`BINARY`].
    pub opcode: u8,
    /// All its fragments.
    pub payload: Vec<u8>,
}

impl Message {
    /// A text message.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self { opcode: TEXT, payload: text.as_bytes().to_vec() }
    }

    /// A binary message.
    #[must_use]
    pub fn binary(payload: impl Into<Vec<u8>>) -> Self {
        Self { opcode: BINARY, payload: payload.into() }
    }

    /// In words.
    #[must_use]
    pub fn describe(&self) -> String {
        frame::describe(FIN | self.opcode, &self.payload)
    }
}

/// An open WebSocket. Verbs that expect a message answer pings on the way.
#[derive(Debug)]
pub struct Conn {
    wire: Wire,
}

impl Conn {
    pub(super) fn on(wire: Wire) -> Self {
        Self { wire }
    }

    /// What is below.
    pub fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// Gives what is below.
    #[must_use]
    pub fn into_wire(self) -> Wire {
        self.wire
    }

    /// Accepts a link that the target dials, with these headers beside the usual.
    ///
    /// # Errors
    ///
    /// The target takes nothing.
    pub fn accept(mut wire: Wire, request: &Request, headers: &[(&str, &str)]) -> Step<Self> {
        let text = accepting(request, headers);
        wire.say(Direction::Sent, text.trim_end());
        wire.write(text.as_bytes())?;
        Ok(Self { wire })
    }

    /// Sends a frame as its role has it; `first` holds FIN, reserved bits and opcode.
    ///
    /// # Errors
    ///
    /// The target takes nothing.
    pub fn frame(&mut self, first: u8, payload: &[u8]) -> Step {
        self.wire.say(Direction::Sent, frame::describe(first, payload));
        let bytes = frame::encode(self.wire.role(), first, payload);
        self.wire.write(&bytes)
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// The target takes nothing.
    pub fn send(&mut self, message: &Message) -> Step {
        self.frame(FIN | message.opcode, &message.payload)
    }

    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// The target takes nothing.
    pub fn text(&mut self, text: &str) -> Step {
        self.frame(FIN | TEXT, text.as_bytes())
    }

    /// Sends a binary message.
    ///
    /// # Errors
    ///
    /// The target takes nothing.
    pub fn binary(&mut self, payload: &[u8]) -> Step {
        self.frame(FIN | BINARY, payload)
    }

    /// Sends a close frame; [`NO_CODE`] for one without a code.
    ///
    /// # Errors
    ///
    /// The target takes nothing.
    pub fn close(&mut self, code: u16, reason: &str) -> Step {
        let payload = if code == NO_CODE { Vec::new() } else { frame::close_payload(code, reason) };
        self.frame(FIN | CLOSE, &payload)
    }

    /// The next frame of any kind, which must be a sound one; None at the end of the stream.
    ///
    /// # Errors
    ///
    /// It is not sound, or nothing came in time.
    pub fn next_or_end(&mut self, expected: &str) -> Step<Option<Frame>> {
        let frame = self.wire.frame(expected)?;
        if let Some(fault) = frame.as_ref().and_then(|frame| frame.fault(self.wire.role())) {
            return Err(Stop::fail(expected, fault));
        }
        Ok(frame)
    }

    /// The next frame of any kind, which must be a sound one.
    ///
    /// # Errors
    ///
    /// It is not sound, nothing came in time, or the stream ended.
    pub fn next(&mut self, expected: &str) -> Step<Frame> {
        let frame = self.next_or_end(expected)?;
        frame.ok_or_else(|| Stop::fail(expected, "the end of the connection"))
    }

    /// The next frame that is neither a ping, which is answered, nor a pong.
    ///
    /// # Errors
    ///
    /// As of [`next`](Self::next).
    pub fn next_but_pings(&mut self, expected: &str) -> Step<Frame> {
        loop {
            let frame = self.next(expected)?;
            match frame.opcode() {
                PING => self.frame(FIN | PONG, &frame.payload)?,
                PONG => {}
                _ => return Ok(frame),
            }
        }
    }

    /// The next message, in however many fragments.
    ///
    /// # Errors
    ///
    /// A close came, or what is no message.
    pub fn message(&mut self, expected: &str) -> Step<Message> {
        let mut frame = self.next_but_pings(expected)?;
        expect(matches!(frame.opcode(), TEXT | BINARY), expected, frame.describe())?;
        let mut message = Message { opcode: frame.opcode(), payload: frame.payload };
        while frame.first & FIN == 0 {
            frame = self.next_but_pings(expected)?;
            expect(frame.opcode() == CONTINUATION, "a continuation", frame.describe())?;
            message.payload.extend_from_slice(&frame.payload);
        }
        Ok(message)
    }

    /// The next message must be this one.
    ///
    /// # Errors
    ///
    /// It is not.
    pub fn hears(&mut self, expected: &Message) -> Step {
        let words = expected.describe();
        let received = self.message(&words)?;
        if received == *expected {
            return Ok(());
        }
        let at = received.payload.iter().zip(&expected.payload).take_while(|(a, b)| a == b).count();
        let mut found = received.describe();
        if received.opcode == expected.opcode && at > 0 {
            found += &format!("; differs at byte {at}: {}", brief(&received.payload[at..]));
        }
        Err(Stop::fail(words, found))
    }

    /// The next message must be this text.
    ///
    /// # Errors
    ///
    /// It is not.
    pub fn hears_text(&mut self, text: &str) -> Step {
        self.hears(&Message::text(text))
    }

    /// The next frame, pings and pongs aside, must be a close with this code; gives the reason.
    ///
    /// # Errors
    ///
    /// It is not.
    pub fn closed(&mut self, code: u16) -> Step<String> {
        let expected = match code {
            NO_CODE => "a close without a code".to_owned(),
            code => format!("a close with {code}"),
        };
        let frame = self.next_but_pings(&expected)?;
        expect(
            frame.opcode() == CLOSE && frame.close_code().0 == code,
            expected,
            frame.describe(),
        )?;
        Ok(frame.close_code().1)
    }

    /// The stream must end here, without a further frame.
    ///
    /// # Errors
    ///
    /// Something came, or nothing in time.
    pub fn ended(&mut self) -> Step {
        let expected = "the end of the connection";
        match self.wire.frame(expected)? {
            None => Ok(()),
            Some(frame) => Err(Stop::fail(expected, frame.describe())),
        }
    }

    /// Sends a ping and waits for its pong: all that the target did before is done.
    /// Messages that come on the way fail.
    ///
    /// # Errors
    ///
    /// No pong came, or something else.
    pub fn round_trip(&mut self, payload: &str) -> Step {
        self.frame(FIN | PING, payload.as_bytes())?;
        let expected = format!("a pong {payload:?}");
        loop {
            let frame = self.next(&expected)?;
            match frame.opcode() {
                PING => self.frame(FIN | PONG, &frame.payload)?,
                PONG if frame.payload == payload.as_bytes() => return Ok(()),
                PONG => {}
                _ => return Err(Stop::fail(expected, frame.describe())),
            }
        }
    }

    /// The messages that come before the pong of a ping, or before the end of the connection.
    ///
    /// # Errors
    ///
    /// Neither came, or what is no message.
    pub fn brought(&mut self) -> Step<Vec<Message>> {
        const PAYLOAD: &[u8] = b"is that all?";
        let mut messages: Vec<Message> = Vec::new();
        // Who has ended the connection may have said something before.
        let _ = self.frame(FIN | PING, PAYLOAD);
        while let Some(frame) = self.next_or_end("messages, and a pong")? {
            match (frame.opcode(), messages.last_mut()) {
                (TEXT | BINARY, _) => {
                    messages.push(Message { opcode: frame.opcode(), payload: frame.payload });
                }
                (CONTINUATION, Some(message)) => message.payload.extend(frame.payload),
                (PING, _) => self.frame(FIN | PONG, &frame.payload)?,
                (PONG, _) if frame.payload != PAYLOAD => {}
                _ => break,
            }
        }
        Ok(messages)
    }

    /// Leaves its channel in order: closes with 1000 and waits for the answer, or the end. How the
    /// target answers a close is judged by cases of their own.
    ///
    /// # Errors
    ///
    /// It does neither.
    pub fn leave(mut self) -> Step {
        self.close(1000, "")?;
        while let Some(frame) = self.wire.frame("an answer to the close")? {
            if frame.opcode() == CLOSE {
                break;
            }
        }
        Ok(())
    }
}

/// The head of a 101 answer to `request`.
#[must_use]
pub fn accepting(request: &Request, headers: &[(&str, &str)]) -> String {
    let accept = derive_accept_key(request.header("Sec-WebSocket-Key").unwrap_or("").as_bytes());
    let mut answer = Answer {
        status: 101,
        headers: vec![
            ("Upgrade".into(), "websocket".into()),
            ("Connection".into(), "Upgrade".into()),
            ("Sec-WebSocket-Accept".into(), accept),
        ],
        body: Vec::new(),
    };
    answer.headers.extend(headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
    let lines: String = answer.headers.iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect();
    format!("HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n")
}
