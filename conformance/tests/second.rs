//! A second, independent implementation as a target: `targets/minimal`, with its known deviations.

mod support;

use conformance::lan;
use conformance::target::Source;
use support::{conformance, has_websockets, missing};

/// The target's file.
const TARGET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/targets/minimal/target.toml");

/// How it is started, from wherever.
const COMMAND: &str =
    concat!("python3 ", env!("CARGO_MANIFEST_DIR"), "/targets/minimal/minimal.py --port {port}");

#[test]
fn it_does_what_its_file_says() {
    if !Source::from_environment().is_silent() {
        return println!("skipped: the environment names another target");
    }
    if !has_websockets() {
        return missing("Python's websockets");
    }
    if lan::unavailable().is_some() {
        return println!("skipped: its deviations are those that show on hosts of its own");
    }
    let done = conformance(&["run", "--target", TARGET]);
    assert_eq!(done.code, 0, "{done}");
    assert!(done.output.contains(" passed"), "{done}");
}

#[test]
fn a_deviation_that_stops_failing_fails_the_run() {
    if !has_websockets() {
        return missing("Python's websockets");
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let text = "name = \"better\"\n[[expect]]\ncase = \"name/empty-refused\"\n\
                verdict = \"fail\"\nreason = \"it was so\"\n";
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    let target = file.path().to_str().unwrap();
    let done = conformance(&["run", "name/empty", "--target", target, "--command", COMMAND]);
    assert_eq!(done.code, 1, "{done}");
    for part in ["fail: it was so", "it passes; remove it from the target's file"] {
        assert!(done.output.contains(part), "{part} in {done}");
    }
}
