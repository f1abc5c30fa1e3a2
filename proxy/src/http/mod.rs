//! The HTTP side: which paths there are, who may open them, and the WebSocket upgrade.
//!
//! ```text
//!   request ─▶ route ─▶ method ─▶ access ─▶ page, status, metrics
//!              404      405       403     └▶ upgrade ─▶ 101, and the connection is a member
//!                                            400, 409, 426
//! ```
//!
//! Every refusal is a short plain text that says what was wrong and what is allowed.

mod access;
mod files;
mod page;
mod refusal;
mod route;
mod upgrade;

pub use access::Access;
pub(crate) use access::{Asker, Here};
pub(crate) use page::{Response, file, moved, with_type};
pub(crate) use refusal::Refusal;
pub(crate) use route::{Page, Route};
pub(crate) use upgrade::{
    Handshake, LINK_HEADER, PROXY_HEADER, TWO_WAY, TWO_WAY_HEADER, header_of, is_link,
    is_sound_answer, is_two_way, proxy_id,
};
