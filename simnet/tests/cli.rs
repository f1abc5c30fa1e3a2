//! The program, as its users call it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;
use tempfile::TempDir;

/// What one call said, and its exit status.
struct Said {
    status: i32,
    out: String,
    err: String,
}

fn simnet(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simnet"));
    command.current_dir(folder).stdin(Stdio::null());
    command
}

fn said(output: Output) -> Said {
    let text = |bytes| String::from_utf8(bytes).expect("it speaks UTF-8");
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(!err.contains("panicked"), "{err}");
    Said { status: output.status.code().expect("no signal ended it"), out, err }
}

fn call_in(folder: &Path, arguments: &[&str]) -> Said {
    said(simnet(folder).args(arguments).output().expect("it starts"))
}

fn call(arguments: &[&str]) -> Said {
    let folder = TempDir::new().expect("a folder");
    call_in(folder.path(), arguments)
}

fn sound(arguments: &[&str]) -> String {
    let said = call(arguments);
    assert_eq!(said.status, 0, "{arguments:?}: {}{}", said.out, said.err);
    said.out
}

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn list_names_what_there_is() {
    let out = sound(&["list"]);
    for name in ["two-hosts", "long-run", "random"] {
        assert!(out.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}: {out}");
    }
}

#[test]
fn a_run_tells_its_figures() {
    let out = sound(&["run", "two-hosts", "--seed", "7"]);
    assert!(out.starts_with("seed 7   two-hosts   2 proxies   2 clients   0 faults\n"), "{out}");
    assert!(out.contains("multicast") && out.contains("trace hash "), "{out}");
    let run = json(&sound(&["run", "two-hosts", "--json"]));
    assert_eq!(run["failures"], json("[]"));
    assert_eq!(run["figures"]["discovery"]["count"], 2);
}

#[test]
fn a_saved_world_is_the_same_world() {
    let folder = TempDir::new().expect("a folder");
    let saved = call_in(folder.path(), &["run", "two-hosts", "--seed", "5", "--save", "w.json"]);
    let again = call_in(folder.path(), &["run", "w.json"]);
    assert_eq!((saved.status, saved.out), (0, again.out));
    let replayed = call_in(folder.path(), &["replay", "w.json"]);
    assert!(replayed.out.contains("nothing fails here\nthe same again"), "{}", replayed.out);
}

#[test]
fn standard_output_carries_one_thing() {
    let said = call(&["run", "two-hosts", "--trace", "-"]);
    assert_eq!(said.status, 0, "{}", said.err);
    assert!(said.out.lines().all(|line| json(line)["ns"].is_u64()), "{}", said.out);
    assert!(said.err.contains("trace hash"), "{}", said.err);
    let said = call(&["sweep", "two-hosts", "--seeds", "2", "--json", "-"]);
    assert_eq!(json(&said.out).as_array().map(Vec::len), Some(2), "{}", said.out);
    assert!(said.err.contains("2 worlds, 0 failed"), "{}", said.err);
}

#[test]
fn who_reads_only_the_beginning_has_had_enough() {
    for arguments in [&["list"] as &[&str], &["run", "two-hosts", "--trace", "-"]] {
        let folder = TempDir::new().expect("a folder");
        let mut child = simnet(folder.path());
        let child = child.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("it starts");
        drop(child.stdout.take());
        let said = said(child.wait_with_output().expect("it ends"));
        assert_eq!(said.status, 0, "{arguments:?}: {}", said.err);
        assert!(!said.err.contains("error"), "{arguments:?}: {}", said.err);
    }
}

#[test]
fn what_is_wrong_is_told_before_anything_runs() {
    for (arguments, expected) in [
        (&["run", "two-host"] as &[&str], "did you mean \"two-hosts\"?"),
        (&["run", "nosuch.toml"], "cannot read nosuch.toml"),
        (&["run", "nosuch.json"], "cannot read nosuch.json"),
        (&["run", "conference", "--engine", "turmoil"], "more than 40 proxies"),
        (&["sweep", "two-hosts", "--seeds", "0"], "--seeds"),
        (&["sweep", "two-hosts", "--jobs", "0"], "--jobs"),
        (&["sweep", "all", "--seeds", "18446744073709551615"], "there are not"),
        (&["sweep", "two-hosts", "--first", "18446744073709551615", "--seeds", "2"], "not 2 seeds"),
        (&["shrink", "two-hosts"], "nothing to shrink"),
        (&["study", "two-hosts"], "--vary"),
        (&["study", "two-hosts", "--vary", "count"], "is no KEY=VALUE"),
        (&["study", "two-hosts", "--vary", "hosts.0.count="], "a value is missing"),
        (&["study", "two-hosts", "--vary", "hosts.9.count=2"], "nothing at \"9\""),
        (&["study", "two-hosts", "--vary", "hosts.0.cont=2"], "did you mean \"count\"?"),
        (&["study", "two-hosts", "--vary", "hosts.0.count=2,0"], "with hosts.0.count=0: "),
        (&["study", "two-hosts", "--vary", "length=9s", "--vary", "length=8s"], "the same name"),
    ] {
        let said = call(arguments);
        assert_eq!(said.status, 2, "{arguments:?}: {}", said.err);
        assert!(said.err.contains(expected), "{arguments:?}: {}\n  not: {expected}", said.err);
        assert_eq!(said.out, "", "{arguments:?}");
    }
}

#[test]
fn what_cannot_be_written_is_told_before_anything_runs() {
    for arguments in [
        &["run", "two-hosts", "--trace", "no/such"] as &[&str],
        &["run", "two-hosts", "--report", "."],
        &["sweep", "two-hosts", "--seeds", "1000000000000", "--junit", "no/such"],
        &["study", "two-hosts", "--vary", "length=9s", "--seeds", "1000000000000", "--svg", "."],
    ] {
        let said = call(arguments);
        assert_eq!((said.status, said.out.as_str()), (1, ""), "{arguments:?}: {}", said.err);
        assert!(said.err.starts_with("error: cannot write "), "{arguments:?}: {}", said.err);
    }
}

#[test]
fn a_scenario_of_ones_own_is_judged_by_its_lines() {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("my own.toml"), "title = \"x\"\nlength = \"ten\"\n")
        .expect("it can be written");
    let said = call_in(folder.path(), &["run", "my own.toml"]);
    assert_eq!(said.status, 2);
    assert!(said.err.contains("my own.toml:2: \"ten\" is no time"), "{}", said.err);
}

#[test]
fn a_sweep_writes_json_and_junit() {
    let folder = TempDir::new().expect("a folder");
    let arguments = ["sweep", "two-hosts", "--seeds", "3", "--first", "18446744073709551613"];
    let files = ["--twice", "--json", "r.json", "--junit", "r.xml"];
    let said = call_in(folder.path(), &[arguments.as_slice(), &files].concat());
    assert_eq!(said.status, 0, "{}", said.err);
    assert!(said.out.contains("to 18446744073709551615   3 worlds, 0 failed"), "{}", said.out);
    let read = |name| std::fs::read_to_string(folder.path().join(name)).expect("it was written");
    let results = json(&read("r.json"));
    assert_eq!(results.as_array().map(Vec::len), Some(3));
    assert_eq!(results[2]["seed"], u64::MAX);
    assert!(results[0]["digest"] != results[1]["digest"]);
    let xml = read("r.xml");
    let tree = roxmltree::Document::parse(&xml).expect("XML");
    assert_eq!(tree.descendants().filter(|node| node.has_tag_name("testcase")).count(), 3);
}

#[test]
fn a_study_is_a_table_and_a_plot() {
    let folder = TempDir::new().expect("a folder");
    let vary = ["--vary", "hosts:hosts.0.count=2,3", "--vary", "hosts.0.quality=wired,wifi"];
    let arguments = [&["study", "two-hosts", "--seeds", "1"], vary.as_slice()].concat();
    let said = call_in(folder.path(), &arguments);
    assert_eq!(said.status, 0, "{}", said.err);
    let read = |name| std::fs::read_to_string(folder.path().join(name)).expect("it was written");
    let csv = read("study.csv");
    let rows: Vec<&str> = csv.lines().collect();
    assert!(rows[0].starts_with("hosts,hosts.0.quality,seed,"), "{csv}");
    assert_eq!(rows.len(), 5, "{csv}");
    assert!(rows[1].starts_with("2,wired,1,") && rows[4].starts_with("3,wifi,1,"), "{csv}");
    roxmltree::Document::parse(&read("study.svg")).expect("SVG");
}

#[cfg(feature = "planted-bugs")]
#[test]
fn a_planted_bug_is_found_replayed_and_shrunk() {
    let folder = TempDir::new().expect("a folder");
    let bug = ["--bug", "EchoToSender"];
    let with_bug = |arguments: &[&str]| call_in(folder.path(), &[arguments, &bug].concat());
    let swept = with_bug(&["sweep", "two-hosts", "--seeds", "90", "--stop-after", "1"]);
    assert_eq!(swept.status, 1);
    assert!(swept.out.contains("sender-hears-nothing") && swept.out.contains(" of 90 worlds"));
    let again = "simnet --features planted-bugs -- replay two-hosts --seed 1 --bug EchoToSender\n";
    assert!(swept.out.contains(again), "{}", swept.out);
    let other = with_bug(&["shrink", "two-hosts", "--check", "no-duplicates"]);
    assert_eq!(other.status, 2);
    assert!(other.err.contains("what does: sender-hears-nothing\n"), "{}", other.err);
    let shrunk = with_bug(&["shrink", "two-hosts", "--out", "a small one.json"]);
    assert_eq!(shrunk.status, 0, "{}", shrunk.err);
    assert!(shrunk.out.contains("1 proxy   1 client   0 faults"), "{}", shrunk.out);
    assert!(shrunk.out.contains("replay 'a small one.json' --seed 1 --bug"), "{}", shrunk.out);
    let replayed = with_bug(&["replay", "a small one.json"]);
    assert_eq!(replayed.status, 1);
    assert!(replayed.out.contains("sender-hears-nothing"), "{}", replayed.out);
    assert!(replayed.out.contains("the same again"), "{}", replayed.out);
    assert_eq!(call_in(folder.path(), &["replay", "a small one.json"]).status, 0);
}
