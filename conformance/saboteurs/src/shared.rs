//! What the connections of one wrong proxy know of each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use bytes::BytesMut;
use mdns_sd::ServiceDaemon;
use proxy::{Config, Net, TokioNet};

use crate::frame::Frame;
use crate::head::Head;
use crate::line::Side;

/// All that the connections share.
pub(crate) struct Shared {
    /// With the fault's changes.
    pub(crate) config: Config,
    /// The proxy's id, once it has one.
    pub(crate) id: OnceLock<String>,
    /// A responder for adverts that the proxy would not send; none without discovery.
    pub(crate) responder: Option<ServiceDaemon>,
    /// The WebSockets that are open.
    open: Mutex<BTreeMap<u64, Known>>,
    /// For the hooks: things that have happened, in their own words.
    past: Mutex<BTreeSet<String>>,
    /// For the hooks: the last message on each channel.
    last: Mutex<BTreeMap<String, Frame>>,
    /// For the hooks: sockets that are to stay open.
    pub(crate) sockets: Mutex<Vec<socket2::Socket>>,
    /// Connections whose socket is full now, by number.
    full: Mutex<BTreeSet<u64>>,
    /// Who waits for none to be full.
    waiting: Mutex<Vec<Waker>>,
}

/// A WebSocket that is open.
#[derive(Clone)]
pub(crate) struct Known {
    /// Never used twice.
    pub(crate) id: u64,
    pub(crate) side: Side,
    /// The path of its channel, as it was asked for.
    pub(crate) channel: String,
    pub(crate) link: bool,
    /// A link that may carry both ways.
    pub(crate) two_way: bool,
    /// The id that the request has.
    pub(crate) remote: Option<String>,
    pub(crate) inbox: Arc<Inbox>,
}

/// What others put on a connection.
#[derive(Default)]
pub(crate) struct Inbox {
    to_proxy: Mutex<BytesMut>,
    to_peer: Mutex<BytesMut>,
    waker: Mutex<Option<Waker>>,
    ended: AtomicBool,
    later: Mutex<VecDeque<Frame>>,
}

/// A lock that a panic elsewhere does not close.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(config: Config, responder: Option<ServiceDaemon>) -> Self {
        Self {
            config,
            id: OnceLock::new(),
            responder,
            open: Mutex::default(),
            past: Mutex::default(),
            last: Mutex::default(),
            sockets: Mutex::default(),
            full: Mutex::default(),
            waiting: Mutex::default(),
        }
    }

    /// Enters a connection that became a WebSocket.
    pub(crate) fn enter(&self, known: &Known) {
        lock(&self.open).insert(known.id, known.clone());
    }

    /// Takes a connection out.
    pub(crate) fn leave(&self, id: u64) {
        lock(&self.open).remove(&id);
    }

    /// The WebSockets of a channel, oldest first.
    pub(crate) fn on_channel(&self, channel: &str) -> Vec<Known> {
        lock(&self.open).values().filter(|known| known.channel == channel).cloned().collect()
    }

    /// Notes that something happened; false if it was noted before.
    pub(crate) fn note(&self, what: impl Into<String>) -> bool {
        lock(&self.past).insert(what.into())
    }

    /// Whether something was noted.
    pub(crate) fn noted(&self, what: &str) -> bool {
        lock(&self.past).contains(what)
    }

    /// Keeps the last message of a channel.
    pub(crate) fn keep_last(&self, channel: &str, message: &Frame) {
        lock(&self.last).insert(channel.to_owned(), message.clone());
    }

    /// The last message of a channel.
    pub(crate) fn last(&self, channel: &str) -> Option<Frame> {
        lock(&self.last).get(channel).cloned()
    }

    /// Whether an address is this machine's.
    pub(crate) fn is_own(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_loopback() || TokioNet.interfaces().iter().any(|i| i.address == address)
    }

    /// The index of the loopback interface.
    pub(crate) fn loopback_index(&self) -> u32 {
        let interfaces = TokioNet.interfaces();
        interfaces.iter().find(|i| i.address.is_loopback()).map_or(0, |i| i.index)
    }

    /// The port at which the proxy listens.
    pub(crate) fn port(&self) -> u16 {
        self.config.port
    }

    /// Says whether the socket of `id` is full.
    pub(crate) fn set_full(&self, id: u64, full: bool) {
        let mut all = lock(&self.full);
        let changed = if full { all.insert(id) } else { all.remove(&id) };
        if changed && !full {
            lock(&self.waiting).drain(..).for_each(Waker::wake);
        }
    }

    /// Whether the socket of anybody else is full; then `waker` is told when one no longer is.
    pub(crate) fn wait_for_others(&self, id: u64, waker: &Waker) -> bool {
        let waits = lock(&self.full).iter().any(|other| *other != id);
        if waits {
            lock(&self.waiting).push(waker.clone());
        }
        waits
    }

    /// A number for a connection.
    pub(crate) fn next_id() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }
}

impl Known {
    /// What the request says of the WebSocket that comes of it.
    pub(crate) fn new(side: Side, request: &Head) -> Self {
        Self {
            id: Shared::next_id(),
            side,
            channel: request.path().to_owned(),
            link: request.is_link(),
            two_way: request.is("NamedWebSockets-Link", "two-way"),
            remote: request.get("NamedWebSockets-Proxy").map(str::to_owned),
            inbox: Arc::default(),
        }
    }

    /// Gives the proxy a frame as if the peer had sent it.
    pub(crate) fn tell_proxy(&self, frame: Frame) {
        let mask = (self.side == Side::Accepted).then_some([0; 4]);
        self.inbox.put(&self.inbox.to_proxy, &Frame { mask, ..frame });
    }

    /// Gives the peer a frame as if the proxy had sent it.
    pub(crate) fn tell_peer(&self, frame: Frame) {
        let mask = (self.side == Side::Dialled).then_some([0; 4]);
        self.inbox.put(&self.inbox.to_peer, &Frame { mask, ..frame });
    }
}

impl Inbox {
    fn put(&self, queue: &Mutex<BytesMut>, frame: &Frame) {
        lock(queue).extend_from_slice(&frame.encode());
        self.wake();
    }

    /// Puts bytes there for the proxy.
    pub(crate) fn put_raw(&self, bytes: &[u8]) {
        lock(&self.to_proxy).extend_from_slice(bytes);
        self.wake();
    }

    /// Keeps a frame for later.
    pub(crate) fn put_off(&self, frame: Frame) {
        lock(&self.later).push_back(frame);
    }

    /// Gives the proxy the oldest frame that was kept.
    pub(crate) fn put_on(&self) {
        let oldest = lock(&self.later).pop_front();
        if let Some(frame) = oldest {
            self.put(&self.to_proxy, &frame);
        }
    }

    /// Forgets the frames that were kept.
    pub(crate) fn give_up(&self) {
        lock(&self.later).clear();
    }

    /// The peer sends nothing more.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        self.wake();
    }

    /// Whether the peer sends nothing more.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Names the task that moves the connection on.
    pub(crate) fn register(&self, waker: &Waker) {
        *lock(&self.waker) = Some(waker.clone());
    }

    /// Wakes that task.
    pub(crate) fn wake(&self) {
        if let Some(waker) = &*lock(&self.waker) {
            waker.wake_by_ref();
        }
    }

    /// What others put there for the proxy and for the peer.
    pub(crate) fn take(&self) -> (BytesMut, BytesMut) {
        (lock(&self.to_proxy).split(), lock(&self.to_peer).split())
    }
}
