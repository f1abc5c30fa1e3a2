//! One WebSocket of a client, from its 101 to its end.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, Stream as _};
use proxy::Stream;
use tokio::time::{Instant, Sleep, sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message as Frame, Utf8Bytes};

use super::client::Pace;
use super::payload;
use super::recorder::Recorder;
use crate::event::{Event, Message, SessionNo};

/// Time for the proxy to answer a Close frame, before the connection is dropped.
const LEAVE_TIME: Duration = Duration::from_secs(10);

/// Small buffers: a world has thousands of sessions.
pub(super) fn websocket_config() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0)
}

/// What a session did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It has sent all that it had to.
    Idle,
    /// It is over, and has said so.
    Ended,
}

/// A session's number; tells of its end, also when its program is ended from outside.
pub(super) struct Life {
    pub(super) number: SessionNo,
    recorder: Recorder,
    ended: bool,
}

impl Life {
    pub(super) fn new(number: SessionNo, recorder: Recorder) -> Self {
        Self { number, recorder, ended: false }
    }

    pub(super) fn end(&mut self, code: Option<u16>, reason: Arc<str>) {
        if !std::mem::replace(&mut self.ended, true) {
            self.recorder.record(Event::Ended { session: self.number, code, reason });
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.end(None, "the client's program ended".into());
    }
}

/// One open WebSocket.
pub(super) struct Session<S> {
    life: Life,
    socket: WebSocketStream<S>,
    recorder: Recorder,
    pace: Pace,
    /// Messages that wait for the socket to take them.
    outgoing: VecDeque<(Message, Bytes)>,
    /// How many messages there were.
    next: u32,
    /// The Close frame that came.
    closed: Option<(u16, Arc<str>)>,
    leaving: bool,
    /// Until when a slow reader does not read, or a leaving one waits.
    rest: Pin<Box<Sleep>>,
    resting: bool,
}

impl<S: Stream> Session<S> {
    pub(super) fn new(life: Life, socket: WebSocketStream<S>, pace: Pace) -> Self {
        let mut session = Self {
            recorder: life.recorder.clone(),
            life,
            socket,
            pace: Pace::Free,
            outgoing: VecDeque::new(),
            next: 0,
            closed: None,
            leaving: false,
            rest: Box::pin(sleep(Duration::ZERO)),
            resting: false,
        };
        session.set_pace(pace);
        session
    }

    /// Whether nothing waits to be sent.
    pub(super) fn may_send(&self) -> bool {
        self.outgoing.is_empty()
    }

    /// Sends a message as soon as the socket takes it.
    pub(super) fn queue(&mut self, bytes: u32, binary: bool) {
        if !self.leaving {
            self.outgoing.push_back(payload::encode(self.life.number, self.next, bytes, binary));
            self.next += 1;
        }
    }

    /// Reads in another way from now on.
    pub(super) fn set_pace(&mut self, pace: Pace) {
        let reads = |pace| pace != Pace::Stalled;
        if reads(pace) != reads(self.pace) {
            self.recorder.record(Event::Reading { session: self.life.number, on: reads(pace) });
        }
        self.pace = pace;
        // What a slow reader still had to wait for is over.
        self.resting = false;
    }

    /// Closes in order. What the socket has not taken is not sent.
    pub(super) fn leave(&mut self) {
        if self.leaving {
            return;
        }
        self.recorder.record(Event::Leaving { session: self.life.number });
        self.leaving = true;
        self.outgoing.clear();
        let frame = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
        // It fails if the connection is over already, which the next read tells.
        let _ = Pin::new(&mut self.socket).start_send(Frame::Close(Some(frame)));
        self.rest.as_mut().reset(Instant::now() + LEAVE_TIME);
    }

    /// Drops the connection.
    pub(super) fn vanish(mut self) {
        self.recorder.record(Event::Leaving { session: self.life.number });
        self.end("the client vanished");
    }

    fn end(&mut self, how: &str) {
        match self.closed.take() {
            Some((code, reason)) => self.life.end(Some(code), reason),
            None => self.life.end(None, how.into()),
        }
    }

    /// Sends and reads what can be now.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        let was_busy = !self.outgoing.is_empty();
        self.poll_send(cx);
        if let Poll::Ready(how) = self.poll_read(cx) {
            self.end(&how);
            return Poll::Ready(Step::Ended);
        }
        if self.leaving && self.rest.as_mut().poll(cx).is_ready() {
            self.end("no answer to the Close frame");
            return Poll::Ready(Step::Ended);
        }
        if was_busy && self.outgoing.is_empty() {
            return Poll::Ready(Step::Idle);
        }
        Poll::Pending
    }

    /// Errors are told by the next read.
    fn poll_send(&mut self, cx: &mut Context<'_>) {
        while !self.outgoing.is_empty() {
            let Poll::Ready(Ok(())) = Pin::new(&mut self.socket).poll_ready(cx) else { return };
            let Some((message, content)) = self.outgoing.pop_front() else { return };
            self.recorder.record(Event::Sent { session: self.life.number, message });
            let frame = match message.binary {
                true => Frame::Binary(content),
                false => Frame::Text(content.try_into().expect("text is printable")),
            };
            let _ = Pin::new(&mut self.socket).start_send(frame);
        }
        let _ = Pin::new(&mut self.socket).poll_flush(cx);
    }

    /// Ready when the connection is over, with how.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        while self.pace != Pace::Stalled {
            if self.resting && !self.leaving {
                ready!(self.rest.as_mut().poll(cx));
                self.resting = false;
            }
            match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                None => return Poll::Ready("the connection ended".to_owned()),
                Some(Err(error)) => return Poll::Ready(error.to_string()),
                Some(Ok(Frame::Text(text))) => self.heard(text.as_ref(), false),
                Some(Ok(Frame::Binary(content))) => self.heard(&content, true),
                Some(Ok(Frame::Close(frame))) => {
                    let frame = frame.map(|f| (f.code.into(), f.reason.as_str().into()));
                    // RFC 6455 section 7.1.5: no code in the frame is 1005.
                    self.closed = Some(frame.unwrap_or((1005, "".into())));
                }
                Some(Ok(_)) => {}
            }
        }
        Poll::Pending
    }

    fn heard(&mut self, content: &[u8], binary: bool) {
        let session = self.life.number;
        self.recorder.record(match payload::decode(content, binary) {
            Ok(message) => Event::Heard { session, message },
            Err(what) => Event::Garbled { session, what: what.into() },
        });
        if let Pace::Slow(bytes_per_second) = self.pace {
            let time = Duration::from_secs(content.len() as u64)
                / bytes_per_second.clamp(1, 1 << 31) as u32;
            self.rest.as_mut().reset(Instant::now() + time);
            self.resting = true;
        }
    }
}
