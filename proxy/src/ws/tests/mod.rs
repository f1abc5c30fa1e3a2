//! The codec against tungstenite, against the letter of RFC 6455, and against its own promises.
//!
//! ```text
//!   streams ──▶ wire bytes ──┬─▶ Decoder ─▶ Batch ─▶ frames() ─▶ events ──┐
//!   (strategies: valid,      │                  └──▶ tungstenite ─▶ same? ├─ same?
//!    wrong, mutated)         └─▶ tungstenite (the oracle) ─────▶ events ──┘
//! ```

mod batches;
mod boundaries;
mod memory;
mod oracle;
mod strategies;
mod support;
