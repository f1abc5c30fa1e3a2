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
    /// Where it stands in its channel's list; the channel's own.
    pub(crate) slot: Cell<u32>,
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
    /// What waits; none where nothing does, which is most of them most of the time.
    outbox: RefCell<Option<Box<Outbox>>>,
    queue_bytes: usize,
    /// When the socket last took something, or something began to wait for it.
    progress: Cell<Instant>,
    /// A publisher saw the socket fail; the task has yet to notice.
    broken: Cell<bool>,
    /// No more is delivered: it has left, or its Close frame is queued.
    closed: Cell<bool>,
    order: Cell<Option<Box<CloseOrder>>>,
    /// The link that takes over from this one, not to be read from before this one's last message.
    successor: Cell<Option<Hold>>,
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
            slot: Cell::new(0),
            kind,
            address,
            hears: Cell::new(kind == Kind::Client),
            throttle: Rc::default(),
            stream: RefCell::new(None),
            outbox: RefCell::new(None),
            queue_bytes,
            progress: Cell::new(clock::now()),
            broken: Cell::new(false),
            closed: Cell::new(false),
            order: Cell::new(None),
            successor: Cell::new(None),
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
        let masked = self
            .masks
            .as_ref()
            .map(|rng| ws::mask_batch(frames, || rng.borrow_mut().next_u32().to_ne_bytes()));
        let frames = masked.as_ref().unwrap_or(frames);
        let mut outbox = self.outbox.borrow_mut();
        let mut written = 0;
        if outbox.is_none() {
            if let Some(stream) = &mut *self.stream.borrow_mut() {
                match stream.try_write(frames) {
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
        let outbox = outbox.get_or_insert_with(|| Outbox::new(self.queue_bytes).into());
        queue(outbox, frames.clone(), written);
        self.throttle.wake();
    }

    /// Asks the connection's task to close with `code` and `reason`.
    pub(crate) fn order_close(&self, code: CloseCode, reason: impl Into<Cow<'static, str>>) {
        // The first one counts.
        let order = self.order.take().unwrap_or_else(|| (code, reason.into()).into());
        self.order.set(Some(order));
        self.throttle.wake();
    }

    /// What [`Member::order_close`] left.
    pub(crate) fn take_order(&self) -> Option<CloseOrder> {
        self.order.take().map(|order| *order)
    }

    /// Asks the connection's task to close once all has come that the other end sends before its
    /// own Close; only then is `next`, another link to the same proxy, read from. So nothing is
    /// lost between the two, and nothing overtakes.
    pub(crate) fn hand_over(&self, next: &Member) {
        self.successor.set(Some(Hold::on(&next.throttle)));
        self.order_close(CloseCode::NORMAL, "another link takes over");
    }

    /// Whether it does, and has not yet.
    pub(crate) fn hands_over(&self) -> bool {
        let successor = self.successor.take();
        let hands_over = successor.is_some();
        self.successor.set(successor);
        hands_over
    }

    /// Nothing more comes over this link.
    pub(crate) fn let_successor_go(&self) {
        self.successor.set(None);
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
        if let Some(outbox) = &mut *self.outbox.borrow_mut() {
            outbox.release();
        }
    }

    /// Drops what waits: it cannot be written any more.
    pub(crate) fn drop_queue(&self) {
        *self.outbox.borrow_mut() = None;
    }

    /// Gives the socket up.
    pub(crate) fn detach(&self) {
        self.drop_queue();
        self.let_successor_go();
        *self.stream.borrow_mut() = None;
    }

    /// Whether something waits to be written.
    pub(crate) fn has_queued(&self) -> bool {
        self.outbox.borrow().is_some()
    }

    /// Bytes that wait to be written, with the cost of keeping them.
    pub(crate) fn queued_bytes(&self) -> u64 {
        self.outbox.borrow().as_ref().map_or(0, |outbox| outbox.queued())
    }

    /// Since when what waits has waited for the socket to take anything.
    pub(crate) fn progress(&self) -> Instant {
        self.progress.get()
    }

    /// Drops what waits, to the end of the frame under way, and queues this Close frame.
    pub(crate) fn cut(&self, close: &Bytes) {
        if let Some(outbox) = &mut *self.outbox.borrow_mut() {
            outbox.cut();
        }
        self.drop_emptied();
        self.closed.set(false);
        self.send_close(close);
    }

    /// Writes what waits until there is nothing left (ready) or the socket is full (pending).
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.broken.get() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let written = self.poll_write_outbox(cx);
        self.drop_emptied();
        written
    }

    fn poll_write_outbox(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut outbox = self.outbox.borrow_mut();
        let Some(outbox) = &mut *outbox else { return Poll::Ready(Ok(())) };
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
        self.probe_outbox();
        self.drop_emptied();
    }

    fn probe_outbox(&self) {
        let mut outbox = self.outbox.borrow_mut();
        let Some(outbox) = &mut *outbox else { return };
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

    /// Nothing waits any more: an idle connection owns no queue, however long it once was.
    fn drop_emptied(&self) {
        self.outbox.borrow_mut().take_if(|outbox| outbox.is_empty());
    }

    /// Gives the socket itself, for reading and for shutting down.
    pub(crate) fn with_stream<R>(&self, f: impl FnOnce(Pin<&mut dyn Stream>) -> R) -> R {
        let mut stream = self.stream.borrow_mut();
        f(Pin::new(&mut **stream.as_mut().expect("the task runs once the stream is attached")))
    }
}
