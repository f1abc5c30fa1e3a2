//! Thousands of worlds: `cargo test --release -p simnet --features planted-bugs --test worlds`.
//!
//! - Every built-in scenario and random world holds what must hold, with the real proxy code.
//! - The same seed gives the same digest of all records and packets: twice in one process, and in
//!   another one.
//! - Bugs planted in the proxy are found. A simulator that finds nothing proves nothing.
//!
//! `NWS_SEEDS` sets how many random worlds are run; the default is for continuous integration.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use proxy::bugs::Bug;

/// Random worlds that are only run.
const SEEDS: u32 = 150;

/// Random worlds that are run three times, in two processes.
const SAME_SEEDS: u32 = 100;

/// Seeds within which a planted bug must be found.
const BUG_SEEDS: u32 = 200;

fn simnet(args: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_simnet")).args(args).output();
    output.expect("the program was built with this test")
}

/// Runs a sweep in which nothing may fail; gives its last line.
fn sound(args: &[&str]) -> String {
    let output = simnet(args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "simnet {}:\n{text}\n{errors}", args.join(" "));
    text.lines().last().unwrap_or_default().to_owned()
}

/// The digest of each world of a sweep's results.
fn digests(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).expect("the results");
    let results: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    let each = results.iter().map(|result| {
        let digest = result["digest"].as_str().expect("each has one").to_owned();
        (format!("{} {}", result["target"], result["seed"]), digest)
    });
    each.collect()
}

/// Runs each world of a sweep twice in one process, and once more in another.
fn same_three_times(target: &str, seeds: u32) -> usize {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = (folder.path().join("one.json"), folder.path().join("two.json"));
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let seeds = seeds.to_string();
    let base = ["sweep", target, "--seeds", &seeds];
    println!("{}", sound(&[&base[..], &["--twice", "--json", &path(&one)]].concat()));
    println!("{}", sound(&[&base[..], &["--json", &path(&two)]].concat()));
    let (one, two) = (digests(&one), digests(&two));
    assert_eq!(one, two, "another process ran {target} otherwise");
    let distinct: std::collections::BTreeSet<_> = one.values().collect();
    assert_eq!(distinct.len(), one.len(), "each world is another, so digests tell them apart");
    one.len()
}

#[test]
fn scenarios_are_sound_and_the_same_each_time() {
    assert_eq!(same_three_times("all", 1), simnet::scenario::builtin().len());
}

#[test]
fn random_worlds_are_the_same_each_time() {
    assert_eq!(same_three_times("random", SAME_SEEDS), SAME_SEEDS as usize);
}

#[test]
fn random_worlds_are_sound() {
    let seeds = std::env::var("NWS_SEEDS").unwrap_or_else(|_| SEEDS.to_string());
    // Others than those above.
    println!("{}", sound(&["sweep", "random", "--first", "1000", "--seeds", &seeds]));
}

/// Where a bug shows itself: most in random worlds.
fn hunting_ground(bug: Bug) -> &'static str {
    match bug {
        // Its queue must exceed what many senders may add to it rightly.
        Bug::NoHold => "slow-reader",
        // Only a hostile advert leads there.
        Bug::LinkToSelf => "hostile-adverts",
        _ => "random",
    }
}

#[test]
fn planted_bugs_are_found() {
    let seeds = BUG_SEEDS.to_string();
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        let (target, name) = (hunting_ground(bug), format!("{bug:?}"));
        let output =
            simnet(&["sweep", target, "--bug", &name, "--seeds", &seeds, "--stop-after", "1"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let found = text.lines().find(|line| line.starts_with("FAILED")).unwrap_or_default();
        let seed = text.lines().next().unwrap_or_default();
        println!("{name}: {seed}: {found}");
        if output.status.success() || found.contains("no-panic") {
            missed.push(bug);
        }
    }
    assert!(missed.is_empty(), "not found within {BUG_SEEDS} seeds: {missed:?}");
}
