//! Being root for oneself, where one is not root.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// Set in the program that runs inside.
const GUARD: &str = "NWS_SANDBOX";

/// Runs the program again as root of a user namespace of its own, if it may not make network
/// namespaces as it is but may there. Does nothing otherwise; [`super::unavailable`] says why.
///
/// Must be the first act of `main`: it replaces the program, with the same arguments. The network
/// stays what it was, so that a target that runs already can be reached.
pub fn enter_sandbox() {
    if std::env::var_os(GUARD).is_some() || works(&["--net"]) {
        return;
    }
    let user = ["--user", "--map-root-user"];
    let Ok(program) = std::env::current_exe() else { return };
    if works(&[&user[..], &["--net", "--pid", "--fork"]].concat()) {
        let mut again = Command::new("unshare");
        again.args(user).arg("--").arg(program).args(std::env::args_os().skip(1));
        // It comes back only if it failed; then there are no hosts.
        let _ = again.env(GUARD, "1").exec();
    }
}

/// Whether `unshare` does this here.
fn works(arguments: &[&str]) -> bool {
    let mut command = Command::new("unshare");
    command.args(arguments).arg("true").stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
