//! Runs the program `conformance` as a person does.
#![allow(dead_code, reason = "no test uses all of it")]

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A target in Python that answers 404 and crashes.
pub(crate) const BROKEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/targets/broken.py");

/// How a run of the program ended.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit status {}\n{}\n{}", self.code, self.output, self.errors)
    }
}

/// Runs it with nothing in the environment about a target, and with our Python first.
pub(crate) fn conformance(arguments: &[&str]) -> Done {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    for name in ["NWS_TARGET_CMD", "NWS_TARGET_URL", "NWS_TARGET_FILE"] {
        command.env_remove(name);
    }
    let done = with_python(&mut command).args(arguments).output().expect("it is built");
    Done {
        code: done.status.code().unwrap_or(-1),
        output: String::from_utf8(done.stdout).expect("it says text"),
        errors: String::from_utf8(done.stderr).expect("it says text"),
    }
}

/// Whether there is a `python3`.
pub(crate) fn python_runs() -> bool {
    runs(Command::new("python3").arg("--version"))
}

/// Whether it has the library `websockets`.
pub(crate) fn has_websockets() -> bool {
    runs(with_python(Command::new("python3").args(["-c", "import websockets.asyncio.server"])))
}

/// Says why something is skipped; where all must run (`NWS_REQUIRE_FOREIGN`), fails instead.
pub(crate) fn missing(what: &str) {
    let required = std::env::var_os("NWS_REQUIRE_FOREIGN").is_some();
    assert!(!required, "{what} is missing; ./test installs it");
    println!("skipped: {what} is missing; ./test installs it");
}

/// Looks for programs in the environment that ./test makes, before all others.
fn with_python(command: &mut Command) -> &mut Command {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.test/venv/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = [venv].into_iter().chain(std::env::split_paths(&path)).collect();
    command.env("PATH", std::env::join_paths(folders).expect("they came from a path"))
}

fn runs(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
