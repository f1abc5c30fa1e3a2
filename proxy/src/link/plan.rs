//! What the planner knows of one channel.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use tokio::time::Instant;

use crate::discovery::Advert;
use crate::id::ProxyId;

/// One attempt at a link, and the link that comes of it. Never used twice in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LinkId(pub(crate) u64);

/// What tells proxies apart before they say who they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    /// One of the configured peers, by its index.
    Peer(usize),
    /// What adverts lead to: host name and port.
    Advertised(String, u16),
}

impl Key {
    /// What an advert of this proxy could be, of which none was seen.
    pub(super) fn of_linker(remote: ProxyId) -> Self {
        Self::Advertised(remote.host_label(0), 0)
    }
}

/// One channel as the links see it.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// It has a client here.
    pub(super) here: bool,
    /// How it is advertised now.
    pub(super) advert: Option<Advert>,
    /// The proxies that might be linked with.
    pub(super) candidates: BTreeMap<Key, Candidate>,
    /// Addresses dialled or linked with, so that no two candidates dial the same.
    pub(super) busy: BTreeMap<SocketAddr, LinkId>,
    /// Addresses that failed, and until when they are left alone, whoever leads there.
    pub(super) resting: BTreeMap<SocketAddr, Instant>,
    /// Links that proxies dialled here, of each that says who it is.
    pub(super) accepted: BTreeMap<ProxyId, Accepted>,
    /// Links of proxies that do not.
    pub(super) anonymous: usize,
    /// It was advertised a moment ago.
    pub(super) just_advertised: bool,
    /// It will be advertised anew.
    pub(super) readvertising: bool,
    /// How often it was advertised anew to call back a proxy of that kind.
    pub(super) readvertised: u32,
}

/// Links that one remote proxy dialled for one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Accepted {
    pub(super) one_way: usize,
    pub(super) two_way: usize,
}

/// One proxy that might be linked with for one channel.
#[derive(Debug)]
pub(super) struct Candidate {
    /// The adverts that lead to it. Empty for a peer, and for a link that outlives its adverts.
    pub(super) instances: BTreeMap<String, Vec<SocketAddr>>,
    /// Who it is, as far as its host name or an earlier dial told.
    pub(super) remote: Option<ProxyId>,
    /// The address at which it was last linked with.
    pub(super) reached: Option<SocketAddr>,
    /// Dials and links in a row that came to nothing.
    pub(super) failures: u32,
    pub(super) state: State,
}

/// How far the link with a candidate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Not dialled; it is as soon as it may.
    Idle,
    /// Being dialled.
    Dialling(LinkId),
    /// Linked since then.
    Linked { link: LinkId, remote: Option<ProxyId>, two_way: bool, since: Instant },
    /// Another link connects us with this proxy. If it does not hear us by then, and should, it is
    /// dialled all the same.
    Duplicate { remote: ProxyId, again: Instant },
    /// Dialled again after that time.
    Waiting { until: Instant },
    /// It is ourselves.
    Own,
}

impl Candidate {
    pub(super) fn new(remote: Option<ProxyId>) -> Self {
        Self { instances: BTreeMap::new(), remote, reached: None, failures: 0, state: State::Idle }
    }

    /// Where its adverts lead, each address once, the best first.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        let mut addresses = Vec::new();
        for address in self.instances.values().flatten() {
            if !addresses.contains(address) {
                addresses.push(*address);
            }
        }
        addresses
    }

    /// The same, with the one at which it was last linked with.
    pub(super) fn known_addresses(&self) -> Vec<SocketAddr> {
        let mut addresses = self.addresses();
        addresses.extend(self.reached.filter(|reached| !addresses.contains(reached)));
        addresses
    }
}

impl Plan {
    /// Whether messages of `remote` come in over some link.
    pub(super) fn hears(&self, remote: ProxyId) -> bool {
        self.accepted.get(&remote).is_some_and(|accepted| accepted.two_way > 0)
            || self.dialled(remote).is_some()
    }

    /// Whether `remote` hears us over some link.
    pub(super) fn is_heard_by(&self, remote: ProxyId) -> bool {
        self.accepted.contains_key(&remote)
            || self.dialled(remote).is_some_and(|(_, _, two_way)| two_way)
    }

    /// Whether some advert or peer is known to be `remote`.
    pub(super) fn knows(&self, remote: ProxyId) -> bool {
        self.candidates.values().any(|candidate| candidate.remote == Some(remote))
    }

    /// The link that we dialled with `remote`, and whether it carries both ways.
    pub(super) fn dialled(&self, with: ProxyId) -> Option<(Key, LinkId, bool)> {
        self.candidates.iter().find_map(|(key, candidate)| match candidate.state {
            State::Linked { link, remote: Some(remote), two_way, .. } if remote == with => {
                Some((key.clone(), link, two_way))
            }
            _ => None,
        })
    }

    /// Until when a candidate must wait because every address that it leads to failed of late.
    pub(super) fn rests_until(&mut self, key: &Key, now: Instant) -> Option<Instant> {
        self.resting.retain(|_, until| *until > now);
        let addresses = self.candidates.get(key)?.known_addresses();
        let until: Option<Vec<_>> = addresses.iter().map(|a| self.resting.get(a)).collect();
        until?.into_iter().min().copied()
    }

    /// Whether we are linked with the proxy at this very address.
    pub(super) fn is_linked_at(&self, address: SocketAddr) -> bool {
        self.candidates.values().any(|candidate| {
            matches!(candidate.state, State::Linked { .. }) && candidate.reached == Some(address)
        })
    }

    /// The link, if there is one, with another proxy than `remote` at one of these addresses.
    pub(super) fn linked_there_with_another(
        &self,
        addresses: &[SocketAddr],
        remote: ProxyId,
    ) -> Option<LinkId> {
        self.candidates.values().find_map(|candidate| match candidate.state {
            State::Linked { link, remote: Some(other), .. } => {
                let there = candidate.reached.is_some_and(|reached| addresses.contains(&reached));
                (there && other != remote).then_some(link)
            }
            _ => None,
        })
    }

    /// Nothing is known of the channel that must be kept.
    pub(super) fn is_empty(&self) -> bool {
        let linked = !self.accepted.is_empty() || self.anonymous > 0;
        !self.here && !linked && !self.just_advertised && self.candidates.is_empty()
    }
}

impl State {
    /// What `/status` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Idle => "seen",
            State::Dialling(_) => "dialling",
            State::Linked { .. } => "linked",
            State::Duplicate { .. } => "linked otherwise",
            State::Waiting { .. } => "waiting",
            State::Own => "self",
        }
    }

    /// The dial or link that it has.
    pub(super) fn link(self) -> Option<LinkId> {
        match self {
            State::Dialling(link) | State::Linked { link, .. } => Some(link),
            _ => None,
        }
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}", self.0)
    }
}
