//! The network around one planner: which proxies there are, and what they answer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::time::{Duration, Instant};

use crate::discovery::Instance;
use crate::id::ProxyId;
use crate::limits::{ADVERTISE_PAUSE, REDIAL_MIN};
use crate::link::planner::{Action, Input, LinkId, Outcome, Planner, State, Target};
use crate::name::ChannelName;

pub(super) const CHANNELS: [&str; 2] = ["alpha", "beta"];

/// A host name under which a proxy of the model is advertised.
pub(super) struct Host {
    pub(super) name: String,
    /// Which proxy it leads to.
    pub(super) proxy: usize,
    pub(super) address: &'static str,
}

/// The proxies: two of our kind, one that says no id, ourselves under a strange name, one under
/// two names, one that is a configured peer too.
pub(super) const OWN: usize = 3;
pub(super) const PEER: usize = 5;
pub(super) const PEER_ADDRESS: &str = "10.0.0.6:9009";

pub(super) fn id(proxy: usize) -> Option<ProxyId> {
    let digits = ["a", "b", "", "e", "c", "d"][proxy];
    (!digits.is_empty()).then(|| digits.repeat(16).parse().unwrap())
}

pub(super) fn hosts() -> Vec<Host> {
    let own_kind = |proxy: usize| format!("{}.local.", id(proxy).unwrap().host_label(1));
    let host = |name: &str, proxy, address| Host { name: name.to_owned(), proxy, address };
    vec![
        host(&own_kind(0), 0, "10.0.0.2:9009"),
        host(&own_kind(1), 1, "10.0.0.3:9009"),
        host("old.local.", 2, "10.0.0.4:9009"),
        host("strange.local.", OWN, "10.0.0.1:9009"),
        host("x.local.", 4, "10.0.0.5:9009"),
        host("y.local.", 4, "[fd00::5]:9009"),
        host(&own_kind(PEER), PEER, PEER_ADDRESS),
        // Another name for the address of the one without an id.
        host("older.local.", 2, "10.0.0.4:9009"),
    ]
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    See { host: usize, channel: usize, number: u8 },
    Lose { host: usize, channel: usize, number: u8 },
    Interest { channel: usize, here: bool },
    EndDial { pick: usize, fails: bool, stale: bool },
    LoseLink { pick: usize, clean: bool },
    Accept { proxy: usize, channel: usize, two_way: bool },
    LoseAccepted { pick: usize, lost: bool },
    Wait { milliseconds: u64 },
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let at = || (0..8usize, 0..2usize, 0..2u8);
    prop_oneof![
        3 => at().prop_map(|(host, channel, number)| Step::See { host, channel, number }),
        2 => at().prop_map(|(host, channel, number)| Step::Lose { host, channel, number }),
        2 => (0..2usize, any::<bool>()).prop_map(|(channel, here)| Step::Interest { channel, here }),
        4 => (any::<usize>(), prop::bool::weighted(0.3), prop::bool::weighted(0.1))
            .prop_map(|(pick, fails, stale)| Step::EndDial { pick, fails, stale }),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(pick, clean)| Step::LoseLink { pick, clean }),
        1 => (0..6usize, 0..2usize, any::<bool>())
            .prop_map(|(proxy, channel, two_way)| Step::Accept { proxy, channel, two_way }),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(pick, lost)| Step::LoseAccepted { pick, lost }),
        2 => prop_oneof![1..300u64, 1_000..60_000u64]
            .prop_map(|milliseconds| Step::Wait { milliseconds }),
    ]
}

/// A dial under way or a link that stands, as the network sees it.
#[derive(Clone, Debug)]
pub(super) struct Tie {
    pub(super) channel: ChannelName,
    pub(super) proxy: usize,
    pub(super) address: SocketAddr,
    pub(super) two_way: bool,
}

pub(super) struct World {
    pub(super) planner: Planner,
    pub(super) now: Instant,
    pub(super) hosts: Vec<Host>,
    pub(super) dials: BTreeMap<LinkId, Tie>,
    pub(super) links: BTreeMap<LinkId, Tie>,
    pub(super) accepted: Vec<(ChannelName, usize, bool)>,
    pub(super) adverts: BTreeMap<String, ChannelName>,
    pub(super) interest: BTreeSet<ChannelName>,
    pub(super) seen: BTreeMap<String, (ChannelName, usize)>,
    pub(super) last_failure: BTreeMap<(ChannelName, bool, SocketAddr), Instant>,
    pub(super) used: BTreeSet<LinkId>,
    pub(super) advertised: BTreeMap<ChannelName, Instant>,
    pub(super) dials_max: usize,
}

pub(super) fn channel(index: usize) -> ChannelName {
    CHANNELS[index].parse().unwrap()
}

impl World {
    pub(super) fn new(seed: u64, now: Instant, dials_max: usize) -> Self {
        let peers = vec!["10.0.0.6".parse().unwrap()];
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self {
            planner: Planner::new(id(OWN).unwrap(), 9009, peers, dials_max, rng),
            now,
            hosts: hosts(),
            dials: BTreeMap::new(),
            links: BTreeMap::new(),
            accepted: Vec::new(),
            adverts: BTreeMap::new(),
            interest: BTreeSet::new(),
            seen: BTreeMap::new(),
            last_failure: BTreeMap::new(),
            used: BTreeSet::new(),
            advertised: BTreeMap::new(),
            dials_max,
        }
    }

    pub(super) fn give(&mut self, input: Input) {
        let mut actions = Vec::new();
        self.planner.handle(input, self.now, &mut actions);
        for action in actions {
            self.perform(action);
        }
        self.check();
    }

    pub(super) fn perform(&mut self, action: Action) {
        match action {
            Action::Dial { link, channel, target, two_way } => {
                assert!(self.used.insert(link), "{link} is used twice");
                assert!(self.interest.contains(&channel), "dialled without interest");
                let (address, is_peer) = match target {
                    Target::Addresses(addresses) => (addresses[0], false),
                    Target::Peer(peer) => (peer.to_string().parse().unwrap(), true),
                };
                assert_eq!(two_way, is_peer, "only peers are offered a two-way link");
                let host = self.hosts.iter().find(|host| address == host.address.parse().unwrap());
                let proxy = host.expect("an address that was never advertised").proxy;
                // A peer that was never reached has no address that others could be spared.
                if let Some(failed) = self.last_failure.get(&(channel.clone(), is_peer, address)) {
                    let pause = self.now - *failed;
                    assert!(pause >= REDIAL_MIN / 2, "dialled again after {pause:?}");
                }
                self.dials.insert(link, Tie { channel, proxy, address, two_way });
            }
            Action::Start(link) => {
                let tie = self.dials.remove(&link).expect("started without a dial");
                self.links.insert(link, tie);
            }
            Action::Replace { old, link } => {
                let new = self.dials.remove(&link).expect("started without a dial");
                let old = self.links.remove(&old).expect("replaced what is not there");
                assert_eq!((&new.channel, new.proxy), (&old.channel, old.proxy));
                assert!(new.two_way && !old.two_way, "{new:?} is no better than {old:?}");
                self.links.insert(link, new);
            }
            Action::Close(link) => {
                let tie = self.dials.remove(&link).or_else(|| self.links.remove(&link));
                assert!(tie.is_some(), "closed what is not there");
            }
            Action::Prove(link) => assert!(self.links.contains_key(&link)),
            Action::CloseAccepted(channel) => {
                self.accepted.retain(|(of, _, two_way)| *of != channel || *two_way);
            }
            Action::Advertise(advert) => {
                if let Some(last) = self.advertised.insert(advert.channel.clone(), self.now) {
                    let pause = self.now - last;
                    assert!(pause >= ADVERTISE_PAUSE, "advertised again after {pause:?}");
                }
                assert!(self.adverts.insert(advert.instance, advert.channel).is_none());
            }
            Action::Withdraw(instance) => {
                assert!(self.adverts.remove(&instance).is_some(), "withdrawn without being there");
            }
            Action::Verify(instance) => assert!(self.seen.contains_key(&instance)),
            Action::Refresh => {}
        }
    }

    /// What must hold at any time.
    pub(super) fn check(&self) {
        assert!(self.dials.len() <= self.dials_max);
        let mut linked = BTreeSet::new();
        for tie in self.links.values() {
            assert!(self.interest.contains(&tie.channel), "a link without interest");
            assert_ne!(tie.proxy, OWN, "a link to ourselves");
            assert!(linked.insert((&tie.channel, tie.proxy)), "two links to one proxy: {tie:?}");
        }
        for tie in self.dials.values() {
            assert!(self.interest.contains(&tie.channel), "a dial without interest");
        }
        let advertised: Vec<_> = self.adverts.values().cloned().collect();
        let unique: BTreeSet<_> = advertised.iter().collect();
        assert_eq!(unique.len(), advertised.len(), "a channel has two adverts");
        assert!(unique.iter().all(|channel| self.interest.contains(*channel)));
        for channel in self.interest.iter().filter(|channel| !unique.contains(channel)) {
            let just_now = self.advertised.get(channel).map(|at| self.now - *at);
            let waits = just_now.is_some_and(|pause| pause < ADVERTISE_PAUSE);
            assert!(waits, "{channel} has no advert {just_now:?} after the last");
        }
    }

    pub(super) fn play(&mut self, step: &Step) {
        match *step {
            Step::See { host, channel: c, number } => {
                let (name, instance) = self.instance(host, c, number);
                self.seen.insert(name, (channel(c), host));
                self.give(Input::Seen(instance));
            }
            Step::Lose { host, channel: c, number } => {
                let (name, _) = self.instance(host, c, number);
                self.seen.remove(&name);
                self.give(Input::Gone(name));
            }
            Step::Interest { channel: c, here } => self.set_interest(&channel(c), here),
            Step::EndDial { pick, fails, stale } => {
                if let Some(link) = pick_of(&self.dials, pick) {
                    self.end_dial(link, fails, stale);
                }
            }
            Step::LoseLink { pick, clean } => {
                if let Some(link) = pick_of(&self.links, pick) {
                    let tie = self.links.remove(&link).unwrap();
                    // After an orderly end whoever is advertised there anew is dialled at once.
                    for is_peer in [tie.two_way, false].into_iter().filter(|_| !clean) {
                        self.last_failure
                            .insert((tie.channel.clone(), is_peer, tie.address), self.now);
                    }
                    self.give(Input::Closed { link, clean });
                }
            }
            Step::Accept { proxy, channel: c, two_way } => {
                // Which nobody without an id can ask for, and nobody does twice.
                let two_way = two_way && id(proxy).is_some();
                let channel = channel(c);
                if proxy != OWN
                    && !self.accepted.iter().any(|(of, p, _)| (of, *p) == (&channel, proxy))
                {
                    self.accepted.push((channel.clone(), proxy, two_way));
                    self.give(Input::Accepted { channel, remote: id(proxy), two_way });
                }
            }
            Step::LoseAccepted { pick, lost } => {
                if !self.accepted.is_empty() {
                    let (channel, proxy, two_way) =
                        self.accepted.remove(pick % self.accepted.len());
                    self.give(Input::AcceptedGone { channel, remote: id(proxy), two_way, lost });
                }
            }
            Step::Wait { milliseconds } => self.wait(Duration::from_millis(milliseconds)),
        }
    }

    pub(super) fn set_interest(&mut self, channel: &ChannelName, here: bool) {
        let changed = if here {
            self.interest.insert(channel.clone())
        } else {
            self.interest.remove(channel)
        };
        if !changed {
            return;
        }
        self.last_failure.retain(|(of, _, _), _| of != channel);
        // The hub tells of accepted links that it closes after it was asked to.
        let before = self.accepted.clone();
        self.give(Input::Interest { channel: channel.clone(), here });
        for (channel, proxy, two_way) in before {
            if !self.accepted.contains(&(channel.clone(), proxy, two_way)) {
                let remote = id(proxy);
                self.give(Input::AcceptedGone { channel, remote, two_way, lost: false });
            }
        }
    }

    pub(super) fn instance(&self, host: usize, c: usize, number: u8) -> (String, Instance) {
        let Host { name, address, .. } = &self.hosts[host];
        let instance = Instance {
            name: format!("{}-{host}[{number}]", CHANNELS[c]),
            host: name.clone(),
            port: 9009,
            channel: channel(c),
            addresses: vec![address.parse().unwrap()],
        };
        (instance.name.clone(), instance)
    }

    /// Ends a dial as the proxy at its other end would.
    pub(super) fn end_dial(&mut self, link: LinkId, fails: bool, stale: bool) {
        let Tie { channel, proxy, address, two_way } = self.dials[&link].clone();
        let ours = self.links.values().find(|t| (&t.channel, t.proxy) == (&channel, proxy));
        // A one-way link gives way to one that carries both ways.
        let linked = ours.is_some_and(|ours| ours.two_way || !two_way)
            || self.accepted.contains(&(channel.clone(), proxy, true));
        let outcome = match id(proxy) {
            _ if fails => Outcome::Failed,
            Some(_) if proxy == OWN => Outcome::Own,
            // A proxy that has not noticed the end of an earlier link refuses too.
            Some(id) if linked || stale => Outcome::Duplicate(id),
            remote => Outcome::Open { address, remote, two_way: two_way && remote.is_some() },
        };
        if matches!(outcome, Outcome::Failed) {
            self.last_failure.insert((channel, two_way, address), self.now);
        }
        self.give(Input::Dialled { link, outcome });
        assert!(!self.dials.contains_key(&link), "a dial that ended is neither started nor closed");
    }

    pub(super) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.planner.next_timeout().filter(|next| *next <= end) {
            self.now = next;
            self.give(Input::Tick);
        }
        self.now = end;
        self.give(Input::Tick);
    }

    /// Lets everything come to rest: all dials are answered, and time passes.
    pub(super) fn settle(&mut self) {
        for _ in 0..100 {
            while let Some(link) = self.dials.keys().next().copied() {
                self.end_dial(link, false, false);
            }
            self.wait(Duration::from_secs(5));
        }
    }

    /// What must hold in the end.
    pub(super) fn check_settled(&self) {
        for channel in &self.interest {
            let mut due: BTreeSet<usize> = self
                .seen
                .values()
                .filter(|(of, _)| of == channel)
                .map(|(_, host)| self.hosts[*host].proxy)
                .filter(|proxy| *proxy != OWN)
                .collect();
            due.insert(PEER);
            for proxy in due {
                let dialled =
                    self.links.values().find(|t| (&t.channel, t.proxy) == (channel, proxy));
                let theirs = |two_way| self.accepted.contains(&(channel.clone(), proxy, two_way));
                let hears = dialled.is_some() || theirs(true);
                assert!(hears, "nothing comes in from {proxy} on {channel}");
                if proxy == PEER {
                    let heard = dialled.is_some_and(|t| t.two_way) || theirs(true) || theirs(false);
                    assert!(heard, "the peer does not hear us on {channel}");
                }
            }
        }
        let states = self.planner.candidates().filter(|r| self.interest.contains(r.channel));
        for remote in states {
            let rests = matches!(
                remote.state,
                State::Linked { .. } | State::Duplicate { .. } | State::Own | State::Idle
            );
            assert!(rests, "{} on {} is {:?}", remote.host, remote.channel, remote.state);
        }
    }
}

pub(super) fn pick_of(ties: &BTreeMap<LinkId, Tie>, pick: usize) -> Option<LinkId> {
    ties.keys().nth(pick % ties.len().max(1)).copied()
}
