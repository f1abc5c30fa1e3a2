//! What must be gone when all have left, and when all is over.

use super::world::World;
use super::{About, Check, Found, Moment};
use crate::event::{Event, Phase, ProxyNo};

pub(super) const NOTHING_LEFT: &str = "nothing-left";
pub(super) const NOTHING_LEAKED: &str = "nothing-leaked";

/// When all clients have left and had time to, no proxy has a client, a link, an advert, a byte
/// that waits, or a socket.
pub(super) struct NothingLeft;

/// When the proxies have stopped, nothing happens any more, every WebSocket is over, and no task or
/// socket is left.
pub(super) struct NothingLeaked;

impl Check for NothingLeft {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        if moment.record.event != (Event::Phase { phase: Phase::Left }) {
            return;
        }
        let world = moment.world;
        for (proxy, state) in world.all_proxies().filter(|(_, state)| state.id.is_some()) {
            let mut left = Vec::new();
            let mut count = |number: u64, what: &str| {
                if number > 0 {
                    left.push(format!("{number} {what}"));
                }
            };
            count(state.links.len() as u64, "links");
            count(state.adverts.len() as u64, "adverts on the network");
            match &state.held {
                Some((Phase::Leaving, held)) => {
                    count(held.clients.into(), "clients");
                    count(held.links.into(), "links by its own account");
                    count(held.adverts.len() as u64, "adverts by its own account");
                    count(held.queued_bytes, "queued bytes");
                    count(held.sockets.unwrap_or(0).into(), "sockets");
                }
                _ => left.push("what it holds was not looked at".to_owned()),
            }
            if !left.is_empty() {
                let text = format!("when all had left proxy {} had {}", proxy.0, left.join(", "));
                found.add(About::proxies([proxy]), text);
            }
        }
    }
}

impl Check for NothingLeaked {
    fn look(&mut self, moment: &Moment<'_>, found: &mut Found) {
        let world = moment.world;
        if world.phase != Phase::Ended {
            return;
        }
        match &moment.record.event {
            Event::Phase { .. } => still_there(world, found),
            Event::Held { proxy, holdings } => {
                let tasks = holdings.tasks.unwrap_or(0);
                let sockets = holdings.sockets.unwrap_or(0);
                if tasks > 0 || sockets > 0 {
                    let text = format!(
                        "proxy {} has stopped and left {tasks} tasks and {sockets} sockets",
                        proxy.0
                    );
                    found.add(About::proxies([*proxy]), text);
                }
            }
            event => {
                let text = format!("all is over, and this happened: {event:?}");
                found.add(About::default(), text);
            }
        }
    }

    fn finish(&mut self, world: &World, found: &mut Found) {
        if world.phase != Phase::Ended {
            let text = format!("the run ended in the phase {:?}", world.phase);
            found.add(About::default(), text);
        }
    }
}

fn still_there(world: &World, found: &mut Found) {
    let running = world.all_proxies().filter(|(_, state)| state.id.is_some());
    let proxies: Vec<ProxyNo> = running.map(|(proxy, _)| proxy).collect();
    if !proxies.is_empty() {
        let text = format!("{} proxies did not stop", proxies.len());
        found.add(About::proxies(proxies), text);
    }
    let open = world.sessions().filter(|(_, session)| !session.ended);
    for (number, session) in open {
        let text = format!("session {} of client {} never ended", number.0, session.client.0);
        found.add(About::sessions([number]), text);
    }
}
