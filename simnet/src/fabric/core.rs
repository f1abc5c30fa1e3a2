//! The state of a fabric, and the queue of what happens next.
//!
//! ```text
//!   tasks ──▶ sockets ──▶ packets ──▶ queue (time, number, event) ──▶ driver ──▶ sockets ──▶ wakers
//! ```
//!
//! All state is behind one `RefCell`. Wakers are collected while it is borrowed and woken after,
//! because a waker may run code of its own.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::IpAddr;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::blocks::Blocks;
use super::draw::Draw;
use super::figures::Figures;
use super::host::Host;
use super::limits::TcpTimes;
use super::packet::{HostId, InterfaceId, Tap};
use super::process::Processes;
use super::segment::{Router, Segment};
use super::wire::{Flight, Stage};

/// What the clones of a fabric and all its sockets share.
pub(super) struct Shared {
    core: RefCell<Core>,
    pub(super) processes: RefCell<Processes>,
}

impl Shared {
    pub(super) fn new(seed: u64) -> Self {
        Self { core: RefCell::new(Core::new(seed)), processes: RefCell::default() }
    }

    /// Does something with the state, then wakes whom it concerns.
    pub(super) fn with<R>(&self, f: impl FnOnce(&mut Core) -> R) -> R {
        let (result, wakers) = {
            let mut core = self.core.borrow_mut();
            let result = f(&mut core);
            (result, std::mem::take(&mut core.wakers))
        };
        wakers.into_iter().for_each(Waker::wake);
        result
    }
}

/// All state of a fabric.
pub(super) struct Core {
    start: Instant,
    /// The time of the event that is being processed.
    now: u64,
    /// Whether more events are due than have been processed: the clock is ahead of `now`.
    pub(super) behind: bool,
    queue: BinaryHeap<Reverse<Entry>>,
    entries: u64,
    /// When the driver wakes up by itself.
    pub(super) alarm: u64,
    pub(super) driver: Option<Waker>,
    pub(super) wakers: Vec<Waker>,

    pub(super) hosts: Vec<Host>,
    pub(super) segments: Vec<Segment>,
    pub(super) routers: Vec<Router>,
    pub(super) owners: BTreeMap<IpAddr, Vec<InterfaceId>>,
    pub(super) names: BTreeMap<String, HostId>,
    pub(super) blocks: Blocks,

    pub(super) draw: Draw,
    pub(super) times: TcpTimes,
    pub(super) tap: Option<Rc<RefCell<dyn Tap>>>,
    pub(super) packets: u64,
    pub(super) sockets_made: u64,
    /// Empty between two uses; kept for its room.
    pub(super) segments_out: Vec<super::packet::Segment>,
    pub(super) figures: Figures,
}

/// Something that happens later.
pub(super) enum Event {
    /// A packet comes to the next part of its way.
    Reaches(Rc<Flight>, Stage),
    /// A connection looks at its clock.
    TcpTimer { host: HostId, slot: u32, number: u64 },
}

struct Entry {
    at: u64,
    number: u64,
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl Core {
    fn new(seed: u64) -> Self {
        Self {
            start: Instant::now(),
            now: 0,
            behind: false,
            queue: BinaryHeap::new(),
            entries: 0,
            alarm: 0,
            driver: None,
            wakers: Vec::new(),
            hosts: Vec::new(),
            segments: Vec::new(),
            routers: Vec::new(),
            owners: BTreeMap::new(),
            names: BTreeMap::new(),
            blocks: Blocks::default(),
            draw: Draw::new(seed),
            times: TcpTimes::default(),
            tap: None,
            packets: 0,
            sockets_made: 0,
            segments_out: Vec::new(),
            figures: Figures::default(),
        }
    }

    /// The time, in nanoseconds since the start. While events are due that have not been
    /// processed it is that of the last one that was; else the clock's.
    pub(super) fn now(&mut self) -> u64 {
        if !self.behind {
            let due = self.queue.peek().map_or(u64::MAX, |Reverse(entry)| entry.at);
            self.now = self.now.max(self.clock().min(due));
        }
        self.now
    }

    /// What tokio's clock says.
    fn clock(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(super) fn schedule(&mut self, at: u64, event: Event) {
        self.entries += 1;
        self.queue.push(Reverse(Entry { at, number: self.entries, event }));
        if at < self.alarm
            && let Some(driver) = self.driver.take()
        {
            self.wakers.push(driver);
        }
    }

    pub(super) fn wake(&mut self, waker: &mut Option<Waker>) {
        self.wakers.extend(waker.take());
    }

    /// Processes what is due until somebody is to be woken. Says when to come again: at once,
    /// or then.
    pub(super) fn advance(&mut self) -> Option<Instant> {
        let clock = self.clock();
        while let Some(Reverse(entry)) = self.queue.peek()
            && entry.at <= clock
        {
            let Reverse(Entry { at, event, .. }) = self.queue.pop().expect("it was peeked at");
            self.now = self.now.max(at);
            self.behind = true;
            self.figures.events += 1;
            match event {
                Event::Reaches(flight, stage) => self.reaches(&flight, stage, at),
                Event::TcpTimer { host, slot, number } => self.tcp_timer(host, slot, number, at),
            }
            if !self.wakers.is_empty() {
                self.alarm = 0;
                return None;
            }
        }
        self.behind = false;
        self.alarm = self.queue.peek().map_or(u64::MAX, |Reverse(entry)| entry.at);
        // With nothing to come, look again in a year: whoever adds something wakes the driver.
        let alarm = Duration::from_nanos(self.alarm).min(Duration::from_secs(1 << 25));
        Some(self.start + alarm)
    }
}
