//! A black-box suite for Named WebSockets proxies.
//!
//! It starts a proxy, or talks to one that runs, and judges it clause by clause of PROTOCOL.md:
//!
//! ```text
//!  target ── the program under test, in a network namespace of its own
//!    ▲
//!    │ wire: HTTP and frames, byte by byte      mdns: packets, as another host of the network
//!    │
//!  cases ── one for each thing that a clause asks for ── world: instances, hosts, names
//!    │
//!  run ──── verdicts: pass, fail, not strict, skipped with its reason
//!    │
//!  report ─ terminal, JSON, JUnit, HTML
//! ```
//!
//! A case sends, and expects. What takes time has a limit that only failures reach; that nothing
//! comes is shown by what comes next.

pub mod case;
pub mod cases;
pub mod clause;
mod descriptors;
pub mod filter;
pub mod harness;
pub mod lan;
pub mod log;
pub mod mdns;
mod reach;
pub mod report;
pub mod run;
pub mod runner;
pub mod target;
pub mod wire;
pub mod world;
