//! A world in every detail: what a runner executes, without knowing of scenarios.
//!
//! ```text
//!   scenario (TOML) ──┐                                   ┌──▶ runner
//!                     ├── seed ──▶ Plan (explicit, JSON) ─┼──▶ checkers
//!   random world ─────┘                   ▲               └──▶ shrink
//!                                         └───────────────────────┘
//! ```
//!
//! Everything here is explicit: no counts, no groups, no draws. What is still left to chance while
//! a plan runs (which packets are lost, the proxies' ids) comes from [`Plan::seed`].
//!
//! ```text
//!   Story ──▶ Settling ──▶ RollCall ──▶ Leaving ──▶ Left, then Ended
//!   faults, traffic        everyone     everyone    nothing is left
//!                          is heard     goes
//! ```

use std::net::IpAddr;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::trouble::Fault;
use super::{Multicast, Options, PlanError};
use crate::event::{ClientNo, FaultNo, HostNo, Phase, ProxyNo};
use crate::fabric::quality::Quality;

/// The least bytes in the payload of a message: there must be room to say whose it is.
pub const MESSAGE_BYTES_MIN: u32 = 48;

/// The longest pause of a proxy before it dials again, 30 s, and as much for the dial.
const REDIAL_TIME: Duration = Duration::from_secs(60);

/// A world, explicit in everything that is planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Plan {
    /// The scenario's name.
    pub name: String,
    /// What the world draws from while it runs.
    pub seed: u64,
    /// Switches and access points.
    pub segments: Vec<Segment>,
    /// Routers between them. None passes multicast.
    pub routers: Vec<Router>,
    /// Machines; a [`HostNo`] is an index here.
    pub hosts: Vec<Host>,
    /// Proxies; a [`ProxyNo`] is an index here.
    pub proxies: Vec<Proxy>,
    /// Client programs; a [`ClientNo`] is an index here.
    pub clients: Vec<Client>,
    /// What goes wrong; a [`FaultNo`] is an index here.
    pub faults: Vec<Fault>,
    /// How long each phase takes.
    pub times: Times,
    /// What is sent in the roll call.
    pub roll_call: RollCall,
    /// Checks that this world rightly breaks.
    pub waived: Vec<Waiver>,
}

/// A switch or an access point, on which hosts reach each other without a router.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Segment {
    /// Its name in the scenario.
    pub name: String,
    /// What it does with multicast.
    pub multicast: Multicast,
    /// By how much it delays multicast, if it does.
    #[serde(with = "crate::time::text")]
    pub multicast_delay: Duration,
    /// Whether it keeps its hosts apart, so that each reaches routers only.
    pub isolated: bool,
}

/// A router: passes unicast between segments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Router {
    /// Its legs, at least two.
    pub legs: Vec<Interface>,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Host {
    /// Its name in the scenario; no other host has it. Under it, `--peer` finds it.
    pub name: String,
    /// What it calls itself; others may call themselves the same.
    pub host_name: String,
    /// Its interfaces beside loopback, at most one on each segment.
    pub interfaces: Vec<Interface>,
    /// By how many parts in a million its clock is too fast, or with a minus too slow.
    pub clock_ppm: i32,
}

/// A plug on a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Interface {
    /// Index of the segment in [`Plan::segments`].
    pub segment: usize,
    /// Its addresses.
    pub addresses: Vec<Address>,
    /// How good its cable, or its place near the access point, is; both directions.
    pub quality: Quality,
}

/// An address and the size of its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Address {
    /// The address. IPv6 link-local ones are of their interface.
    pub ip: IpAddr,
    /// Bits of its network's prefix.
    pub prefix_bits: u8,
}

/// A proxy: one process, which may be killed and started again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Proxy {
    /// Where it runs.
    pub host: HostNo,
    /// Where it listens, on all addresses of its host.
    pub port: u16,
    /// Whether it looks for others and is found, by mDNS.
    pub discovery: bool,
    /// Its `--peer`s, each as `<name of the host>:<port>`, so that they are found again under
    /// other addresses.
    pub peers: Vec<ProxyNo>,
    /// Its options.
    pub options: Options,
    /// When it starts.
    #[serde(with = "crate::time::text")]
    pub start: Duration,
}

/// A client program on the machine of its proxy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Client {
    /// The proxy that it connects to.
    pub proxy: ProxyNo,
    /// The path that it opens, such as `/broadcast/demo`.
    pub channel: String,
    /// What its messages' sizes are drawn from: see [`Send::message`].
    pub seed: u64,
    /// After how long it connects again when its connection ends, or never comes to be, between a
    /// [`Do::Join`] and the next [`Do::Leave`] or [`Do::Vanish`].
    #[serde(with = "crate::time::text")]
    pub retry: Duration,
    /// What it does when, in order of time. Whoever is on its channel at the end of the story stays
    /// until [`Phase::Leaving`].
    pub actions: Vec<Action>,
}

/// Something that a client does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Action {
    /// When, since the start of the world.
    #[serde(with = "crate::time::text")]
    pub at: Duration,
    /// What.
    #[serde(rename = "do")]
    pub what: Do,
}

/// What a client does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Do {
    /// Opens its channel, and opens it again whenever it is lost.
    Join,
    /// Closes it in order.
    Leave,
    /// Drops the connection without a Close frame, as a program that is killed does.
    Vanish,
    /// Begins to send. What falls into a time without a connection is not sent at all.
    Send(Send),
}

/// A row of messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Send {
    /// How many turns.
    pub turns: u32,
    /// Time from turn to turn; a turn waits if the socket takes no more.
    #[serde(with = "crate::time::text")]
    pub every: Duration,
    /// Messages in each turn, back to back.
    pub burst: u32,
    /// Least and most bytes in a message.
    pub bytes: (u32, u32),
    /// Share of binary messages, 0 to 1.
    pub binary: f64,
}

/// How long each phase takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Times {
    /// [`Phase::Story`].
    #[serde(with = "crate::time::text")]
    pub story: Duration,
    /// [`Phase::Settling`].
    #[serde(with = "crate::time::text")]
    pub settling: Duration,
    /// [`Phase::RollCall`].
    #[serde(with = "crate::time::text")]
    pub roll_call: Duration,
    /// [`Phase::Leaving`].
    #[serde(with = "crate::time::text")]
    pub leaving: Duration,
    /// [`Phase::Left`], in which the proxies are stopped after they were looked at.
    #[serde(with = "crate::time::text")]
    pub left: Duration,
}

/// What each client that is there sends in [`Phase::RollCall`], beginning at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RollCall {
    /// Messages.
    pub messages: u32,
    /// Bytes in each.
    pub bytes: u32,
    /// Time between two of them.
    #[serde(with = "crate::time::text")]
    pub every: Duration,
}

impl Default for RollCall {
    fn default() -> Self {
        Self { messages: 3, bytes: 64, every: Duration::from_millis(100) }
    }
}

/// A check that a world rightly breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Waiver {
    /// The check's name: one of [`crate::check::NAMES`].
    pub check: String,
    /// Why it does not hold here.
    pub reason: String,
}

impl Send {
    /// Size in bytes of the message `number` (counted from 0 over all that the client ever sends),
    /// and whether it is binary. `seed` is the client's. Small ones are as frequent as large ones:
    /// first the power of two is drawn, then the size within it.
    #[must_use]
    pub fn message(&self, seed: u64, number: u32) -> (u32, bool) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(u64::from(number));
        let (min, max) = self.bytes;
        let power = rng.random_range(min.max(1).ilog2()..=max.max(1).ilog2());
        let from = min.max(1 << power);
        let to = max.min((1_u32 << power) + ((1 << power) - 1));
        let bytes = rng.random_range(from..=to.max(from));
        (bytes, rng.random_bool(self.binary))
    }
}

impl Plan {
    /// Reads a plan that was saved, and sees that it can be run.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn from_json(text: &str) -> Result<Self, PlanError> {
        let plan: Self = serde_json::from_str(text)?;
        plan.check()?;
        Ok(plan)
    }

    /// The plan as a file to be read by [`Plan::from_json`].
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("everything in a plan has a form in JSON")
    }

    /// The host of this number.
    #[must_use]
    pub fn host(&self, host: HostNo) -> &Host {
        &self.hosts[host.0 as usize]
    }

    /// The proxy of this number.
    #[must_use]
    pub fn proxy(&self, proxy: ProxyNo) -> &Proxy {
        &self.proxies[proxy.0 as usize]
    }

    /// The client of this number.
    #[must_use]
    pub fn client(&self, client: ClientNo) -> &Client {
        &self.clients[client.0 as usize]
    }

    /// The fault of this number.
    #[must_use]
    pub fn fault(&self, fault: FaultNo) -> &Fault {
        &self.faults[fault.0 as usize]
    }

    /// The time that this world needs to be well again after its faults. A dead link is found after
    /// two keep-alives, and dialled again after 30 s at most. Questions by multicast for what was
    /// lost come at intervals that double, so the next may take as long as the longest fault did.
    #[must_use]
    pub fn settle_time(&self) -> Duration {
        let keep_alive = self.proxies.iter().map(|proxy| proxy.options.keep_alive).max();
        let longest = self.faults.iter().filter_map(|fault| fault.lasting).max();
        2 * keep_alive.unwrap_or_default() + REDIAL_TIME + 2 * longest.unwrap_or_default()
    }

    /// When a phase begins.
    #[must_use]
    pub fn start_of(&self, phase: Phase) -> Duration {
        let t = &self.times;
        let before: &[Duration] = match phase {
            Phase::Story => &[],
            Phase::Settling => &[t.story],
            Phase::RollCall => &[t.story, t.settling],
            Phase::Leaving => &[t.story, t.settling, t.roll_call],
            Phase::Left => &[t.story, t.settling, t.roll_call, t.leaving],
            Phase::Ended => &[t.story, t.settling, t.roll_call, t.leaving, t.left],
        };
        before.iter().sum()
    }
}
