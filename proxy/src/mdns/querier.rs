//! The side that asks: which instances there are, and where.
//!
//! ```text
//! browse ─▶ question ─▶ PTR: an instance ─▶ question, if not told along ─▶ SRV, TXT, addresses
//!                                                                            └▶ Event::Found
//! ```
//!
//! Only what leads to an instance of a type that is browsed for is kept at all. The rest of the
//! network's multicast DNS costs one look-up for each record.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use tokio::time::{Duration, Instant};

use super::between;
use super::cache::{Cache, Entry, Fired, Heard, prefix};
use super::instances::Known;
use super::lane::{Lane, Lanes};
use super::name::{self, Name};
use super::reader::{Found as Read, Scratch};
use super::record::{Data, Record, kind};
use super::writer::{self, Ask};
use crate::limits::VERIFY_TIME;

/// Delay of a question that others may be about to ask too (RFC 6762 section 5.2).
const ASK_DELAY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(120));

/// First and longest pause between two questions for all instances; doubled in between (RFC 6762
/// section 5.2).
pub(super) const BROWSE_MIN: Duration = Duration::from_secs(1);
/// See [`BROWSE_MIN`].
const BROWSE_MAX: Duration = Duration::from_secs(3600);

/// Pause between two questions for all instances because records of some grow old: short beside a
/// twentieth of their life, and long beside what the answers cost.
const RENEW_PAUSE: Duration = Duration::from_secs(10);

/// Questions that are sent at once, and the pause before the next: whoever announces thousands of
/// instances must not make us flood the network.
const ASKS_MAX: usize = 64;
const ASKS_PAUSE: Duration = Duration::from_millis(20);

/// Packets that one question's known answers may take: some 700 instances. Others answer again.
const KNOWN_PACKETS_MAX: usize = 16;

/// A type that is browsed for.
struct Browse {
    name: Name,
    next: Instant,
    pause: Duration,
    /// When it was last asked.
    asked: Option<Instant>,
    /// Where somebody else asked lately.
    done: Vec<Lane>,
}

/// A question that is to be sent.
struct Pending {
    name: Name,
    unicast: bool,
    /// Where somebody else asked it.
    done: Vec<Lane>,
}

/// Everything that is asked and known.
#[derive(Default)]
pub(super) struct Querier {
    pub(super) cache: Cache,
    browses: BTreeMap<Bytes, Browse>,
    pub(super) instances: BTreeMap<Bytes, Known>,
    /// The instances that lead to a host.
    pub(super) hosts: BTreeMap<Bytes, BTreeSet<Bytes>>,
    /// When to ask again for what is missing of an instance.
    pub(super) retries: BTreeSet<(Instant, Bytes)>,
    /// When to ask once more whether an instance is there.
    doubts: BTreeSet<(Instant, Name)>,
    pending: BTreeMap<(Bytes, u16), Pending>,
    ask_at: Option<Instant>,
    asked: Option<Instant>,
    pub(super) dirty: BTreeSet<Bytes>,
    pub(super) key: Vec<u8>,
}

impl Querier {
    pub(super) fn browse(&mut self, now: Instant, name: &Name, rng: &mut ChaCha8Rng) {
        let next = now + between(ASK_DELAY, rng);
        let browse =
            Browse { name: name.clone(), next, pause: BROWSE_MIN, asked: None, done: Vec::new() };
        self.browses.entry(name.key().clone()).or_insert(browse);
    }

    /// Asks for all instances anew, soon.
    pub(super) fn refresh(&mut self, now: Instant, name: &Name, rng: &mut ChaCha8Rng) {
        if let Some(browse) = self.browses.get_mut(name.key()) {
            browse.next = browse.next.min(now + between(ASK_DELAY, rng));
            browse.done.clear();
        }
    }

    /// Asks whether an instance is there; if nobody says so, it goes (RFC 6762 section 10.4).
    pub(super) fn verify(&mut self, now: Instant, name: &Name) {
        prefix(&mut self.key, name.key(), kind::SRV, None);
        let keys = self.cache.keys(&self.key);
        if keys.is_empty() {
            return;
        }
        for key in keys {
            self.cache.hasten(&key, now + VERIFY_TIME);
        }
        self.doubts.insert((now + BROWSE_MIN, name.clone()));
        self.ask(now, name.clone(), kind::SRV);
    }

    /// The host's addresses changed: what was heard on interfaces that went is not known any more,
    /// and on new ones nothing is.
    pub(super) fn lanes_changed(&mut self, now: Instant, lanes: &Lanes, rng: &mut ChaCha8Rng) {
        let keep = |interface| lanes.all().iter().any(|lane| lane.interface == interface);
        for entry in self.cache.retain(keep) {
            self.forget(&entry);
        }
        for browse in self.browses.values_mut() {
            browse.next = now + between(ASK_DELAY, rng);
            browse.pause = BROWSE_MIN;
            browse.done.clear();
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let browse = self.browses.values().map(|browse| browse.next).min();
        let retry = self.retries.first().map(|(at, _)| *at);
        let doubt = self.doubts.first().map(|(at, _)| *at);
        [browse, retry, doubt, self.ask_at, self.cache.next_timeout()].into_iter().flatten().min()
    }

    /// Does what is due. `alone` says whether answers by unicast reach us.
    pub(super) fn handle_timeout(&mut self, now: Instant, alone: bool, rng: &mut ChaCha8Rng) {
        while let Some(fired) = self.cache.fire(now) {
            match fired {
                Fired::Old(name, kind::PTR) => self.renew(now, &name, rng),
                Fired::Old(name, kind) if self.wants(&name, kind) => self.ask(now, name, kind),
                Fired::Old(..) => {}
                Fired::Expired(entry) => self.forget(&entry),
            }
        }
        let mut asks = Vec::new();
        for browse in self.browses.values_mut().filter(|browse| browse.next <= now) {
            // The first answers come from all at once, and nobody else needs them.
            let unicast = alone && browse.asked.is_none();
            let done = std::mem::take(&mut browse.done);
            asks.push(Pending { name: browse.name.clone(), unicast, done });
            browse.asked = Some(now);
            browse.next = now + browse.pause;
            browse.pause = (browse.pause * 2).min(BROWSE_MAX);
        }
        for ask in asks {
            self.ask_soon(now);
            self.pending.insert((ask.name.key().clone(), kind::PTR), ask);
        }
        while self.retries.first().is_some_and(|(at, _)| *at <= now) {
            let (_, key) = self.retries.pop_first().expect("it was just there");
            if let Some(known) = self.instances.get_mut(&key) {
                known.retry = None;
                self.dirty.insert(key);
            }
        }
        while self.doubts.first().is_some_and(|(at, _)| *at <= now) {
            let (at, name) = self.doubts.pop_first().expect("it was just there");
            prefix(&mut self.key, name.key(), kind::SRV, None);
            if self.cache.set(&self.key).any(|entry| entry.received + BROWSE_MIN < at) {
                self.ask(now, name, kind::SRV);
            }
        }
    }

    /// A record that leads to an instance grows old: the question for all of them renews it.
    fn renew(&mut self, now: Instant, name: &Name, rng: &mut ChaCha8Rng) {
        if let Some(browse) = self.browses.get_mut(name.key()) {
            let soon = now + between(ASK_DELAY, rng);
            let next = browse.asked.map_or(soon, |at| soon.max(at + RENEW_PAUSE));
            browse.next = browse.next.min(next);
        }
    }

    /// Whether a record is worth asking for.
    fn wants(&self, name: &Name, kind: u16) -> bool {
        match kind {
            kind::SRV | kind::TXT => self.instances.contains_key(name.key()),
            _ => self.hosts.contains_key(name.key()),
        }
    }

    pub(super) fn ask(&mut self, now: Instant, name: Name, kind: u16) {
        let key = (name.key().clone(), kind);
        let pending = self.pending.entry(key);
        pending.or_insert(Pending { name, unicast: false, done: Vec::new() });
        self.ask_soon(now);
    }

    fn ask_soon(&mut self, now: Instant) {
        let paced = self.asked.map_or(now, |at| now.max(at + ASKS_PAUSE));
        self.ask_at = Some(self.ask_at.map_or(paced, |at| at.min(paced)));
    }

    /// The packets with the questions whose time has come, for each lane. What `own` gives of a type
    /// is known too, and said so: who does not know it must not take this question, which nobody
    /// answers with it, for its own.
    pub(super) fn questions(
        &mut self,
        now: Instant,
        lanes: &Lanes,
        own: impl Fn(&Bytes) -> Vec<Record>,
    ) -> Vec<(Lane, Bytes)> {
        if self.ask_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        let first = std::iter::from_fn(|| self.pending.pop_first()).take(ASKS_MAX);
        let pending: Vec<_> = first.collect();
        self.asked = Some(now);
        self.ask_at = (!self.pending.is_empty()).then_some(now + ASKS_PAUSE);
        let mut packets = Vec::new();
        for &lane in lanes.all() {
            let (mut asks, mut known) = (Vec::new(), Vec::new());
            for ((key, kind), ask) in &pending {
                if ask.done.contains(&lane) {
                    continue;
                }
                asks.push(Ask { name: ask.name.clone(), kind: *kind, unicast: ask.unicast });
                if *kind == kind::PTR {
                    known.extend(own(key));
                    prefix(&mut self.key, key, *kind, Some(lane.interface));
                    let fresh = self.cache.set(&self.key).filter(|entry| entry.is_fresh(now));
                    known.extend(fresh.map(|entry| Record {
                        ttl: entry.remaining(now),
                        flush: false,
                        ..entry.record.clone()
                    }));
                }
            }
            if !asks.is_empty() {
                let made = writer::query(&asks, &known, KNOWN_PACKETS_MAX);
                packets.extend(made.into_iter().map(|bytes| (lane, bytes)));
            }
        }
        packets
    }

    /// Whether a question of somebody else's is one that is to be asked here before long.
    pub(super) fn is_planned(&self, now: Instant, name: &[u8]) -> bool {
        self.browses.get(name).is_some_and(|browse| browse.next <= now + browse.pause / 2)
    }

    /// Somebody else asked what is to be asked here, and knows no more than is known here: that
    /// will do (RFC 6762 section 7.3).
    pub(super) fn asked_by_other(&mut self, lane: Lane, name: &[u8]) {
        if let Some(browse) = self.browses.get_mut(name)
            && !browse.done.contains(&lane)
        {
            browse.done.push(lane);
        }
    }

    /// Whether a known answer of somebody else's is known here too, so that what they learn will
    /// do here.
    pub(super) fn knows(&mut self, now: Instant, interface: u32, read: Read, s: &Scratch) -> bool {
        prefix(&mut self.key, &s.owner.key, read.kind, Some(interface));
        self.key.extend_from_slice(&s.data.key);
        self.cache.get(&self.key).is_some_and(|entry| entry.is_fresh(now))
    }

    /// Whether a record of this name may be of use: its data is read only then.
    pub(super) fn is_of_use(&self, name: &[u8], kind: u16) -> bool {
        match kind {
            kind::PTR => self.browses.contains_key(name),
            kind::SRV | kind::TXT => self.browses.contains_key(name::parent(name)),
            kind::A | kind::AAAA => self.hosts.contains_key(name),
            _ => false,
        }
    }

    /// Takes a record out of somebody's answer; its name and data are in the scratch.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        interface: u32,
        (read, jitter): (Read, u32),
        scratch: &Scratch,
    ) {
        let (owner, data) = (&scratch.owner, &scratch.data);
        // An instance's name ends with its type, and its label is text (RFC 6763 section 4.1).
        if read.kind == kind::PTR && !is_instance_of(&owner.key, &data.key) {
            return;
        }
        prefix(&mut self.key, &owner.key, read.kind, Some(interface));
        // Many share the records that lead to instances, so none of them speaks for all.
        if read.flush && read.kind != kind::PTR {
            self.cache.flush(now, &self.key);
        }
        let set = (read.kind != kind::PTR).then_some(self.key.len());
        self.key.extend_from_slice(&data.key);
        let make = || {
            let record = Record {
                name: Name::from_wire(&owner.wire),
                ttl: read.ttl,
                flush: read.flush,
                data: Data::parse(read.kind, &data.wire)?,
            };
            Some((record, interface, set))
        };
        let heard = self.cache.hear(now, &self.key, (read.ttl, jitter), make);
        match (heard, read.kind) {
            (Heard::Nothing, _) => {}
            (_, kind::PTR) => self.heard_of(&data.wire, &data.key, interface),
            (Heard::New, kind::SRV) => {
                let host = Bytes::copy_from_slice(&data.key[6..]);
                let instance = Bytes::copy_from_slice(&owner.key);
                self.hosts.entry(host).or_default().insert(instance.clone());
                self.dirty.insert(instance);
            }
            (Heard::New, kind::TXT) => {
                self.dirty.insert(Bytes::copy_from_slice(&owner.key));
            }
            (Heard::New, _) => {
                self.dirty.extend(self.hosts.get(&owner.key[..]).into_iter().flatten().cloned());
            }
            (Heard::Again, _) => {}
        }
    }

    /// A record is not known any more.
    fn forget(&mut self, entry: &Entry) {
        let owner = entry.record.name.key();
        match &entry.record.data {
            Data::Ptr(to) => {
                if let Some(known) = self.instances.get_mut(to.key()) {
                    known.seen_on.remove(&entry.interface);
                    self.dirty.insert(to.key().clone());
                }
            }
            Data::Srv { target, .. } => {
                prefix(&mut self.key, owner, kind::SRV, None);
                let leads = |other: &Entry| matches!(&other.record.data, Data::Srv { target: t, .. } if t == target);
                if !self.cache.set(&self.key).any(leads)
                    && let Some(instances) = self.hosts.get_mut(target.key())
                {
                    instances.remove(owner);
                    if instances.is_empty() {
                        self.hosts.remove(target.key());
                    }
                }
                if self.cache.set(&self.key).next().is_none() {
                    self.forget_instance(owner);
                }
                self.dirty.insert(owner.clone());
            }
            Data::Address(_) => {
                self.dirty.extend(self.hosts.get(owner).into_iter().flatten().cloned());
            }
            Data::Txt(_) | Data::Nsec(_) => {}
        }
    }

    #[cfg(test)]
    pub(super) fn cached(&self) -> usize {
        self.cache.len()
    }
}

/// Whether `name` is a readable label before `service`.
fn is_instance_of(service: &[u8], name: &[u8]) -> bool {
    let label = name::labels(name).next();
    label.is_some_and(|label| std::str::from_utf8(label).is_ok()) && name::parent(name) == service
}
