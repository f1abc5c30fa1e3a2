//! What happens in a world, as the trace keeps it and the checkers judge it.
//!
//! Events come from outside of the proxies where they can (clients, faults, a wrapped network and
//! discovery), and from the proxy's own observer where they must (its links). So the same
//! checkers judge runs on every engine: the fabric, turmoil, and real loopback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One machine of a world, in the order of the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HostNo(pub u32);

/// One proxy of a world. It stays the same through restarts; each of its runs has a new
/// `proxy::ProxyId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProxyNo(pub u32);

/// One client program. It may connect again and again, each time as a new [`SessionNo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientNo(pub u32);

/// One WebSocket of one client; never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SessionNo(pub u32);

/// One fault of the scenario, by its place in the scenario's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FaultNo(pub u32);

/// One event, and when it was: time since the start of the world.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// Since the start of the world.
    #[serde(rename = "ns", serialize_with = "as_nanos")]
    pub at: Duration,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

pub(crate) fn as_nanos<S: serde::Serializer>(
    at: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(at.as_nanos()).unwrap_or(u64::MAX))
}

/// A message that a client sent, as its payload says itself: so that whoever hears it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Message {
    /// Who sent it.
    pub from: SessionNo,
    /// The how manieth of that session it is, from 0.
    pub number: u32,
    /// Bytes of its payload.
    pub bytes: u32,
    /// Whether it is binary; else text.
    pub binary: bool,
}

/// What happened.
#[expect(missing_docs, reason = "the variants' descriptions name their fields")]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A proxy runs and listens. `id` is its `proxy::ProxyId` in this run.
    ProxyStarted { proxy: ProxyNo, host: HostNo, port: u16, id: Arc<str> },
    /// A proxy is gone; all its connections with it.
    ProxyStopped { proxy: ProxyNo, how: Stop },
    /// A host is without power, or has it again. Its proxies stop and start with events of
    /// their own.
    HostPower { host: HostNo, on: bool },
    /// A host sleeps, or wakes up.
    HostAsleep { host: HostNo, asleep: bool },
    /// A host's addresses are others from now on.
    HostAddresses { host: HostNo, addresses: Vec<std::net::IpAddr> },
    /// A fault begins.
    FaultBegan { fault: FaultNo, what: Arc<str> },
    /// It is over.
    FaultEnded { fault: FaultNo },
    /// The world enters another phase: see [`Phase`].
    Phase { phase: Phase },

    /// A client begins to open a WebSocket with the proxy. `channel` is the request's path, such
    /// as `/broadcast/demo`.
    Joining { session: SessionNo, client: ClientNo, proxy: ProxyNo, channel: Arc<str> },
    /// It is open: the client has read the 101.
    Joined { session: SessionNo },
    /// The client handed the whole message to its socket.
    Sent { session: SessionNo, message: Message },
    /// The client heard a message, which is what its sender sent, byte for byte.
    Heard { session: SessionNo, message: Message },
    /// The client heard something that nobody sent so: cut, mixed up, or with another opcode.
    Garbled { session: SessionNo, what: Arc<str> },
    /// The client stops reading for a while, or reads on.
    Reading { session: SessionNo, on: bool },
    /// The client begins to close, so it need not hear more.
    Leaving { session: SessionNo },
    /// The WebSocket is over, or never came to be. `code` is that of the Close frame that came, if one did.
    Ended { session: SessionNo, code: Option<u16>, reason: Arc<str> },

    /// A proxy puts an advert on the network.
    Advertised { proxy: ProxyNo, instance: Arc<str>, channel: Arc<str> },
    /// A proxy takes it back.
    Withdrawn { proxy: ProxyNo, instance: Arc<str> },
    /// A proxy's discovery saw an instance: its own, another's, or a stranger's.
    Seen { proxy: ProxyNo, instance: Arc<str> },
    /// A proxy's discovery took it for gone.
    Gone { proxy: ProxyNo, instance: Arc<str> },
    /// A proxy connects to another; `dial` tells its attempts apart.
    Dialling { proxy: ProxyNo, dial: u64, to: SocketAddr },
    /// The connection stands (`error` is none) or failed. The handshake comes after.
    Dialled { proxy: ProxyNo, dial: u64, error: Option<Arc<str>> },
    /// A link joined its channel at this proxy.
    LinkUp { proxy: ProxyNo, link: Link },
    /// It left.
    LinkDown { proxy: ProxyNo, number: u64 },
    /// What a proxy holds, looked at now and then, and at the end of each phase.
    Held { proxy: ProxyNo, holdings: Holdings },
}

impl Event {
    /// The proxy that it befalls, if it befalls one.
    #[must_use]
    pub fn proxy(&self) -> Option<ProxyNo> {
        match self {
            Self::ProxyStarted { proxy, .. }
            | Self::ProxyStopped { proxy, .. }
            | Self::Advertised { proxy, .. }
            | Self::Withdrawn { proxy, .. }
            | Self::Seen { proxy, .. }
            | Self::Gone { proxy, .. }
            | Self::Dialling { proxy, .. }
            | Self::Dialled { proxy, .. }
            | Self::LinkUp { proxy, .. }
            | Self::LinkDown { proxy, .. }
            | Self::Held { proxy, .. } => Some(*proxy),
            _ => None,
        }
    }

    /// The session that it befalls, if it befalls one.
    #[must_use]
    pub fn session(&self) -> Option<SessionNo> {
        match self {
            Self::Joining { session, .. }
            | Self::Joined { session, .. }
            | Self::Sent { session, .. }
            | Self::Heard { session, .. }
            | Self::Garbled { session, .. }
            | Self::Reading { session, .. }
            | Self::Leaving { session, .. }
            | Self::Ended { session, .. } => Some(*session),
            _ => None,
        }
    }
}

/// One end of a link between two proxies, on the broadcast channel `channel` (its bare name).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Tells the links of one run of a proxy apart.
    pub number: u64,
    /// The channel's name.
    pub channel: Arc<str>,
    /// The id that the other proxy gave.
    pub remote: Option<Arc<str>>,
    /// Its address.
    pub address: SocketAddr,
    /// Whether this proxy dialled it; else the other one did.
    pub dialled: bool,
    /// Whether it may carry messages both ways.
    pub two_way: bool,
}

/// How a proxy stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// It was asked to, and said goodbye.
    Asked,
    /// Its process was killed: the system closes its sockets.
    Killed,
    /// Its host lost power: nobody is told anything.
    PowerLost,
    /// It ended by itself, which it must not.
    Failed,
}

/// The phases of a world, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The story: clients come and go and send, faults come and go.
    Story,
    /// The last fault is over, and no client comes, goes or sends any more. Links may settle.
    Settling,
    /// All is to be well now. Each client that is there sends some messages, to be heard by
    /// everyone who can be.
    RollCall,
    /// All clients leave.
    Leaving,
    /// All have left, and had time to: nothing is to be left.
    Left,
    /// The proxies have been stopped, and nothing runs any more.
    Ended,
}

/// What one proxy holds at one moment, by its own account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Holdings {
    /// Clients on all channels.
    pub clients: u32,
    /// Links on all channels, of both directions.
    pub links: u32,
    /// Bytes that wait in all queues.
    pub queued_bytes: u64,
    /// The most bytes that wait for one connection.
    pub queued_bytes_max: u64,
    /// Adverts that stand, with their channels.
    pub adverts: Vec<(Arc<str>, Arc<str>)>,
    /// Sockets of its host that belong to it, by the network's account, if it keeps one; listeners
    /// not counted.
    pub sockets: Option<u32>,
    /// Tasks of its process, if the engine counts them.
    pub tasks: Option<u32>,
}
