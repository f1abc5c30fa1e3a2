//! One end of one connection: segments in, segments out, and a clock. No sockets, no network.

mod output;

use std::io;
use std::net::SocketAddr;
use std::task::Waker;

use super::receiver::Receiver;
use super::sender::Sender;
use crate::fabric::limits::{DELAYED_ACK, LINGER, RECEIVE_BYTES, SEND_BYTES, TcpTimes};
use crate::fabric::link::nanos;
use crate::fabric::packet::Segment;
use crate::fabric::process::ProcessId;

/// When nothing is to happen.
pub(super) const NEVER: u64 = u64::MAX;

/// Where a connection stands. The states of RFC 9293 between ESTABLISHED and TIME-WAIT follow
/// from whose FIN was sent, acknowledged and received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// SYN sent.
    Connecting,
    /// SYN received by this listener; not counted there any more once open.
    Accepting(usize),
    Open,
    /// Closed by both; answers what is still under way.
    Lingering,
    /// Over. Nothing comes or goes any more.
    Dead,
}

/// Whether the other side is to hear what we have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ack {
    None,
    /// With the next data, or by then.
    By(u64),
    Now,
}

#[derive(Debug)]
pub(super) struct Conn {
    /// Never used twice in a fabric.
    pub(super) number: u64,
    pub(super) owner: Option<ProcessId>,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) state: State,
    pub(super) times: TcpTimes,
    /// Sequence numbers of the two SYNs.
    iss: u32,
    irs: u32,
    pub(super) sender: Sender,
    pub(super) receiver: Receiver,
    /// Whether no program holds it.
    pub(super) orphan: bool,
    /// Whether the other side closed first.
    passive: bool,
    pub(super) error: Option<io::ErrorKind>,
    ack: Ack,
    /// SYN, probe or RST to be sent.
    say: Option<Say>,
    /// When to send again, to probe, or to stop lingering.
    deadline: u64,
    /// When the queue's event comes that looks at the deadlines.
    pub(super) timer_at: u64,
    mss: usize,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Say {
    Syn,
    Probe,
    Reset,
}

impl Conn {
    pub(super) fn new(
        number: u64,
        (local, remote): (SocketAddr, SocketAddr),
        state: State,
        iss: u32,
        times: TcpTimes,
    ) -> Self {
        Self {
            number,
            owner: None,
            local,
            remote,
            state,
            times,
            iss,
            irs: 0,
            sender: Sender::new(),
            receiver: Receiver::default(),
            orphan: false,
            passive: false,
            error: None,
            ack: Ack::None,
            say: Some(Say::Syn),
            deadline: NEVER,
            timer_at: NEVER,
            mss: 536,
            reader: None,
            writer: None,
        }
    }

    /// Answers a SYN.
    pub(super) fn accepts(&mut self, syn: &Segment) {
        self.irs = syn.sequence;
        self.sender.edge = u64::from(syn.window);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.state == State::Dead
    }

    fn wake(&mut self, wakers: &mut Vec<Waker>) {
        wakers.extend(self.reader.take());
        wakers.extend(self.writer.take());
    }

    /// The connection is over, as the program will hear.
    pub(super) fn fail(&mut self, kind: io::ErrorKind, wakers: &mut Vec<Waker>) {
        self.state = State::Dead;
        // Who has read the end of the stream expects no more of it than a broken pipe (Linux).
        let after_end = self.receiver.finished && kind == io::ErrorKind::ConnectionReset;
        self.error = Some(if after_end { io::ErrorKind::BrokenPipe } else { kind });
        self.sender.clear();
        self.wake(wakers);
    }

    /// The program lets go. Says nothing more if it has not read everything: the other side must
    /// not think that it was heard.
    pub(super) fn close(&mut self, now: u64) {
        self.orphan = true;
        (self.reader, self.writer) = (None, None);
        match self.state {
            State::Connecting => self.state = State::Dead,
            State::Accepting(_) => self.reset(),
            State::Open if self.receiver.has_unread() => self.reset(),
            State::Open => {
                self.finish();
                self.settle(now);
            }
            State::Lingering | State::Dead => {}
        }
    }

    /// Ends it with a RST.
    pub(super) fn reset(&mut self) {
        self.say = Some(Say::Reset);
        self.state = State::Dead;
        self.sender.clear();
    }

    /// The program writes no more.
    pub(super) fn finish(&mut self) {
        if !self.sender.fin {
            self.sender.fin = true;
            self.passive = self.receiver.finished;
        }
    }

    /// Looks whether both sides have closed, once no program holds it.
    fn settle(&mut self, now: u64) {
        if self.state != State::Open || !self.orphan || !self.sender.is_done() {
            return;
        }
        if self.receiver.finished && self.passive {
            self.state = State::Dead;
        } else if self.receiver.finished {
            self.state = State::Lingering;
            self.deadline = now + nanos(LINGER);
        } else if self.deadline == NEVER {
            self.deadline = now + nanos(LINGER);
        }
    }

    fn sequence(&self, place: u64) -> u32 {
        self.iss.wrapping_add(1).wrapping_add(place as u32)
    }

    /// A segment came. Says whether the connection is open since.
    pub(super) fn receive(&mut self, now: u64, segment: &Segment, wakers: &mut Vec<Waker>) -> bool {
        match self.state {
            State::Connecting => return self.answered(now, segment, wakers),
            State::Accepting(_) if segment.rst => self.state = State::Dead,
            State::Accepting(_) if segment.syn => self.say = Some(Say::Syn),
            State::Accepting(_) => {
                if segment.ack && segment.acknowledged == self.sequence(0) {
                    self.state = State::Open;
                    self.deadline = NEVER;
                    (self.sender.retries, self.sender.backoff) = (0, 0);
                    self.talk(now, segment, wakers);
                    return true;
                }
            }
            State::Open => self.talk(now, segment, wakers),
            State::Lingering if segment.rst => self.state = State::Dead,
            State::Lingering => self.ack = Ack::Now,
            State::Dead => {}
        }
        false
    }

    /// Whether it is no answer to our SYN, but belongs to a former connection of the same
    /// addresses that the other side takes for alive.
    pub(super) fn is_strange(&self, segment: &Segment) -> bool {
        let answer = segment.acknowledged == self.sequence(0);
        self.state == State::Connecting && segment.ack && !segment.rst && !answer
    }

    /// The answer to a SYN.
    fn answered(&mut self, now: u64, segment: &Segment, wakers: &mut Vec<Waker>) -> bool {
        let ours = segment.ack && segment.acknowledged == self.sequence(0);
        if ours && segment.rst {
            self.fail(io::ErrorKind::ConnectionRefused, wakers);
        } else if ours && segment.syn {
            self.irs = segment.sequence;
            self.sender.edge = u64::from(segment.window);
            if self.sender.retries == 0 {
                self.sender.measured(now - self.sender.progress_at);
            }
            (self.sender.retries, self.sender.backoff) = (0, 0);
            self.state = State::Open;
            self.deadline = NEVER;
            self.ack = Ack::Now;
            self.wake(wakers);
            return true;
        }
        false
    }

    fn talk(&mut self, now: u64, segment: &Segment, wakers: &mut Vec<Waker>) {
        let expected = self.irs.wrapping_add(1).wrapping_add(self.receiver.next as u32);
        let ahead = i64::from(segment.sequence.wrapping_sub(expected) as i32);
        let place = self.receiver.next as i64 + ahead;
        if segment.rst {
            // Only one in the window is believed (RFC 9293 section 3.10.7.4).
            if (0..=RECEIVE_BYTES as i64).contains(&ahead) {
                self.fail(io::ErrorKind::ConnectionReset, wakers);
            }
            return;
        }
        if segment.syn || ahead < 0 && segment.payload.is_empty() && !segment.fin {
            // A SYN that came twice, or a probe.
            self.ack = Ack::Now;
        }
        if segment.ack && !segment.syn {
            self.acknowledged(now, segment, wakers);
        }
        if !segment.payload.is_empty() || segment.fin {
            self.take(now, place, segment, wakers);
        }
        self.settle(now);
    }

    fn acknowledged(&mut self, now: u64, segment: &Segment, wakers: &mut Vec<Waker>) {
        let una = self.sequence(self.sender.una);
        let ahead = segment.acknowledged.wrapping_sub(una) as i32;
        let Ok(ahead) = u64::try_from(ahead) else { return };
        let place = self.sender.una + ahead;
        if place > self.sender.max {
            self.ack = Ack::Now;
            return;
        }
        let edge = place + u64::from(segment.window);
        let opens = edge > self.sender.edge;
        self.sender.edge = self.sender.edge.max(edge);
        if !self.sender.in_flight() {
            // Whoever answers a probe is alive.
            self.sender.retries = 0;
        }
        if ahead > 0 {
            let was_full = self.writer.is_some();
            self.sender.acknowledged(place, now, self.mss);
            self.deadline = NEVER;
            // As Linux: a writer is not woken for crumbs.
            if was_full && self.sender.room() >= SEND_BYTES / 3 {
                wakers.extend(self.writer.take());
            }
        } else if segment.payload.is_empty() && !segment.fin && !opens {
            self.sender.duplicate(self.mss);
        }
        if opens && self.sender.is_blocked() {
            self.deadline = NEVER;
            self.sender.backoff = 0;
        }
    }

    fn take(&mut self, now: u64, place: i64, segment: &Segment, wakers: &mut Vec<Waker>) {
        let new = place + segment.payload.len() as i64 > self.receiver.next as i64;
        if self.orphan && new && !segment.payload.is_empty() {
            // Nobody will read this.
            return self.reset();
        }
        let tight = self.receiver.is_tight(self.mss);
        let gap = self.receiver.has_gap();
        let next = self.receiver.take(place, segment.payload.clone(), segment.fin);
        let at_once = !next || gap || tight || self.receiver.finished;
        self.ack = match self.ack {
            Ack::None if !at_once => Ack::By(now + nanos(DELAYED_ACK)),
            // A second segment.
            _ => Ack::Now,
        };
        if next {
            wakers.extend(self.reader.take());
        }
    }

    /// What the clock has brought.
    pub(super) fn tick(&mut self, now: u64, wakers: &mut Vec<Waker>) {
        if matches!(self.ack, Ack::By(at) if at <= now) {
            self.ack = Ack::Now;
        }
        if self.deadline > now {
            return;
        }
        self.deadline = NEVER;
        let sender = &mut self.sender;
        let handshake = matches!(self.state, State::Connecting | State::Accepting(_));
        let waits = handshake || sender.in_flight() || sender.is_blocked();
        if self.state == State::Dead {
            return;
        }
        if !waits {
            if self.orphan {
                // It lingered long enough.
                self.state = State::Dead;
            }
            return;
        }
        let most = if handshake { self.times.syn_retries } else { self.times.retries };
        let patience = self.times.user_timeout.map_or(NEVER, nanos);
        if sender.retries >= most || now - sender.progress_at >= patience {
            return self.fail(io::ErrorKind::TimedOut, wakers);
        }
        if handshake {
            self.say = Some(Say::Syn);
        } else if sender.in_flight() {
            return sender.time_out(self.mss);
        } else {
            self.say = Some(Say::Probe);
        }
        sender.retries += 1;
        sender.backoff += 1;
    }

    /// After the program has read: whether to tell the other side that its window opens.
    pub(super) fn has_read(&mut self) -> bool {
        let tells = self.state == State::Open
            && !self.receiver.finished
            && self.receiver.is_tight(self.mss)
            && self.receiver.would_open(self.mss);
        if tells {
            self.ack = Ack::Now;
        }
        tells
    }

    /// When to look at the clock next.
    pub(super) fn next_deadline(&self) -> u64 {
        match self.ack {
            Ack::By(at) => at.min(self.deadline),
            Ack::None | Ack::Now => self.deadline,
        }
    }

    /// The clock stood for so long.
    pub(super) fn slept(&mut self, time: u64) {
        if self.deadline != NEVER {
            self.deadline += time;
        }
        if let Ack::By(at) = &mut self.ack {
            *at += time;
        }
        self.sender.progress_at += time;
    }
}
