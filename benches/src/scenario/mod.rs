//! What is measured. Each scenario gives rows of the table, and judges the bars that it has.

mod contest;
pub(crate) mod fanout;
mod join;
mod link;
mod stalled;
mod workers;

use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use crate::error::Error;
use crate::report::Report;
use crate::servers::{Kind, Programs};

/// A group of measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scenario {
    /// One channel: readers, sizes, messages outstanding, senders, a steady rate.
    Fanout,
    /// Across two to six linked proxies.
    Link,
    /// Connecting, and memory for idle connections.
    Join,
    /// A million messages past a reader that stalls.
    Stalled,
    /// Two busy channels on one worker and on two.
    Workers,
}

/// How much is measured.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) programs: Programs,
    /// Servers beside the floor and the proxy.
    pub(crate) others: Vec<Kind>,
    /// Turns that each server has in one case, by turns; what is shown is their median.
    pub(crate) turns: usize,
    /// Time of one turn.
    pub(crate) turn: Duration,
    /// Numbers of readers in fan-out; all if none is named.
    pub(crate) readers: Vec<usize>,
    /// Whether to show only that all works: few readers, few messages.
    pub(crate) short: bool,
}

impl Scenario {
    /// Measures it.
    pub(crate) fn run(self, plan: &Plan, report: &mut Report) -> Result<(), Error> {
        match self {
            Self::Fanout => fanout::run(plan, report),
            Self::Link => link::run(plan, report),
            Self::Join => join::run(plan, report),
            Self::Stalled => stalled::run(plan, report),
            Self::Workers => workers::run(plan, report),
        }
    }
}
