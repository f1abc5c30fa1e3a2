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
    /// The hosts by [`HostNo`]: their names, and the segments on which they are (places in
    /// `segments`).
    pub hosts: Vec<(String, Vec<usize>)>,
    /// The proxies by [`ProxyNo`]: their names and hosts.
    pub proxies: Vec<(String, HostNo)>,
    /// The clients by [`ClientNo`](crate::event::ClientNo): their names and the proxies that they
    /// use.
    pub clients: Vec<(String, ProxyNo)>,
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
}
