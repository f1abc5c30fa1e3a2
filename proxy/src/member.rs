//! One connection on a channel, as the others on it see it: somebody to hand frames to.
//!
//! Whoever publishes writes to each member's socket where it stands ([`Member::deliver`]): no
//! task is woken and no lock taken for a reader that keeps up. Only what the socket does not take
//! goes to the member's outbox, which its own task (`connection.rs`) drains.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use crate::clock;
use crate::id::ProxyId;
use crate::limits::WRITE_BUFFERS_MAX;
use crate::net::Stream;
use crate::outbox::{Hold, Outbox, Throttle};
use crate::ws::{self, CloseCode};

/// Tells connections apart; never used twice in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MemberId(pub(crate) u64);

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A page or program.
    Client,
    /// Another proxy.
    Link(Link),
}

impl Kind {
    /// Whether we are the client of the WebSocket, and the other end its server.
    pub(crate) fn we_dialled(self) -> bool {
        matches!(self, Kind::Link(Link { dialled_by: DialledBy::Us, .. }))
    }
}

/// A connection between two proxies for one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The other proxy, where it says who it is. The 2014 proxy does not.
    pub(crate) remote: Option<ProxyId>,
    /// Who opened it.
    pub(crate) dialled_by: DialledBy,
    /// Whether it may carry messages both ways; else only from the dialled proxy to the dialler.
    pub(crate) two_way: bool,
}

/// Which of two linked proxies opened the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DialledBy {
    /// This one. On the wire we are the WebSocket client: our frames are masked.
    Us,
    /// The other one.
    Them,
}

impl Link {
    /// Whether messages may come in over it.
    pub(crate) fn brings(self) -> bool {
        self.two_way || self.dialled_by == DialledBy::Us
    }

    /// Whether messages of clients here may go out over it.
    pub(crate) fn takes(self) -> bool {
        self.two_way || self.dialled_by == DialledBy::Them
    }
}

/// A Close frame that somebody else asked this connection's task to send.
pub(crate) type CloseOrder = (CloseCode, Cow<'static, str>);

/// One connection on one channel.
pub(crate) struct Member {
    pub(crate) id: MemberId,
    pub(crate) kind: Kind,
    /// The other end.
    pub(crate) address: SocketAddr,
    /// Whether it hears clients of this machine. Always so for clients; for links, see
    /// `Channel::elect`.
    pub(crate) hears: Cell<bool>,
    /// Itself as a sender.
    pub(crate) throttle: Rc<Throttle>,
    /// None until the upgrade is done; frames wait in the outbox meanwhile.
    stream: RefCell<Option<Box<dyn Stream>>>,
    outbox: RefCell<Outbox>,
    /// When the socket last took something, or something began to wait for it.
    progress: Cell<Instant>,
    /// A publisher saw the socket fail; the task has yet to notice.
    broken: Cell<bool>,
    /// No more is delivered: it has left, or its Close frame is queued.
    closed: Cell<bool>,
    order: RefCell<Option<CloseOrder>>,
    /// The link that takes over from this one, not to be read from before this one's last message.
    successor: RefCell<Option<Hold>>,
    /// Somebody doubts that the other end lives: see [`Member::order_proof`].
    doubted: Cell<bool>,
    /// The source of masking keys where our frames must be masked (RFC 6455 section 5.3).
    masks: Option<Rc<RefCell<ChaCha8Rng>>>,
}

impl Member {
    pub(crate) fn new(
        id: MemberId,
        kind: Kind,
        address: SocketAddr,
        queue_bytes: usize,
        rng: &Rc<RefCell<ChaCha8Rng>>,
    ) -> Self {
        Self {
            id,
            kind,
            address,
            hears: Cell::new(kind == Kind::Client),
            throttle: Rc::default(),
            stream: RefCell::new(None),
            outbox: RefCell::new(Outbox::new(queue_bytes)),
            progress: Cell::new(clock::now()),
            broken: Cell::new(false),
            closed: Cell::new(false),
            order: RefCell::new(None),
            successor: RefCell::new(None),
            doubted: Cell::new(false),
            masks: kind.we_dialled().then(|| Rc::clone(rng)),
        }
    }

    /// Gives the member its socket, once it is upgraded.
    pub(crate) fn attach(&self, stream: Box<dyn Stream>) {
        *self.stream.borrow_mut() = Some(stream);
        self.progress.set(clock::now());
    }

    /// Hands whole frames on: into the socket now where it takes them, else into the outbox,
    /// where they hold `sender` back if there is too much.
    pub(crate) fn deliver(&self, frames: &Bytes, sender: &Rc<Throttle>) {
        self.write_or_queue(frames, |outbox, rest, written| outbox.push(rest, written, sender));
    }

    /// Sends a ping behind what waits already.
    pub(crate) fn send_ping(&self, frame: &Bytes) {
        self.write_or_queue(frame, Outbox::push_control);
    }

    /// Answers a ping behind what waits already.
    pub(crate) fn send_pong(&self, frame: &Bytes) {
        self.write_or_queue(frame, Outbox::push_pong);
    }

    /// Queues the Close frame, behind all that was accepted before; from now on nothing more is
    /// delivered.
    pub(crate) fn send_close(&self, frame: &Bytes) {
        self.write_or_queue(frame, Outbox::push_control);
        self.closed.set(true);
    }

    /// Writes frames now, or gives to `queue` what the socket does not take: the frames, and how
    /// many bytes of them are written.
    fn write_or_queue(&self, frames: &Bytes, queue: impl FnOnce(&mut Outbox, Bytes, usize)) {
        if self.closed.get() || self.broken.get() {
            return;
        }
        let frames = match &self.masks {
            None => frames.clone(),
            Some(rng) => ws::mask_batch(frames, || rng.borrow_mut().next_u32().to_ne_bytes()),
        };
        let mut outbox = self.outbox.borrow_mut();
        let mut written = 0;
        if outbox.is_empty() {
            if let Some(stream) = &mut *self.stream.borrow_mut() {
                match stream.try_write(&frames) {
                    Ok(n) if n == frames.len() => return,
                    Ok(n) => written = n,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => {
                        self.broken.set(true);
                        self.throttle.wake();
                        return;
                    }
                }
            }
            self.progress.set(clock::now());
        }
        queue(&mut outbox, frames, written);
        self.throttle.wake();
    }

    /// Asks the connection's task to close with `code` and `reason`.
    pub(crate) fn order_close(&self, code: CloseCode, reason: impl Into<Cow<'static, str>>) {
        self.order.borrow_mut().get_or_insert((code, reason.into()));
        self.throttle.wake();
    }

    /// What [`Member::order_close`] left.
    pub(crate) fn take_order(&self) -> Option<CloseOrder> {
        self.order.borrow_mut().take()
    }

    /// Asks the connection's task to close once all has come that the other end sends before its
    /// own Close; only then is `next`, another link to the same proxy, read from. So nothing is
    /// lost between the two, and nothing overtakes.
    pub(crate) fn hand_over(&self, next: &Member) {
        *self.successor.borrow_mut() = Some(Hold::on(&next.throttle));
        self.order_close(CloseCode::NORMAL, "another link takes over");
    }

    /// Whether it does, and has not yet.
    pub(crate) fn hands_over(&self) -> bool {
        self.successor.borrow().is_some()
    }

    /// Nothing more comes over this link.
    pub(crate) fn let_successor_go(&self) {
        *self.successor.borrow_mut() = None;
    }

    /// Asks the connection's task to ping the other end, and to end if it hears nothing for
    /// the stall time.
    pub(crate) fn order_proof(&self) {
        self.doubted.set(true);
        self.throttle.wake();
    }

    /// What [`Member::order_proof`] left.
    pub(crate) fn take_doubt(&self) -> bool {
        self.doubted.take()
    }

    /// Nothing more is delivered from now on, and nobody waits for this reader any more
    /// (lifecycle.leaves-at-once).
    pub(crate) fn leave(&self) {
        self.closed.set(true);
        self.hears.set(false);
        self.outbox.borrow_mut().release();
    }

    /// Drops what waits: it cannot be written any more.
    pub(crate) fn drop_queue(&self) {
        self.outbox.borrow_mut().clear();
    }

    /// Gives the socket up.
    pub(crate) fn detach(&self) {
        self.drop_queue();
        self.let_successor_go();
        *self.stream.borrow_mut() = None;
    }

    /// Whether something waits to be written.
    pub(crate) fn has_queued(&self) -> bool {
        !self.outbox.borrow().is_empty()
    }

    /// Bytes that wait to be written, with the cost of keeping them.
    pub(crate) fn queued_bytes(&self) -> u64 {
        self.outbox.borrow().queued()
    }

    /// Since when what waits has waited for the socket to take anything.
    pub(crate) fn progress(&self) -> Instant {
        self.progress.get()
    }

    /// Drops what waits, to the end of the frame under way, and queues this Close frame.
    pub(crate) fn cut(&self, close: &Bytes) {
        self.outbox.borrow_mut().cut();
        self.closed.set(false);
        self.send_close(close);
    }

    /// Writes what waits until there is nothing left (ready) or the socket is full (pending).
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.broken.get() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut outbox = self.outbox.borrow_mut();
        let mut stream = self.stream.borrow_mut();
        let stream = stream.as_mut().expect("the task runs once the stream is attached");
        while !outbox.is_empty() {
            let mut slices = [IoSlice::new(&[]); WRITE_BUFFERS_MAX];
            let filled = outbox.slices(&mut slices);
            let slices = &slices[..filled];
            let written = ready!(Pin::new(&mut **stream).poll_write_vectored(cx, slices))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            outbox.advance(written);
            self.progress.set(clock::now());
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what the socket takes after all, though it is not known to; that is progress too.
    pub(crate) fn probe(&self) {
        let mut outbox = self.outbox.borrow_mut();
        let mut stream = self.stream.borrow_mut();
        let stream = stream.as_mut().expect("the task runs once the stream is attached");
        while !outbox.is_empty() {
            let mut first = [IoSlice::new(&[])];
            outbox.slices(&mut first);
            match stream.probe_write(&first[0]) {
                Ok(written) if written > 0 => outbox.advance(written),
                _ => return,
            }
            self.progress.set(clock::now());
        }
    }

    /// Gives the socket itself, for reading and for shutting down.
    pub(crate) fn with_stream<R>(&self, f: impl FnOnce(Pin<&mut dyn Stream>) -> R) -> R {
        let mut stream = self.stream.borrow_mut();
        f(Pin::new(&mut **stream.as_mut().expect("the task runs once the stream is attached")))
    }
}
