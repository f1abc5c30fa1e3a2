//! Bytes to and from the target: TCP, HTTP heads, frames. Each goes into the case's log.

mod acceptor;
mod conn;
pub mod frame;
mod heads;
pub mod http;
mod tcp;
mod voice;

pub use acceptor::Acceptor;
pub use conn::{Conn, Message, accepting};
pub use frame::Role;
pub use http::{Answer, Request};
pub use tcp::{PATIENCE, Wire, in_haste};
pub use voice::Voice;
