//! One WebSocket connection after its upgrade: reads, publishes, writes what waits, ends.
//!
//! ```text
//!            read ──▶ decode ──▶ publish            not while a hold is on it (outbox.rs)
//!   Open ──┬─ Close received, or a violation, or somebody orders it ──▶ Closing ──▶ Done
//!          └─ lost: end of stream, error, nothing heard, ─────────────────────────▶ Done
//! ```
//!
//! The Close frame goes behind all that was accepted for this connection before it. Only a reader
//! that is cut for stalling loses what waited (`backpressure.stalled-closed`).
//!
//! A future of its own, polled by hand: reading and writing share one socket and one waker, and an
//! idle connection is no more than this struct.

mod phase;
mod time;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::io::ReadBuf;
use tokio::time::{Duration, Instant};

pub(crate) use self::phase::Ended;
use self::phase::{Closing, Input, Phase};
use crate::channel::{Channel, Origin};
use crate::clock::{self, Sleep, sleep_until};
use crate::hub::{Hub, Membership};
use crate::limits::READS_PER_TURN;
use crate::member::{Kind, Member};
use crate::ws::{self, Batch, CloseCode, Control, Decoder, Role, Violation};

pin_project! {
    /// A WebSocket connection on its channel.
    pub(crate) struct Connection {
        talk: Talk,
        // In the connection itself: an allocation less for each.
        #[pin]
        timer: Sleep,
    }
}

/// All of a connection but its timer.
struct Talk {
    place: Membership,
    decoder: Decoder,
    /// What came in the same read as the upgrade's request or answer.
    early: Box<[u8]>,
    phase: Phase,
    /// When anything was last read, or reading was resumed.
    heard: Instant,
    /// A ping is out, sent when nothing was heard for the keep-alive time, or in doubt: by when
    /// its answer, or anything else, must be heard.
    asked: Option<Instant>,
    /// When the socket was last tried although it said that it was full.
    probed: Instant,
    /// Reading waits for readers of ours that are full.
    held: bool,
    /// The other end takes nothing any more, but what it sent may still be read.
    deaf: bool,
    /// The other end sends nothing any more.
    silent: bool,
    /// Said once that messages come against the link's direction.
    told_discarded: bool,
}

impl Connection {
    /// A connection whose upgrade is done and whose member has its stream. `early` is what was
    /// read beyond the upgrade.
    pub(crate) fn new(place: Membership, early: Box<[u8]>) -> Self {
        let now = clock::now();
        let role = if place.member.kind.we_dialled() { Role::Client } else { Role::Server };
        let limits = &place.hub.limits;
        let timer = sleep_until(now + limits.keep_alive);
        let talk = Talk {
            decoder: Decoder::new(role, limits.message_bytes),
            place,
            early,
            phase: Phase::Open,
            heard: now,
            asked: None,
            probed: now,
            held: false,
            deaf: false,
            silent: false,
            told_discarded: false,
        };
        Self { talk, timer }
    }
}

impl Talk {
    fn hub(&self) -> &Rc<Hub> {
        &self.place.hub
    }

    fn member(&self) -> &Rc<Member> {
        &self.place.member
    }

    /// Starts the end that we choose: with `code` and `reason`.
    fn close(&mut self, code: CloseCode, reason: &str, input: Input) {
        self.member().send_close(&ws::close(code, reason));
        self.start_closing(input);
    }

    fn start_closing(&mut self, input: Input) {
        // A closing handshake is under way: whatever happens now, the other side was told.
        self.place.lost.set(false);
        self.place.leave();
        self.phase = Phase::Closing(Closing::new(clock::now(), input));
    }

    fn end(&mut self) {
        self.place.leave();
        self.member().detach();
        self.phase = Phase::Done;
    }

    /// Writing failed. What the other end sent before, and our system has taken, still counts
    /// (relay.sent-before-close).
    fn deafen(&mut self) {
        self.deaf = true;
        self.place.leave();
        self.member().drop_queue();
    }

    fn violated(&mut self, violation: &Violation) {
        self.hub().counters.protocol_errors.increment();
        tracing::info!(channel = %self.channel().id, peer = %self.member().address, %violation, "closing a connection");
        self.close(violation.code(), &violation.to_string(), Input::Garbage);
    }

    fn channel(&self) -> &Rc<Channel> {
        &self.place.channel
    }

    /// Does what others asked of this connection since its last turn.
    fn obey(&mut self) {
        if let Phase::Closing(Closing { input, .. }) = self.phase
            && input != Input::Awaited
        {
            self.member().let_successor_go();
        }
        if self.phase != Phase::Open {
            return;
        }
        if let Some((code, reason)) = self.member().take_order() {
            self.close(code, &reason, Input::Awaited);
            if let Phase::Closing(closing) = &mut self.phase
                && code == CloseCode::GOING_AWAY
            {
                closing.hurried = true;
            }
        } else if self.member().take_doubt() && !self.member().has_queued() {
            // So long a sound proxy may leave unread what we send it; and if something waits for
            // it, whether it takes that is proof enough.
            self.ask(self.hub().limits.stall_time);
        }
    }

    fn ask(&mut self, time: Duration) {
        let by = clock::now() + time;
        if self.asked.is_none() {
            self.member().send_ping(&ws::ping(b""));
        }
        self.asked = Some(self.asked.map_or(by, |asked| asked.min(by)));
    }

    /// Whether what comes in over a link that we close is delivered still: until the other end's
    /// Close it is no less accepted than before.
    fn drains(&self) -> bool {
        matches!(self.phase, Phase::Closing(_)) && self.member().hands_over()
    }

    /// Whether reading must wait for readers of ours that are full.
    fn must_not_read(&self) -> bool {
        (self.phase == Phase::Open || self.drains()) && self.member().throttle.is_held()
    }

    /// Reads and handles what is there, within this turn's share; pending when nothing more can
    /// be done until something changes.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.early.is_empty() && !self.must_not_read() {
            let early = std::mem::take(&mut self.early);
            self.take_in(&early);
        }
        if self.silent {
            let done = !self.member().has_queued();
            let end = || Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            return if done { end() } else { Poll::Pending };
        }
        for _ in 0..READS_PER_TURN {
            if self.must_not_read() {
                self.held = true;
                return Poll::Pending;
            }
            if std::mem::take(&mut self.held) {
                // What we did not read we could not hear.
                self.heard = clock::now();
            }
            let hub = Rc::clone(self.hub());
            let mut scratch = hub.scratch.borrow_mut();
            let mut buffer = ReadBuf::new(&mut scratch);
            let read = self.member().with_stream(|stream| stream.poll_read(cx, &mut buffer));
            ready!(read)?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            self.heard = clock::now();
            self.asked = None;
            self.take_in(buffer.filled());
        }
        // The others' turn; this task stays ready.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes what waits.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.deaf {
            return Poll::Ready(Ok(()));
        }
        let before = self.member().progress();
        let written = self.member().poll_write(cx);
        self.note_progress(before);
        written
    }

    /// Who took what waited lives.
    fn note_progress(&mut self, before: Instant) {
        if self.member().progress() > before {
            self.heard = self.member().progress();
            self.asked = None;
        }
    }

    /// The stream ended or failed. A half-closed one still takes what waits for it, if the other
    /// end said Close before.
    fn stop_reading(&mut self, error: &io::Error) {
        let half_closed = error.kind() == io::ErrorKind::UnexpectedEof && !self.deaf;
        let closing = matches!(self.phase, Phase::Closing(_));
        if half_closed && closing && self.member().has_queued() && !self.silent {
            self.silent = true;
        } else {
            self.end();
        }
    }

    /// Handles what was read: publishes messages, answers control frames.
    fn take_in(&mut self, mut input: &[u8]) {
        let hub = Rc::clone(self.hub());
        let mut batch = hub.batch.borrow_mut();
        while !input.is_empty() {
            if let Phase::Closing(Closing { input: Input::Closed | Input::Garbage, .. }) =
                self.phase
            {
                break;
            }
            let decoded = self.decoder.decode(&mut input, &mut batch);
            // What came before a control frame or a violation is valid, and goes first.
            self.publish(&mut batch);
            match decoded {
                Ok(None) => {}
                Ok(Some(control)) => self.answer(&control),
                Err(violation) if self.phase == Phase::Open => self.violated(&violation),
                Err(_) => self.set_input(Input::Garbage),
            }
        }
    }

    /// RFC 6455 sections 5.5.1 to 5.5.3: a pong repeats the ping, a Close answers a Close once.
    fn answer(&mut self, control: &Control) {
        let closes = matches!(control, Control::Close(_));
        match control.answer() {
            Some(close) if closes && self.phase == Phase::Open => {
                self.member().send_close(&close);
                self.start_closing(Input::Closed);
            }
            _ if closes => self.set_input(Input::Closed),
            Some(pong) => self.member().send_pong(&pong),
            None => {}
        }
    }

    fn set_input(&mut self, input: Input) {
        if let Phase::Closing(closing) = &mut self.phase {
            closing.input = input;
            self.member().let_successor_go();
        }
    }

    fn publish(&mut self, batch: &mut Batch) {
        if batch.is_empty() {
            return;
        }
        let (messages, payload) = (batch.messages() as u64, batch.payload_bytes() as u64);
        let frames = batch.take();
        if self.phase != Phase::Open && !self.drains() {
            return; // Sent after our Close frame: never accepted.
        }
        let counters = &self.place.hub.counters;
        let origin = match self.member().kind {
            Kind::Client => Origin::Client(self.member().id),
            Kind::Link(link) if link.brings() => Origin::Link,
            Kind::Link(_) => {
                counters.messages_discarded.add(messages);
                if !std::mem::replace(&mut self.told_discarded, true) {
                    tracing::warn!(
                        channel = %self.channel().id, peer = %self.member().address,
                        "a proxy sends messages over a link that carries them to it; they are ignored"
                    );
                }
                return;
            }
        };
        counters.messages_received.add(messages);
        counters.bytes_received.add(payload);
        self.channel().messages.add(messages);
        self.channel().bytes.add(payload);
        let mut audience = 0;
        for frames in frames {
            audience = self.channel().publish(origin, &frames, &self.member().throttle);
            counters.bytes_delivered.add((frames.len() * audience) as u64);
        }
        counters.messages_delivered.add(messages * audience as u64);
    }

    /// Moves a closing connection on, once everything is written.
    fn poll_closing(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Phase::Closing(mut closing) = self.phase else {
            return Poll::Pending;
        };
        if self.member().has_queued() {
            return Poll::Pending;
        }
        // RFC 6455 section 7.1.1: the server closes the TCP connection, at once when both have
        // said Close; a client waits for that.
        let server = !self.member().kind.we_dialled();
        if (server && closing.input == Input::Closed) || closing.input == Input::Garbage {
            if !closing.shut {
                // Done or failed, there is nothing more to say.
                let _ = ready!(self.member().with_stream(|stream| stream.poll_shutdown(cx)));
                closing.shut = true;
                self.phase = Phase::Closing(closing);
            }
            if closing.input == Input::Closed {
                self.end();
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }
}

impl Future for Connection {
    type Output = Ended;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        let connection = self.project();
        let (this, mut timer) = (connection.talk, connection.timer);
        this.member().throttle.register(cx.waker());
        while this.phase != Phase::Done {
            this.obey();
            // Reading first: what it answers is written in the same turn.
            let read = this.poll_read(cx);
            let written = this.poll_write(cx);
            if let Poll::Ready(Err(_)) = written {
                this.deafen();
            }
            if let Poll::Ready(Err(error)) = read {
                this.stop_reading(&error);
            } else if this.poll_closing(cx).is_pending() && !this.check_time(clock::now()) {
                ready!(this.poll_timer(timer.as_mut(), cx));
            }
        }
        if this.member().throttle.is_held() {
            return Poll::Pending;
        }
        Poll::Ready(Ended { clean: !this.place.lost.get() })
    }
}
