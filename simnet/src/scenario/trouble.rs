//! What goes wrong in a plan, with explicit targets.
//!
//! Troubles may overlap: a host is cut off, a process down or a reader slow for as long as any has it
//! so, and of two qualities the later one counts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Attack;
use super::plan::Address;
use crate::event::{ClientNo, HostNo, ProxyNo};
use crate::fabric::quality::Quality;

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fault {
    /// When it begins.
    #[serde(with = "crate::time::text")]
    pub at: Duration,
    /// For how long; none for good, which only [`Trouble::may_last`] may.
    #[serde(with = "crate::time::optional", default)]
    pub lasting: Option<Duration>,
    /// What.
    pub what: Trouble,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Trouble {
    /// Nothing comes from any of `from` to any of `to`, also not through routers.
    Partition {
        /// Those who are not heard.
        from: Vec<HostNo>,
        /// Those who do not hear.
        to: Vec<HostNo>,
        /// Whether nothing comes the other way either.
        both_ways: bool,
    },
    /// The links have another quality.
    Quality {
        /// Which links.
        links: Vec<Plug>,
        /// Their quality meanwhile.
        quality: Quality,
    },
    /// The cables are out: nothing comes or goes.
    Unplugged {
        /// Which links.
        links: Vec<Plug>,
    },
    /// The processes are killed; they start again when the fault is over, unless it never is.
    Kill {
        /// Which.
        proxies: Vec<ProxyNo>,
    },
    /// The processes are asked to stop; they start again when the fault is over.
    Restart {
        /// Which.
        proxies: Vec<ProxyNo>,
    },
    /// The hosts lose power, with all proxies and clients on them. When they have it again,
    /// proxies start at once.
    PowerLoss {
        /// Which.
        hosts: Vec<HostNo>,
    },
    /// The hosts sleep: nothing runs, no clock, nothing is taken from the network.
    Sleep {
        /// Which.
        hosts: Vec<HostNo>,
    },
    /// The hosts have other addresses. When it is over they have the old ones again.
    NewAddresses {
        /// Which, each with the new addresses of each of its interfaces.
        hosts: Vec<(HostNo, Vec<Vec<Address>>)>,
    },
    /// The hosts' clocks go at another speed.
    ClockDrift {
        /// Which.
        hosts: Vec<HostNo>,
        /// Parts in a million too fast, or with a minus too slow.
        ppm: i32,
    },
    /// The clients read slowly.
    SlowReader {
        /// Which.
        clients: Vec<ClientNo>,
        /// How fast.
        bytes_per_second: u64,
    },
    /// The clients do not read.
    StalledReader {
        /// Which.
        clients: Vec<ClientNo>,
    },
    /// A host sends mDNS packets that it should not.
    MdnsStorm {
        /// From where.
        host: HostNo,
        /// What, in turn.
        attacks: Vec<Attack>,
        /// How many.
        packets_per_second: u32,
    },
}

/// An interface of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Plug {
    /// The host.
    pub host: HostNo,
    /// Index in [`Host::interfaces`](super::planned::Host::interfaces).
    pub interface: usize,
}

impl Fault {
    /// When it is over.
    #[must_use]
    pub fn end(&self) -> Option<Duration> {
        self.lasting.map(|lasting| self.at + lasting)
    }
}

impl Trouble {
    /// Whether it may be for good: what then is left of the world can still be well.
    #[must_use]
    pub fn may_last(&self) -> bool {
        matches!(
            self,
            Self::Kill { .. }
                | Self::PowerLoss { .. }
                | Self::NewAddresses { .. }
                | Self::ClockDrift { .. }
        )
    }

    /// Its name, as scenarios write it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Partition { .. } => "partition",
            Self::Quality { .. } => "lossy",
            Self::Unplugged { .. } => "unplugged",
            Self::Kill { .. } => "kill",
            Self::Restart { .. } => "restart",
            Self::PowerLoss { .. } => "power-loss",
            Self::Sleep { .. } => "sleep",
            Self::NewAddresses { .. } => "new-addresses",
            Self::ClockDrift { .. } => "clock-drift",
            Self::SlowReader { .. } => "slow-reader",
            Self::StalledReader { .. } => "stalled-reader",
            Self::MdnsStorm { .. } => "mdns-storm",
        }
    }
}
