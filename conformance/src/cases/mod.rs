//! The cases, a file or folder for each area of PROTOCOL.md.

mod access;
mod backpressure;
mod discovery;
mod flood;
mod handshake;
mod lifecycle;
mod limit;
mod link;
mod name;
mod relay;
mod relay_across;
mod scene;
mod websocket;

use crate::case::Case;

/// All cases, in the order of the document.
pub(crate) const ALL: &[&[&[Case]]] = &[
    &[name::CASES],
    handshake::CASES,
    relay::CASES,
    &[relay_across::CASES],
    websocket::CASES,
    backpressure::CASES,
    &[limit::CASES],
    &[access::CASES],
    discovery::CASES,
    link::CASES,
    &[lifecycle::CASES],
];
