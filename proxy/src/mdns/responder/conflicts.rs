//! Names of ours that somebody else has, or wants at the same time (RFC 6762 sections 8.2 and 9).

use std::collections::VecDeque;

use tokio::time::{Duration, Instant};

use super::{Claim, Responder};
use crate::mdns::Event;
use crate::mdns::lane::{Lane, Lanes};
use crate::mdns::service::State;

/// Pause of whoever lost a tie (RFC 6762 section 8.2).
const TIE_PAUSE: Duration = Duration::from_secs(1);

/// So many conflicts in so long a time, and each further probe waits (RFC 6762 section 8.1).
const CONFLICTS_MAX: usize = 15;
const CONFLICTS_TIME: Duration = Duration::from_secs(10);
const CONFLICTS_PAUSE: Duration = Duration::from_secs(5);

impl Responder {
    /// Takes note of a record that somebody else has under a name of ours (RFC 6762 section 9).
    pub(in crate::mdns) fn check(
        &mut self,
        now: Instant,
        lanes: &Lanes,
        (name, kind, data): (&[u8], u16, &[u8]),
        events: &mut VecDeque<Event>,
    ) {
        let ids: Vec<u64> = self.names.get(name).into_iter().flatten().copied().collect();
        for id in ids {
            let Some(own) = self.services.get(&id) else { continue };
            let instance = own.instance.key() == name;
            if (instance || own.host.key() == name) && !own.agrees(lanes, kind, data) {
                self.conflict(now, id, instance, events);
            }
        }
    }

    fn conflict(&mut self, now: Instant, id: u64, instance: bool, events: &mut VecDeque<Event>) {
        let Some(mut own) = self.services.remove(&id) else { return };
        let mut next = now;
        if matches!(own.state, State::Probing(_)) {
            self.unindex(id, &own);
            own.rename(instance);
            self.index(id, &own);
            events.extend(own.instance.first_label().map(|label| Event::Renamed {
                registered: own.registered.first_label().unwrap_or_default().to_owned(),
                instance: label.to_owned(),
                service: own.service.to_string(),
            }));
            self.conflicts.push_back(now);
            self.conflicts.retain(|at| *at + CONFLICTS_TIME > now);
            if self.conflicts.len() >= CONFLICTS_MAX {
                self.conflicts.pop_front();
                next += CONFLICTS_PAUSE;
            }
        }
        own.state = State::Probing(0);
        self.services.insert(id, own);
        self.schedule(id, Some(next));
    }

    /// Whether a name is one that is being probed for.
    pub(in crate::mdns) fn is_probed(&self, name: &[u8]) -> bool {
        let ids = self.names.get(name).into_iter().flatten();
        let mut own = ids.filter_map(|id| self.services.get(id));
        own.any(|own| matches!(own.state, State::Probing(_)) && own.service.key() != name)
    }

    /// Somebody else probes for a name of ours at the same time, with these records: the later in
    /// order wins, and equal ones are no conflict (RFC 6762 section 8.2).
    pub(in crate::mdns) fn tie(
        &mut self,
        now: Instant,
        lanes: &Lanes,
        lane: Lane,
        name: &[u8],
        theirs: &[Claim],
    ) {
        let ids: Vec<u64> = self.names.get(name).into_iter().flatten().copied().collect();
        for id in ids {
            let Some(own) = self.services.get_mut(&id) else { continue };
            if !matches!(own.state, State::Probing(_)) {
                continue;
            }
            let claims = own.claims(lanes, lane.interface);
            let ours = claims.iter().filter(|record| record.name.key() == name);
            let mut ours: Vec<_> =
                ours.map(|record| (record.data.kind(), record.data.bytes(false))).collect();
            ours.sort_unstable();
            if ours.as_slice() < theirs {
                own.state = State::Probing(0);
                self.schedule(id, Some(now + TIE_PAUSE));
            }
        }
    }
}
