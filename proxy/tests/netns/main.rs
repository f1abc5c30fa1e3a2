//! Proxies on real hosts: network namespaces with bridges and cables between them, in each the
//! real program with its real multicast DNS.
//!
//! Needs root and iproute2; without them each test says so and passes, or fails where
//! `NWS_REQUIRE_NETNS` is set. Single tests need `avahi-daemon` with `avahi-utils`, and `nft`.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `lab.rs`, `program.rs`, `client.rs`, `engine.rs`, `wire.rs`, `multicast.rs`, `foreign.rs` | tools |
//! | the others | tests, by subject |
//!
//! Proxies find each other by mdns-sd, or by what `NWS_NETNS_MDNS` says: `builtin`, or `mixed` for
//! both by turns.
//!
//! Silence is proved by what is heard later on the same way, and by the proxies' own counts.

#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "these are threads and sockets on the real clock")]
#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]

mod client;
mod engine;
mod foreign;
mod lab;
mod multicast;
mod program;
mod wire;

mod access;
mod avahi;
mod cables;
mod engines;
mod exchange;
mod first_message;
mod hostile;
mod names;
mod old_proxy;
mod peers;
mod stop;
mod switch;

use std::thread;
use std::time::{Duration, Instant};

/// What a busy machine may take for what is done in milliseconds on an idle one.
const SOON: Duration = Duration::from_secs(40);

/// Waits until `ready` gives something, and panics with its last complaint if that is too late.
fn wait<T>(what: &str, limit: Duration, mut ready: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match ready() {
            Ok(value) => return value,
            Err(why) if start.elapsed() > limit => {
                panic!("{what}: not within {limit:?}: {why}")
            }
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// `value` if `right`, else the complaint.
fn check(right: bool, complaint: impl FnOnce() -> String) -> Result<(), String> {
    if right { Ok(()) } else { Err(complaint()) }
}
