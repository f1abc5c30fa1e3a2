//! The side that answers: our services, announced, defended, taken back.
//!
//! ```text
//! register ─▶ Probing ─▶ Announcing ─▶ Live ─▶ goodbye        questions ─▶ replies, some later
//!               ▲  └ lost a tie: later │
//!               └──── conflict ◀───────┘
//! ```

mod conflicts;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use tokio::time::{Duration, Instant};

use super::lane::{Lane, Lanes};
use super::name::Name;
use super::record::{HOST_TTL, OTHER_TTL, Record, kind};
use super::replies::{Replies, Request};
use super::service::{Own, State, What, types};
use super::writer::{self, Answer};
use super::{BadService, Outgoing, Service, between};

/// Probes, and the pause between them (RFC 6762 section 8.1).
const PROBES: u8 = 3;
const PROBE_PAUSE: Duration = Duration::from_millis(250);

/// Announcements, and the pause between them (RFC 6762 section 8.3).
const ANNOUNCEMENTS: u8 = 2;
const ANNOUNCE_PAUSE: Duration = Duration::from_secs(1);

/// Goodbyes, for networks that lose some, and the pause between them.
const GOODBYES: u8 = 2;
const GOODBYE_PAUSE: Duration = Duration::from_millis(120);

/// A record that somebody is about to have: its type and its data, as it was written.
pub(super) type Claim = (u16, Vec<u8>);

/// Everything that is said.
#[derive(Default)]
pub(super) struct Responder {
    services: BTreeMap<u64, Own>,
    next_id: u64,
    /// Services by the name that they were registered under.
    registered: BTreeMap<Bytes, u64>,
    /// Services by each name that they have something to say of: type, instance, host.
    names: BTreeMap<Bytes, BTreeSet<u64>>,
    timers: BTreeSet<(Instant, u64)>,
    leaving: Vec<Leaving>,
    conflicts: VecDeque<Instant>,
    pub(super) replies: Replies,
}

/// A service that says goodbye.
struct Leaving {
    own: Own,
    /// Whether no other service of ours has its host.
    with_host: bool,
    left: u8,
    next: Instant,
}

impl Responder {
    pub(super) fn register(
        &mut self,
        now: Instant,
        service: &Service,
        rng: &mut ChaCha8Rng,
    ) -> Result<(), BadService> {
        let mut own = Own::new(service)?;
        self.unregister(now, &own.registered);
        // An earlier goodbye of the same name would now be a lie.
        self.leaving.retain(|leaving| leaving.own.instance != own.instance);
        let id = self.next_id;
        self.next_id += 1;
        self.registered.insert(own.registered.key().clone(), id);
        let (state, next) = match own.probes() {
            true => (State::Probing(0), now + between((Duration::ZERO, PROBE_PAUSE), rng)),
            false => (State::Announcing(0), now),
        };
        own.state = state;
        self.index(id, &own);
        self.services.insert(id, own);
        self.schedule(id, Some(next));
        Ok(())
    }

    /// Takes back what was registered under this name.
    pub(super) fn unregister(&mut self, now: Instant, registered: &Name) {
        let Some(id) = self.registered.remove(registered.key()) else { return };
        self.schedule(id, None);
        let Some(own) = self.services.remove(&id) else { return };
        self.unindex(id, &own);
        if !matches!(own.state, State::Probing(_)) {
            let with_host = !self.names.contains_key(own.host.key());
            self.leaving.push(Leaving { own, with_host, left: GOODBYES, next: now });
        }
    }

    /// Says goodbye for everything, once and at once.
    pub(super) fn shutdown(&mut self, now: Instant, lanes: &Lanes) -> Vec<Outgoing> {
        let all: Vec<Name> = self.services.values().map(|own| own.registered.clone()).collect();
        for name in all {
            self.unregister(now, &name);
        }
        for leaving in &mut self.leaving {
            (leaving.left, leaving.next) = (1, now);
        }
        self.replies = Replies::default();
        self.goodbyes(now, lanes)
    }

    /// Everything is announced anew where the host is now.
    pub(super) fn lanes_changed(&mut self, now: Instant, lanes: &Lanes) {
        self.replies.retain(lanes.all());
        let ids: Vec<u64> = self.services.keys().copied().collect();
        for id in ids {
            let Some(own) = self.services.get_mut(&id) else { continue };
            own.unsay();
            if !matches!(own.state, State::Probing(_)) {
                own.state = State::Announcing(0);
                self.schedule(id, Some(now));
            }
        }
    }

    fn index(&mut self, id: u64, own: &Own) {
        for name in [&own.service, &own.instance, &own.host] {
            self.names.entry(name.key().clone()).or_default().insert(id);
        }
    }

    fn unindex(&mut self, id: u64, own: &Own) {
        for name in [&own.service, &own.instance, &own.host] {
            if let Some(ids) = self.names.get_mut(name.key()) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.names.remove(name.key());
                }
            }
        }
    }

    fn schedule(&mut self, id: u64, next: Option<Instant>) {
        let Some(own) = self.services.get_mut(&id) else { return };
        if let Some(before) = std::mem::replace(&mut own.next, next) {
            self.timers.remove(&(before, id));
        }
        self.timers.extend(next.map(|at| (at, id)));
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|(at, _)| *at);
        let leaving = self.leaving.iter().map(|leaving| leaving.next).min();
        [timer, leaving, self.replies.next_timeout()].into_iter().flatten().min()
    }

    /// The packets that are due.
    pub(super) fn handle_timeout(&mut self, now: Instant, lanes: &Lanes) -> Vec<Outgoing> {
        let mut packets = Vec::new();
        let mut announced = Vec::new();
        while let Some(&(at, id)) = self.timers.first()
            && at <= now
        {
            self.schedule(id, None);
            let Some(own) = self.services.get_mut(&id) else { continue };
            let next = match own.state {
                State::Probing(sent) if sent < PROBES => {
                    packets.extend(probe(own, lanes));
                    own.state = State::Probing(sent + 1);
                    Some(now + PROBE_PAUSE)
                }
                State::Probing(_) => {
                    own.state = State::Announcing(0);
                    Some(now)
                }
                State::Announcing(sent) => {
                    announced.push(id);
                    let last = sent + 1 >= ANNOUNCEMENTS;
                    own.state = if last { State::Live } else { State::Announcing(sent + 1) };
                    (!last).then_some(now + ANNOUNCE_PAUSE)
                }
                State::Live => None,
            };
            self.schedule(id, next);
        }
        packets.extend(self.goodbyes(now, lanes));
        packets.extend(self.announce(now, &announced, lanes));
        packets.extend(self.replies_due(now, lanes));
        packets
    }

    /// The answers that are due.
    pub(super) fn replies_due(&mut self, now: Instant, lanes: &Lanes) -> Vec<Outgoing> {
        self.replies.due(now, &mut self.services, lanes)
    }

    /// Announces many in few packets.
    fn announce(&mut self, now: Instant, ids: &[u64], lanes: &Lanes) -> Vec<Outgoing> {
        let mut packets = Vec::new();
        for &lane in lanes.all() {
            let mut answers = Vec::new();
            for id in ids {
                let Some(own) = self.services.get_mut(id) else { continue };
                for what in [What::Ptr, What::Srv, What::Txt, What::Address] {
                    own.say(now, lane, what);
                }
                self.replies.forget_service(lane, *id);
                answers.push(own.announcement(lanes, lane.interface));
            }
            packets.extend(to_group(lane, writer::response(&answers, None)));
        }
        packets
    }

    fn goodbyes(&mut self, now: Instant, lanes: &Lanes) -> Vec<Outgoing> {
        if self.leaving.iter().all(|leaving| leaving.next > now) {
            return Vec::new();
        }
        let mut packets = Vec::new();
        for &lane in lanes.all() {
            let due = self.leaving.iter().filter(|leaving| leaving.next <= now);
            let answers: Vec<Answer> = due.map(|l| l.goodbye(lanes, lane.interface)).collect();
            packets.extend(to_group(lane, writer::response(&answers, None)));
        }
        for leaving in self.leaving.iter_mut().filter(|leaving| leaving.next <= now) {
            leaving.left -= 1;
            leaving.next = now + GOODBYE_PAUSE;
        }
        self.leaving.retain(|leaving| leaving.left > 0);
        packets
    }

    /// The records that lead to our instances of a type.
    pub(super) fn instances(&self, of_type: &Bytes) -> Vec<Record> {
        let ids = self.names.get(of_type).into_iter().flatten();
        ids.filter_map(|id| self.services.get(id))
            .filter(|own| own.service.key() == of_type && !matches!(own.state, State::Probing(_)))
            .flat_map(|own| own.records(What::Ptr, &Lanes::default(), 0))
            .collect()
    }

    /// Whether anything is ours under this name.
    pub(super) fn owns(&self, name: &[u8]) -> bool {
        self.names.contains_key(name)
    }

    /// What there is to say to a question.
    pub(super) fn answers(&self, name: &[u8], asked: u16, into: &mut Vec<(What, u64)>) {
        let is = |kind| asked == kind || asked == kind::ANY;
        if is(kind::PTR) && name == &types().key()[..] {
            let mut told = BTreeSet::new();
            let first = self.services.iter().filter(|(_, own)| told.insert(own.service.key()));
            into.extend(first.map(|(id, _)| (What::Type, *id)));
            return;
        }
        for &id in self.names.get(name).into_iter().flatten() {
            let Some(own) = self.services.get(&id) else { continue };
            if matches!(own.state, State::Probing(_)) {
                continue;
            }
            if own.service.key() == name && is(kind::PTR) {
                into.push((What::Ptr, id));
            }
            if own.instance.key() == name {
                let before = into.len();
                into.extend(is(kind::SRV).then_some((What::Srv, id)));
                into.extend(is(kind::TXT).then_some((What::Txt, id)));
                if into.len() == before {
                    into.push((What::InstanceNsec, id));
                }
            }
            // Of services that share a host one is enough.
            if own.host.key() == name && !into.iter().any(|(what, _)| *what >= What::Address) {
                into.push(match asked {
                    kind::A => (What::A, id),
                    kind::AAAA => (What::Aaaa, id),
                    kind::ANY => (What::Address, id),
                    _ => (What::HostNsec, id),
                });
            }
        }
    }

    /// Which answer of ours a record says word for word, so that nobody needs it again.
    pub(super) fn same(&self, name: &[u8], read: (u16, u32), data: &[u8]) -> Option<(What, u64)> {
        let (kind, ttl) = read;
        let lives = |ours: u32| ttl >= ours / 2;
        if kind == kind::PTR && lives(OTHER_TTL) {
            if name == &types().key()[..] {
                let mut all = self.services.iter();
                return all
                    .find(|(_, own)| own.service.key() == data)
                    .map(|(id, _)| (What::Type, *id));
            }
            let ids = self.names.get(data)?;
            let ours = |id: &&u64| {
                self.services
                    .get(id)
                    .is_some_and(|own| own.instance.key() == data && own.service.key() == name)
            };
            return ids.iter().find(ours).map(|id| (What::Ptr, *id));
        }
        let (what, ours) = match kind {
            kind::SRV => (What::Srv, HOST_TTL),
            kind::TXT => (What::Txt, OTHER_TTL),
            _ => return None,
        };
        let ids = self.names.get(name)?;
        let (id, _) =
            ids.iter().filter_map(|id| Some((id, self.services.get(id)?))).find(|(_, own)| {
                own.instance.key() == name && own.agrees(&Lanes::default(), kind, data)
            })?;
        lives(ours).then_some((what, *id))
    }

    /// Answers, now or soon, to what somebody asked.
    pub(super) fn reply(&mut self, now: Instant, request: Request<'_>, rng: &mut ChaCha8Rng) {
        self.replies.take(now, request, &self.services, rng);
    }
}

impl Leaving {
    fn goodbye(&self, lanes: &Lanes, interface: u32) -> Answer {
        let mut all = self.own.announcement(lanes, interface).records;
        all.retain(|record| self.with_host || record.name != self.own.host);
        let records = all.into_iter().map(|record| Record { ttl: 0, ..record }).collect();
        Answer { records, additional: Vec::new() }
    }
}

fn probe(own: &Own, lanes: &Lanes) -> Vec<Outgoing> {
    let on = |lane: &Lane| {
        let (asks, claims) = own.probe(lanes, lane.interface);
        Outgoing { lane: *lane, to: lane.group(), bytes: writer::probe(&asks, &claims) }
    };
    lanes.all().iter().map(on).collect()
}

pub(super) fn to_group(lane: Lane, packets: Vec<Bytes>) -> impl Iterator<Item = Outgoing> {
    packets.into_iter().map(move |bytes| Outgoing { lane, to: lane.group(), bytes })
}
