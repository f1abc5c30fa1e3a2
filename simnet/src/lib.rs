//! Simulated networks for Named WebSockets proxies: the real proxy code on virtual hosts.
//!
//! Two engines run them. The [`fabric`] is a network of our own: links that lose and delay, TCP that
//! retransmits, multicast, faults, for hundreds of hosts. [turmoil](https://docs.rs/turmoil)
//! ([`TurmoilNet`]) is the second opinion, for small worlds. The test `parity` holds both against this
//! machine's loopback. A [`Board`] stands in for multicast where discovery is not the subject.

mod board;
pub mod check;
pub mod event;
pub mod fabric;
pub mod run;
pub mod scenario;
pub mod shrink;
pub mod time;
pub mod trace;
mod turmoil_net;
pub mod world;

pub use board::{Board, BoardDiscovery};
pub use turmoil_net::TurmoilNet;
