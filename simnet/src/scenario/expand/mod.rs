//! From a scenario and a seed to a plan: counts become hosts, groups become members, and what the
//! scenario leaves open is drawn.

mod clients;
mod faults;
mod network;
mod proxies;

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::error::{Place, Wrong, did_you_mean};
use super::plan::{Plan, RollCall, Times};
use super::select::Groups;
use super::{Scenario, planned};
use crate::check;
use crate::event::{HostNo, ProxyNo};
use network::Allotment;

/// Time for a roll call beside its messages: hundreds of them to hundreds of hosts, over bad links.
const ROLL_CALL_TIME: Duration = Duration::from_secs(30);

/// Time for all to leave: links are closed within seconds, and half-dead ones are not waited for.
const LEAVING_TIME: Duration = Duration::from_secs(30);

/// Time for the proxies to stop: somewhat more than they promise.
const LEFT_TIME: Duration = Duration::from_secs(3);

/// A plan in the making.
struct Expansion<'a> {
    scenario: &'a Scenario,
    rng: ChaCha8Rng,
    plan: Plan,
    allotments: Vec<Allotment>,
    hosts: Groups,
    proxies: Groups,
    clients: Groups,
}

/// See [`Scenario::plan`].
pub(super) fn plan(scenario: &Scenario, seed: u64) -> Result<Plan, Wrong> {
    let mut expansion = Expansion {
        scenario,
        rng: ChaCha8Rng::seed_from_u64(seed),
        plan: Plan {
            name: scenario.name.clone(),
            seed,
            segments: Vec::new(),
            routers: Vec::new(),
            hosts: Vec::new(),
            proxies: Vec::new(),
            clients: Vec::new(),
            faults: Vec::new(),
            times: times(scenario),
            roll_call: scenario.roll_call,
            waived: scenario.waived.clone(),
        },
        allotments: Vec::new(),
        hosts: Groups::new("hosts"),
        proxies: Groups::new("proxies"),
        clients: Groups::new("clients"),
    };
    expansion.segments()?;
    expansion.routers()?;
    expansion.hosts()?;
    expansion.proxies()?;
    expansion.clients()?;
    expansion.faults()?;
    expansion.waived()?;
    let Expansion { mut plan, .. } = expansion;
    if scenario.settle.is_none() {
        plan.times.settling = plan.settle_time();
    }
    // What is left to find is what no place of its own tells.
    plan.check().map_err(|error| Place::default().wrong(error.to_string()))?;
    Ok(plan)
}

fn times(scenario: &Scenario) -> Times {
    let RollCall { messages, every, .. } = scenario.roll_call;
    Times {
        story: scenario.length,
        settling: scenario.settle.unwrap_or_default(),
        roll_call: every * messages + ROLL_CALL_TIME,
        leaving: LEAVING_TIME,
        left: LEFT_TIME,
    }
}

impl Expansion<'_> {
    /// A time up to `within`, drawn evenly, in whole milliseconds: to be read by people.
    fn draw(&mut self, within: Duration) -> Duration {
        let millis = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.rng.random_range(0..=millis))
    }

    fn waived(&self) -> Result<(), Wrong> {
        for (nth, waiver) in self.scenario.waived.iter().enumerate() {
            let place = Place::default().entry("waived", nth);
            if !check::NAMES.contains(&waiver.check.as_str()) {
                return Err(place.key("check").wrong(format!(
                    "no check is called {:?}{}; there are: {}",
                    waiver.check,
                    did_you_mean(&waiver.check, check::NAMES),
                    check::NAMES.join(", ")
                )));
            }
            if waiver.reason.trim().is_empty() {
                return Err(place.key("reason").wrong("say why the check does not hold here"));
            }
        }
        Ok(())
    }
}

/// The number of the host at an index.
fn host_no(index: usize) -> HostNo {
    HostNo(u32::try_from(index).expect("hosts are counted in u32"))
}

/// The number of the proxy at an index.
fn proxy_no(index: usize) -> ProxyNo {
    ProxyNo(u32::try_from(index).expect("proxies are counted in u32"))
}
