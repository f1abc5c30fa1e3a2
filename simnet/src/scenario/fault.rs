//! What goes wrong in a scenario, as a person writes it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::text;
use crate::fabric::quality::Quality;

/// What may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `from` does not reach `to`, nor with `both-ways` (the default) the other way.
    Partition,
    /// The links of `hosts` or `segments` have another `quality`.
    Lossy,
    /// The cables of `hosts` are out, of all or only on `segments`.
    Unplugged,
    /// `proxies` are killed.
    Kill,
    /// `proxies` are stopped in order.
    Restart,
    /// `hosts` have no power.
    PowerLoss,
    /// `hosts` sleep.
    Sleep,
    /// `hosts` have other addresses.
    NewAddresses,
    /// Clocks of `hosts` are too fast or slow by `clock-ppm`.
    ClockDrift,
    /// `clients` read `bytes-per-second`.
    SlowReader,
    /// `clients` do not read.
    StalledReader,
    /// `hosts` (one) send `packets-per-second` with `attacks`.
    MdnsStorm,
}

/// What a hostile host sends by mDNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attack {
    /// Adverts of proxies that do not exist, at its own address, on the channels of the world.
    SpoofedAdverts,
    /// Adverts with a TXT record of thousands of bytes.
    OversizeTxt,
    /// Adverts whose SRV record leads to hosts elsewhere: other networks, loopback, multicast, and
    /// the hosts of the world themselves.
    SrvElsewhere,
    /// Goodbyes for the adverts of others.
    FalseGoodbyes,
    /// Claims to the instance names of others, with other data.
    NameClaims,
    /// Bytes that are no DNS.
    Garbage,
}

impl Attack {
    /// All there are.
    pub const ALL: [Self; 6] = [
        Self::SpoofedAdverts,
        Self::OversizeTxt,
        Self::SrvElsewhere,
        Self::FalseGoodbyes,
        Self::NameClaims,
        Self::Garbage,
    ];
}

/// A fault, or a row of the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fault {
    /// What.
    pub what: Kind,
    /// When it begins, since the start of the world.
    #[serde(with = "crate::time::text")]
    pub at: Duration,
    /// How long it lasts.
    #[serde(with = "crate::time::optional", default, skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Duration>,
    /// How many times it happens.
    #[serde(default = "one")]
    pub repeat: u32,
    /// Time from one time to the next.
    #[serde(with = "crate::time::optional", default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
    /// Whether each time the next of those selected suffers, one alone; else all do each time.
    #[serde(default)]
    pub in_turn: bool,
    /// Which hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Which segments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<String>,
    /// Which proxies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proxies: Vec<String>,
    /// Which clients, by the names of their groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<String>,
    /// The hosts that are not heard.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// The hosts that do not hear; by default all others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// Whether a partition is one both ways; it is by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub both_ways: Option<bool>,
    /// The quality meanwhile.
    #[serde(with = "text::quality", default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// Parts in a million by which clocks are too fast, or with a minus too slow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ppm: Option<i32>,
    /// How fast a slow reader reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<u64>,
    /// How fast a storm is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets_per_second: Option<u32>,
    /// What a storm consists of; by default of everything there is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attacks: Vec<Attack>,
}

fn one() -> u32 {
    1
}

impl Fault {
    /// A fault at this time, with nothing else said.
    #[must_use]
    pub fn new(what: Kind, at: Duration) -> Self {
        Self {
            what,
            at,
            lasting: None,
            repeat: 1,
            every: None,
            in_turn: false,
            hosts: Vec::new(),
            segments: Vec::new(),
            proxies: Vec::new(),
            clients: Vec::new(),
            from: Vec::new(),
            to: Vec::new(),
            both_ways: None,
            quality: None,
            clock_ppm: None,
            bytes_per_second: None,
            packets_per_second: None,
            attacks: Vec::new(),
        }
    }
}
