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

use crate::discovery::Told;
use crate::fault::Fault;

/// The sound proxy. Everything is taken apart and put together again, so that what the suite catches
/// is a fault and not the way in which it is made.
pub(crate) const NONE: Fault = Fault::new("none", "", "nothing wrong")
    .request(|_, _| {})
    .answer(|_, _| {})
    .dial(|_, _| {})
    .dial_answer(|_, _| {})
    .joined(|_| {})
    .received(|frame, line| line.pass_in(&frame))
    .sent(|frame, line| line.pass_out(&frame))
    .advert(|advert, _| vec![Told::Advert(advert)])
    .sighting(|sighting, _| Some(sighting));

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
