//! What is to be run: a scenario, a random world, or a world saved in a file.

use std::path::Path;

use simnet::scenario::{Plan, Scenario, random};

use super::Failure;

/// The name under which random worlds are asked for.
pub(super) const RANDOM: &str = "random";

/// Something that becomes a world with a seed.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// A scenario.
    Scenario(Box<Scenario>),
    /// A world whose seed draws everything.
    Random,
    /// A world that is explicit already.
    Plan(Box<Plan>),
}

impl Target {
    /// The built-in scenario of this name, `random`, or the file at this path: TOML for a
    /// scenario, JSON for a world.
    pub(super) fn find(name: &str) -> Result<Self, Failure> {
        let path = Path::new(name);
        if name == RANDOM {
            Ok(Self::Random)
        } else if path.extension().is_some_and(|extension| extension == "json") {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::Wrong(format!("cannot read {name}: {error}")))?;
            let plan = Plan::from_json(&text)
                .map_err(|error| Failure::Wrong(format!("{name} is no world: {error}")))?;
            Ok(Self::Plan(Box::new(plan)))
        } else {
            Scenario::find(name)
                .map(|scenario| Self::Scenario(Box::new(scenario)))
                .map_err(Failure::wrong)
        }
    }

    /// The world that it becomes with this seed. A world that is explicit already keeps what it
    /// is, and draws from another seed while it runs.
    pub(super) fn plan(&self, seed: u64) -> Result<Plan, Failure> {
        match self {
            Self::Scenario(scenario) => scenario.plan(seed).map_err(Failure::wrong),
            Self::Random => random(seed).plan(seed).map_err(Failure::wrong),
            Self::Plan(plan) => Ok(Plan { seed, ..(**plan).clone() }),
        }
    }

    /// The seed to run it with if none is given.
    pub(super) fn seed(&self) -> u64 {
        match self {
            Self::Plan(plan) => plan.seed,
            _ => 1,
        }
    }
}
