//! Answers that wait: for others who may answer too, for more known answers, or because the same
//! was just said.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use rand_chacha::ChaCha8Rng;
use tokio::time::{Duration, Instant};

use super::lane::{Lane, Lanes};
use super::record::{HOST_TTL, OTHER_TTL, Record};
use super::responder::to_group;
use super::service::{Own, What};
use super::writer::{self, Answer, Legacy};
use super::{Outgoing, between};

/// Delay of answers that others may give too (RFC 6762 section 6).
const SHARED_DELAY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(120));

/// Delay while more known answers are to come (RFC 6762 section 7.2).
const TRUNCATED_DELAY: (Duration, Duration) =
    (Duration::from_millis(400), Duration::from_millis(500));

/// Time before a record is said to all again (RFC 6762 section 6), and when somebody is about to
/// take its name.
const SAY_PAUSE: Duration = Duration::from_secs(1);
/// See [`SAY_PAUSE`].
const DEFEND_PAUSE: Duration = Duration::from_millis(250);

/// Time after a record was said in which a question for it has crossed it on its way. Who missed it
/// asks again.
const CROSSED: Duration = Duration::from_millis(50);

/// Seconds that those who speak plain DNS may keep a record (RFC 6762 section 6.7).
const LEGACY_TTL: u32 = 10;

/// What somebody asked, and what of it is ours.
pub(super) struct Request<'a> {
    pub(super) lane: Lane,
    pub(super) source: SocketAddr,
    /// Each with whether an answer by unicast is wished for.
    pub(super) answers: &'a [(What, u64, bool)],
    /// More known answers follow.
    pub(super) truncated: bool,
    /// Somebody is about to take a name.
    pub(super) probe: bool,
    pub(super) legacy: Option<Legacy>,
}

/// Answers that wait for their time.
#[derive(Default)]
pub(super) struct Replies {
    to_all: BTreeMap<Lane, BTreeMap<(What, u64), Waiting>>,
    to_one: BTreeMap<(Instant, SocketAddr), ToOne>,
    next: Option<Instant>,
}

struct Waiting {
    due: Instant,
    /// The only one who asked, whose known answers may spare it.
    asker: Option<SocketAddr>,
}

struct ToOne {
    lane: Lane,
    answers: Vec<(What, u64)>,
    legacy: Option<Legacy>,
}

impl Replies {
    pub(super) fn take(
        &mut self,
        now: Instant,
        request: Request<'_>,
        services: &BTreeMap<u64, Own>,
        rng: &mut ChaCha8Rng,
    ) {
        let Request { lane, source, answers, truncated, probe, legacy } = request;
        let shared = |(what, _, _): &(What, u64, bool)| matches!(what, What::Ptr | What::Type);
        let delay = match () {
            () if probe || legacy.is_some() => Duration::ZERO,
            () if truncated => between(TRUNCATED_DELAY, rng),
            () if answers.iter().any(shared) => between(SHARED_DELAY, rng),
            () => Duration::ZERO,
        };
        let due = now + delay;
        let mut to_one = Vec::new();
        for &(what, id, unicast) in answers {
            let Some(own) = services.get(&id) else { continue };
            let said = own.said(lane, what);
            let quarter = Duration::from_secs(u64::from(ttl(what)) / 4);
            // RFC 6762 section 5.4: what others have not heard for long, all may hear.
            let lately = said.is_some_and(|at| now < at + quarter);
            if legacy.is_some() || (unicast && lately) {
                to_one.push((what, id));
                continue;
            }
            if !probe && said.is_some_and(|at| now < at + CROSSED) {
                continue;
            }
            let pause = if probe { DEFEND_PAUSE } else { SAY_PAUSE };
            let due = said.map_or(due, |at| due.max(at + pause));
            let waiting = self.to_all.entry(lane).or_default().entry((what, id));
            let waiting = waiting.or_insert(Waiting { due, asker: Some(source) });
            waiting.due = waiting.due.min(due);
            if waiting.asker != Some(source) {
                waiting.asker = None;
            }
            self.next = Some(self.next.map_or(waiting.due, |at| at.min(waiting.due)));
        }
        if !to_one.is_empty() {
            self.to_one.insert((due, source), ToOne { lane, answers: to_one, legacy });
        }
    }

    /// One who asked knows this answer already.
    pub(super) fn spare(&mut self, lane: Lane, source: SocketAddr, answer: (What, u64)) {
        if let Some(waiting) = self.to_all.get_mut(&lane)
            && waiting.get(&answer).is_some_and(|waiting| waiting.asker == Some(source))
        {
            waiting.remove(&answer);
        }
        let by_source = self.to_one.iter_mut().filter(|((_, to), _)| *to == source);
        by_source.for_each(|(_, one)| one.answers.retain(|other| *other != answer));
    }

    /// Whether this one waits for answers.
    pub(super) fn waits(&self, lane: Lane, source: SocketAddr) -> bool {
        self.to_one.keys().any(|(_, to)| *to == source)
            || self
                .to_all
                .get(&lane)
                .is_some_and(|all| all.values().any(|waiting| waiting.asker == Some(source)))
    }

    /// It was said meanwhile.
    pub(super) fn forget(&mut self, lane: Lane, answer: (What, u64)) {
        if let Some(waiting) = self.to_all.get_mut(&lane) {
            waiting.remove(&answer);
        }
    }

    /// Everything of a service was said.
    pub(super) fn forget_service(&mut self, lane: Lane, id: u64) {
        if let Some(waiting) = self.to_all.get_mut(&lane) {
            waiting.retain(|(_, of), _| *of != id);
        }
    }

    /// Keeps what goes out on these lanes.
    pub(super) fn retain(&mut self, lanes: &[Lane]) {
        self.to_all.retain(|lane, _| lanes.contains(lane));
        self.to_one.retain(|_, one| lanes.contains(&one.lane));
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let one = self.to_one.first_key_value().map(|((at, _), _)| *at);
        [one, self.next].into_iter().flatten().min()
    }

    /// The answers whose time has come, with others to all that may go along.
    pub(super) fn due(
        &mut self,
        now: Instant,
        services: &mut BTreeMap<u64, Own>,
        lanes: &Lanes,
    ) -> Vec<Outgoing> {
        let mut packets = Vec::new();
        while let Some(entry) = self.to_one.first_entry()
            && entry.key().0 <= now
        {
            let ((_, to), one) = entry.remove_entry();
            packets.extend(one.packets(to, services, lanes));
        }
        if self.next.is_some_and(|at| at <= now) {
            for (lane, waiting) in &mut self.to_all {
                if waiting.values().any(|waiting| waiting.due <= now) {
                    packets.extend(say(now, *lane, waiting, services, lanes));
                }
            }
            self.to_all.retain(|_, waiting| !waiting.is_empty());
            let all = self.to_all.values().flat_map(BTreeMap::values);
            self.next = all.map(|waiting| waiting.due).min();
        }
        packets
    }
}

/// Says what is due on a lane, and what waits and may be said now.
fn say(
    now: Instant,
    lane: Lane,
    waiting: &mut BTreeMap<(What, u64), Waiting>,
    services: &mut BTreeMap<u64, Own>,
    lanes: &Lanes,
) -> Vec<Outgoing> {
    let lately = |own: &Own, what| own.said(lane, what).is_some_and(|at| now < at + SAY_PAUSE);
    let mut answers = Vec::new();
    waiting.retain(|(what, id), waiting| {
        let Some(own) = services.get_mut(id) else { return false };
        if waiting.due > now && lately(own, *what) {
            return true;
        }
        let along: Vec<What> =
            Own::along(*what).iter().copied().filter(|what| !lately(own, *what)).collect();
        let of = |what: What| own.records(what, lanes, lane.interface);
        let (records, additional) = (of(*what), along.iter().copied().flat_map(of).collect());
        for what in along.into_iter().chain([*what]) {
            own.say(now, lane, what);
        }
        answers.push(Answer { records, additional });
        false
    });
    to_group(lane, writer::response(&answers, None)).collect()
}

impl ToOne {
    fn packets(
        self,
        to: SocketAddr,
        services: &BTreeMap<u64, Own>,
        lanes: &Lanes,
    ) -> impl Iterator<Item = Outgoing> {
        let (lane, legacy) = (self.lane, self.legacy.is_some());
        let plain = |record: Record| match legacy {
            true => Record { ttl: record.ttl.min(LEGACY_TTL), flush: false, ..record },
            false => record,
        };
        let answer = |(what, id): &(What, u64)| {
            let own = services.get(id)?;
            let records = |what: &What| own.records(*what, lanes, lane.interface);
            Some(Answer {
                records: records(what).into_iter().map(plain).collect(),
                additional: Own::along(*what).iter().flat_map(records).map(plain).collect(),
            })
        };
        let answers: Vec<Answer> = self.answers.iter().filter_map(answer).collect();
        let packets = writer::response(&answers, self.legacy.as_ref());
        packets.into_iter().map(move |bytes| Outgoing { lane, to, bytes })
    }
}

fn ttl(what: What) -> u32 {
    match what {
        What::Type | What::Ptr | What::Txt => OTHER_TTL,
        What::Srv | What::Address | What::A | What::Aaaa => HOST_TTL,
        What::InstanceNsec | What::HostNsec => HOST_TTL,
    }
}
