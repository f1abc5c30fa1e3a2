//! Which links there should be: a pure state machine.
//!
//! Give it an [`Input`] and the time with [`Planner::handle`], perform the [`Action`]s that it
//! appends, in order, and give it [`Input::Tick`] at [`Planner::next_timeout`]. It holds:
//!
//! - at most one link that we dialled for each remote proxy and channel, none to ourselves, none
//!   for a channel without a client here;
//! - an advert exactly for each channel that has a client here and a name that fits one;
//! - when events stop, each candidate is linked, or connected otherwise, or dialled again and
//!   again with growing pauses for as long as its advert (or `--peer`) stands.
//!
//! A link lives on when its advert goes: multicast is lossy, and the link itself is the better
//! proof that the other proxy is there. It is only not dialled again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use rand_chacha::ChaCha8Rng;
use tokio::time::{Duration, Instant};

use super::Peer;
use super::backoff::backoff;
use super::plan::{Candidate, Plan};
pub(crate) use super::plan::{Key, LinkId, State};
use crate::discovery::{Advert, Instance};
use crate::id::ProxyId;
use crate::limits::{
    DIALS_MAX, INSTANCES_MAX, LINK_BACK_TIME, LINK_PROVEN, READVERTISE_MAX, READVERTISE_MIN,
    REDIAL_AFTER_CLOSE, REDIAL_MAX, REDIAL_MIN, REFRESH_MAX, REFRESH_MIN,
};
use crate::name::ChannelName;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// An advert that may be followed is there.
    Seen(Instance),
    /// The advert of this instance name is gone.
    Gone(String),
    /// A channel got its first client here, or lost its last.
    Interest { channel: ChannelName, here: bool },
    /// A dial ended.
    Dialled { link: LinkId, outcome: Outcome },
    /// A started link ended; `clean` with a closing handshake.
    Closed { link: LinkId, clean: bool },
    /// A remote proxy's link was accepted.
    Accepted {
        channel: ChannelName,
        remote: Option<ProxyId>,
        two_way: bool,
    },
    /// Such a link ended; `lost` without a closing handshake.
    AcceptedGone {
        channel: ChannelName,
        remote: Option<ProxyId>,
        two_way: bool,
        lost: bool,
    },
    /// Time passed.
    Tick,
}

/// How a dial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The link stands, at this address, but nothing was read from it yet.
    Open {
        address: SocketAddr,
        remote: Option<ProxyId>,
        two_way: bool,
    },
    /// The other end is this proxy.
    Own,
    /// The other end is this proxy, and says that we are linked already.
    Duplicate(ProxyId),
    /// Anything else.
    Failed,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Dial, offering to carry both ways or not, and tell the outcome.
    Dial {
        link: LinkId,
        channel: ChannelName,
        target: Target,
        two_way: bool,
    },
    /// Begin to read from a link that was dialled.
    Start(LinkId),
    /// Give up a dial, or close a link. Nothing more need be told of it.
    Close(LinkId),
    /// Close the one-way links that others dialled for this channel.
    CloseAccepted(ChannelName),
    /// Announce a channel.
    Advertise(Advert),
    /// Withdraw the advert of this instance name.
    Withdraw(String),
    /// Ask whether this instance still answers.
    Verify(String),
    /// Ask the network for all instances.
    Refresh,
}

/// Where to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The addresses of one proxy, the best first.
    Addresses(Vec<SocketAddr>),
    /// A configured peer.
    Peer(Peer),
}

/// What a time is for. Looked at afresh when it comes, so none need be taken back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Candidate(ChannelName, Key),
    Readvertise(ChannelName),
    Refresh,
}

/// Decides which links there are. See the module's documentation.
pub(crate) struct Planner {
    own: ProxyId,
    port: u16,
    peers: Vec<Peer>,
    rng: ChaCha8Rng,
    plans: BTreeMap<ChannelName, Plan>,
    /// Where each instance seen belongs.
    instances: BTreeMap<String, (ChannelName, Key)>,
    /// Where each dial and link belongs.
    links: BTreeMap<LinkId, (ChannelName, Key)>,
    next_link: u64,
    dialling: usize,
    /// Candidates that wait for a dial to end because [`DIALS_MAX`] are under way.
    queue: BTreeSet<(ChannelName, Key)>,
    timers: BTreeSet<(Instant, Timer)>,
    /// Instances that we asked about: if they go now, it was without a goodbye.
    doubted: BTreeSet<String>,
    /// Proxies that vanished without a goodbye, asked for again from time to time.
    missing: BTreeSet<(ChannelName, Key)>,
    refresh_pause: Duration,
}

impl Planner {
    pub(crate) fn new(own: ProxyId, port: u16, peers: Vec<Peer>, rng: ChaCha8Rng) -> Self {
        Self {
            own,
            port,
            peers,
            rng,
            plans: BTreeMap::new(),
            instances: BTreeMap::new(),
            links: BTreeMap::new(),
            next_link: 0,
            dialling: 0,
            queue: BTreeSet::new(),
            timers: BTreeSet::new(),
            doubted: BTreeSet::new(),
            missing: BTreeSet::new(),
            refresh_pause: REFRESH_MIN,
        }
    }

    /// Takes one input and appends what must be done, in order, to `actions`.
    pub(crate) fn handle(&mut self, input: Input, now: Instant, actions: &mut Vec<Action>) {
        match input {
            Input::Seen(instance) => self.seen(instance, now, actions),
            Input::Gone(instance) => self.gone(&instance, now, actions),
            Input::Interest {
                channel,
                here: true,
            } => self.gain_interest(&channel, now, actions),
            Input::Interest {
                channel,
                here: false,
            } => self.lose_interest(&channel, actions),
            Input::Dialled { link, outcome } => self.dialled(link, outcome, now, actions),
            Input::Closed { link, clean } => self.closed(link, clean, now, actions),
            Input::Accepted {
                channel,
                remote,
                two_way,
            } => self.accepted(channel, remote, two_way),
            Input::AcceptedGone {
                channel,
                remote,
                two_way,
                lost,
            } => {
                self.accepted_gone(&channel, remote, two_way, lost, now, actions);
            }
            Input::Tick => {}
        }
        self.due(now, actions);
    }

    /// When to give [`Input::Tick`], if nothing else happens before.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Every candidate, for `/status`.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = Remote<'_>> {
        self.plans.iter().flat_map(move |(channel, plan)| {
            plan.candidates.iter().map(move |(key, candidate)| Remote {
                channel,
                host: match key {
                    Key::Peer(index) => self.peers[*index].to_string(),
                    Key::Advertised(host, _) => host.clone(),
                },
                addresses: candidate.addresses(),
                id: match candidate.state {
                    State::Linked { remote, .. } => remote,
                    _ => candidate.remote,
                },
                state: candidate.state,
            })
        })
    }

    /// The instance name under which a channel is advertised, if it is.
    pub(crate) fn advert_of(&self, channel: &ChannelName) -> Option<&str> {
        Some(&self.plans.get(channel)?.advert.as_ref()?.instance)
    }

    fn seen(&mut self, instance: Instance, now: Instant, actions: &mut Vec<Action>) {
        let remote = ProxyId::from_host_name(&instance.host);
        if remote == Some(self.own) {
            return;
        }
        let key = Key::Advertised(instance.host, instance.port);
        let place = (instance.channel.clone(), key.clone());
        match self.instances.get(&instance.name) {
            Some(known) if *known != place => self.gone(&instance.name, now, actions),
            None if self.instances.len() >= INSTANCES_MAX => return,
            _ => {}
        }
        self.missing.remove(&place);
        self.doubted.remove(&instance.name);
        let plan = self.plans.entry(instance.channel.clone()).or_default();
        let candidate = plan
            .candidates
            .entry(key.clone())
            .or_insert_with(|| Candidate::new(remote));
        let old = candidate
            .instances
            .insert(instance.name.clone(), instance.addresses.clone());
        if old.is_none() {
            // A fresh advert is fresh evidence, but no licence to make us dial at its pace.
            candidate.failures = 0;
            if let State::Waiting { until } = &mut candidate.state {
                *until = (*until).min(now + REDIAL_MIN);
                self.timers
                    .insert((*until, Timer::Candidate(place.0.clone(), place.1.clone())));
            }
        }
        if candidate.state == State::Own && old.as_ref() != Some(&instance.addresses) {
            candidate.state = State::Idle;
        }
        self.instances.insert(instance.name, place);
        self.consider(&instance.channel, &key, now, actions);
    }

    fn gone(&mut self, instance: &str, now: Instant, actions: &mut Vec<Action>) {
        let Some((channel, key)) = self.instances.remove(instance) else {
            return;
        };
        let vanished = self.doubted.remove(instance);
        let plan = self
            .plans
            .get_mut(&channel)
            .expect("an instance belongs to a plan");
        let candidate = plan
            .candidates
            .get_mut(&key)
            .expect("an instance belongs to a candidate");
        candidate.instances.remove(instance);
        if candidate.instances.is_empty() {
            if vanished && plan.here {
                self.miss(&channel, &key, now);
            }
            self.forget_unless_linked(&channel, &key, now, actions);
        }
    }

    /// Drops a candidate that neither an advert nor a peer nor a link holds.
    fn forget_unless_linked(
        &mut self,
        channel: &ChannelName,
        key: &Key,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let Some(plan) = self.plans.get_mut(channel) else {
            return;
        };
        let Some(candidate) = plan.candidates.get(key) else {
            return;
        };
        let held = matches!(key, Key::Peer(_)) || !candidate.instances.is_empty();
        if held || matches!(candidate.state, State::Linked { .. }) {
            return;
        }
        let dial = candidate.state.link();
        plan.candidates.remove(key);
        self.queue.remove(&(channel.clone(), key.clone()));
        if let Some(dial) = dial {
            self.dialling -= 1;
            self.release(dial, actions, now);
            actions.push(Action::Close(dial));
        }
        self.forget_plan_if_empty(channel);
    }

    fn forget_plan_if_empty(&mut self, channel: &ChannelName) {
        if self.plans.get(channel).is_some_and(Plan::is_empty) {
            self.plans.remove(channel);
        }
    }

    fn gain_interest(&mut self, channel: &ChannelName, now: Instant, actions: &mut Vec<Action>) {
        let plan = self.plans.entry(channel.clone()).or_default();
        plan.here = true;
        plan.readvertised = 0;
        if channel.fits_advert() {
            let advert = Advert::new(channel, self.own, self.port, &mut self.rng);
            actions.push(Action::Advertise(advert.clone()));
            plan.advert = Some(advert);
        }
        for index in 0..self.peers.len() {
            plan.candidates
                .insert(Key::Peer(index), Candidate::new(None));
        }
        self.consider_all(channel, now, actions);
    }

    fn lose_interest(&mut self, channel: &ChannelName, actions: &mut Vec<Action>) {
        let Some(plan) = self.plans.get_mut(channel) else {
            return;
        };
        plan.here = false;
        if let Some(advert) = plan.advert.take() {
            actions.push(Action::Withdraw(advert.instance));
        }
        actions.push(Action::CloseAccepted(channel.clone()));
        plan.busy.clear();
        for candidate in plan.candidates.values_mut() {
            if let Some(link) = candidate.state.link() {
                self.links.remove(&link);
                actions.push(Action::Close(link));
                if matches!(candidate.state, State::Dialling(_)) {
                    self.dialling -= 1;
                }
            }
            candidate.state = State::Idle;
        }
        plan.candidates
            .retain(|_, candidate| !candidate.instances.is_empty());
        self.queue.retain(|(of, _)| of != channel);
        self.missing.retain(|(of, _)| of != channel);
        self.forget_plan_if_empty(channel);
    }

    /// Looks at every candidate of a channel again.
    fn consider_all(&mut self, channel: &ChannelName, now: Instant, actions: &mut Vec<Action>) {
        let Some(plan) = self.plans.get(channel) else {
            return;
        };
        let keys: Vec<Key> = plan.candidates.keys().cloned().collect();
        for key in keys {
            self.consider(channel, &key, now, actions);
        }
    }

    /// Dials a candidate if it should be linked with and is not.
    fn consider(
        &mut self,
        channel: &ChannelName,
        key: &Key,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let Some(plan) = self.plans.get_mut(channel).filter(|plan| plan.here) else {
            return;
        };
        let Some(candidate) = plan.candidates.get(key) else {
            return;
        };
        let remote = candidate.remote.filter(|remote| plan.hears(*remote));
        let place = (channel.clone(), key.clone());
        let state = match (candidate.state, remote) {
            (State::Dialling(_) | State::Linked { .. } | State::Own, _) => return,
            (State::Waiting { until }, _) if until > now => return,
            (State::Duplicate { remote, since }, Some(_)) => {
                return self.link_back(place, remote, since, now, actions);
            }
            (_, Some(remote)) => State::Duplicate { remote, since: now },
            (_, None) => State::Idle,
        };
        let addresses = candidate.addresses();
        let advertised = matches!(key, Key::Advertised(..));
        let mut known = addresses.iter().chain(&candidate.reached);
        let shadowed = known.any(|address| plan.busy.contains_key(address));
        let candidate = plan.candidates.get_mut(key).expect("it was there above");
        candidate.state = state;
        if let State::Duplicate { .. } = state {
            self.timers
                .insert((now + LINK_BACK_TIME, Timer::Candidate(place.0, place.1)));
        } else if shadowed || (advertised && addresses.is_empty()) {
            // Looked at again when what stands in the way ends.
        } else if self.dialling >= DIALS_MAX {
            self.queue.insert(place);
        } else {
            let link = LinkId(self.next_link);
            candidate.state = State::Dialling(link);
            plan.busy
                .extend(addresses.iter().map(|address| (*address, link)));
            self.next_link += 1;
            self.dialling += 1;
            let target = match key {
                Key::Peer(index) => Target::Peer(self.peers[*index].clone()),
                Key::Advertised(..) => Target::Addresses(addresses),
            };
            let channel = channel.clone();
            actions.push(Action::Dial {
                link,
                channel,
                target,
                two_way: !advertised,
            });
            self.links.insert(link, place);
        }
    }

    /// A peer that we hear must hear us too. Usually it sees our advert and links back; if it has
    /// not after a while, our one-way link gives way to one that carries both ways.
    fn link_back(
        &mut self,
        (channel, key): (ChannelName, Key),
        remote: ProxyId,
        since: Instant,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let plan = self.plans.get_mut(&channel).expect("it was considered");
        let Key::Peer(_) = key else { return };
        if plan.is_heard_by(remote) {
            return;
        }
        if now < since + LINK_BACK_TIME {
            self.timers
                .insert((since + LINK_BACK_TIME, Timer::Candidate(channel, key)));
            return;
        }
        let Some((other, link, _)) = plan.dialled(remote) else {
            return;
        };
        let other = plan.candidates.get_mut(&other).expect("it is linked");
        // It comes back by itself as a duplicate, or else as a link, after the usual pause.
        other.state = State::Waiting {
            until: now + REDIAL_AFTER_CLOSE,
        };
        let peer = plan.candidates.get_mut(&key).expect("it was considered");
        peer.state = State::Idle;
        self.release(link, actions, now);
        actions.push(Action::Close(link));
        self.consider(&channel, &key, now, actions);
    }

    fn dialled(&mut self, link: LinkId, outcome: Outcome, now: Instant, actions: &mut Vec<Action>) {
        let Some((channel, key)) = self.links.get(&link).cloned() else {
            // Given up meanwhile.
            actions.push(Action::Close(link));
            return;
        };
        self.dialling -= 1;
        let plan = self
            .plans
            .get_mut(&channel)
            .expect("a dial belongs to a plan");
        let outcome = match outcome {
            Outcome::Open {
                remote: Some(remote),
                ..
            } if remote == self.own => Outcome::Own,
            Outcome::Open {
                remote: Some(remote),
                ..
            } if plan.dialled(remote).is_some() => Outcome::Duplicate(remote),
            other => other,
        };
        let hears = matches!(outcome, Outcome::Duplicate(remote) if plan.hears(remote));
        let taken = matches!(outcome, Outcome::Open { address, .. } if plan.is_linked_at(address));
        let candidate = plan
            .candidates
            .get_mut(&key)
            .expect("a dial belongs to a candidate");
        let state = match outcome {
            Outcome::Open {
                address,
                remote: None,
                ..
            } if taken => {
                // A proxy that does not say who it is, at an address that we are linked with.
                candidate.reached = Some(address);
                State::Idle
            }
            Outcome::Open {
                address,
                remote,
                two_way,
            } => {
                candidate.reached = Some(address);
                candidate.remote = remote.or(candidate.remote);
                candidate.state = State::Linked {
                    link,
                    remote,
                    two_way,
                    since: now,
                };
                plan.busy.insert(address, link);
                actions.push(Action::Start(link));
                return self.next_in_queue(now, actions);
            }
            Outcome::Own => State::Own,
            Outcome::Duplicate(remote) => {
                candidate.remote = Some(remote);
                if hears {
                    let at = now + LINK_BACK_TIME;
                    self.timers
                        .insert((at, Timer::Candidate(channel.clone(), key.clone())));
                    State::Duplicate { remote, since: now }
                } else {
                    // A link of ours that is dead here but not yet there.
                    self.pause(&channel, &key, REDIAL_MIN, now)
                }
            }
            Outcome::Failed => {
                self.doubt(&channel, &key, actions);
                self.pause(&channel, &key, REDIAL_MIN, now)
            }
        };
        self.set_state(&channel, &key, state);
        actions.push(Action::Close(link));
        self.release(link, actions, now);
        self.next_in_queue(now, actions);
    }

    fn closed(&mut self, link: LinkId, clean: bool, now: Instant, actions: &mut Vec<Action>) {
        let Some((channel, key)) = self.links.get(&link).cloned() else {
            return;
        };
        let plan = self
            .plans
            .get_mut(&channel)
            .expect("a link belongs to a plan");
        let candidate = plan
            .candidates
            .get_mut(&key)
            .expect("a link belongs to a candidate");
        if matches!(candidate.state, State::Linked { since, .. } if now >= since + LINK_PROVEN) {
            candidate.failures = 0;
        }
        let advertised = !candidate.instances.is_empty();
        // Who closes in order has lost its last client, and its goodbye is on the way.
        let min = if clean {
            REDIAL_AFTER_CLOSE
        } else {
            REDIAL_MIN
        };
        if !clean {
            self.doubt(&channel, &key, actions);
            if !advertised && matches!(key, Key::Advertised(..)) {
                self.miss(&channel, &key, now);
            }
        }
        let state = self.pause(&channel, &key, min, now);
        self.set_state(&channel, &key, state);
        self.release(link, actions, now);
        self.forget_unless_linked(&channel, &key, now, actions);
    }

    fn set_state(&mut self, channel: &ChannelName, key: &Key, state: State) {
        let plan = self.plans.get_mut(channel);
        if let Some(candidate) = plan.and_then(|plan| plan.candidates.get_mut(key)) {
            candidate.state = state;
        }
    }

    /// The state of a candidate after one more failure.
    fn pause(&mut self, channel: &ChannelName, key: &Key, min: Duration, now: Instant) -> State {
        let plan = self.plans.get_mut(channel);
        let candidate = plan.and_then(|plan| plan.candidates.get_mut(key));
        let failures = candidate.map_or(1, |candidate| {
            candidate.failures += 1;
            candidate.failures
        });
        let until = now + backoff(failures, min, REDIAL_MAX, &mut self.rng);
        self.timers
            .insert((until, Timer::Candidate(channel.clone(), key.clone())));
        State::Waiting { until }
    }

    /// Forgets a dial or link that ended, and looks at those that it stood in the way of.
    fn release(&mut self, link: LinkId, actions: &mut Vec<Action>, now: Instant) {
        let Some((channel, _)) = self.links.remove(&link) else {
            return;
        };
        if let Some(plan) = self.plans.get_mut(&channel) {
            plan.busy.retain(|_, holder| *holder != link);
        }
        self.consider_all(&channel, now, actions);
    }

    fn next_in_queue(&mut self, now: Instant, actions: &mut Vec<Action>) {
        while self.dialling < DIALS_MAX
            && let Some((channel, key)) = self.queue.pop_first()
        {
            self.consider(&channel, &key, now, actions);
        }
    }

    /// Asks whether the adverts of a candidate still stand.
    fn doubt(&mut self, channel: &ChannelName, key: &Key, actions: &mut Vec<Action>) {
        let candidate = self
            .plans
            .get(channel)
            .and_then(|plan| plan.candidates.get(key));
        for instance in candidate
            .iter()
            .flat_map(|candidate| candidate.instances.keys())
        {
            self.doubted.insert(instance.clone());
            actions.push(Action::Verify(instance.clone()));
        }
    }

    /// Asks the network from time to time for a proxy that vanished.
    fn miss(&mut self, channel: &ChannelName, key: &Key, now: Instant) {
        self.missing.insert((channel.clone(), key.clone()));
        self.refresh_pause = REFRESH_MIN;
        self.timers.retain(|(_, timer)| *timer != Timer::Refresh);
        self.timers.insert((now + REFRESH_MIN, Timer::Refresh));
    }

    fn accepted(&mut self, channel: ChannelName, remote: Option<ProxyId>, two_way: bool) {
        let plan = self.plans.entry(channel).or_default();
        match remote {
            Some(remote) => {
                let accepted = plan.accepted.entry(remote).or_default();
                *(if two_way {
                    &mut accepted.two_way
                } else {
                    &mut accepted.one_way
                }) += 1;
            }
            None => plan.anonymous += 1,
        }
    }

    fn accepted_gone(
        &mut self,
        channel: &ChannelName,
        remote: Option<ProxyId>,
        two_way: bool,
        lost: bool,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let Some(plan) = self.plans.get_mut(channel) else {
            return;
        };
        match remote {
            Some(remote) => {
                if let Some(accepted) = plan.accepted.get_mut(&remote) {
                    *(if two_way {
                        &mut accepted.two_way
                    } else {
                        &mut accepted.one_way
                    }) -= 1;
                    if accepted.one_way + accepted.two_way == 0 {
                        plan.accepted.remove(&remote);
                    }
                }
            }
            None => {
                plan.anonymous -= 1;
                if lost && plan.here && plan.anonymous == 0 && plan.advert.is_some() {
                    plan.readvertised += 1;
                    let (n, rng) = (plan.readvertised, &mut self.rng);
                    let at = now + backoff(n, READVERTISE_MIN, READVERTISE_MAX, rng);
                    self.timers
                        .insert((at, Timer::Readvertise(channel.clone())));
                }
            }
        }
        self.consider_all(channel, now, actions);
        self.forget_plan_if_empty(channel);
    }

    /// Does what is due by time.
    fn due(&mut self, now: Instant, actions: &mut Vec<Action>) {
        while self.timers.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, timer)) = self.timers.pop_first() else {
                return;
            };
            match timer {
                Timer::Candidate(channel, key) => self.consider(&channel, &key, now, actions),
                Timer::Readvertise(channel) => self.readvertise(&channel, actions),
                Timer::Refresh => self.refresh(now, actions),
            }
        }
    }

    /// A proxy that never dials the same instance twice comes back for a fresh one. If one of its
    /// kind is linked, that one would come a second time, and hear everything twice.
    fn readvertise(&mut self, channel: &ChannelName, actions: &mut Vec<Action>) {
        let Some(plan) = self.plans.get_mut(channel) else {
            return;
        };
        if let (0, Some(old)) = (plan.anonymous, plan.advert.take()) {
            let advert = Advert::new(channel, self.own, self.port, &mut self.rng);
            actions.push(Action::Advertise(advert.clone()));
            actions.push(Action::Withdraw(old.instance));
            plan.advert = Some(advert);
        }
    }

    fn refresh(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.missing.is_empty() {
            return;
        }
        actions.push(Action::Refresh);
        self.refresh_pause *= 2;
        if self.refresh_pause > REFRESH_MAX {
            self.missing.clear();
        } else {
            self.timers
                .insert((now + self.refresh_pause, Timer::Refresh));
        }
    }
}

/// One candidate, for `/status`.
pub(crate) struct Remote<'a> {
    pub(crate) channel: &'a ChannelName,
    pub(crate) host: String,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) id: Option<ProxyId>,
    pub(crate) state: State,
}
