//! Simulated networks for Named WebSockets proxies: the real proxy code on virtual hosts.
//!
//! So far there is one engine, [turmoil](https://docs.rs/turmoil) ([`TurmoilNet`]), for small
//! worlds, and a [`Board`] in place of multicast, on which adverts are seen at once by everyone.
//! What this proves today is that nothing in the proxy's links and relay resists simulation: the
//! test `three_proxies` runs them through a partition, twice, with the same events.

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
