//! Which links there may be at any time (invariant 4 of ARCHITECTURE.md).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::world::{Proxy, World};
use super::{About, Check, Found, Moment};
use crate::event::{Event, Link, ProxyNo};

pub(super) const ONE_LINK_EACH: &str = "one-link-each";
pub(super) const NO_SELF_LINK: &str = "no-self-link";

/// A proxy dials at most one link with each other proxy for each channel, beside one that it
/// replaces, which must be gone within [`CLOSING`] and the stall time.
#[derive(Default)]
pub(super) struct OneLinkEach {
    /// Pairs of links of which one is being replaced, in the order in which it must be gone.
    closing: VecDeque<Closing>,
}

/// No proxy is linked with itself.
pub(super) struct NoSelfLink;

/// Time to say Close and hear it (5 s in the proxy), on a bad network and by a clock that is slow.
const CLOSING: Duration = Duration::from_secs(15);

/// Two links of which one must go.
struct Closing {
    by: Duration,
    proxy: ProxyNo,
    /// The run of the proxy.
    id: Option<Arc<str>>,
    link: Link,
}

impl Check for OneLinkEach {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        self.overdue(moment.world, found);
        if let Event::LinkUp { proxy, link } = &moment.record.event
            && link.dialled
            && link.remote.is_some()
        {
            self.dialled(moment.world, *proxy, link, found);
        }
    }
}

impl OneLinkEach {
    fn dialled(&mut self, world: &World, proxy: ProxyNo, link: &Link, found: &mut Found) {
        let state = world.proxy(proxy);
        match alike(state, link) {
            0 | 1 => {}
            2 => self.closing.push_back(Closing {
                by: due(world, proxy),
                proxy,
                id: state.id.clone(),
                link: link.clone(),
            }),
            links => found.add(
                About::proxies([proxy]),
                format!(
                    "proxy {} has {links} links on {} that it dialled to one other proxy",
                    proxy.0, link.channel
                ),
            ),
        }
    }

    /// Those whose time is over. The queue is in order but for different stall times, which only
    /// makes it a little late.
    fn overdue(&mut self, world: &World, found: &mut Found) {
        while self.closing.front().is_some_and(|first| first.by <= world.now) {
            let Some(closing) = self.closing.pop_front() else { return };
            let (proxy, state) = (closing.proxy, world.proxy(closing.proxy));
            if state.id != closing.id || alike(state, &closing.link) < 2 {
                continue;
            }
            if state.asleep || state.slept.is_some_and(|slept| slept + CLOSING > world.now) {
                // Its clock stood.
                self.closing.push_back(Closing { by: due(world, proxy), ..closing });
                continue;
            }
            let text = format!(
                "proxy {} still has two links on {} that it dialled to one other proxy",
                proxy.0, closing.link.channel
            );
            found.add(About::proxies([proxy]), text);
        }
    }
}

/// How many links of a proxy were dialled to the same other one for the same channel as `link`.
fn alike(state: &Proxy, link: &Link) -> usize {
    let links = state.links.values().map(|standing| &standing.link).filter(|other| other.dialled);
    links.filter(|other| (&other.channel, &other.remote) == (&link.channel, &link.remote)).count()
}

fn due(world: &World, proxy: ProxyNo) -> Duration {
    world.now + world.plan.proxy(proxy).options.stall_time + CLOSING
}

impl Check for NoSelfLink {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        let Event::LinkUp { proxy, link } = &moment.record.event else { return };
        let own = &moment.world.proxy(*proxy).id;
        if link.remote.is_some() && link.remote == *own {
            let text = format!("proxy {} is linked with itself on {}", proxy.0, link.channel);
            found.add(About::proxies([*proxy]), text);
        }
    }
}
