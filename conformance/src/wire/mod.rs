//! Bytes to and from the target: TCP, HTTP heads, frames. Each goes into the case's log.

mod conn;
pub mod frame;
pub mod http;
mod tcp;

pub use conn::{Conn, Message};
pub use frame::Role;
pub use http::{Answer, Request};
pub use tcp::{Acceptor, PATIENCE, Wire};
