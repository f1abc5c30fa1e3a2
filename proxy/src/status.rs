//! What a proxy says of itself at `/status`.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use serde::Serialize;
use tokio::time::Instant;

use crate::clock;
use crate::counters::CountersSnapshot;
use crate::hub::Hub;
use crate::id::ProxyId;
use crate::link::planner::Planner;
use crate::member::{DialledBy, Link, Member};
use crate::name::Scope;

/// The state of one proxy at one moment. Its JSON form is what `/status` answers.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Status {
    /// Version of the program.
    pub(crate) version: &'static str,
    /// The proxy's id in this run.
    pub(crate) proxy: ProxyId,
    /// Seconds since it started.
    pub(crate) uptime_seconds: f64,
    /// TCP port that it listens on.
    pub(crate) port: u16,
    /// How others are found: `mdns-sd`, or `off`.
    pub(crate) discovery: &'static str,
    /// WebSockets that others have open here.
    pub(crate) connections: usize,
    /// How many there may be.
    pub(crate) connections_max: usize,
    /// Bytes that a message may have.
    pub(crate) message_bytes_max: usize,
    /// Channels with anybody on them.
    pub(crate) channels: Vec<ChannelStatus>,
    /// Proxies seen or configured, each once for each channel.
    pub(crate) remotes: Vec<RemoteStatus>,
    /// What was counted since the start.
    pub(crate) counters: CountersSnapshot,
}

/// One channel.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ChannelStatus {
    /// `local` or `broadcast`.
    pub(crate) scope: &'static str,
    /// Its name.
    pub(crate) name: String,
    /// Clients of this machine on it.
    pub(crate) clients: usize,
    /// Messages that its clients and links sent since it was opened.
    pub(crate) messages_received: u64,
    /// Bytes of their payload.
    pub(crate) bytes_received: u64,
    /// Bytes that wait to be written to its clients and links.
    pub(crate) queued_bytes: u64,
    /// The DNS-SD instance name that it is advertised under.
    pub(crate) advert: Option<String>,
    /// Links with other proxies.
    pub(crate) links: Vec<LinkStatus>,
}

/// One link.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LinkStatus {
    /// The id of the other proxy, if it says one.
    pub(crate) remote: Option<ProxyId>,
    /// Its address.
    pub(crate) address: SocketAddr,
    /// `us` or `them`.
    pub(crate) dialled_by: &'static str,
    /// Which way messages go over it now: `in`, `out` or `both`.
    pub(crate) carries: &'static str,
}

/// One proxy seen for one channel.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RemoteStatus {
    /// Its id, as far as known.
    pub(crate) id: Option<ProxyId>,
    /// The host name of its adverts, or the peer as configured.
    pub(crate) host: String,
    /// Where it may be dialled.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The channel.
    pub(crate) channel: String,
    /// `seen`, `dialling`, `linked`, `linked otherwise`, `waiting` to dial again, or `self`.
    pub(crate) state: &'static str,
}

impl Status {
    /// Adds what another worker of the same proxy has: other channels.
    pub(crate) fn add(&mut self, other: Self) {
        self.channels.extend(other.channels);
        // As one worker has them.
        self.channels.sort_by(|a, b| (b.scope, &a.name).cmp(&(a.scope, &b.name)));
        self.remotes.extend(other.remotes);
        self.remotes.sort_by(|a, b| a.channel.cmp(&b.channel));
        self.counters.add(&other.counters);
    }
}

/// Makes [`Status`]es.
pub(crate) struct Reporter {
    pub(crate) id: ProxyId,
    pub(crate) port: u16,
    pub(crate) discovery: &'static str,
    /// Whether the discovery shows adverts to anybody.
    pub(crate) advertises: bool,
    pub(crate) started: Instant,
    pub(crate) planner: Rc<RefCell<Planner>>,
}

impl Reporter {
    pub(crate) fn status(&self, hub: &Hub) -> Status {
        let planner = self.planner.borrow();
        let channels = hub.channels();
        let channels = channels.iter().map(|channel| {
            let links = channel.links();
            ChannelStatus {
                scope: channel.id.scope.as_str(),
                name: channel.id.name.to_string(),
                clients: channel.client_count(),
                messages_received: channel.messages.get(),
                bytes_received: channel.bytes.get(),
                queued_bytes: channel.members().map(|member| member.queued_bytes()).sum(),
                advert: match channel.id.scope {
                    Scope::Broadcast if self.advertises => {
                        planner.advert_of(&channel.id.name).map(str::to_owned)
                    }
                    _ => None,
                },
                links: links.iter().map(|(member, link)| link_status(member, *link)).collect(),
            }
        });
        let remotes = planner.candidates().map(|remote| RemoteStatus {
            id: remote.id,
            host: remote.host,
            addresses: remote.addresses,
            channel: remote.channel.to_string(),
            state: remote.state.name(),
        });
        Status {
            version: env!("CARGO_PKG_VERSION"),
            proxy: self.id,
            uptime_seconds: (clock::now() - self.started).as_secs_f64(),
            port: self.port,
            discovery: self.discovery,
            connections: hub.seats.taken(),
            connections_max: hub.seats.max(),
            message_bytes_max: hub.limits.message_bytes,
            channels: channels.collect(),
            remotes: remotes.collect(),
            counters: hub.counters.snapshot(),
        }
    }
}

fn link_status(member: &Member, link: Link) -> LinkStatus {
    LinkStatus {
        remote: link.remote,
        address: member.address,
        dialled_by: match link.dialled_by {
            DialledBy::Us => "us",
            DialledBy::Them => "them",
        },
        carries: match (link.brings(), member.hears.get()) {
            (true, true) => "both",
            (true, false) => "in",
            (false, _) => "out",
        },
    }
}
