//! Readers that are slower than their senders (PROTOCOL.md section 6).

mod links;
mod slow;
mod stalled;

use std::time::Duration;

use crate::case::{Case, Step};
use crate::cases::flood::{Flood, Reader};
use crate::log::Log;
use crate::target::{Instance, Options};

pub(super) const CASES: &[&[Case]] = &[slow::CASES, stalled::CASES, links::CASES];

/// Bytes of one message of a flood.
const LEN: usize = 4096;

/// Kernel buffers of connections whose other end is to notice soon that they are slow, in bytes.
const NARROW: usize = 16 * 1024;

/// A small queue, and a stall time that no case reaches by being slow itself.
fn patient() -> Options {
    Options {
        no_discovery: true,
        queue_bytes: Some(64 * 1024),
        stall_time: Some(Duration::from_secs(600)),
        ..Options::default()
    }
}

/// A small queue, and a stall time that a case can wait for. It is far longer than
/// [`super::flood`] takes to see that a sender is held back, also on a busy machine.
fn impatient() -> Options {
    Options { stall_time: Some(Duration::from_secs(3)), ..patient() }
}

/// Somebody who reads nothing yet, and somebody who is about to send much.
fn reader_and_flood(instance: &Instance, path: &str, log: &Log) -> Step<(Reader, Flood)> {
    let bob = instance.narrow(NARROW, "bob", log)?.client(path)?;
    let alice = instance.narrow(NARROW, "alice", log)?.client(path)?;
    Ok((Reader::new(bob, LEN), Flood::new(alice, LEN)))
}
