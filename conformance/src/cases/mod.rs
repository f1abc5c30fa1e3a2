//! The cases, a file or folder for each area of PROTOCOL.md.

mod backpressure;
mod flood;
mod handshake;
mod limit;
mod name;
mod relay;
mod websocket;

use crate::case::Case;

/// All cases, in the order of the document.
pub(crate) const ALL: &[&[&[Case]]] = &[
    &[name::CASES],
    handshake::CASES,
    relay::CASES,
    websocket::CASES,
    backpressure::CASES,
    &[limit::CASES],
];
