//! Worlds, told as stories: who is there, what they do, what goes wrong.
//!
//! A [`Scenario`] is what a person writes, in TOML (`simnet/scenarios/README.md` has every key) or
//! in Rust. With a seed it becomes a [`Plan`], in which everything is explicit. The runner and the
//! checkers know plans only.
//!
//! ```
//! use std::time::Duration;
//! use simnet::scenario::{Clients, Fault, Hosts, Kind, Scenario, Traffic};
//!
//! # fn main() -> Result<(), simnet::scenario::ScenarioError> {
//! let seconds = Duration::from_secs;
//! let scenario = Scenario::new("a desk is cut off for a while", seconds(60))
//!     .hosts(Hosts::new("desk").count(3))
//!     .clients(Clients::on(["lunch"]).sending(Traffic::every(seconds(1))))
//!     .fault(Fault::new(Kind::Partition, seconds(10)).lasting(seconds(20)).from(["desk-1"]));
//! let plan = scenario.plan(1)?;
//! assert_eq!((plan.hosts.len(), plan.proxies.len(), plan.clients.len()), (3, 3, 3));
//!
//! let same = Scenario::from_toml(
//!     "three-desks",
//!     r#"
//!     title = "a desk is cut off for a while"
//!     length = "60s"
//!     hosts = [{ name = "desk", count = 3 }]
//!     clients = [{ channels = ["lunch"], send = { every = "1s" } }]
//!     faults = [{ what = "partition", from = ["desk-1"], at = "10s", lasting = "20s" }]
//!     "#,
//! )?;
//! assert_eq!(same.plan(1)?.faults, plan.faults);
//! # Ok(())
//! # }
//! ```

mod builder;
mod builtin;
mod error;
mod expand;
mod fault;
mod parts;
mod plan;
mod random;
mod reach;
mod select;
#[cfg(test)]
mod tests;
mod text;
mod trouble;
mod valid;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use builtin::{Builtin, builtin};
pub use error::ScenarioError;
pub use fault::{Attack, Fault, Kind};
pub use parts::{
    Clients, Discovery, Hosts, Leave, Multicast, Options, Proxies, Router, Scope, Segment, Traffic,
};
pub use plan::{MESSAGE_BYTES_MIN, Plan, RollCall, Waiver};
pub use random::random;
pub use valid::PlanError;

/// The parts of a [`Plan`].
pub mod planned {
    pub use super::plan::{
        Action, Address, Client, Do, Host, Interface, Proxy, Router, Segment, Send, Times,
    };
    pub use super::trouble::{Fault, Plug, Trouble};
}

/// A story to be run with many seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// What it is called: a file's name without `.toml`.
    #[serde(skip)]
    pub name: String,
    /// What it shows, in a line.
    pub title: String,
    /// How long the story is. All clients and faults do their work within it.
    #[serde(with = "crate::time::text")]
    pub length: Duration,
    /// How long it may take until all is well again; by default [`Plan::settle_time`].
    #[serde(with = "crate::time::optional", default, skip_serializing_if = "Option::is_none")]
    pub settle: Option<Duration>,
    /// What is sent in the end to see that everyone hears everyone.
    #[serde(default)]
    pub roll_call: RollCall,
    /// Segments; by default one switch called `lan`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<Segment>,
    /// Routers between them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routers: Vec<Router>,
    /// Hosts, with their proxies.
    pub hosts: Vec<Hosts>,
    /// Clients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<Clients>,
    /// What goes wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// Checks that this world rightly breaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<Waiver>,
    /// The file that it was read from, to name lines in errors.
    #[serde(skip)]
    source: Option<Arc<error::Source>>,
}

impl Scenario {
    /// Reads a scenario; `name` is what it is called, in errors too.
    ///
    /// # Errors
    ///
    /// What is wrong, with its line.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let source = error::Source { file: format!("{name}.toml"), text: text.to_owned() };
        let mut scenario: Self = toml::from_str(text).map_err(|error| source.toml(&error))?;
        name.clone_into(&mut scenario.name);
        scenario.source = Some(Arc::new(source));
        Ok(scenario)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Why it cannot be read, or what is wrong in it, with its line.
    pub fn from_file(path: &Path) -> Result<Self, ScenarioError> {
        let text =
            std::fs::read_to_string(path).map_err(|error| ScenarioError::file(path, &error))?;
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
        Self::from_toml(&name, &text)
    }

    /// The built-in scenario of this name, or the file at this path.
    ///
    /// # Errors
    ///
    /// That there is none, with those whose names are like it, or what is wrong in it.
    pub fn find(name_or_path: &str) -> Result<Self, ScenarioError> {
        let path = Path::new(name_or_path);
        match builtin().iter().find(|builtin| builtin.name == name_or_path) {
            Some(builtin) => Self::from_toml(builtin.name, builtin.text),
            None if path.extension().is_some() || path.exists() => Self::from_file(path),
            None => Err(ScenarioError::unknown(name_or_path)),
        }
    }

    /// The scenario as a file's content.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("everything in a scenario has a form in TOML")
    }

    /// The world that this becomes with `seed`: the same for the same seed.
    ///
    /// # Errors
    ///
    /// What contradicts itself, with its line if it was read from a file.
    pub fn plan(&self, seed: u64) -> Result<Plan, ScenarioError> {
        expand::plan(self, seed).map_err(|wrong| wrong.locate(self.source.as_deref(), &self.name))
    }
}
