//! What a world is made of, for whoever shows its run to people.

use std::time::Duration;

use serde::Serialize;

use crate::event::{HostNo, ProxyNo};

/// A world before anything happens in it: names for the numbers in its events.
///
/// A number without an entry is shown as itself (`proxy 7`), so a picture may be incomplete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WorldPicture {
    /// The scenario's name.
    pub scenario: String,
    /// The seed of the run.
    pub seed: u64,
    /// The engine that ran it, such as `fabric`.
    pub engine: String,
    /// The command that replays the run.
    pub replay: String,
    /// Names of the segments.
    pub segments: Vec<String>,
    /// The hosts, by [`HostNo`].
    pub hosts: Vec<HostPicture>,
    /// The proxies, by [`ProxyNo`].
    pub proxies: Vec<ProxyPicture>,
    /// The clients, by [`ClientNo`](crate::event::ClientNo).
    pub clients: Vec<ClientPicture>,
    /// The faults, by [`FaultNo`](crate::event::FaultNo): the hosts that each concerns most, to be
    /// marked while it lasts.
    pub faults: Vec<Vec<HostNo>>,
}

/// A host of a [`WorldPicture`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostPicture {
    /// Its name.
    pub name: String,
    /// The segments on which it is: places in the picture's list of them.
    pub segments: Vec<usize>,
}

/// A proxy of a [`WorldPicture`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProxyPicture {
    /// Its name.
    pub name: String,
    /// Where it runs.
    pub host: HostNo,
}

/// A client of a [`WorldPicture`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientPicture {
    /// Its name.
    pub name: String,
    /// The proxy that it uses.
    pub proxy: ProxyNo,
}

/// Something that had to hold and did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// When, after the start of the world.
    #[serde(rename = "ns", serialize_with = "crate::event::as_nanos")]
    pub at: Duration,
    /// The check's name.
    pub check: String,
    /// What was found and what was expected.
    pub text: String,
    /// What went before, as lines of [`Last::about`](super::Last::about).
    pub before: Vec<String>,
}
