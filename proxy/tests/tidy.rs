//! The house rules that no lint knows: see ARCHITECTURE.md.

use std::fs;
use std::path::{Path, PathBuf};

/// A file with more lines than this has more than one subject.
const LINES_MAX: usize = 400;

/// Modules that do no I/O and read no clock (ARCHITECTURE.md, invariant 6).
const PURE: [&str; 6] = [
    "proxy/src/name.rs",
    "proxy/src/outbox.rs",
    "proxy/src/channel.rs",
    "proxy/src/ws/",
    "proxy/src/link/planner/",
    "proxy/src/discovery/advert.rs",
];

/// What only impure modules mention.
const IMPURE: [&str; 6] =
    ["tokio::net", "tokio::io", "tokio::task", "Instant::now", "TokioNet", "async "];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace")
}

/// Our own source files: path from the workspace's root, and text.
fn sources() -> Vec<(String, String)> {
    let (root, mut files) = (root(), Vec::new());
    for folder in
        ["proxy", "simnet", "benches", "fuzz", "conformance", "console", "examples", "polyfill"]
    {
        collect(&root.join(folder), &root, &mut files);
    }
    assert!(files.len() > 40, "the sources are not where they were");
    files
}

fn collect(folder: &Path, root: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() && name != "node_modules" && name != "target" {
            collect(&path, root, files);
        }
        let ours = ["rs", "js", "mjs", "css", "py"];
        if path.extension().is_some_and(|e| ours.contains(&e.to_string_lossy().as_ref())) {
            let relative = path.strip_prefix(root).expect("below the root");
            let text = fs::read_to_string(&path).expect("text");
            files.push((relative.to_string_lossy().into_owned(), text));
        }
    }
}

#[test]
fn files_have_one_subject() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{path} has {lines} lines; the limit is {LINES_MAX}: split it");
    }
}

#[test]
fn every_select_is_biased() {
    let macro_name = concat!("select", "! {");
    let mut found = 0;
    for (path, text) in sources() {
        for (at, _) in text.match_indices(macro_name) {
            let body = text[at + macro_name.len()..].trim_start();
            let line = text[..at].lines().count();
            assert!(body.starts_with("biased;"), "{path}:{line}: an unbiased select is random");
            found += 1;
        }
    }
    assert!(found >= 5, "only {found} were found: is this test still looking right?");
}

#[test]
fn the_core_does_no_io_and_reads_no_clock() {
    let mut seen = [false; PURE.len()];
    for (path, text) in sources() {
        let Some(place) = PURE.iter().position(|pure| path.starts_with(pure)) else { continue };
        seen[place] = true;
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let impure = IMPURE.iter().find(|impure| line.contains(*impure));
            assert!(impure.is_none() || path.contains("/tests/"), "{path}: {line}");
        }
    }
    assert_eq!(seen, [true; PURE.len()], "a pure module is not where it was");
}

#[test]
fn time_comes_from_this_hosts_clock() {
    // mdns-sd has its own thread and clock: no simulator runs it.
    let (seam, real) = ("proxy/src/clock.rs", "proxy/src/discovery/mdns.rs");
    for (path, text) in sources() {
        if !path.starts_with("proxy/src/") || path == seam || path == real {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for banned in ["Instant::now", "time::sleep", "time::timeout", "time::interval", "Sleep,"] {
            let is_test = path.contains("tests/") || path.ends_with("/tests.rs");
            let is_code = |line: &&str| !line.trim_start().starts_with("//") && !is_test;
            let found = code.lines().filter(is_code).find(|line| line.contains(banned));
            let ours = found.is_none_or(|line| line.contains("crate::clock"));
            assert!(ours, "{path}: {found:?} is not the host's clock: use crate::clock");
        }
    }
}
