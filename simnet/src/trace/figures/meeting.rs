//! How long proxies take to find each other, and to link.
//!
//! ```text
//!   A advertises ──── discovery ────▶ B sees it ──── seen to link ────▶ B has its link with A
//!                                     and advertises itself
//!   client joins at B, which has no link on the channel ── joined to link ──▶ B has one
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::spread::Times;
use crate::event::{Event, ProxyNo, Record, SessionNo};
use crate::trace::roster::Roster;

/// Two proxies and a channel, as the first of them sees it.
type Way = (ProxyNo, ProxyNo, Arc<str>);

/// An advert that stands.
#[derive(Debug)]
struct Advert {
    at: Duration,
    proxy: ProxyNo,
    channel: Arc<str>,
    seen_by: BTreeSet<ProxyNo>,
}

/// Follows adverts and links, as many as stand.
#[derive(Debug, Default)]
pub(super) struct Meetings {
    pub(super) discovery: Times,
    pub(super) seen_to_link: Times,
    pub(super) joined_to_link: Times,
    started: BTreeMap<ProxyNo, Duration>,
    adverts: BTreeMap<Arc<str>, Advert>,
    /// Since when each proxy wants links on a channel itself, so has an advert of its own.
    wanted: BTreeMap<(ProxyNo, Arc<str>), Duration>,
    /// Seen, and not linked yet.
    seen: BTreeMap<Way, Duration>,
    /// Links that stand: their number is their proxy's.
    links: BTreeMap<(ProxyNo, u64), (Option<ProxyNo>, Arc<str>)>,
    /// How many of them each proxy has on each channel.
    linked: BTreeMap<(ProxyNo, Arc<str>), usize>,
    /// Clients who joined before their proxy had a link.
    alone: BTreeMap<SessionNo, (ProxyNo, Arc<str>, Duration)>,
}

impl Meetings {
    pub(super) fn record(&mut self, Record { at, event }: &Record, roster: &Roster) {
        let at = *at;
        match event {
            Event::ProxyStarted { proxy, .. } => {
                self.started.insert(*proxy, at);
            }
            Event::ProxyStopped { proxy, .. } => self.stopped(*proxy),
            Event::Advertised { proxy, instance, channel } => {
                let (channel, seen_by) = (Arc::clone(channel), BTreeSet::new());
                self.wanted.entry((*proxy, Arc::clone(&channel))).or_insert(at);
                let advert = Advert { at, proxy: *proxy, channel, seen_by };
                self.adverts.insert(Arc::clone(instance), advert);
            }
            Event::Withdrawn { instance, .. } => {
                if let Some(Advert { proxy, channel, .. }) = self.adverts.remove(instance) {
                    self.wanted.remove(&(proxy, channel));
                }
            }
            Event::Seen { proxy, instance } => self.saw(at, *proxy, instance),
            Event::Gone { proxy, instance } => {
                if let Some(advert) = self.adverts.get(instance) {
                    self.seen.remove(&(*proxy, advert.proxy, Arc::clone(&advert.channel)));
                }
            }
            Event::LinkUp { proxy, link } => {
                let remote = roster.remote(link);
                self.links.insert((*proxy, link.number), (remote, Arc::clone(&link.channel)));
                self.link_up(at, *proxy, remote, &link.channel);
            }
            Event::LinkDown { proxy, number } => self.link_down(*proxy, *number),
            Event::Joined { session } => self.joined(at, *session, roster),
            Event::Leaving { session } | Event::Ended { session, .. } => {
                self.alone.remove(session);
            }
            _ => {}
        }
    }

    fn saw(&mut self, at: Duration, proxy: ProxyNo, instance: &Arc<str>) {
        let Some(advert) = self.adverts.get_mut(instance).filter(|advert| advert.proxy != proxy)
        else {
            return;
        };
        // Whoever started after the advert could not see it before.
        let since = self.started.get(&proxy).map_or(advert.at, |started| advert.at.max(*started));
        if advert.seen_by.insert(proxy) {
            self.discovery.add(at.saturating_sub(since));
        }
        let way = (proxy, advert.proxy, Arc::clone(&advert.channel));
        let remote = Some(advert.proxy);
        let linked = self
            .links
            .range((proxy, 0)..=(proxy, u64::MAX))
            .any(|(_, link)| link.0 == remote && link.1 == way.2);
        if !linked {
            self.seen.entry(way).or_insert(at);
        }
    }

    fn link_up(
        &mut self,
        at: Duration,
        proxy: ProxyNo,
        remote: Option<ProxyNo>,
        channel: &Arc<str>,
    ) {
        let here = (proxy, Arc::clone(channel));
        if let Some(remote) = remote
            && let Some(seen) = self.seen.remove(&(proxy, remote, Arc::clone(channel)))
        {
            // What is seen before anybody wants it here waits for that, not for a link.
            let since = self.wanted.get(&here).map_or(seen, |wanted| seen.max(*wanted));
            self.seen_to_link.add(at.saturating_sub(since));
        }
        *self.linked.entry(here).or_default() += 1;
        let joined_to_link = &mut self.joined_to_link;
        self.alone.retain(|_, (of, on, joined)| {
            let waits = *of != proxy || on != channel;
            if !waits {
                joined_to_link.add(at.saturating_sub(*joined));
            }
            waits
        });
    }

    fn link_down(&mut self, proxy: ProxyNo, number: u64) {
        let Some((_, channel)) = self.links.remove(&(proxy, number)) else { return };
        if let Some(count) = self.linked.get_mut(&(proxy, channel)) {
            *count = count.saturating_sub(1);
        }
    }

    fn joined(&mut self, at: Duration, session: SessionNo, roster: &Roster) {
        let Some(seat) = roster.seat(session) else { return };
        let Some(channel) = seat.linked_channel().map(Arc::<str>::from) else { return };
        let key = (seat.proxy, channel);
        if self.linked.get(&key).is_none_or(|count| *count == 0) {
            self.alone.insert(session, (key.0, key.1, at));
        }
    }

    /// What a proxy advertised and held is gone with it, and it has seen nothing any more.
    fn stopped(&mut self, proxy: ProxyNo) {
        self.started.remove(&proxy);
        self.adverts.retain(|_, advert| advert.proxy != proxy);
        self.wanted.retain(|(of, _), _| *of != proxy);
        for advert in self.adverts.values_mut() {
            advert.seen_by.remove(&proxy);
        }
        self.seen.retain(|(by, of, _), _| *by != proxy && *of != proxy);
        self.links.retain(|(of, _), _| *of != proxy);
        self.linked.retain(|(of, _), _| *of != proxy);
        self.alone.retain(|_, (of, _, _)| *of != proxy);
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let Self { started, adverts, wanted, seen, links, linked, alone, .. } = self;
        started.len()
            + adverts.len()
            + wanted.len()
            + seen.len()
            + links.len()
            + linked.len()
            + alone.len()
    }
}
