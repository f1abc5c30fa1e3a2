//! The planner's part that deals with dials and links: whom to dial when, and what their ends mean.

use tokio::time::{Duration, Instant};

use super::{Action, Outcome, Planner, Target, Timer};
use crate::id::ProxyId;
use crate::limits::{
    DIALS_MAX, LINK_BACK_TIME, LINK_PROVEN, REDIAL_AFTER_CLOSE, REDIAL_MAX, REDIAL_MIN,
};
use crate::link::backoff::backoff;
use crate::link::plan::{Key, LinkId, State};
use crate::name::ChannelName;

impl Planner {
    /// Looks at every candidate of a channel again.
    pub(super) fn consider_all(
        &mut self,
        channel: &ChannelName,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let Some(plan) = self.plans.get(channel) else {
            return;
        };
        let keys: Vec<Key> = plan.candidates.keys().cloned().collect();
        for key in keys {
            self.consider(channel, &key, now, actions);
        }
    }

    /// Dials a candidate if it should be linked with and is not.
    pub(super) fn consider(
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
            (_, None) => match plan.rests_until(key, now) {
                Some(until) => State::Waiting { until },
                None => State::Idle,
            },
        };
        let timer = Timer::Candidate(place.0.clone(), place.1.clone());
        match state {
            State::Duplicate { .. } => self.timers.insert((now + LINK_BACK_TIME, timer)),
            State::Waiting { until } => self.timers.insert((until, timer)),
            _ => false,
        };
        let candidate = plan.candidates.get_mut(key).expect("it was there above");
        candidate.state = state;
        let addresses = candidate.addresses();
        let advertised = matches!(key, Key::Advertised(..));
        let known = candidate.known_addresses();
        let shadowed = known.iter().any(|address| plan.busy.contains_key(address));
        if state != State::Idle || shadowed || (advertised && addresses.is_empty()) {
            // Looked at again by its timer, or when what stands in the way ends.
        } else if self.dialling >= DIALS_MAX {
            self.queue.insert(place);
        } else {
            let link = LinkId(self.next_link);
            candidate.state = State::Dialling(link);
            plan.busy.extend(addresses.iter().map(|address| (*address, link)));
            self.next_link += 1;
            self.dialling += 1;
            let target = match key {
                Key::Peer(index) => Target::Peer(self.peers[*index].clone()),
                Key::Advertised(..) => Target::Addresses(addresses),
            };
            let channel = channel.clone();
            actions.push(Action::Dial { link, channel, target, two_way: !advertised });
            self.links.insert(link, place);
        }
    }

    /// A peer that we hear must hear us too. Usually it sees our advert and links back; if it has
    /// not after a while, our one-way link gives way to one that carries both ways.
    pub(super) fn link_back(
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
            self.timers.insert((since + LINK_BACK_TIME, Timer::Candidate(channel, key)));
            return;
        }
        let Some((other, link, _)) = plan.dialled(remote) else { return };
        // It comes back by itself as a duplicate, or else as a link, after the usual pause.
        let until = now + REDIAL_AFTER_CLOSE;
        self.timers.insert((until, Timer::Candidate(channel.clone(), other.clone())));
        let other = plan.candidates.get_mut(&other).expect("it is linked");
        other.state = State::Waiting { until };
        let peer = plan.candidates.get_mut(&key).expect("it was considered");
        peer.state = State::Idle;
        actions.push(Action::Close(link));
        // With that every candidate is looked at again, the peer first.
        self.release(link, actions, now);
    }

    pub(super) fn dialled(
        &mut self,
        link: LinkId,
        outcome: Outcome,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let Some((channel, key)) = self.links.get(&link).cloned() else {
            // Given up meanwhile.
            actions.push(Action::Close(link));
            return;
        };
        self.dialling -= 1;
        let plan = self.plans.get_mut(&channel).expect("a dial belongs to a plan");
        let outcome = match outcome {
            Outcome::Open { remote: Some(remote), .. } if remote == self.own => Outcome::Own,
            Outcome::Open { remote: Some(remote), .. } if plan.dialled(remote).is_some() => {
                Outcome::Duplicate(remote)
            }
            other => other,
        };
        let hears = matches!(outcome, Outcome::Duplicate(remote) if plan.hears(remote));
        let taken = matches!(outcome, Outcome::Open { address, .. } if plan.is_linked_at(address));
        let candidate = plan.candidates.get_mut(&key).expect("a dial belongs to a candidate");
        let state = match outcome {
            Outcome::Open { address, remote: None, .. } if taken => {
                // A proxy that does not say who it is, at an address that we are linked with.
                candidate.reached = Some(address);
                State::Idle
            }
            Outcome::Open { address, remote, two_way } => {
                candidate.reached = Some(address);
                candidate.remote = remote.or(candidate.remote);
                candidate.state = State::Linked { link, remote, two_way, since: now };
                // Only where it stands: what else its advert claims may be another's.
                plan.busy.retain(|_, holder| *holder != link);
                plan.busy.insert(address, link);
                actions.push(Action::Start(link));
                // Those that waited for this dial may be duplicates now.
                return self.consider_all(&channel, now, actions);
            }
            Outcome::Own => State::Own,
            Outcome::Duplicate(remote) => {
                candidate.remote = Some(remote);
                if hears {
                    let at = now + LINK_BACK_TIME;
                    self.timers.insert((at, Timer::Candidate(channel.clone(), key.clone())));
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
    }

    pub(super) fn closed(
        &mut self,
        link: LinkId,
        clean: bool,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let Some((channel, key)) = self.links.get(&link).cloned() else {
            return;
        };
        let plan = self.plans.get_mut(&channel).expect("a link belongs to a plan");
        let candidate = plan.candidates.get_mut(&key).expect("a link belongs to a candidate");
        if matches!(candidate.state, State::Linked { since, .. } if now >= since + LINK_PROVEN) {
            candidate.failures = 0;
        }
        let advertised = !candidate.instances.is_empty();
        let state = if clean {
            // Who closes in order has lost its last client, and its goodbye is on the way. When
            // it is back it says so, and is dialled at once.
            self.wait(&channel, &key, REDIAL_AFTER_CLOSE, now)
        } else {
            self.doubt(&channel, &key, actions);
            if !advertised && matches!(key, Key::Advertised(..)) {
                self.miss(&channel, &key, now);
            }
            self.pause(&channel, &key, REDIAL_MIN, now)
        };
        self.set_state(&channel, &key, state);
        self.release(link, actions, now);
        self.forget_unless_linked(&channel, &key, now, actions);
    }

    /// The state of a candidate after one more failure. Where it leads, nobody else dials either.
    pub(super) fn pause(
        &mut self,
        channel: &ChannelName,
        key: &Key,
        min: Duration,
        now: Instant,
    ) -> State {
        let state = self.wait(channel, key, min, now);
        let plan = self.plans.get_mut(channel).expect("it was dialled");
        let known = plan.candidates.get(key).expect("it was dialled").known_addresses();
        if let State::Waiting { until } = state {
            plan.resting.extend(known.into_iter().map(|address| (address, until)));
        }
        state
    }

    /// The state of a candidate that is to be dialled again, after a pause that grows.
    fn wait(&mut self, channel: &ChannelName, key: &Key, min: Duration, now: Instant) -> State {
        let plan = self.plans.get_mut(channel).expect("it was dialled");
        let candidate = plan.candidates.get_mut(key).expect("it was dialled");
        candidate.failures += 1;
        let until = now + backoff(candidate.failures, min, REDIAL_MAX, &mut self.rng);
        self.timers.insert((until, Timer::Candidate(channel.clone(), key.clone())));
        State::Waiting { until }
    }

    pub(super) fn set_state(&mut self, channel: &ChannelName, key: &Key, state: State) {
        let plan = self.plans.get_mut(channel);
        if let Some(candidate) = plan.and_then(|plan| plan.candidates.get_mut(key)) {
            candidate.state = state;
        }
    }

    /// Forgets a dial or link that ended, and looks at those that it stood in the way of.
    pub(super) fn release(&mut self, link: LinkId, actions: &mut Vec<Action>, now: Instant) {
        let Some((channel, _)) = self.links.remove(&link) else {
            return;
        };
        if let Some(plan) = self.plans.get_mut(&channel) {
            plan.busy.retain(|_, holder| *holder != link);
        }
        self.consider_all(&channel, now, actions);
    }

    pub(super) fn next_in_queue(&mut self, now: Instant, actions: &mut Vec<Action>) {
        while self.dialling < DIALS_MAX
            && let Some((channel, key)) = self.queue.shift_remove_index(0)
        {
            self.consider(&channel, &key, now, actions);
        }
    }
}
