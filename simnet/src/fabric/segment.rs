//! Segments, which are switches or access points, and routers between them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::link::Link;
use super::packet::{InterfaceId, SegmentId};
use super::quality::Quality;

/// A switch or an access point that interfaces are attached to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SegmentSpec {
    /// How people call it.
    pub name: String,
    /// What every packet suffers here, once however many receive it, between its sender's link
    /// and its receivers'. Perfect by default.
    pub quality: Quality,
    /// What becomes of multicast.
    pub multicast: Multicast,
    /// Whether nothing passes between those attached here, only to and from routers, as on a
    /// guest network.
    pub client_isolation: bool,
}

impl Default for SegmentSpec {
    fn default() -> Self {
        Self {
            name: String::new(),
            quality: Quality::perfect(),
            multicast: Multicast::Deliver,
            client_isolation: false,
        }
    }
}

/// What a segment does with multicast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Multicast {
    /// It goes to all members of the group, as through a switch.
    #[default]
    Deliver,
    /// It goes to nobody.
    Drop,
    /// It waits for the next beacon and is not repeated when lost, as in a wireless network.
    Beacon {
        /// Time between beacons that multicast follows (DTIM), such as 102.4 ms.
        #[serde(with = "crate::time::text")]
        every: Duration,
        /// Share lost at each receiver, beside what its link loses.
        loss: f64,
    },
}

pub(super) struct Segment {
    pub(super) spec: SegmentSpec,
    pub(super) link: Link,
    /// Interfaces with a socket in a group.
    pub(super) members: BTreeMap<IpAddr, BTreeSet<InterfaceId>>,
    /// Routers that this segment has.
    pub(super) routers: Vec<RouterId>,
}

impl Segment {
    pub(super) fn new(spec: SegmentSpec) -> Self {
        let link = Link::new(spec.quality.clone());
        Self { spec, link, members: BTreeMap::new(), routers: Vec::new() }
    }
}

/// One router of a fabric, in the order of their making.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouterId(pub u32);

/// Passes unicast, and no multicast, between its segments.
pub(super) struct Router {
    pub(super) segments: Vec<SegmentId>,
    pub(super) link: Link,
}
