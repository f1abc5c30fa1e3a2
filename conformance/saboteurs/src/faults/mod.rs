//! All faults, one row for each: its name, the clause that it breaks, what it does, and how.

mod access;
mod discovery;
mod flow;
mod handshake;
mod id;
mod lifecycle;
mod link;
mod name;
mod relay;
mod websocket;

use crate::fault::Fault;

/// The sound proxy, behind the same wrapper.
pub(crate) const NONE: Fault = Fault::new("none", "", "nothing wrong");

const ALL: &[&[Fault]] = &[
    name::FAULTS,
    handshake::FAULTS,
    relay::FAULTS,
    websocket::FAULTS,
    flow::FAULTS,
    access::FAULTS,
    discovery::FAULTS,
    link::FAULTS,
    id::FAULTS,
    lifecycle::FAULTS,
];

/// Every fault, in the order of the document.
pub(crate) fn all() -> impl Iterator<Item = &'static Fault> {
    ALL.iter().copied().flatten()
}
