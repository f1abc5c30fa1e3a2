//! The parts of a scenario as a person writes them: in groups, with counts and selections.
//!
//! `simnet/scenarios/README.md` documents each key for those who write files; a test keeps the two
//! alike.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::text;
use crate::fabric::quality::Quality;

/// What a segment does with multicast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Multicast {
    /// It reaches everyone.
    #[default]
    Pass,
    /// It reaches no other host: many access points of guest networks do so.
    Drop,
    /// It comes late, as access points deliver it while clients save power.
    Delayed,
}

/// A segment: hosts on it reach each other without a router.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Segment {
    /// Its name; unique.
    pub name: String,
    /// The quality of its links, unless a host has its own.
    #[serde(with = "text::quality", default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// What it does with multicast.
    #[serde(default)]
    pub multicast: Multicast,
    /// By how much it delays multicast if that is `delayed`.
    #[serde(with = "crate::time::text", default = "multicast_delay")]
    pub multicast_delay: Duration,
    /// Whether it keeps its hosts apart.
    #[serde(default)]
    pub isolated: bool,
}

/// Three beacons of an access point.
pub(super) fn multicast_delay() -> Duration {
    Duration::from_millis(300)
}

/// A router between segments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Router {
    /// The segments' names, at least two.
    pub between: Vec<String>,
    /// The quality of its links.
    #[serde(with = "text::quality", default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
}

/// Hosts of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hosts {
    /// The group's name; unique. With a count above 1 its hosts are `<name>-1` and so on.
    pub name: String,
    /// How many.
    #[serde(default = "one")]
    pub count: u32,
    /// The segments that each is on; by default the only one that there is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<String>,
    /// Whether they have IPv4 addresses.
    #[serde(default = "yes")]
    pub ipv4: bool,
    /// Whether they have IPv6 addresses, each a unique local and a link-local one.
    #[serde(default)]
    pub ipv6: bool,
    /// What each calls itself; by default its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// The quality of their links; by default their segments'.
    #[serde(with = "text::quality", default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// By how many parts in a million their clocks are too fast, or with a minus too slow.
    #[serde(default)]
    pub clock_ppm: i32,
    /// When their proxies start.
    #[serde(with = "crate::time::text", default)]
    pub start: Duration,
    /// Over how long their starts spread from there on, drawn evenly.
    #[serde(with = "crate::time::text", default)]
    pub within: Duration,
    /// The proxies on each; by default one. An empty list is a host without.
    #[serde(default = "one_proxy")]
    pub proxies: Vec<Proxies>,
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

fn one_proxy() -> Vec<Proxies> {
    vec![Proxies::default()]
}

impl Default for Hosts {
    fn default() -> Self {
        Self {
            name: "host".to_owned(),
            count: 1,
            on: Vec::new(),
            ipv4: true,
            ipv6: false,
            host_name: None,
            quality: None,
            clock_ppm: 0,
            start: Duration::ZERO,
            within: Duration::ZERO,
            proxies: one_proxy(),
        }
    }
}

/// Proxies on one host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Proxies {
    /// Port of the first.
    pub port: u16,
    /// How many, each on the next port.
    pub count: u16,
    /// Whether they are found and find others by mDNS.
    pub discovery: Discovery,
    /// Proxies that they link with without discovery, as `--peer` does.
    pub peers: Vec<String>,
    /// Options of the program.
    pub options: Options,
}

impl Default for Proxies {
    fn default() -> Self {
        Self {
            port: proxy::DEFAULT_PORT,
            count: 1,
            discovery: Discovery::default(),
            peers: Vec::new(),
            options: Options::default(),
        }
    }
}

/// How proxies find each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Discovery {
    /// By the mDNS engine of this crate.
    #[default]
    Builtin,
    /// Not at all.
    Off,
}

/// Options of a proxy, as its program has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Options {
    /// `--keep-alive`.
    #[serde(with = "crate::time::text")]
    pub keep_alive: Duration,
    /// `--stall-time`.
    #[serde(with = "crate::time::text")]
    pub stall_time: Duration,
    /// `--queue-size`.
    #[serde(with = "text::size")]
    pub queue_size: usize,
    /// `--max-message-size`.
    #[serde(with = "text::size")]
    pub max_message_size: usize,
}

impl Default for Options {
    fn default() -> Self {
        let limits = proxy::Limits::default();
        Self {
            keep_alive: limits.keep_alive,
            stall_time: limits.stall_time,
            queue_size: limits.queue_bytes,
            max_message_size: limits.message_bytes,
        }
    }
}

/// How far a channel reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Across the local network.
    #[default]
    Broadcast,
    /// This machine.
    Local,
}

/// Client programs of one kind, on the machines of their proxies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Clients {
    /// What faults call them; need not be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The proxies that they use; by default all.
    #[serde(default = "all")]
    pub at: Vec<String>,
    /// How many at each proxy on each channel.
    #[serde(default = "one")]
    pub count: u32,
    /// The channels' names.
    pub channels: Vec<String>,
    /// Of the channels, how many are drawn for each proxy; by default all are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pick: Option<u32>,
    /// How far the channels reach.
    #[serde(default)]
    pub scope: Scope,
    /// When they join, after the start of their proxy.
    #[serde(with = "crate::time::text", default = "one_second")]
    pub join: Duration,
    /// Over how long their joining spreads from there on, drawn evenly.
    #[serde(with = "crate::time::text", default)]
    pub within: Duration,
    /// How long they stay; by default to the end.
    #[serde(with = "crate::time::optional", default, skip_serializing_if = "Option::is_none")]
    pub stay: Option<Duration>,
    /// After how long they are back; by default they are not. Again and again, until the story's
    /// last moments.
    #[serde(with = "crate::time::optional", default, skip_serializing_if = "Option::is_none")]
    pub away: Option<Duration>,
    /// How they leave.
    #[serde(default)]
    pub leave: Leave,
    /// After how long they connect again when the connection is lost.
    #[serde(with = "crate::time::text", default = "one_second")]
    pub retry: Duration,
    /// What they send, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send: Option<Traffic>,
}

fn all() -> Vec<String> {
    vec!["all".to_owned()]
}

fn one_second() -> Duration {
    Duration::from_secs(1)
}

impl Default for Clients {
    fn default() -> Self {
        Self {
            name: None,
            at: all(),
            count: 1,
            channels: Vec::new(),
            pick: None,
            scope: Scope::default(),
            join: one_second(),
            within: Duration::ZERO,
            stay: None,
            away: None,
            leave: Leave::default(),
            retry: one_second(),
            send: None,
        }
    }
}

/// How a client leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leave {
    /// It closes the connection in order.
    #[default]
    Close,
    /// It is killed.
    Vanish,
}

/// What a client sends while it is on its channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Traffic {
    /// Time from turn to turn.
    #[serde(with = "crate::time::text")]
    pub every: Duration,
    /// Messages in each turn, back to back.
    pub burst: u32,
    /// How many turns after each joining; by default as many as its stay has room for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turns: Option<u32>,
    /// Turns until a pause; by default there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause_after: Option<u32>,
    /// How long a pause is.
    #[serde(with = "crate::time::text")]
    pub pause: Duration,
    /// After how long it begins, counted from the joining.
    #[serde(with = "crate::time::text")]
    pub after: Duration,
    /// Least and most bytes in a message.
    pub bytes: (u32, u32),
    /// Share of binary messages, 0 to 1.
    pub binary: f64,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            every: one_second(),
            burst: 1,
            turns: None,
            pause_after: None,
            pause: one_second(),
            after: one_second(),
            bytes: (64, 512),
            binary: 0.5,
        }
    }
}
