//! The planner's part that deals with dials and links: whom to dial when, and what their ends mean.

use std::net::SocketAddr;

use tokio::time::{Duration, Instant};

use super::{Action, Outcome, Planner, Target, Timer};
use crate::bugs::{Bug, planted};
use crate::id::ProxyId;
use crate::limits::{LINK_BACK_TIME, LINK_PROVEN, REDIAL_AFTER_CLOSE, REDIAL_MAX, REDIAL_MIN};
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
            (State::Duplicate { remote, again }, Some(_)) => {
                return self.link_back(place, remote, again, now, actions);
            }
            (_, Some(remote)) => State::Duplicate { remote, again: now + LINK_BACK_TIME },
            (_, None) => match plan.rests_until(key, now) {
                Some(until) => State::Waiting { until },
                None => State::Idle,
            },
        };
        let timer = Timer::Candidate(place.0.clone(), place.1.clone());
        match state {
            State::Duplicate { again: at, .. } | State::Waiting { until: at } => {
                self.timers.insert((at, timer));
            }
            _ => {}
        }
        let candidate = plan.candidates.get_mut(key).expect("it was there above");
        candidate.state = state;
        let advertised = matches!(key, Key::Advertised(..));
        let known = candidate.known_addresses();
        let shadowed = known.iter().any(|address| plan.busy.contains_key(address));
        if state != State::Idle || shadowed || (advertised && candidate.instances.is_empty()) {
            // Looked at again by its timer, or when what stands in the way ends.
            return;
        }
        self.dial(place, actions);
    }

    /// Dials a candidate, now or as soon as fewer dials are under way.
    fn dial(&mut self, place: (ChannelName, Key), actions: &mut Vec<Action>) {
        if self.dialling >= self.dials_max {
            self.queue.insert(place);
            return;
        }
        let (channel, key) = place.clone();
        let plan = self.plans.get_mut(&channel).expect("it was considered");
        let candidate = plan.candidates.get_mut(&key).expect("it was considered");
        let link = LinkId(self.next_link);
        candidate.state = State::Dialling(link);
        self.next_link += 1;
        self.dialling += 1;
        let addresses = candidate.addresses();
        plan.busy.extend(addresses.iter().map(|address| (*address, link)));
        let (target, two_way) = match key {
            Key::Peer(index) => (Target::Peer(self.peers[index].clone()), true),
            Key::Advertised(..) => (Target::Addresses(addresses), false),
        };
        actions.push(Action::Dial { link, channel, target, two_way });
        self.links.insert(link, place);
    }

    /// A peer that we hear must hear us too. Usually it sees our advert and links back; if it has
    /// not after a while, a link that carries both ways takes the place of our one-way link.
    fn link_back(
        &mut self,
        (channel, key): (ChannelName, Key),
        remote: ProxyId,
        again: Instant,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let plan = self.plans.get(&channel).expect("it was considered");
        if !matches!(key, Key::Peer(_)) || plan.is_heard_by(remote) {
            return;
        }
        if now < again {
            self.timers.insert((again, Timer::Candidate(channel, key)));
        } else {
            self.dial((channel, key), actions);
        }
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
        let taken = matches!(outcome, Outcome::Open { address, .. } if plan.is_linked_at(address));
        let candidate = plan.candidates.get_mut(&key).expect("a dial belongs to a candidate");
        let state = match outcome {
            Outcome::Open { remote: Some(remote), .. }
                if remote == self.own && !planted(Bug::LinkToSelf) =>
            {
                State::Own
            }
            Outcome::Open { address, remote: None, .. } if taken => {
                // A proxy that does not say who it is, at an address that we are linked with.
                candidate.reached = Some(address);
                State::Idle
            }
            Outcome::Open { address, remote, two_way } => {
                let linked = remote.and_then(|remote| plan.dialled(remote));
                match (linked, remote) {
                    (Some((.., both)), Some(remote)) if both || !two_way => {
                        self.refused((&channel, &key), remote, now)
                    }
                    (linked, _) => {
                        let state = State::Linked { link, remote, two_way, since: now };
                        self.opened((&channel, &key), address, state);
                        let old = linked.map(|(other, old, _)| (other, old));
                        return self.start(&channel, link, old, now, actions);
                    }
                }
            }
            Outcome::Own => State::Own,
            Outcome::Duplicate(remote) => self.refused((&channel, &key), remote, now),
            Outcome::Failed => {
                self.doubt(&channel, &key, now, actions);
                self.pause(&channel, &key, REDIAL_MIN, now)
            }
        };
        self.set_state(&channel, &key, state);
        actions.push(Action::Close(link));
        self.release(link, actions, now);
    }

    /// A dial led to a proxy with which we are linked, or were until a moment ago.
    fn refused(
        &mut self,
        (channel, key): (&ChannelName, &Key),
        remote: ProxyId,
        now: Instant,
    ) -> State {
        let plan = self.plans.get_mut(channel).expect("it was dialled");
        let hears = plan.hears(remote);
        let candidate = plan.candidates.get_mut(key).expect("it was dialled");
        candidate.remote = Some(remote);
        if !hears {
            // A link of ours that is dead here but not yet there.
            return self.pause(channel, key, REDIAL_MIN, now);
        }
        // If it does not hear us it is asked again, ever later should it never let us in.
        candidate.failures += 1;
        let again = now + backoff(candidate.failures, LINK_BACK_TIME, REDIAL_MAX, &mut self.rng);
        self.timers.insert((again, Timer::Candidate(channel.clone(), key.clone())));
        State::Duplicate { remote, again }
    }

    /// A dial led to a link.
    fn opened(&mut self, (channel, key): (&ChannelName, &Key), address: SocketAddr, state: State) {
        let plan = self.plans.get_mut(channel).expect("it was dialled");
        let candidate = plan.candidates.get_mut(key).expect("it was dialled");
        candidate.reached = Some(address);
        candidate.state = state;
        if let State::Linked { link, remote, .. } = state {
            candidate.remote = remote.or(candidate.remote);
            // Only where it stands: what else its advert claims may be another's.
            plan.busy.retain(|_, holder| *holder != link);
            plan.busy.insert(address, link);
        }
    }

    /// Starts a link, in the place of another one if there is one.
    fn start(
        &mut self,
        channel: &ChannelName,
        link: LinkId,
        old: Option<(Key, LinkId)>,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        if let Some((key, old)) = old {
            actions.push(Action::Replace { old, link });
            self.links.remove(&old);
            let plan = self.plans.get_mut(channel).expect("a link belongs to a plan");
            plan.busy.retain(|_, holder| *holder != old);
            // What it is now is seen when all are considered.
            self.set_state(channel, &key, State::Idle);
            self.forget_unless_linked(channel, &key, now, actions);
        } else {
            actions.push(Action::Start(link));
        }
        // Those that waited for this dial may be duplicates now.
        self.consider_all(channel, now, actions);
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
            self.doubt(&channel, &key, now, actions);
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
        let mut until = now + backoff(candidate.failures, min, REDIAL_MAX, &mut self.rng);
        if planted(Bug::NoBackoff) {
            until = now;
        }
        if !planted(Bug::NoRedial) {
            self.timers.insert((until, Timer::Candidate(channel.clone(), key.clone())));
        }
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
        while self.dialling < self.dials_max
            && let Some((channel, key)) = self.queue.shift_remove_index(0)
        {
            self.consider(&channel, &key, now, actions);
        }
    }
}
