//! A record as a line for people, with the names of its world.
//!
//! ```text
//!     12.350 s  desk3            link 1 up to desk1 (demo)
//!     12.351 s  bob@desk3        hears message 4 of alice@desk1 (12 bytes)
//! ```

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::WorldPicture;
use super::roster::Roster;
use crate::event::{
    ClientNo, Event, FaultNo, Holdings, HostNo, Link, Message, Phase, ProxyNo, Record, SessionNo,
    Stop,
};

/// A fault's line names as many of its hosts.
const HOSTS_NAMED_MAX: usize = 5;

/// Names for the numbers in records, and lines with them.
#[derive(Debug)]
pub(super) struct Names {
    picture: Rc<WorldPicture>,
    pub(super) roster: Roster,
}

impl Names {
    pub(super) fn new(picture: Rc<WorldPicture>) -> Self {
        Self { picture, roster: Roster::default() }
    }

    /// `record` as a line: when, who, what.
    pub(super) fn line(&self, Record { at, event }: &Record) -> String {
        format!("{}  {:<16} {}", When(*at), self.who(event), self.what(event))
    }

    /// Whom an event befalls.
    pub(super) fn who(&self, event: &Event) -> String {
        if let Some(proxy) = event.proxy() {
            return self.proxy(proxy);
        }
        match event {
            Event::HostPower { host, .. }
            | Event::HostAsleep { host, .. }
            | Event::HostAddresses { host, .. } => self.host(*host),
            Event::FaultBegan { fault: FaultNo(n), .. }
            | Event::FaultEnded { fault: FaultNo(n) } => format!("fault {n}"),
            _ => event.session().map_or_else(|| "world".into(), |session| self.session(session)),
        }
    }

    /// What befalls them.
    pub(super) fn what(&self, event: &Event) -> String {
        match event {
            Event::ProxyStarted { host, port, id, .. } => {
                format!("starts on {}, port {port}, id {id}", self.host(*host))
            }
            Event::ProxyStopped { how, .. } => stop_text(*how).into(),
            Event::HostPower { on: true, .. } => "has power".into(),
            Event::HostPower { on: false, .. } => "loses power".into(),
            Event::HostAsleep { asleep: true, .. } => "falls asleep".into(),
            Event::HostAsleep { asleep: false, .. } => "wakes up".into(),
            Event::HostAddresses { addresses, .. } => {
                let list: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                format!("has the addresses {}", list.join(", "))
            }
            Event::FaultBegan { fault, what } => format!("begins: {what}{}", self.where_is(*fault)),
            Event::FaultEnded { .. } => "is over".into(),
            Event::Phase { phase } => phase_text(*phase).into(),
            Event::Joining { session, channel, .. } => {
                format!("joins {channel} as {}", n(*session))
            }
            Event::Joined { .. } => "has joined".into(),
            Event::Sent { message, .. } => format!("sends message {}", amount(*message)),
            Event::Heard { message, .. } => {
                let Message { number, bytes, .. } = message;
                let from = self.session(message.from);
                format!("hears message {number} of {from} ({bytes} bytes)")
            }
            Event::Garbled { what, .. } => format!("hears what nobody sent: {what}"),
            Event::Reading { on: true, .. } => "reads on".into(),
            Event::Reading { on: false, .. } => "stops reading".into(),
            Event::Leaving { .. } => "leaves".into(),
            Event::Ended { code: Some(code), reason, .. } => format!("is out: {code} {reason}"),
            Event::Ended { code: None, reason, .. } => format!("is out: {reason}"),
            Event::Advertised { instance, channel, .. } => {
                format!("advertises {instance} ({channel})")
            }
            Event::Withdrawn { instance, .. } => format!("withdraws {instance}"),
            Event::Seen { instance, .. } => format!("sees {instance}"),
            Event::Gone { instance, .. } => format!("takes {instance} for gone"),
            Event::Dialling { dial, to, .. } => format!("dials {to} (dial {dial})"),
            Event::Dialled { dial, error: None, .. } => format!("is connected (dial {dial})"),
            Event::Dialled { dial, error: Some(error), .. } => {
                format!("cannot connect: {error} (dial {dial})")
            }
            Event::LinkUp { link, .. } => self.link(link),
            Event::LinkDown { number, .. } => format!("link {number} down"),
            Event::Held { holdings, .. } => {
                let Holdings { clients, links, queued_bytes, adverts, .. } = holdings;
                let adverts = adverts.len();
                format!(
                    "holds {clients} clients, {links} links, {adverts} adverts, {queued_bytes} \
                     bytes queued"
                )
            }
        }
    }

    /// The hosts of a fault, as ` (desk-1, desk-2)`, if the picture has some.
    fn where_is(&self, FaultNo(n): FaultNo) -> String {
        let hosts = self.picture.faults.get(n as usize).map_or(&[][..], |hosts| hosts);
        let mut names: Vec<_> =
            hosts.iter().take(HOSTS_NAMED_MAX).map(|host| self.host(*host)).collect();
        if hosts.len() > HOSTS_NAMED_MAX {
            names.push(format!("{} more", hosts.len() - HOSTS_NAMED_MAX));
        }
        if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
    }

    fn link(&self, link: &Link) -> String {
        let to = match (self.roster.remote(link), &link.remote) {
            (Some(proxy), _) => self.proxy(proxy),
            (None, Some(id)) => format!("a stranger, {id}"),
            (None, None) => link.address.to_string(),
        };
        let way = if link.dialled { "to" } else { "from" };
        let one_way = if link.two_way { "" } else { ", one way" };
        format!("link {} up {way} {to} ({}{one_way})", link.number, link.channel)
    }

    pub(super) fn host(&self, HostNo(n): HostNo) -> String {
        let host = self.picture.hosts.get(n as usize);
        host.map_or_else(|| format!("host {n}"), |host| host.name.clone())
    }

    pub(super) fn proxy(&self, ProxyNo(n): ProxyNo) -> String {
        let proxy = self.picture.proxies.get(n as usize);
        proxy.map_or_else(|| format!("proxy {n}"), |proxy| proxy.name.clone())
    }

    pub(super) fn client(&self, ClientNo(n): ClientNo) -> String {
        let client = self.picture.clients.get(n as usize);
        client.map_or_else(|| format!("client {n}"), |client| client.name.clone())
    }

    /// A session by its client and proxy: `alice@desk1`.
    pub(super) fn session(&self, session: SessionNo) -> String {
        match self.roster.seat(session) {
            Some(seat) => format!("{}@{}", self.client(seat.client), self.proxy(seat.proxy)),
            None => n(session),
        }
    }
}

/// A time as a log has it: seconds with three digits, aligned up to a day.
pub(super) struct When(pub(super) Duration);

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9}.{:03} s", self.0.as_secs(), self.0.subsec_millis())
    }
}

fn n(SessionNo(n): SessionNo) -> String {
    format!("session {n}")
}

fn amount(message: Message) -> String {
    let kind = if message.binary { "binary" } else { "text" };
    format!("{} ({} bytes, {kind})", message.number, message.bytes)
}

fn stop_text(how: Stop) -> &'static str {
    match how {
        Stop::Asked => "stops, and says goodbye",
        Stop::Killed => "is killed",
        Stop::PowerLost => "is gone with its host's power",
        Stop::Failed => "ends by itself",
    }
}

fn phase_text(phase: Phase) -> &'static str {
    match phase {
        Phase::Story => "the story begins",
        Phase::Settling => "settles: the last fault is over",
        Phase::RollCall => "roll call: everyone sends to everyone",
        Phase::Leaving => "all clients leave",
        Phase::Left => "all clients have left",
        Phase::Ended => "ends",
    }
}
