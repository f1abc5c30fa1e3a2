//! What happened last, for whoever asks why something failed.
//!
//! ```text
//!   record ─▶ of the world (faults, power, starts)  ─▶ ring ┐
//!             of links (adverts, dials, links)      ─▶ ring ├─▶ about(subjects) ─▶ lines
//!             of clients (join, send, hear, leave)  ─▶ ring ┘
//! ```
//!
//! Three rings, because the many messages between two faults must not push the first one out.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use super::line::Names;
use super::{Sink, WorldPicture};
use crate::event::{Event, HostNo, Message, ProxyNo, Record, SessionNo};

/// Each ring keeps as many records, some 100 bytes each.
const RING_RECORDS: usize = 20_000;

/// What a failure is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A host: its power, sleep and addresses, and its proxies' starts.
    Host(HostNo),
    /// A proxy: its links and adverts, and the coming and going of its clients.
    Proxy(ProxyNo),
    /// A session: all that it did, and the links of its proxy.
    Session(SessionNo),
    /// A message: who sent and who heard it. Its session and number.
    Message(SessionNo, u32),
    /// An advert's instance name.
    Instance(Arc<str>),
}

/// Keeps the last records. A [`Sink`].
#[derive(Debug)]
pub struct Last {
    names: Names,
    world: VecDeque<(u64, Record)>,
    links: VecDeque<(u64, Record)>,
    clients: VecDeque<(u64, Record)>,
    count: u64,
}

impl Last {
    /// One that knows nothing yet, and will call things by their names in `picture`.
    #[must_use]
    pub fn new(picture: Rc<WorldPicture>) -> Self {
        let names = Names::new(picture);
        let (world, links, clients) = Default::default();
        Self { names, world, links, clients, count: 0 }
    }

    /// The last `most` records that concern one of these subjects, or the world as a whole; each
    /// as a line, such as `   12.350 s  desk3            link 1 up to desk1 (demo)`. Oldest first.
    #[must_use]
    pub fn about(&self, subjects: &[Subject], most: usize) -> Vec<String> {
        let mut found: Vec<_> = [&self.world, &self.links, &self.clients]
            .into_iter()
            .flatten()
            .filter(|(_, record)| self.concerns_any(&record.event, subjects))
            .collect();
        found.sort_unstable_by_key(|(place, _)| *place);
        let skipped = found.len().saturating_sub(most);
        found.into_iter().skip(skipped).map(|(_, record)| self.names.line(record)).collect()
    }

    fn concerns_any(&self, event: &Event, subjects: &[Subject]) -> bool {
        let of_all = matches!(
            event,
            Event::FaultBegan { .. } | Event::FaultEnded { .. } | Event::Phase { .. }
        );
        of_all || subjects.iter().any(|subject| self.concerns(event, subject))
    }

    fn concerns(&self, event: &Event, subject: &Subject) -> bool {
        match subject {
            Subject::Host(host) => host_of(event) == Some(*host),
            Subject::Proxy(proxy) => {
                let of_session = event.session().filter(|_| message_of(event).is_none());
                let at = of_session.and_then(|session| self.names.roster.proxy_of(session));
                event.proxy() == Some(*proxy) || at == Some(*proxy)
            }
            Subject::Session(session) => {
                let proxy = self.names.roster.proxy_of(*session);
                event.session() == Some(*session) || proxy.is_some() && event.proxy() == proxy
            }
            Subject::Message(from, number) => message_of(event)
                .is_some_and(|message| message.from == *from && message.number == *number),
            Subject::Instance(instance) => instance_of(event) == Some(instance),
        }
    }
}

impl Sink for Last {
    fn record(&mut self, record: &Record) {
        self.names.roster.learn(&record.event);
        let event = &record.event;
        let ring = if event.session().is_some() {
            &mut self.clients
        } else if event.proxy().is_some() && host_of(event).is_none() {
            &mut self.links
        } else {
            &mut self.world
        };
        if ring.len() == RING_RECORDS {
            ring.pop_front();
        }
        ring.push_back((self.count, record.clone()));
        self.count += 1;
    }
}

fn host_of(event: &Event) -> Option<HostNo> {
    match event {
        Event::ProxyStarted { host, .. }
        | Event::HostPower { host, .. }
        | Event::HostAsleep { host, .. }
        | Event::HostAddresses { host, .. } => Some(*host),
        _ => None,
    }
}

fn message_of(event: &Event) -> Option<Message> {
    match event {
        Event::Sent { message, .. } | Event::Heard { message, .. } => Some(*message),
        _ => None,
    }
}

fn instance_of(event: &Event) -> Option<&Arc<str>> {
    match event {
        Event::Advertised { instance, .. }
        | Event::Withdrawn { instance, .. }
        | Event::Seen { instance, .. }
        | Event::Gone { instance, .. } => Some(instance),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{FaultNo, Stop};
    use crate::trace::testing::{
        heard, joined, joining, link_up, picture, record, seen, sent, started,
    };

    fn last() -> Last {
        let mut last =
            Last::new(Rc::new(WorldPicture { faults: vec![vec![HostNo(1)]], ..picture(3) }));
        let what = "a cable is out".into();
        let events = [
            started(0),
            started(1),
            started(2),
            joining(4, 0),
            joined(4),
            joining(5, 1),
            seen(1, 0),
            link_up(1, 0, 1, true),
            sent(4, 0),
            heard(5, 4, 0),
            sent(4, 1),
            Event::FaultBegan { fault: FaultNo(0), what },
            Event::ProxyStopped { proxy: ProxyNo(2), how: Stop::PowerLost },
        ];
        (0..).zip(events).for_each(|(n, event)| last.record(&record(n * 1000 + 7, event)));
        last
    }

    #[test]
    fn only_what_concerns_the_subjects_is_told_and_the_world_s_faults() {
        let fault = "       11.007 s  fault 0          begins: a cable is out (desk1)";
        let last = last();
        let lines = last.about(&[Subject::Session(SessionNo(5))], 99);
        assert_eq!(
            lines,
            [
                "        1.007 s  proxy1           starts on desk1, port 8017, id id-1",
                "        5.007 s  client 5@proxy1  joins /broadcast/demo as session 5",
                "        6.007 s  proxy1           sees demo-0",
                "        7.007 s  proxy1           link 1 up to proxy0 (demo)",
                "        9.007 s  client 5@proxy1  hears message 0 of client 4@proxy0 (3 bytes)",
                fault,
            ]
        );
        let lines = last.about(&[Subject::Message(SessionNo(4), 0)], 99);
        assert_eq!(
            lines,
            [
                "        8.007 s  client 4@proxy0  sends message 0 (3 bytes, text)",
                "        9.007 s  client 5@proxy1  hears message 0 of client 4@proxy0 (3 bytes)",
                fault,
            ]
        );
        let gone = "       12.007 s  proxy2           is gone with its host's power";
        assert_eq!(last.about(&[Subject::Proxy(ProxyNo(2))], 2), [fault, gone]);
        let lines = last.about(&[Subject::Host(HostNo(2)), Subject::Instance("demo-0".into())], 99);
        assert_eq!(lines.len(), 3, "{lines:?}");
    }

    #[test]
    fn messages_do_not_push_out_faults_and_links() {
        let mut last = last();
        for n in 0..2 * RING_RECORDS as u32 {
            last.record(&record(20_000, sent(4, n + 2)));
        }
        assert_eq!(last.clients.len(), RING_RECORDS);
        let lines = last.about(&[Subject::Proxy(ProxyNo(1))], 99);
        assert_eq!(lines.len(), 4, "{lines:?}");
    }
}
