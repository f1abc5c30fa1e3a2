//! The codec against tungstenite, against the letter of RFC 6455, and against its own promises.
//!
//! ```text
//!   streams ──▶ wire bytes ──┬─▶ Decoder ─▶ Batch ─▶ frames() ─▶ events ──┐
//!   (strategies: valid,      │                  └──▶ tungstenite ─▶ same? ├─ same?
//!    wrong, mutated)         └─▶ tungstenite (the oracle) ─────▶ events ──┘
//! ```
//!
//! `judge` is also what the fuzz target calls (`fuzz/`), so it stands without the strategies.

#[cfg(test)]
mod batches;
#[cfg(test)]
mod boundaries;
pub(crate) mod judge;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod strategies;
mod support;
