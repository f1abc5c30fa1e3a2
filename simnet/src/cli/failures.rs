//! How failures are told.

use simnet::run::Outcome;
use simnet::scenario::Plan;
use simnet::world::Engine;

use super::bug;

/// One line of what a world is made of, such as `seed 1   two-hosts   2 proxies   2 clients`.
pub(super) fn headline(plan: &Plan) -> String {
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    [
        format!("seed {}", plan.seed),
        plan.name.clone(),
        match plan.proxies.len() {
            1 => "1 proxy".to_owned(),
            n => format!("{n} proxies"),
        },
        count(plan.clients.len(), "client"),
        count(plan.faults.len(), "fault"),
    ]
    .join("   ")
}

/// Failures that are told whole; the rest are counted.
const TOLD: usize = 5;

/// What failed, what came before it, and how to see it again; nothing if all is well.
pub(super) fn told(outcome: &Outcome, replay: &str) -> String {
    let mut text = String::new();
    for failed in outcome.failures.iter().take(TOLD) {
        let at = failed.at.as_secs_f64();
        text += &format!("FAILED at {at:.3} s   {}: {}\n", failed.check, failed.text);
        for line in &failed.before {
            text += &format!("  {line}\n");
        }
    }
    let more = outcome.failures.len().saturating_sub(TOLD) + outcome.more_failures;
    if more > 0 {
        text += &format!("and {more} more\n");
    }
    if !outcome.is_sound() {
        text += &format!("replay: {replay}\n");
    }
    text
}

/// The command that runs a world again.
pub(super) fn replay_command(target: &str, seed: u64, engine: Engine, bug: bug::Planted) -> String {
    let (features, bug) = match bug.name() {
        Some(bug) => (" --features planted-bugs", format!(" --bug {bug}")),
        None => ("", String::new()),
    };
    let on = match engine {
        Engine::Fabric => String::new(),
        other => format!(" --engine {other}"),
    };
    let target = shell_words::quote(target);
    format!("cargo run --release -p simnet{features} -- replay {target} --seed {seed}{on}{bug}")
}
