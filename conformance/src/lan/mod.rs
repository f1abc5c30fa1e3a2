//! Hosts, cables and switches, made of network namespaces.
//!
//! ```text
//!   alice  eth0 ══╗                  ══ a veth pair
//!   bob    eth0 ══╬══ lan0           a bridge for each network, all in one namespace
//!   carol  eth0 ══╝
//!          eth1 ═════ lan1           Lan::connect: on both networks
//! ```
//!
//! Host N of network L has 10.77.L.N/24, fd77:0:0:L::N/64 and a link-local address. Nothing here
//! has a name in the file system or outlives the suite, however the suite ends: each namespace
//! hangs on a pipe from it.

mod host;
mod namespace;
mod network;
mod sandbox;
mod tap;
#[cfg(test)]
pub(crate) mod tests;

use std::io;
use std::process::Command;
use std::sync::OnceLock;

pub use host::Host;
pub use network::Lan;
pub use sandbox::enter_sandbox;
pub use tap::Tap;

use crate::case::{Step, Stop};
use crate::log::Log;

/// Why there can be no hosts here, if so. Found out once, by trying.
pub fn unavailable() -> Option<&'static str> {
    static WHY: OnceLock<Option<String>> = OnceLock::new();
    WHY.get_or_init(|| attempt().err()).as_deref()
}

fn attempt() -> Result<(), String> {
    if cfg!(not(target_os = "linux")) {
        return Err("hosts are made of network namespaces, which only Linux has".into());
    }
    for (program, argument, package) in
        [("ip", "-V", "iproute2"), ("unshare", "--version", "util-linux")]
    {
        if let Err(error) = Command::new(program).arg(argument).output() {
            return Err(format!("`{program}` does not run ({error}): install {package}"));
        }
    }
    let made = Lan::build(&Log::new()).and_then(|lan| lan.build_host("trial"));
    made.map(drop).map_err(|error| match rustix::process::geteuid().is_root() {
        true => format!("network namespaces are not allowed: {error}"),
        false => format!("user namespaces are not allowed, and this is not root: {error}"),
    })
}

/// A host that could not be made tells nothing about the target.
fn or_skip<T>(made: impl FnOnce() -> io::Result<T>) -> Step<T> {
    if let Some(why) = unavailable() {
        return Err(Stop::skip(format!("needs hosts of its own, but {why}")));
    }
    made().map_err(|error| Stop::skip(format!("the network could not be made: {error}")))
}
