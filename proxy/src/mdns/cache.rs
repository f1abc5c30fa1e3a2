//! What others said, for as long as they said.
//!
//! One ordered map holds every record under a key that begins with its name, so that the records
//! of a name, of a type, or of a type on one interface are neighbours:
//!
//! ```text
//! name, lower case | type | interface | data, lower case  ─▶  record, times
//! ```
//!
//! A record that is heard again costs one look-up and no allocation. Its timer stays where it is
//! and is moved when it fires too early.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use bytes::Bytes;
use tokio::time::{Duration, Instant};

use super::name::Name;
use super::record::{OTHER_TTL, Record};
use crate::limits::MDNS_CACHE_BYTES_MAX;

/// Percent of a record's life at which it is asked for again, and its end (RFC 6762 section 5.2).
const STAGES: [u32; 5] = [80, 85, 90, 95, 100];

/// Millionths of a record's life, of which a random part is added to these: of many who know it
/// one asks first, and the others hear the answer.
pub(super) const JITTER_MAX: u32 = 20_000;

/// How long a record lives on after a goodbye, or after another took its place (RFC 6762 sections
/// 10.1 and 10.2).
const GRACE: Duration = Duration::from_secs(1);

/// Records of one name and type, except those that lead to instances. A sound host has a few.
const SET_MAX: usize = 64;

/// Bytes that an entry takes beside its name and data: map, timer and times, as measured by their
/// sizes and rounded up.
const ENTRY_BYTES: usize = 320;

/// A record of somebody else's.
pub(super) struct Entry {
    pub(super) record: Record,
    pub(super) interface: u32,
    pub(super) received: Instant,
    /// When to ask for it or to forget it.
    next: Instant,
    /// Where its timer stands, which may be before `next`.
    timer: Instant,
    expires: Instant,
    stage: usize,
    /// Millionths of its life by which it is asked for later than others ask.
    jitter: u32,
}

/// The records that are known.
#[derive(Default)]
pub(super) struct Cache {
    entries: BTreeMap<Bytes, Entry>,
    timers: BTreeSet<(Instant, Bytes)>,
    bytes: usize,
}

/// What came of hearing a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    New,
    Again,
    /// A goodbye, nothing that can be kept, or no room.
    Nothing,
}

/// What came of a timer.
pub(super) enum Fired {
    /// The record is to be asked for.
    Old(Name, u16),
    Expired(Entry),
}

/// The beginning of the keys of a name's records.
pub(super) fn prefix(into: &mut Vec<u8>, name: &[u8], kind: u16, interface: Option<u32>) {
    into.clear();
    into.extend_from_slice(name);
    into.extend_from_slice(&kind.to_be_bytes());
    into.extend(interface.iter().flat_map(|interface| interface.to_be_bytes()));
}

impl Entry {
    /// Whether more than half of its life is left, so that nobody needs to tell us again
    /// (RFC 6762 section 7.1).
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        self.expires.saturating_duration_since(now) > life(self.record.ttl) / 2
    }

    /// Seconds that are left.
    pub(super) fn remaining(&self, now: Instant) -> u32 {
        let left = self.expires.saturating_duration_since(now).as_secs();
        u32::try_from(left).unwrap_or(u32::MAX)
    }

    fn renew(&mut self, now: Instant, ttl: u32, jitter: u32) {
        self.record.ttl = ttl;
        (self.received, self.expires) = (now, now + life(ttl));
        (self.stage, self.jitter) = (0, jitter);
        self.next = self.stage_at();
    }

    fn stage_at(&self) -> Instant {
        let percent = STAGES[self.stage];
        if percent == 100 {
            return self.expires;
        }
        let millionths = percent * 10_000 + self.jitter;
        self.received + life(self.record.ttl).mul_f64(f64::from(millionths) / 1e6)
    }

    fn cost(&self, key: &Bytes) -> usize {
        // Once in the key, once or twice in the record.
        3 * key.len() + ENTRY_BYTES
    }
}

fn life(ttl: u32) -> Duration {
    Duration::from_secs(ttl.into())
}

impl Cache {
    /// Takes a record that was heard with more than no time to live, or with none as a goodbye.
    /// `jitter` is below [`JITTER_MAX`]. `make` gives the record if it is not known, and with it how
    /// much of the key tells its set, if that is bounded.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        key: &[u8],
        (ttl, jitter): (u32, u32),
        make: impl FnOnce() -> Option<(Record, u32, Option<usize>)>,
    ) -> Heard {
        let ttl = ttl.min(OTHER_TTL);
        if ttl == 0 {
            self.hasten(key, now + GRACE);
            return Heard::Nothing;
        }
        if let Some(entry) = self.entries.get_mut(key) {
            entry.renew(now, ttl, jitter);
            if entry.next < entry.timer {
                self.advance(key);
            }
            return Heard::Again;
        }
        let Some((record, interface, set)) = make() else { return Heard::Nothing };
        if set.is_some_and(|length| self.set(&key[..length]).take(SET_MAX).count() == SET_MAX) {
            return Heard::Nothing;
        }
        let mut entry = Entry {
            record,
            interface,
            received: now,
            next: now,
            timer: now,
            expires: now,
            stage: 0,
            jitter,
        };
        entry.renew(now, ttl, jitter);
        entry.timer = entry.next;
        let key = Bytes::copy_from_slice(key);
        if self.bytes + entry.cost(&key) > MDNS_CACHE_BYTES_MAX {
            return Heard::Nothing;
        }
        self.bytes += entry.cost(&key);
        self.timers.insert((entry.timer, key.clone()));
        self.entries.insert(key, entry);
        Heard::New
    }

    /// Makes a record expire by `until`.
    pub(super) fn hasten(&mut self, key: &[u8], until: Instant) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        if until < entry.expires {
            (entry.expires, entry.next, entry.stage) = (until, until, STAGES.len() - 1);
            if until < entry.timer {
                self.advance(key);
            }
        }
    }

    /// Moves a timer that stands too late.
    fn advance(&mut self, key: &[u8]) {
        let Some((key, entry)) = self.entries.get_key_value(key) else { return };
        let (key, before, next) = (key.clone(), entry.timer, entry.next);
        self.timers.remove(&(before, key.clone()));
        self.timers.insert((next, key.clone()));
        self.entries.get_mut(&key).expect("it was just there").timer = next;
    }

    /// Somebody said that what they say now is all there is of a set: what is older than a second
    /// goes in a second, unless it is said again until then.
    pub(super) fn flush(&mut self, now: Instant, set: &[u8]) {
        let old = |entry: &Entry| entry.received + GRACE < now && entry.expires > now + GRACE;
        let old: Vec<Bytes> =
            self.range(set).filter(|(_, entry)| old(entry)).map(|(key, _)| key.clone()).collect();
        for key in old {
            self.hasten(&key, now + GRACE);
        }
    }

    fn range(&self, prefix: &[u8]) -> impl Iterator<Item = (&Bytes, &Entry)> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        self.entries.range::<[u8], _>(from).take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// The records whose keys begin so.
    pub(super) fn set(&self, prefix: &[u8]) -> impl Iterator<Item = &Entry> {
        self.range(prefix).map(|(_, entry)| entry)
    }

    /// The keys that begin so.
    pub(super) fn keys(&self, prefix: &[u8]) -> Vec<Bytes> {
        self.range(prefix).map(|(key, _)| key.clone()).collect()
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Entry> {
        self.entries.get(key)
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        let (key, entry) = self.entries.remove_entry(key)?;
        self.bytes -= entry.cost(&key);
        self.timers.remove(&(entry.timer, key));
        Some(entry)
    }

    /// Forgets what was heard on interfaces other than these.
    pub(super) fn retain(&mut self, keep: impl Fn(u32) -> bool) -> Vec<Entry> {
        let gone = self.entries.iter().filter(|(_, entry)| !keep(entry.interface));
        let gone: Vec<Bytes> = gone.map(|(key, _)| key.clone()).collect();
        gone.iter().filter_map(|key| self.remove(key)).collect()
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// The next thing that is due.
    pub(super) fn fire(&mut self, now: Instant) -> Option<Fired> {
        while self.next_timeout()? <= now {
            let (_, key) = self.timers.pop_first()?;
            let entry = self.entries.get_mut(&key).expect("a timer has its record");
            if entry.expires <= now {
                let entry = self.entries.remove(&key).expect("it was just there");
                self.bytes -= entry.cost(&key);
                return Some(Fired::Expired(entry));
            }
            let old = entry.next <= now;
            while entry.next <= now {
                entry.stage += 1;
                entry.next = entry.stage_at();
            }
            entry.timer = entry.next;
            let asked = old.then(|| (entry.record.name.clone(), entry.record.data.kind()));
            self.timers.insert((entry.next, key));
            if let Some((name, kind)) = asked {
                return Some(Fired::Old(name, kind));
            }
        }
        None
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.entries.len(), self.timers.len(), "each record has one timer");
        self.entries.len()
    }
}
