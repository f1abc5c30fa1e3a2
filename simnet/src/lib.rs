//! Simulated local networks for Named WebSockets proxies: the real proxy code on virtual hosts, in
//! one thread, the same run for the same seed.
//!
//! ```text
//!   scenario (TOML, Rust, random) ── seed ──▶ Plan ──▶ world ──▶ engine: fabric, turmoil, loopback
//!                                               │        │
//!                                               │        └─ records ─▶ check, trace, report
//!                                               └─ shrink ◀── what fails
//! ```
//!
//! | module | what it is |
//! | --- | --- |
//! | [`fabric`] | a network of one's own: hosts, links, TCP, UDP, multicast, faults. Knows no proxy |
//! | [`scenario`] | worlds as stories, and the explicit [`Plan`](scenario::Plan)s that they become |
//! | [`world`] | runs a plan with real proxies and clients |
//! | [`event`] | what happens in a world |
//! | [`check`] | what must always hold, and what in the end |
//! | [`trace`] | what is kept of a run: digest, JSON lines, pcapng, figures, a page |
//! | [`run`] | one run with all of these |
//! | [`shrink`] | the smallest plan that still fails |
//!
//! Whoever studies a protocol of their own needs only [`fabric`]; `examples/election.rs` elects a
//! leader over it.
//!
//! A world, run and judged:
//!
//! ```
//! use std::time::Duration;
//! use simnet::run::{Keep, run};
//! use simnet::scenario::{Clients, Fault, Hosts, Kind, Scenario, Traffic};
//! use simnet::world::Engine;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let seconds = Duration::from_secs;
//! let plan = Scenario::new("a proxy is killed and comes back", seconds(20))
//!     .hosts(Hosts::new("desk").count(3))
//!     .clients(Clients::on(["lunch"]).sending(Traffic::every(seconds(1))))
//!     .fault(Fault::new(Kind::Kill, seconds(5)).lasting(seconds(2)).proxies(["desk-1"]))
//!     .plan(42)?;
//! let keep = || Keep { digest: true, figures: true, ..Keep::default() };
//! let outcome = run(&plan, Engine::Fabric, "", keep())?;
//! assert!(outcome.is_sound(), "{:?}", outcome.failures);
//! assert_eq!(outcome.digest, run(&plan, Engine::Fabric, "", keep())?.digest);
//! # Ok(())
//! # }
//! ```

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
