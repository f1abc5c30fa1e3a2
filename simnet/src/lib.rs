//! Simulated networks for Named WebSockets proxies: the real proxy code on virtual hosts.
//!
//! Two engines run them. The [`fabric`] is a network of our own: links that lose and delay, TCP that
//! retransmits, multicast, faults, for hundreds of hosts. [turmoil](https://docs.rs/turmoil)
//! ([`TurmoilNet`]) is the second opinion, for small worlds. The test `parity` holds both against this
//! machine's loopback. A [`Board`] stands in for multicast where discovery is not the subject.

mod board;
pub mod event;
pub mod fabric;
pub mod time;
mod turmoil_net;

pub use board::{Board, BoardDiscovery};
pub use turmoil_net::TurmoilNet;
