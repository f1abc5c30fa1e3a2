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

mod adverts;
mod dials;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use indexmap::IndexSet;
use rand_chacha::ChaCha8Rng;
use tokio::time::{Duration, Instant};

use super::Peer;
use super::backoff::backoff;
use super::plan::{Candidate, Plan};
pub(crate) use super::plan::{Key, LinkId, State};
use crate::bugs::{Bug, planted};
use crate::discovery::{Advert, Instance};
use crate::id::ProxyId;
use crate::limits::{READVERTISE_MAX, READVERTISE_MIN, REFRESH_MIN};
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
    Accepted { channel: ChannelName, remote: Option<ProxyId>, two_way: bool },
    /// Such a link ended; `lost` without a closing handshake.
    AcceptedGone { channel: ChannelName, remote: Option<ProxyId>, two_way: bool, lost: bool },
    /// Time passed.
    Tick,
}

/// How a dial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The link stands, at this address, but nothing was read from it yet.
    Open { address: SocketAddr, remote: Option<ProxyId>, two_way: bool },
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
    Dial { link: LinkId, channel: ChannelName, target: Target, two_way: bool },
    /// Begin to read from a link that was dialled.
    Start(LinkId),
    /// Start `link` in the place of `old`, to the same proxy, so that no message falls between.
    /// Nothing more need be told of `old`.
    Replace { old: LinkId, link: LinkId },
    /// Give up a dial, or close a link. Nothing more need be told of it.
    Close(LinkId),
    /// Ask the other end of a link to prove that it lives, and end the link if it does not.
    Prove(LinkId),
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
    Advertise(ChannelName),
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
    dials_max: usize,
    /// Candidates that wait for a dial to end because `dials_max` are under way.
    queue: IndexSet<(ChannelName, Key)>,
    timers: BTreeSet<(Instant, Timer)>,
    /// Instances that we asked about: if they go by then, it was without a goodbye.
    doubted: BTreeMap<String, Instant>,
    /// Proxies that vanished without a goodbye, or whose adverts were lost on the way, asked for
    /// from time to time.
    missing: BTreeSet<(ChannelName, Key)>,
    refresh_pause: Duration,
}

impl Planner {
    /// With at most `dials_max` dials under way at once.
    pub(crate) fn new(
        own: ProxyId,
        port: u16,
        peers: Vec<Peer>,
        dials_max: usize,
        rng: ChaCha8Rng,
    ) -> Self {
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
            dials_max,
            queue: IndexSet::new(),
            timers: BTreeSet::new(),
            doubted: BTreeMap::new(),
            missing: BTreeSet::new(),
            refresh_pause: REFRESH_MIN,
        }
    }

    /// Takes one input and appends what must be done, in order, to `actions`.
    pub(crate) fn handle(&mut self, input: Input, now: Instant, actions: &mut Vec<Action>) {
        match input {
            Input::Seen(instance) => self.seen(instance, now, actions),
            Input::Gone(instance) => self.gone(&instance, now, actions),
            Input::Interest { channel, here: true } => self.gain_interest(&channel, now, actions),
            Input::Interest { channel, here: false } => self.lose_interest(&channel, actions),
            Input::Dialled { link, outcome } => self.dialled(link, outcome, now, actions),
            Input::Closed { link, clean } => self.closed(link, clean, now, actions),
            Input::Accepted { channel, remote, two_way } => {
                self.accepted(&channel, remote, two_way, now);
            }
            Input::AcceptedGone { channel, remote, two_way, lost } => {
                self.accepted_gone(&channel, remote, two_way, lost, now, actions);
            }
            Input::Tick => {}
        }
        self.due(now, actions);
        self.next_in_queue(now, actions);
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

    /// Whether anything is kept of a channel.
    #[cfg(test)]
    pub(crate) fn knows(&self, channel: &ChannelName) -> bool {
        self.plans.contains_key(channel)
    }

    /// The instance name under which a channel is advertised, if it is.
    pub(crate) fn advert_of(&self, channel: &ChannelName) -> Option<&str> {
        Some(&self.plans.get(channel)?.advert.as_ref()?.instance)
    }

    /// Drops a candidate that neither an advert nor a peer nor a link holds.
    pub(super) fn forget_unless_linked(
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
        self.queue.shift_remove(&(channel.clone(), key.clone()));
        if let Some(dial) = dial {
            self.dialling -= 1;
            self.release(dial, actions, now);
            actions.push(Action::Close(dial));
        }
        self.forget_plan_if_empty(channel);
    }

    pub(super) fn forget_plan_if_empty(&mut self, channel: &ChannelName) {
        if self.plans.get(channel).is_some_and(Plan::is_empty) {
            self.plans.remove(channel);
        }
    }

    fn gain_interest(&mut self, channel: &ChannelName, now: Instant, actions: &mut Vec<Action>) {
        let plan = self.plans.entry(channel.clone()).or_default();
        if std::mem::replace(&mut plan.here, true) {
            return;
        }
        plan.readvertised = 0;
        self.advertise(channel, now, actions);
        self.ask_for_linkers(channel, now);
        let plan = self.plans.get_mut(channel).expect("it was made above");
        for index in 0..self.peers.len() {
            plan.candidates.insert(Key::Peer(index), Candidate::new(None));
        }
        self.consider_all(channel, now, actions);
    }

    fn lose_interest(&mut self, channel: &ChannelName, actions: &mut Vec<Action>) {
        let Some(plan) = self.plans.get_mut(channel).filter(|plan| plan.here) else { return };
        plan.here = false;
        plan.readvertising = false;
        if let Some(advert) = plan.advert.take() {
            actions.push(Action::Withdraw(advert.instance));
        }
        if !planted(Bug::KeepLinks) {
            actions.push(Action::CloseAccepted(channel.clone()));
        }
        plan.busy.clear();
        // Who joins again is a person who asks again: the next dial need not wait.
        plan.resting.clear();
        for candidate in plan.candidates.values_mut() {
            if let Some(link) = candidate.state.link() {
                self.links.remove(&link);
                if !planted(Bug::KeepLinks) {
                    actions.push(Action::Close(link));
                }
                if matches!(candidate.state, State::Dialling(_)) {
                    self.dialling -= 1;
                }
            }
            candidate.state = State::Idle;
        }
        plan.candidates.retain(|_, candidate| !candidate.instances.is_empty());
        self.queue.retain(|(of, _)| of != channel);
        self.missing.retain(|(of, _)| of != channel);
        self.forget_plan_if_empty(channel);
    }

    fn accepted(
        &mut self,
        channel: &ChannelName,
        remote: Option<ProxyId>,
        two_way: bool,
        now: Instant,
    ) {
        let plan = self.plans.entry(channel.clone()).or_default();
        match remote {
            Some(remote) => {
                let accepted = plan.accepted.entry(remote).or_default();
                *(if two_way { &mut accepted.two_way } else { &mut accepted.one_way }) += 1;
            }
            None => plan.anonymous += 1,
        }
        self.ask_for_linkers(channel, now);
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
                    *(if two_way { &mut accepted.two_way } else { &mut accepted.one_way }) -= 1;
                    if accepted.one_way + accepted.two_way == 0 {
                        plan.accepted.remove(&remote);
                        self.missing.remove(&(channel.clone(), Key::of_linker(remote)));
                    }
                }
            }
            None => {
                plan.anonymous -= 1;
                let alone = plan.anonymous == 0 && plan.advert.is_some();
                if lost && plan.here && alone && !plan.readvertising {
                    plan.readvertising = true;
                    plan.readvertised += 1;
                    let (n, rng) = (plan.readvertised, &mut self.rng);
                    let at = now + backoff(n, READVERTISE_MIN, READVERTISE_MAX, rng);
                    self.timers.insert((at, Timer::Readvertise(channel.clone())));
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
                Timer::Advertise(channel) => self.advertise_again(&channel, now, actions),
                Timer::Readvertise(channel) => self.readvertise(&channel, now, actions),
                Timer::Refresh => self.refresh(now, actions),
            }
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
