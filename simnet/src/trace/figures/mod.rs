//! What a run comes to in figures.
//!
//! ```text
//!   records ─┐
//!            ├─▶ Measure ──▶ Figures ──▶ a table for people, JSON for programs
//!   packets ─┘
//! ```
//!
//! [`Measure`] keeps what stands (adverts, links, sessions) and the times of the last
//! [`MESSAGES_KEPT`] messages, not what was: a day of a busy world costs no more than an hour.

mod curves;
mod delivery;
mod meeting;
mod spread;
mod table;
mod traffic;

pub(super) use curves::Curves;
pub use spread::Spread;
pub use traffic::{Amount, Traffic};

use spread::{Short, Times};

use std::time::Duration;

use serde::Serialize;

use super::Sink;
use super::roster::Roster;
use crate::event::{Event, Message, Record, SessionNo};
use crate::fabric::packet::{Body, Fate, InterfaceId, Packet, SegmentId, Tap};

/// A message that is heard after as many more have been sent is counted, but its time is not
/// known any more.
pub const MESSAGES_KEPT: usize = 1 << 20;

/// What mDNS is spoken on (RFC 6762).
const MDNS_PORT: u16 = 5353;

/// Everything that is measured in a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// How long the run was, in simulated time.
    #[serde(rename = "run_ns", serialize_with = "crate::event::as_nanos")]
    pub run: Duration,
    /// From an advert to the first time that each other proxy's discovery saw it; for a proxy
    /// that started later, from its start.
    pub discovery: Option<Spread>,
    /// From there, or from its own advert on the channel if that comes later, to its link with
    /// who advertised, if it had none yet.
    pub seen_to_link: Option<Spread>,
    /// From a client's joining, at a proxy without a link on its channel, to the first.
    pub joined_to_link: Option<Spread>,
    /// From sent to heard, on one proxy.
    pub delivery_local: Option<Spread>,
    /// From sent to heard, from one proxy to another.
    pub delivery_linked: Option<Spread>,
    /// Datagrams to multicast groups, mostly mDNS. None without a network that tells.
    pub multicast: Option<Traffic>,
    /// All other packets, TCP's as well.
    pub unicast: Option<Traffic>,
    /// Packets that did not arrive, each counted for every receiver that it missed.
    pub lost: u64,
    /// Records that multicast queries listed as known (RFC 6762 section 7.1), so that their owners
    /// need not send them.
    pub answers_suppressed: u64,
    /// Connections that proxies opened and that became no link: the other one refused a second
    /// link, or the handshake failed.
    pub dials_without_link: u64,
    /// Connections that could not be opened.
    pub dials_failed: u64,
    /// Links, each counted once, at who dialled.
    pub links: u64,
    /// WebSockets of clients that were opened.
    pub sessions: u64,
    /// Messages that clients sent.
    pub sent: u64,
    /// Messages that clients heard.
    pub heard: u64,
    /// Faults that began.
    pub faults: u64,
}

/// Collects [`Figures`]. Both a [`Sink`] and a [`Tap`].
#[derive(Debug)]
pub struct Measure {
    roster: Roster,
    meetings: meeting::Meetings,
    sent: delivery::Sent,
    local: Times,
    linked: Times,
    multicast: traffic::Counter,
    unicast: traffic::Counter,
    tapped: bool,
    dialled: u64,
    /// What is only counted.
    counted: Figures,
}

impl Default for Measure {
    fn default() -> Self {
        Self {
            roster: Roster::default(),
            meetings: meeting::Meetings::default(),
            sent: delivery::Sent::new(MESSAGES_KEPT),
            local: Times::default(),
            linked: Times::default(),
            multicast: traffic::Counter::default(),
            unicast: traffic::Counter::default(),
            tapped: false,
            dialled: 0,
            counted: Figures::default(),
        }
    }
}

impl Measure {
    /// What it comes to so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let run = self.counted.run;
        Figures {
            discovery: self.meetings.discovery.spread(),
            seen_to_link: self.meetings.seen_to_link.spread(),
            joined_to_link: self.meetings.joined_to_link.spread(),
            delivery_local: self.local.spread(),
            delivery_linked: self.linked.spread(),
            multicast: self.tapped.then(|| self.multicast.traffic(run)),
            unicast: self.tapped.then(|| self.unicast.traffic(run)),
            dials_without_link: self.dialled.saturating_sub(self.counted.links),
            ..self.counted.clone()
        }
    }

    /// The same times as curves.
    pub(super) fn curves(&self) -> Curves {
        let Self { meetings, local, linked, .. } = self;
        Curves::of([
            &meetings.discovery,
            &meetings.seen_to_link,
            &meetings.joined_to_link,
            local,
            linked,
        ])
    }

    fn heard(&mut self, at: Duration, session: SessionNo, message: Message) {
        self.counted.heard += 1;
        let Some(sent) = self.sent.when(message) else { return };
        let sender = self.roster.proxy_of(message.from);
        let times = if sender == self.roster.proxy_of(session) {
            &mut self.local
        } else {
            &mut self.linked
        };
        times.add(at.saturating_sub(sent));
    }
}

impl Sink for Measure {
    fn record(&mut self, record: &Record) {
        self.roster.learn(&record.event);
        self.meetings.record(record, &self.roster);
        self.counted.run = self.counted.run.max(record.at);
        match &record.event {
            Event::Joined { .. } => self.counted.sessions += 1,
            Event::Sent { message, .. } => {
                self.counted.sent += 1;
                self.sent.note(*message, record.at);
            }
            Event::Heard { session, message } => self.heard(record.at, *session, *message),
            Event::FaultBegan { .. } => self.counted.faults += 1,
            Event::Dialled { error: Some(_), .. } => self.counted.dials_failed += 1,
            Event::Dialled { error: None, .. } => self.dialled += 1,
            Event::LinkUp { link, .. } if link.dialled => self.counted.links += 1,
            _ => {}
        }
    }
}

impl Tap for Measure {
    fn sent(&mut self, at: Duration, _: u64, _: InterfaceId, _: SegmentId, packet: &Packet) {
        self.tapped = true;
        self.counted.run = self.counted.run.max(at);
        let header = if packet.source.is_ipv4() { 20 } else { 40 };
        let bytes = header
            + match &packet.body {
                Body::Udp { payload, .. } => 8 + payload.len(),
                Body::Tcp(segment) => 20 + segment.payload.len(),
            };
        if !packet.destination.ip().is_multicast() {
            return self.unicast.add(at, bytes as u64);
        }
        self.multicast.add(at, bytes as u64);
        if let Body::Udp { payload, .. } = &packet.body
            && packet.destination.port() == MDNS_PORT
        {
            self.counted.answers_suppressed += u64::from(known_answers(payload));
        }
    }

    fn fate(&mut self, _: Duration, _: u64, fate: Fate) {
        self.counted.lost += u64::from(matches!(fate, Fate::Lost(..)));
    }
}

/// How many answers a query lists as known; 0 for a response.
fn known_answers(message: &[u8]) -> u16 {
    // Identifier, flags, questions, answers (RFC 1035 section 4.1.1).
    match message {
        [_, _, flags, _, _, _, high, low, ..] if flags & 0x80 == 0 => {
            u16::from_be_bytes([*high, *low])
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
