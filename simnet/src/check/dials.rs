//! How often a proxy may dial.
//!
//! A proxy dials again after pauses that double from 100 ms to 30 s, times 0.5 to 1
//! (`proxy/src/limits.rs`, `REDIAL_*`). So from a fresh start it dials an address for one channel
//! ten times in the first half minute, and then at most every 15 s:
//!
//! ```text
//!   dials │              ▁▂▃▄▅▆▇██████ bound: BURST, and one more each REFILL
//!         │        ▂▄▆▇▇▇▇▇▇▇▇▇▇▇▇ a right proxy, at its fastest
//!         └──────────────────────────▶ time
//! ```
//!
//! It starts afresh when it has a reason: its own start, an advert that was not there, a link that
//! stood for five seconds, a channel's first client. What happens so often that these are no bound
//! (a hostile host's adverts) is bounded by the shortest pause.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::world::World;
use super::{About, Check, Found, Moment};
use crate::event::{Event, ProxyNo, SessionNo};
use crate::scenario::Plan;

pub(super) const DIALS_BOUNDED: &str = "dials-bounded";

/// A proxy dials no address more often than its back-off allows: see the module.
pub(super) struct DialsBounded {
    proxies: Vec<Dialler>,
    buckets: BTreeMap<(ProxyNo, SocketAddr), Bucket>,
}

/// Dials for each channel at once: the ten of a fresh start, and as much again as a half for clocks
/// that are fast and for a second advert that leads to the same place.
const BURST: f64 = 16.0;

/// Time after which there may be one more: less than the 15 s that are left of the longest pause.
const REFILL: Duration = Duration::from_secs(10);

/// Dials within a second for each channel, whatever happens: the shortest pause is 50 ms, twice as
/// many for clocks that are fast.
const PER_SECOND: u32 = 40;

/// A link that stood this long proves its way good.
const PROVEN: Duration = Duration::from_secs(5);

/// Addresses kept; a hostile host may have its victims dial many.
const BUCKETS_MAX: usize = 10_000;

#[derive(Default)]
struct Dialler {
    /// Broadcast channels of its clients, at least 1.
    channels: u32,
    /// When it last had reason to start afresh with every address.
    fresh: Duration,
    /// Instances that it sees.
    seen: BTreeSet<Arc<str>>,
    /// Links that it dialled: address, and since when they stand.
    links: BTreeMap<u64, (SocketAddr, Duration)>,
}

struct Bucket {
    left: f64,
    at: Duration,
    /// The second that `dials` is of.
    second: u64,
    dials: u32,
}

impl DialsBounded {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut channels = vec![BTreeSet::new(); plan.proxies.len()];
        for client in plan.clients.iter().filter(|client| client.channel.starts_with("/broadcast/"))
        {
            channels[client.proxy.0 as usize].insert(client.channel.as_str());
        }
        let count = |of: BTreeSet<&str>| u32::try_from(of.len().max(1)).unwrap_or(u32::MAX);
        let dialler = |of| Dialler { channels: count(of), ..Dialler::default() };
        Self { proxies: channels.into_iter().map(dialler).collect(), buckets: BTreeMap::new() }
    }

    fn dial(&mut self, proxy: ProxyNo, to: SocketAddr, now: Duration, found: &mut Found) {
        let dialler = &self.proxies[proxy.0 as usize];
        let full = BURST * f64::from(dialler.channels);
        let new = || Bucket { left: full, at: now, second: now.as_secs(), dials: 0 };
        let bucket = self.buckets.entry((proxy, to)).or_insert_with(new);
        let refilled = (now - bucket.at).as_secs_f64() / REFILL.as_secs_f64();
        bucket.left = (bucket.left + refilled * f64::from(dialler.channels)).min(full);
        if dialler.fresh >= bucket.at {
            bucket.left = full;
        }
        if bucket.second != now.as_secs() {
            (bucket.second, bucket.dials) = (now.as_secs(), 0);
        }
        bucket.at = now;
        bucket.left -= 1.0;
        bucket.dials += 1;
        let often = bucket.dials > PER_SECOND * dialler.channels;
        if bucket.left < 0.0 || often {
            let how = if often { "more often than its shortest pause" } else { "without back-off" };
            let text = format!("proxy {} dials {to} {how}", proxy.0);
            found.add(About::proxies([proxy]), text);
            // Once for each time that it goes on so.
            (bucket.left, bucket.dials) = (full, 0);
        }
        if self.buckets.len() > BUCKETS_MAX {
            let old = now.saturating_sub(Duration::from_secs(600));
            self.buckets.retain(|_, bucket| bucket.at > old);
        }
    }

    /// A link is gone; if it stood, the next loss starts afresh.
    fn link_down(&mut self, proxy: ProxyNo, number: u64, now: Duration) {
        let dialler = &mut self.proxies[proxy.0 as usize];
        let Some((address, since)) = dialler.links.remove(&number) else { return };
        // By a clock that is fast it stood longer than by ours.
        if now >= since + PROVEN / 2
            && let Some(bucket) = self.buckets.get_mut(&(proxy, address))
        {
            bucket.left = BURST * f64::from(dialler.channels);
        }
    }

    /// The first client of a channel: the proxies of that channel are dialled anew.
    fn joined(&mut self, world: &World, session: SessionNo) {
        let joined = world.session(session);
        let Some(joined) = joined.filter(|joined| joined.channel.starts_with("/broadcast/")) else {
            return;
        };
        let others = world.sessions().any(|(other, state)| {
            other != session
                && state.is_there()
                && (state.proxy, &state.channel) == (joined.proxy, &joined.channel)
        });
        if !others {
            self.proxies[joined.proxy.0 as usize].fresh = world.now;
        }
    }
}

impl Check for DialsBounded {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        let now = moment.world.now;
        match &moment.record.event {
            Event::ProxyStarted { proxy, .. } => {
                let dialler = &mut self.proxies[proxy.0 as usize];
                dialler.fresh = now;
                dialler.seen.clear();
                dialler.links.clear();
            }
            Event::Seen { proxy, instance } => {
                let dialler = &mut self.proxies[proxy.0 as usize];
                if dialler.seen.insert(Arc::clone(instance)) {
                    dialler.fresh = now;
                }
            }
            Event::Gone { proxy, instance } => {
                self.proxies[proxy.0 as usize].seen.remove(instance);
            }
            Event::Joined { session } => self.joined(moment.world, *session),
            Event::Dialling { proxy, to, .. } => self.dial(*proxy, *to, now, found),
            Event::LinkUp { proxy, link } if link.dialled => {
                let links = &mut self.proxies[proxy.0 as usize].links;
                links.insert(link.number, (link.address, now));
            }
            Event::LinkDown { proxy, number } => self.link_down(*proxy, *number, now),
            _ => {}
        }
    }
}
