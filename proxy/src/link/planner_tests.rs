//! The planner under any order of events, against a model of the network around it.
//!
//! The model knows which proxies there are and what they answer. A random history of adverts,
//! joins, leaves, dial results, losses and pauses is played; what must always hold is checked
//! after each step. Then the world stands still, and what must hold in the end is checked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::time::{Duration, Instant};

use super::planner::{Action, Input, LinkId, Outcome, Planner, State, Target};
use crate::discovery::Instance;
use crate::id::ProxyId;
use crate::limits::{DIALS_MAX, REDIAL_MIN};
use crate::name::ChannelName;

const CHANNELS: [&str; 2] = ["alpha", "beta"];

/// A host name under which a proxy of the model is advertised.
struct Host {
    name: String,
    /// Which proxy it leads to.
    proxy: usize,
    address: &'static str,
}

/// The proxies: two of our kind, one that says no id, ourselves under a strange name, one under
/// two names, one that is a configured peer too.
const OWN: usize = 3;
const PEER: usize = 5;
const PEER_ADDRESS: &str = "10.0.0.6:9009";

fn id(proxy: usize) -> Option<ProxyId> {
    let digits = ["a", "b", "", "e", "c", "d"][proxy];
    (!digits.is_empty()).then(|| digits.repeat(16).parse().unwrap())
}

fn hosts() -> Vec<Host> {
    let own_kind = |proxy: usize| format!("{}.local.", id(proxy).unwrap().host_label());
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
enum Step {
    See { host: usize, channel: usize, number: u8 },
    Lose { host: usize, channel: usize, number: u8 },
    Interest { channel: usize, here: bool },
    EndDial { pick: usize, fails: bool, stale: bool },
    LoseLink { pick: usize, clean: bool },
    Accept { proxy: usize, channel: usize, two_way: bool },
    LoseAccepted { pick: usize, lost: bool },
    Wait { milliseconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
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
struct Tie {
    channel: ChannelName,
    proxy: usize,
    address: SocketAddr,
    two_way: bool,
}

struct World {
    planner: Planner,
    now: Instant,
    hosts: Vec<Host>,
    dials: BTreeMap<LinkId, Tie>,
    links: BTreeMap<LinkId, Tie>,
    accepted: Vec<(ChannelName, usize, bool)>,
    adverts: BTreeMap<String, ChannelName>,
    interest: BTreeSet<ChannelName>,
    seen: BTreeMap<String, (ChannelName, usize)>,
    last_failure: BTreeMap<(ChannelName, bool, SocketAddr), Instant>,
    used: BTreeSet<LinkId>,
}

fn channel(index: usize) -> ChannelName {
    CHANNELS[index].parse().unwrap()
}

impl World {
    fn new(seed: u64, now: Instant) -> Self {
        let peers = vec!["10.0.0.6".parse().unwrap()];
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self {
            planner: Planner::new(id(OWN).unwrap(), 9009, peers, rng),
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
        }
    }

    fn give(&mut self, input: Input) {
        let mut actions = Vec::new();
        self.planner.handle(input, self.now, &mut actions);
        for action in actions {
            self.perform(action);
        }
        self.check();
    }

    fn perform(&mut self, action: Action) {
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
            Action::Close(link) => {
                let tie = self.dials.remove(&link).or_else(|| self.links.remove(&link));
                assert!(tie.is_some(), "closed what is not there");
            }
            Action::CloseAccepted(channel) => {
                self.accepted.retain(|(of, _, two_way)| *of != channel || *two_way);
            }
            Action::Advertise(advert) => {
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
    fn check(&self) {
        assert!(self.dials.len() <= DIALS_MAX);
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
        let mut wanted: Vec<_> = self.interest.iter().cloned().collect();
        wanted.sort_by_key(|channel| advertised.iter().position(|a| a == channel));
        assert_eq!(advertised.len(), wanted.len(), "each channel of interest has one advert");
        assert!(wanted.iter().all(|channel| advertised.contains(channel)));
    }

    fn play(&mut self, step: &Step) {
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
                    for is_peer in [tie.two_way, false] {
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

    fn set_interest(&mut self, channel: &ChannelName, here: bool) {
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

    fn instance(&self, host: usize, c: usize, number: u8) -> (String, Instance) {
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
    fn end_dial(&mut self, link: LinkId, fails: bool, stale: bool) {
        let Tie { channel, proxy, address, two_way } = self.dials[&link].clone();
        let linked = self.links.values().any(|tie| (&tie.channel, tie.proxy) == (&channel, proxy))
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

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.planner.next_timeout().filter(|next| *next <= end) {
            self.now = next;
            self.give(Input::Tick);
        }
        self.now = end;
        self.give(Input::Tick);
    }

    /// Lets everything come to rest: all dials are answered, and time passes.
    fn settle(&mut self) {
        for _ in 0..100 {
            while let Some(link) = self.dials.keys().next().copied() {
                self.end_dial(link, false, false);
            }
            self.wait(Duration::from_secs(5));
        }
    }

    /// What must hold in the end.
    fn check_settled(&self) {
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

fn pick_of(ties: &BTreeMap<LinkId, Tie>, pick: usize) -> Option<LinkId> {
    ties.keys().nth(pick % ties.len().max(1)).copied()
}

proptest! {
    #[test]
    fn any_history_keeps_the_invariants_and_settles(
        seed: u64,
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut world = World::new(seed, Instant::now());
        for step in &steps {
            world.play(step);
        }
        world.settle();
        world.check_settled();
        for index in 0..CHANNELS.len() {
            world.set_interest(&channel(index), false);
        }
        prop_assert!(world.links.is_empty() && world.dials.is_empty() && world.adverts.is_empty());
    }
}

#[test]
fn a_lost_anonymous_link_is_called_back_under_a_fresh_name_unless_another_stands() {
    let mut world = World::new(1, Instant::now());
    let (old, alpha) = (2, channel(0));
    world.play(&Step::Interest { channel: 0, here: true });
    let first = world.adverts.keys().next().unwrap().clone();
    let accept = |world: &mut World| {
        world.give(Input::Accepted { channel: alpha.clone(), remote: id(old), two_way: false });
    };
    let lose = |world: &mut World, lost| {
        let gone =
            Input::AcceptedGone { channel: alpha.clone(), remote: id(old), two_way: false, lost };
        world.give(gone);
        world.wait(Duration::from_secs(10));
    };
    accept(&mut world);
    accept(&mut world);
    lose(&mut world, true);
    assert!(world.adverts.contains_key(&first), "one of its kind is linked still");
    lose(&mut world, false);
    assert!(world.adverts.contains_key(&first), "that one left in order");
    accept(&mut world);
    lose(&mut world, true);
    assert!(!world.adverts.contains_key(&first), "this one must be called back");
    assert_eq!(world.adverts.len(), 1);
}

#[test]
fn a_vanished_proxy_is_asked_for_again_ever_less_often() {
    let mut world = World::new(1, Instant::now());
    world.play(&Step::Interest { channel: 0, here: true });
    world.play(&Step::See { host: 0, channel: 0, number: 0 });
    let link = *world.dials.iter().find(|(_, tie)| tie.proxy == 0).unwrap().0;
    world.end_dial(link, false, false);
    let mut actions = Vec::new();
    // Lost, doubted, and gone for want of an answer.
    world.links.remove(&link);
    let lost = Input::Closed { link, clean: false };
    world.planner.handle(lost, world.now, &mut actions);
    let (name, _) = world.instance(0, 0, 0);
    assert!(actions.contains(&Action::Verify(name.clone())));
    world.planner.handle(Input::Gone(name), world.now, &mut actions);
    let mut asked = Vec::new();
    while let Some(next) = world.planner.next_timeout() {
        let mut actions = Vec::new();
        world.planner.handle(Input::Tick, next, &mut actions);
        if actions.contains(&Action::Refresh) {
            asked.push((next - world.now).as_secs());
        }
    }
    assert_eq!(asked[..4], [1, 3, 7, 15], "RFC 6762 section 5.2");
    assert!(asked.len() <= 13, "it ends after hours: {asked:?}");
}
