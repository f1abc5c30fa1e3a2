//! One connection with everything on it taken apart: heads, then frames, each way.
//!
//! ```text
//!            peer_sent ─▶ ┌──────────────────────┐ ─▶ to_proxy
//!   peer                  │ heads and frames pass│              proxy
//!            to_peer  ◀── │ the fault's hooks    │ ◀─ proxy_sent
//!                         └──────────────────────┘
//! ```
//!
//! No I/O: what comes in is given to [`Line::peer_sent`] and [`Line::proxy_sent`], and what goes
//! out waits in two queues. A hook gets a head to change, or a frame to pass on, or not, or twice.

mod hooks;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, BytesMut};

use crate::fault::{Fault, OnFrame, OnHead, OnLine};
use crate::frame::{CLOSE, CONTINUATION, Frame, Parsed};
use crate::head::{Head, end_of_head};
use crate::shared::{Known, Shared};

/// A longer head is passed on as it comes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Who opened the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The peer: the proxy is the server.
    Accepted,
    /// The proxy: it is the client, and its frames are masked.
    Dialled,
}

/// Which way something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

/// What comes next, one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    /// Nothing is to be understood until the answer has been seen.
    Waiting,
    /// So many bytes that belong to a head.
    Body(usize),
    Frames,
    /// Nothing is to be understood any more.
    Raw,
}

#[derive(Debug)]
struct Half {
    raw: BytesMut,
    stage: Stage,
}

/// One connection.
pub(crate) struct Line {
    pub(crate) fault: &'static Fault,
    pub(crate) shared: Arc<Shared>,
    pub(crate) side: Side,
    /// Whom it is with; what the proxy was told may be something else.
    pub(crate) peer: SocketAddr,
    /// The last request, before any change.
    pub(crate) request: Option<Head>,
    /// Where the line stands in the register, once it is a WebSocket.
    pub(crate) known: Option<Known>,
    /// The peer's close frame was passed on.
    pub(crate) close_received: bool,
    /// The proxy's close frame was passed on.
    pub(crate) close_sent: bool,
    /// For the hooks, to count by.
    pub(crate) count: u64,
    /// For the hooks, to keep something in.
    pub(crate) kept: Vec<Frame>,
    /// The fragments of a message that goes on.
    open: Option<Frame>,
    /// The socket takes nothing now.
    pub(crate) full: bool,
    /// It took nothing for a while; for the hooks to take note of.
    pub(crate) was_full: bool,
    /// What comes now was sent while the sender was held back.
    pub(crate) losing: bool,
    /// The connection stays open although the proxy ends it.
    pub(crate) stays_open: bool,
    /// The proxy is told that the connection is lost.
    pub(crate) broken: bool,
    /// A connection with someone else, which takes the place of this one.
    pub(crate) moved: Option<std::net::TcpStream>,
    pub(crate) to_proxy: BytesMut,
    pub(crate) to_peer: BytesMut,
    inward: Half,
    outward: Half,
}

impl Line {
    pub(crate) fn new(
        fault: &'static Fault,
        shared: &Arc<Shared>,
        side: Side,
        peer: SocketAddr,
    ) -> Self {
        let half = |stage| Half { raw: BytesMut::new(), stage };
        let (inward, outward) = match side {
            Side::Accepted => (half(Stage::Head), half(Stage::Waiting)),
            Side::Dialled => (half(Stage::Waiting), half(Stage::Head)),
        };
        Self {
            fault,
            shared: Arc::clone(shared),
            side,
            peer,
            request: None,
            known: None,
            close_received: false,
            close_sent: false,
            count: 0,
            kept: Vec::new(),
            open: None,
            full: false,
            was_full: false,
            losing: false,
            stays_open: false,
            broken: false,
            moved: None,
            to_proxy: BytesMut::new(),
            to_peer: BytesMut::new(),
            inward,
            outward,
        }
    }

    /// The peer sent these bytes.
    pub(crate) fn peer_sent(&mut self, bytes: &[u8]) {
        self.inward.raw.extend_from_slice(bytes);
        self.go_on(Way::In);
    }

    /// The proxy sent these bytes.
    pub(crate) fn proxy_sent(&mut self, bytes: &[u8]) {
        self.outward.raw.extend_from_slice(bytes);
        self.go_on(Way::Out);
    }

    /// The peer sends nothing more: what was not understood goes on as it is.
    pub(crate) fn peer_ended(&mut self) {
        let rest = self.inward.raw.split();
        match self.fault.peer_ended {
            Some(hook) => hook(self),
            None => self.to_proxy.extend_from_slice(&rest),
        }
    }

    fn half(&mut self, way: Way) -> &mut Half {
        match way {
            Way::In => &mut self.inward,
            Way::Out => &mut self.outward,
        }
    }

    fn queue(&mut self, way: Way) -> &mut BytesMut {
        match way {
            Way::In => &mut self.to_proxy,
            Way::Out => &mut self.to_peer,
        }
    }

    fn set_stages(&mut self, stage: Stage) {
        self.inward.stage = stage;
        self.outward.stage = stage;
    }

    /// Takes apart what has come one way, as far as it goes.
    fn go_on(&mut self, way: Way) {
        let (needs_frames, unasked) =
            (self.fault.needs_frames(), way == Way::Out && self.side == Side::Accepted);
        let limit = self.shared.config.limits.message_bytes;
        loop {
            let half = self.half(way);
            if half.raw.is_empty() {
                return;
            }
            let passed = match half.stage {
                // What the proxy says unasked is not for a request.
                Stage::Waiting if unasked => half.raw.split(),
                Stage::Waiting => return,
                Stage::Raw => half.raw.split(),
                Stage::Body(left) => {
                    let now = left.min(half.raw.len());
                    let passed = half.raw.split_to(now);
                    self.body(way, left - now);
                    passed
                }
                Stage::Head => match end_of_head(&half.raw) {
                    Some(end) => {
                        let bytes = half.raw.split_to(end);
                        self.head(way, &bytes);
                        continue;
                    }
                    None if half.raw.len() > HEAD_BYTES_MAX => {
                        self.set_stages(Stage::Raw);
                        continue;
                    }
                    None => return,
                },
                Stage::Frames if !needs_frames => half.raw.split(),
                Stage::Frames => match Frame::parse(&half.raw, limit) {
                    Parsed::Partial => return,
                    // The proxy says so as soon as it is announced.
                    Parsed::TooLarge => {
                        half.stage = Stage::Raw;
                        continue;
                    }
                    Parsed::Whole(frame, end) => {
                        let bytes = half.raw.split_to(end);
                        self.frame(way, frame, &bytes);
                        continue;
                    }
                },
            };
            self.queue(way).extend_from_slice(&passed);
        }
    }

    fn head(&mut self, way: Way, bytes: &[u8]) {
        let Some(original) = Head::parse(bytes) else {
            self.set_stages(Stage::Raw);
            self.queue(way).extend_from_slice(bytes);
            return;
        };
        let is_request = (way == Way::In) == (self.side == Side::Accepted);
        if is_request {
            self.request = Some(original.clone());
        }
        let hook: Option<OnHead> = match (is_request, self.side) {
            (true, Side::Accepted) => self.fault.request,
            (false, Side::Accepted) => self.fault.answer,
            (true, Side::Dialled) => self.fault.dial,
            (false, Side::Dialled) => self.fault.dial_answer,
        };
        let mut head = original.clone();
        if let Some(hook) = hook {
            hook(&mut head, self);
        }
        if self.moved.is_some() {
            return; // This answer never came; another one will.
        }
        if head == original {
            self.queue(way).extend_from_slice(bytes);
        } else {
            let changed = head.encode();
            self.queue(way).extend_from_slice(&changed);
        }
        if is_request { self.asked(way, &original) } else { self.answered(way, &head) }
    }

    /// A request has passed.
    fn asked(&mut self, way: Way, request: &Head) {
        let other = if way == Way::In { Way::Out } else { Way::In };
        let stage = if request.has_body() { Stage::Raw } else { Stage::Waiting };
        self.half(way).stage = stage;
        // A request may come before the body of the last answer has passed.
        if self.half(other).stage == Stage::Waiting {
            self.half(other).stage = Stage::Head;
        }
    }

    /// Of the body of an answer so much is left.
    fn body(&mut self, way: Way, left: usize) {
        let asked = self.inward.stage == Stage::Waiting;
        self.half(way).stage = match (left, asked) {
            (0, true) => Stage::Head,
            (0, false) => Stage::Waiting,
            _ => Stage::Body(left),
        };
    }

    /// An answer has passed.
    fn answered(&mut self, way: Way, answer: &Head) {
        let request = self.request.as_ref().expect("nobody answers before there is a request");
        if answer.status() == "101" {
            let known = Known::new(self.side, request);
            self.shared.enter(&known);
            self.known = Some(known);
            self.set_stages(Stage::Frames);
            self.run(self.fault.joined);
        } else if self.side == Side::Dialled {
            self.set_stages(Stage::Raw);
        } else {
            let body = if request.method() == "HEAD" { 0 } else { answer.body_bytes() };
            self.half(way).stage = if body == 0 { Stage::Waiting } else { Stage::Body(body) };
            if self.inward.stage == Stage::Waiting {
                self.inward.stage = Stage::Head;
            }
        }
        self.go_on(if way == Way::In { Way::Out } else { Way::In });
    }

    fn run(&mut self, hook: Option<OnLine>) {
        if let Some(hook) = hook {
            hook(self);
        }
    }

    fn frame(&mut self, way: Way, frame: Frame, bytes: &[u8]) {
        let hook: Option<OnFrame> = match way {
            Way::In => self.fault.received,
            Way::Out => self.fault.sent,
        };
        let whole = if way == Way::In { self.fault.heard } else { None };
        match (hook, whole) {
            (Some(hook), _) => hook(frame, self),
            (None, Some(hook)) => self.gather(frame, hook),
            (None, None) => {
                self.close_received |= way == Way::In && frame.opcode == CLOSE;
                self.close_sent |= way == Way::Out && frame.opcode == CLOSE;
                self.queue(way).extend_from_slice(bytes);
            }
        }
    }

    /// Joins the fragments of a message; everything else passes.
    fn gather(&mut self, frame: Frame, hook: OnFrame) {
        let limit = self.shared.config.limits.message_bytes;
        match (frame.opcode, &mut self.open) {
            (CONTINUATION, Some(open)) => {
                open.payload.extend_from_slice(&frame.payload);
                open.fin = frame.fin;
                if (frame.fin || open.payload.len() > limit)
                    && let Some(message) = self.open.take()
                {
                    hook(message, self);
                }
            }
            (_, open @ None) if frame.is_data() && frame.opcode != CONTINUATION && !frame.fin => {
                *open = Some(frame);
            }
            _ if frame.is_data() => hook(frame, self),
            _ => self.pass_in(&frame),
        }
    }

    /// Writes the first bytes of what waits for the proxy to `room`.
    pub(crate) fn give_proxy(&mut self, room: &mut tokio::io::ReadBuf<'_>) {
        let now = room.remaining().min(self.to_proxy.len());
        room.put_slice(&self.to_proxy[..now]);
        self.to_proxy.advance(now);
    }
}
