//! What must be so in the end: when the last fault is over and links had time to settle.

use std::collections::{BTreeMap, BTreeSet};

use super::hearing::Pair;
use super::world::{Fact, World};
use super::{About, Check, Found, Moment};
use crate::event::{Event, Phase, ProxyNo, SessionNo};
use crate::scenario::planned::Do;

pub(super) const LINKS_EQUAL_INTEREST: &str = "links-equal-interest";
pub(super) const ADVERTS_EQUAL_INTEREST: &str = "adverts-equal-interest";
pub(super) const EVERYONE_HEARS: &str = "everyone-hears";

/// When the roll call begins, any two proxies that reach each other and both have clients on a
/// broadcast channel are linked so that each hears the other, as both ends say. No link is dialled
/// without a client, or leads to a proxy that runs no more.
pub(super) struct LinksEqualInterest;

/// When the roll call begins, each proxy with discovery advertises each broadcast channel of its
/// clients once, and nothing else.
pub(super) struct AdvertsEqualInterest;

/// In the roll call each client that the plan has there is there, sends its messages, and hears all
/// those of everyone whom it is to hear.
#[derive(Default)]
pub(super) struct EveryoneHears {
    /// Who is there when it begins, with how many messages it had sent by then.
    there: BTreeMap<SessionNo, u32>,
    /// Who missed something of whom, and heard what came later.
    skipped: BTreeSet<Pair>,
}

/// Longest name of a channel that fits into an advert (discovery.long-name-not-advertised).
const ADVERT_NAME_BYTES_MAX: usize = 239;

/// The broadcast channels of each proxy's clients, by their bare names.
fn interest(world: &World) -> BTreeMap<ProxyNo, BTreeSet<&str>> {
    let mut interest: BTreeMap<ProxyNo, BTreeSet<&str>> = BTreeMap::new();
    for (_, session) in world.sessions().filter(|(_, session)| session.is_there()) {
        if let Some(channel) = session.channel.strip_prefix("/broadcast/") {
            interest.entry(session.proxy).or_default().insert(channel);
        }
    }
    interest
}

fn begins(moment: &Moment<'_>, phase: Phase) -> bool {
    moment.record.event == Event::Phase { phase }
}

/// Who hears whom on which channel, by the word of one end.
type Hears<'a> = BTreeSet<(ProxyNo, ProxyNo, &'a str)>;

impl Check for LinksEqualInterest {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        if !begins(moment, Phase::RollCall) {
            return;
        }
        let world = moment.world;
        let interest = interest(world);
        let (mut heard_here, mut heard_there) = (Hears::new(), Hears::new());
        for (proxy, state) in world.all_proxies() {
            for standing in state.links.values() {
                let link = &standing.link;
                let Some(to) = standing.to else { continue };
                if world.proxy(to).id != link.remote {
                    let text = format!(
                        "proxy {} has a link on {} with a run of proxy {} that is over",
                        proxy.0, link.channel, to.0
                    );
                    found.add(About::proxies([proxy, to]), text);
                    continue;
                }
                if link.dialled || link.two_way {
                    heard_here.insert((proxy, to, &link.channel));
                }
                if !link.dialled || link.two_way {
                    heard_there.insert((to, proxy, &link.channel));
                }
                let here = interest.get(&proxy).is_some_and(|of| of.contains(&*link.channel));
                if link.dialled && !here {
                    let text = format!(
                        "proxy {} keeps a link with proxy {} on {}, where it has no client",
                        proxy.0, to.0, link.channel
                    );
                    found.add(About::proxies([proxy, to]), text);
                }
            }
        }
        pairs(world, &interest, |a, b, channel| {
            let wanting = match (
                heard_here.contains(&(a, b, channel)),
                heard_there.contains(&(a, b, channel)),
            ) {
                (true, true) => return,
                (false, false) => "neither has a link for it",
                (true, false) => "the other end knows of no link for it",
                (false, true) => "only the other end has a link for it",
            };
            let text = format!("proxy {} cannot hear proxy {} on {channel}: {wanting}", a.0, b.0);
            found.add(About::proxies([a, b]), text);
        });
    }
}

/// Calls `f` with each two proxies of which the first is to hear the second on a channel.
fn pairs<'a>(
    world: &World,
    interest: &BTreeMap<ProxyNo, BTreeSet<&'a str>>,
    mut f: impl FnMut(ProxyNo, ProxyNo, &'a str),
) {
    for (a, channels) in interest {
        for (b, others) in interest.iter().filter(|(b, _)| *b != a) {
            let common: Vec<&str> = channels.intersection(others).copied().collect();
            if !common.is_empty() && world.plan.reach(*a, *b) {
                common.into_iter().for_each(|channel| f(*a, *b, channel));
            }
        }
    }
}

impl Check for AdvertsEqualInterest {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        if !begins(moment, Phase::RollCall) {
            return;
        }
        let world = moment.world;
        let interest = interest(world);
        for (proxy, state) in world.all_proxies().filter(|(_, state)| state.id.is_some()) {
            let discovers = world.plan.proxy(proxy).discovery;
            let wanted = interest.get(&proxy).into_iter().flatten().copied();
            let wanted = wanted.filter(|name| discovers && name.len() <= ADVERT_NAME_BYTES_MAX);
            let mut wanted: Vec<&str> = wanted.collect();
            let mut given: Vec<&str> = state.adverts.values().map(|channel| &**channel).collect();
            wanted.sort_unstable();
            given.sort_unstable();
            if wanted != given {
                let text = format!(
                    "proxy {} advertises {given:?}, and its clients are on {wanted:?}",
                    proxy.0
                );
                found.add(About::proxies([proxy]), text);
            }
        }
    }
}

impl Check for EveryoneHears {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        let world = moment.world;
        if begins(moment, Phase::RollCall) {
            let there = world.sessions().filter(|(_, session)| session.is_there());
            self.there = there.map(|(number, session)| (number, session.sent_count())).collect();
            self.attendance(world, found);
        } else if !self.there.is_empty() {
            for fact in moment.facts {
                if let Fact::Missed { pair, gap } = fact
                    && self.there.get(&pair.1).is_some_and(|first| gap.to > *first)
                {
                    self.skipped.insert(*pair);
                }
            }
            if begins(moment, Phase::Leaving) {
                self.close(world, found);
                self.there.clear();
            }
        }
    }
}

impl EveryoneHears {
    /// Whether all are there who are to be.
    fn attendance(&self, world: &World, found: &mut Found) {
        let there: BTreeSet<u32> =
            self.there.keys().filter_map(|s| Some(world.session(*s)?.client.0)).collect();
        for (number, client) in (0..).zip(&world.plan.clients) {
            let last =
                client.actions.iter().rev().find(|action| !matches!(action.what, Do::Send(_)));
            let stays = last.is_some_and(|action| action.what == Do::Join);
            let runs = world.plan.runs_in_the_end(client.proxy);
            if stays && runs && !there.contains(&number) {
                let text = format!(
                    "client {number} is not on {} at proxy {} when all is to be well",
                    client.channel, client.proxy.0
                );
                found.add(About::proxies([client.proxy]), text);
            }
        }
    }

    /// Whether everyone heard what it is to hear.
    fn close(&self, world: &World, found: &mut Found) {
        let planned = world.plan.roll_call.messages;
        let still = |session: &SessionNo| world.session(*session).filter(|state| state.is_there());
        for (number, before) in &self.there {
            let Some(state) = still(number) else {
                let text = format!("session {} was cut during the roll call", number.0);
                found.add(About::sessions([*number]), text);
                continue;
            };
            let sent = state.sent_count() - before;
            if sent != planned {
                let text = format!("session {} could send {sent} of {planned} messages", number.0);
                found.add(About::sessions([*number]), text);
            }
            for other in self.there.keys().filter(|other| *other != number) {
                let Some(sender) = still(other) else { continue };
                let apart = sender.channel != state.channel
                    || state.channel.starts_with("/local/") && sender.proxy != state.proxy
                    || !world.plan.reach(state.proxy, sender.proxy);
                let (next, to) = world.missing((*number, *other));
                let skipped = self.skipped.contains(&(*number, *other));
                if !apart && (next < to || skipped) {
                    let about = About {
                        proxies: vec![state.proxy, sender.proxy],
                        ..About::sessions([*number, *other])
                    };
                    let text = format!(
                        "session {} at proxy {} did not hear all of session {} at proxy {}",
                        number.0, state.proxy.0, other.0, sender.proxy.0
                    );
                    found.add(about, text);
                }
            }
        }
    }
}
