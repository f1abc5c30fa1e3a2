//! Who the numbers and ids in records are, as the records before them told.
//!
//! ```text
//!   joining: session 4 is client 2, on proxy 1, for /broadcast/demo ──▶ seat
//!   proxy-started: proxy 1 calls itself 3f2a... ──▶ proxy
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::{ClientNo, Event, Link, ProxyNo, SessionNo};

/// Where a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) client: ClientNo,
    pub(super) proxy: ProxyNo,
    /// The request's path.
    pub(super) path: Arc<str>,
}

impl Seat {
    /// The bare name of its channel, if proxies link it.
    pub(super) fn linked_channel(&self) -> Option<&str> {
        self.path.strip_prefix("/broadcast/")
    }
}

/// All sessions, some 50 bytes each, and all proxies' ids.
#[derive(Debug, Default)]
pub(super) struct Roster {
    seats: BTreeMap<SessionNo, Seat>,
    ids: BTreeMap<Arc<str>, ProxyNo>,
}

impl Roster {
    /// Learns what an event tells.
    pub(super) fn learn(&mut self, event: &Event) {
        match event {
            Event::Joining { session, client, proxy, channel } => {
                let seat = Seat { client: *client, proxy: *proxy, path: Arc::clone(channel) };
                self.seats.insert(*session, seat);
            }
            Event::ProxyStarted { proxy, id, .. } => {
                self.ids.insert(Arc::clone(id), *proxy);
            }
            _ => {}
        }
    }

    pub(super) fn seat(&self, session: SessionNo) -> Option<&Seat> {
        self.seats.get(&session)
    }

    pub(super) fn proxy_of(&self, session: SessionNo) -> Option<ProxyNo> {
        self.seat(session).map(|seat| seat.proxy)
    }

    /// The proxy at the other end of a link, if it said who it is.
    pub(super) fn remote(&self, link: &Link) -> Option<ProxyNo> {
        link.remote.as_ref().and_then(|id| self.ids.get(id)).copied()
    }
}
