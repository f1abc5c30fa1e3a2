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

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::ReadBuf;
use tokio::time::{Duration, Instant, Sleep, sleep_until};

pub(crate) use self::phase::Ended;
use self::phase::{Closing, Input, Phase};
use crate::channel::{Channel, Origin};
use crate::hub::{Hub, Membership};
use crate::limits::{CLOSE_TIME, CUT_LINGER, LINK_PROOF_TIME, PROBES_PER_STALL, READS_PER_TURN};
use crate::member::{Kind, Member};
use crate::ws::{self, Batch, CloseCode, Control, Decoder, Role, Violation};

/// A WebSocket connection on its channel.
pub(crate) struct Connection {
    place: Membership,
    decoder: Decoder,
    /// What came in the same read as the upgrade's request or answer.
    early: Bytes,
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
    /// Said once that messages come against the link's direction.
    told_discarded: bool,
    timer: Pin<Box<Sleep>>,
}

impl Connection {
    /// A connection whose upgrade is done and whose member has its stream. `early` is what was
    /// read beyond the upgrade.
    pub(crate) fn new(place: Membership, early: Bytes) -> Self {
        let now = Instant::now();
        let role = if place.member.kind.we_dialled() { Role::Client } else { Role::Server };
        let limits = &place.hub.limits;
        Self {
            decoder: Decoder::new(role, limits.message_bytes),
            timer: Box::pin(sleep_until(now + limits.keep_alive)),
            place,
            early,
            phase: Phase::Open,
            heard: now,
            asked: None,
            probed: now,
            held: false,
            told_discarded: false,
        }
    }

    fn hub(&self) -> &Rc<Hub> {
        &self.place.hub
    }

    fn member(&self) -> &Rc<Member> {
        &self.place.member
    }

    /// Starts the end that we choose: with `code` and `reason`.
    fn close(&mut self, code: CloseCode, reason: &str, input: Input) {
        self.member().send_close(&ws::close(code, reason));
        self.start_closing(input, self.hub().limits.stall_time);
    }

    fn start_closing(&mut self, input: Input, stall: Duration) {
        // A closing handshake is under way: whatever happens now, the other side was told.
        self.place.lost.set(false);
        self.place.leave();
        let since = Instant::now();
        self.phase = Phase::Closing(Closing { since, stall, input, shut: false });
    }

    fn end(&mut self) {
        self.place.leave();
        self.phase = Phase::Done;
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
        if self.phase != Phase::Open {
            return;
        }
        if let Some((code, reason)) = self.member().take_order() {
            self.close(code, &reason, Input::Awaited);
        } else if self.member().take_doubt() {
            self.ask(LINK_PROOF_TIME);
        }
    }

    fn ask(&mut self, time: Duration) {
        self.asked = Some(Instant::now() + time);
        self.member().send_control(&ws::ping(b""));
    }

    /// Reads and handles what is there, within this turn's share; pending when nothing more can
    /// be done until something changes.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            let early = std::mem::take(&mut self.early);
            self.take_in(&early);
        }
        for _ in 0..READS_PER_TURN {
            if self.phase == Phase::Open && self.member().throttle.is_held() {
                self.held = true;
                return Poll::Pending;
            }
            if std::mem::take(&mut self.held) {
                // What we did not read we could not hear.
                self.heard = Instant::now();
            }
            let hub = Rc::clone(self.hub());
            let mut scratch = hub.scratch.borrow_mut();
            let mut buffer = ReadBuf::new(&mut scratch);
            let read = self.member().with_stream(|stream| stream.poll_read(cx, &mut buffer));
            ready!(read)?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            self.heard = Instant::now();
            self.asked = None;
            self.take_in(buffer.filled());
        }
        // The others' turn; this task stays ready.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes what waits.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let before = self.member().progress();
        let written = self.member().poll_write(cx);
        if self.member().progress() > before {
            // It took what waited, so it lives.
            self.heard = self.member().progress();
            self.asked = None;
        }
        written
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
                self.start_closing(Input::Closed, self.hub().limits.stall_time);
            }
            _ if closes => self.set_input(Input::Closed),
            Some(pong) => self.member().send_control(&pong),
            None => {}
        }
    }

    fn set_input(&mut self, input: Input) {
        if let Phase::Closing(closing) = &mut self.phase {
            closing.input = input;
        }
    }

    fn publish(&mut self, batch: &mut Batch) {
        if batch.is_empty() {
            return;
        }
        let (messages, payload) = (batch.messages() as u64, batch.payload_bytes() as u64);
        let frames = batch.take();
        if self.phase != Phase::Open {
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

    /// When time alone will change something, as things stand.
    fn deadline(&self) -> Instant {
        let limits = &self.hub().limits;
        match self.phase {
            // websocket.busy-not-silent: its pong may wait behind what it has yet to read.
            _ if self.member().has_queued() => {
                let probe = self.probed.max(self.member().progress());
                self.stalled_at().min(probe + limits.stall_time / PROBES_PER_STALL)
            }
            Phase::Closing(Closing { since, .. }) => {
                since.max(self.member().progress()) + CLOSE_TIME
            }
            _ => self.asked.unwrap_or(self.heard + limits.keep_alive),
        }
    }

    /// When the other end will have taken nothing for too long, if it goes on so.
    fn stalled_at(&self) -> Instant {
        let progress = self.member().progress();
        match self.phase {
            Phase::Closing(Closing { since, stall, .. }) => since.max(progress) + stall,
            _ => progress + self.hub().limits.stall_time,
        }
    }

    /// Ready when the next deadline has come.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline();
        // Later deadlines wait for the timer to fire: resetting it at each read would cost.
        if deadline < self.timer.deadline() || self.timer.is_elapsed() {
            self.timer.as_mut().reset(deadline);
        }
        self.timer.as_mut().poll(cx)
    }

    /// Does what is due by time; true if something changed.
    fn check_time(&mut self, now: Instant) -> bool {
        if now < self.deadline() {
            return false;
        }
        if self.member().has_queued() {
            self.probed = now;
            self.member().probe();
            // backpressure.slow-not-stalled
            if !self.member().has_queued() || now < self.stalled_at() {
                return true;
            }
        }
        match self.phase {
            Phase::Open if self.member().has_queued() => self.cut_stalled(),
            Phase::Open if self.held || self.member().throttle.is_held() => {
                // Not reading, so not hearing: no sign of death.
                self.heard = now;
                self.asked = None;
            }
            Phase::Open if self.asked.is_none() => self.ask(self.hub().limits.keep_alive),
            Phase::Open => {
                self.hub().counters.connections_dead.increment();
                let (channel, peer) = (&self.channel().id, self.member().address);
                tracing::info!(%channel, %peer, "nothing heard any more");
                self.end();
            }
            Phase::Closing(_) | Phase::Done => self.end(),
        }
        true
    }

    /// backpressure.stalled-closed
    fn cut_stalled(&mut self) {
        let seconds = self.hub().limits.stall_time.as_secs_f64();
        self.hub().counters.clients_stalled.increment();
        tracing::info!(
            channel = %self.channel().id, peer = %self.member().address,
            queued = self.member().queued_bytes(), "cutting a reader that takes nothing"
        );
        let reason = format!("took nothing for {seconds} s while messages waited; they are lost");
        self.member().cut(&ws::close(CloseCode::POLICY, &reason));
        self.start_closing(Input::Awaited, CUT_LINGER);
    }
}

impl Future for Connection {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        let this = &mut *self;
        this.member().throttle.register(cx.waker());
        while this.phase != Phase::Done {
            this.obey();
            // Reading first: what it answers is written in the same turn.
            let read = this.poll_read(cx);
            let written = this.poll_write(cx);
            let failed = |poll: Poll<io::Result<()>>| matches!(poll, Poll::Ready(Err(_)));
            if failed(read) || failed(written) {
                this.end();
            } else if this.poll_closing(cx).is_pending() && !this.check_time(Instant::now()) {
                ready!(this.poll_timer(cx));
            }
        }
        if this.member().throttle.is_held() {
            return Poll::Pending;
        }
        Poll::Ready(Ended { clean: !this.place.lost.get() })
    }
}
