//! `simnet list`.

use simnet::scenario::{Scenario, builtin};

use super::Failure;
use super::out::Words;
use super::target::RANDOM;

/// List the built-in scenarios.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Prints each scenario's name and what it shows.
pub(super) fn list(_: &Args) -> Result<(), Failure> {
    let width = builtin().iter().map(|scenario| scenario.name.len()).max().unwrap_or_default();
    for each in builtin() {
        let scenario = Scenario::find(each.name).map_err(Failure::failed)?;
        Words::Output.say(&format!("{:width$}  {}", each.name, scenario.title))?;
    }
    Words::Output.say(&format!(
        "{RANDOM:width$}  a world whose seed draws its hosts, links, clients, traffic and faults"
    ))
}
