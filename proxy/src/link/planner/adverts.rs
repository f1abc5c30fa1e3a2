//! The planner's part that deals with adverts: others' that come and go, and ours anew.

use tokio::time::Instant;

use super::{Action, Planner, Timer};
use crate::bugs::{Bug, planted};
use crate::discovery::{Advert, Instance};
use crate::id::ProxyId;
use crate::limits::{
    ADVERTISE_PAUSE, DOUBT_TIME, INSTANCES_MAX, REDIAL_MIN, REFRESH_MAX, REFRESH_MIN,
};
use crate::link::plan::{Candidate, Key, State};
use crate::name::ChannelName;

impl Planner {
    pub(super) fn seen(&mut self, instance: Instance, now: Instant, actions: &mut Vec<Action>) {
        let remote = ProxyId::from_host_name(&instance.host);
        if remote == Some(self.own) && !planted(Bug::LinkToSelf) {
            return;
        }
        let key = Key::Advertised(instance.host, instance.port);
        let place = (instance.channel.clone(), key.clone());
        match self.instances.get(&instance.name) {
            Some(known) if *known != place => self.gone(&instance.name, now, actions),
            None if self.instances.len() >= INSTANCES_MAX => return,
            _ => {}
        }
        // Each advert has a host name of its own, so one that is back is known by its id too.
        self.missing.retain(|(channel, key)| {
            let same = matches!((key, remote), (Key::Advertised(host, _), Some(remote))
                if ProxyId::from_host_name(host) == Some(remote));
            (channel, key) != (&place.0, &place.1) && !(same && *channel == place.0)
        });
        self.doubted.remove(&instance.name);
        let plan = self.plans.entry(instance.channel.clone()).or_default();
        let candidate =
            plan.candidates.entry(key.clone()).or_insert_with(|| Candidate::new(remote));
        let old = candidate.instances.insert(instance.name.clone(), instance.addresses.clone());
        if old.is_none() {
            // A fresh advert is fresh evidence, but no licence to make us dial at its pace.
            candidate.failures = 0;
            for address in &instance.addresses {
                let soon = now + REDIAL_MIN;
                plan.resting.entry(*address).and_modify(|rest| *rest = (*rest).min(soon));
            }
            if let State::Waiting { until } = &mut candidate.state {
                *until = (*until).min(now + REDIAL_MIN);
                self.timers.insert((*until, Timer::Candidate(place.0.clone(), place.1.clone())));
            }
        }
        if candidate.state == State::Own && old.as_ref() != Some(&instance.addresses) {
            candidate.state = State::Idle;
        }
        if old.is_none()
            && let Some(remote) = remote
            && let Some(link) = plan.linked_there_with_another(&instance.addresses, remote)
        {
            // Somebody else has the address now, as after a restart without a goodbye.
            actions.push(Action::Prove(link));
        }
        self.instances.insert(instance.name, place);
        self.consider(&instance.channel, &key, now, actions);
    }

    pub(super) fn gone(&mut self, instance: &str, now: Instant, actions: &mut Vec<Action>) {
        let Some((channel, key)) = self.instances.remove(instance) else {
            return;
        };
        let vanished = self.doubted.remove(instance).is_some_and(|until| now <= until);
        let plan = self.plans.get_mut(&channel).expect("an instance belongs to a plan");
        let candidate = plan.candidates.get_mut(&key).expect("an instance belongs to a candidate");
        candidate.instances.remove(instance);
        if candidate.instances.is_empty() {
            if vanished && plan.here {
                self.miss(&channel, &key, now);
            }
            self.forget_unless_linked(&channel, &key, now, actions);
        }
    }

    /// Asks the network from time to time for a proxy that vanished.
    pub(super) fn miss(&mut self, channel: &ChannelName, key: &Key, now: Instant) {
        if self.missing.len() >= INSTANCES_MAX {
            return;
        }
        // Everyone is asked for at once. So one more is a reason to begin anew only if the next
        // question is far off: hundreds that come one by one must not make us ask all the time.
        let soon = !self.missing.is_empty() && self.refresh_pause <= REFRESH_MIN * 8;
        self.missing.insert((channel.clone(), key.clone()));
        if !soon {
            self.refresh_pause = REFRESH_MIN;
            self.timers.retain(|(_, timer)| *timer != Timer::Refresh);
            self.timers.insert((now + REFRESH_MIN, Timer::Refresh));
        }
    }

    /// Who links to us for a channel has it open (link.only-with-interest), so it is advertised. If
    /// we have not seen that, it was lost on the way, as many are when hundreds come at once.
    pub(super) fn ask_for_linkers(&mut self, channel: &ChannelName, now: Instant) {
        let Some(plan) = self.plans.get(channel).filter(|plan| plan.here) else { return };
        let unseen = plan.accepted.keys().filter(|remote| !plan.knows(**remote));
        for key in unseen.copied().map(Key::of_linker).collect::<Vec<_>>() {
            self.miss(channel, &key, now);
        }
    }

    /// Advertises a channel that has a client here, or a moment later if it was done just now: who
    /// comes and goes all the time must not flood the network.
    pub(super) fn advertise(
        &mut self,
        channel: &ChannelName,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let Some(plan) = self.plans.get_mut(channel) else { return };
        if !plan.here || plan.advert.is_some() || plan.just_advertised || !channel.fits_advert() {
            return;
        }
        let advert = Advert::new(channel, self.own, self.port, &mut self.rng);
        actions.push(Action::Advertise(advert.clone()));
        plan.advert = Some(advert);
        plan.just_advertised = true;
        self.timers.insert((now + ADVERTISE_PAUSE, Timer::Advertise(channel.clone())));
    }

    /// The pause after an advert is over.
    pub(super) fn advertise_again(
        &mut self,
        channel: &ChannelName,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        if let Some(plan) = self.plans.get_mut(channel) {
            plan.just_advertised = false;
            self.advertise(channel, now, actions);
            self.forget_plan_if_empty(channel);
        }
    }

    /// Asks whether the adverts of a candidate still stand.
    pub(super) fn doubt(
        &mut self,
        channel: &ChannelName,
        key: &Key,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let candidate = self.plans.get(channel).and_then(|plan| plan.candidates.get(key));
        for instance in candidate.iter().flat_map(|candidate| candidate.instances.keys()) {
            self.doubted.insert(instance.clone(), now + DOUBT_TIME);
            actions.push(Action::Verify(instance.clone()));
        }
    }

    /// A proxy that never dials the same instance twice comes back for a fresh one. If one of its
    /// kind is linked, that one would come a second time, and hear everything twice.
    pub(super) fn readvertise(
        &mut self,
        channel: &ChannelName,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let Some(plan) = self.plans.get_mut(channel).filter(|plan| plan.readvertising) else {
            return;
        };
        if plan.just_advertised {
            self.timers.insert((now + ADVERTISE_PAUSE, Timer::Readvertise(channel.clone())));
            return;
        }
        plan.readvertising = false;
        if plan.anonymous > 0 {
            return;
        }
        let old = plan.advert.take();
        self.advertise(channel, now, actions);
        actions.extend(old.map(|old| Action::Withdraw(old.instance)));
    }

    pub(super) fn refresh(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.missing.is_empty() {
            return;
        }
        actions.push(Action::Refresh);
        self.refresh_pause *= 2;
        if self.refresh_pause > REFRESH_MAX {
            self.missing.clear();
        } else {
            self.timers.insert((now + self.refresh_pause, Timer::Refresh));
        }
    }
}
