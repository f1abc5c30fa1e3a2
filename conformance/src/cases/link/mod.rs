//! Links from proxy to proxy (PROTOCOL.md sections 10 and 11).
//!
//! Where the suite dials, any instance will do. Where the target dials, it is on a host of a
//! network, and the suite plays a proxy on another: a [`Scene`](super::scene::Scene).

mod accepting;
mod adverts;
mod answers;
mod dialling;
mod ids;
mod inward;
mod once;
mod repair;
mod scene;
mod two_way;

use std::sync::atomic::{AtomicU32, Ordering};

use crate::case::{Case, Step};
use crate::wire::http::ID_HEADER;
use crate::wire::{Conn, Request};
use crate::world::World;

pub(super) const CASES: &[&[Case]] = &[
    dialling::CASES,
    accepting::CASES,
    answers::CASES,
    inward::CASES,
    once::CASES,
    repair::CASES,
    adverts::CASES,
    ids::CASES,
    two_way::CASES,
];

/// A link without an id that the suite dials to the shared instance.
fn dial(world: &mut World, path: &str, name: &str) -> Step<Conn> {
    world.proxy()?.link(path, name, world.log())
}

/// A link of the proxy with this id.
fn link_request(path: &str, id: &str) -> Request {
    Request::link(path).with(ID_HEADER, id)
}

/// An id that no other proxy has.
fn fresh_id() -> String {
    static NUMBERS: AtomicU32 = AtomicU32::new(1);
    format!("{:08x}{:08x}", std::process::id(), NUMBERS.fetch_add(1, Ordering::Relaxed))
}

/// Whether a header has the form of an id.
fn is_id(value: &str) -> bool {
    value.len() == 16 && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}
