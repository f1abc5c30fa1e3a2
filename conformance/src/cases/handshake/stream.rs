//! How requests arrive: in pieces, one after another, with frames behind them.

use super::one_line;
use crate::case::{Case, Step, expect};
use crate::wire::frame::{self, FIN, Role, TEXT};
use crate::wire::{Request, Wire};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "handshake/byte-by-byte",
        clause: "handshake.accepted",
        what: "A request that comes in packets of one byte is accepted like any other.",
        run: byte_by_byte,
    },
    Case {
        id: "handshake/persistent",
        clause: "handshake.persistent",
        what: "After refusals and pages the same connection is upgraded.",
        run: persistent,
    },
    Case {
        id: "handshake/pipelined-requests",
        clause: "handshake.persistent",
        what: "A refused request and an upgrade in one packet are both answered, in order.",
        run: pipelined_requests,
    },
    Case {
        id: "handshake/early-frames",
        clause: "handshake.early-frames",
        what: "A message in the packet of the request is relayed.",
        run: early_frames,
    },
    Case {
        id: "handshake/early-half-frame",
        clause: "handshake.early-frames",
        what: "A message that begins in the packet of the request and ends later is relayed whole.",
        run: early_half_frame,
    },
];

fn byte_by_byte(world: &mut World) -> Step {
    let path = world.local();
    let mut bob = world.client(&path, "bob")?;
    let mut wire = world.wire("alice")?;
    let request = wire.with_host(&Request::upgrade(&path));
    wire.say(crate::log::Direction::Sent, format!("byte by byte: {}", one_line(&request)));
    for byte in request.text().bytes() {
        wire.write(&[byte])?;
    }
    let answer = wire.answer()?;
    expect(answer.status == 101, "101", answer.describe())?;
    let mut alice = wire.into_conn();
    let bytes = frame::encode(Role::Client, FIN | TEXT, b"in single bytes too");
    for byte in bytes {
        alice.wire().write(&[byte])?;
    }
    bob.hears_text("in single bytes too")
}

/// Whether the proxy has said that this connection goes no further, which is its right.
fn says_close(answer: &crate::wire::Answer) -> bool {
    answer.has_token("Connection", "close")
}

fn persistent(world: &mut World) -> Step {
    let path = world.local();
    let mut wire = world.wire("alice")?;
    for request in [Request::get("/no-such-page"), Request::get("/"), Request::get(&path)] {
        if says_close(&wire.ask(&request)?) {
            wire = world.wire("alice")?;
        }
    }
    wire.upgrade(&Request::upgrade(&path))?.0.leave()
}

fn pipelined_requests(world: &mut World) -> Step {
    let path = world.local();
    let mut wire = world.wire("alice")?;
    let both = [Request::get("/no-such-page"), Request::upgrade(&path)]
        .map(|request| wire.with_host(&request).text())
        .concat();
    wire.send_bytes(both.as_bytes())?;
    let first = wire.answer()?;
    expect(first.status == 404, "404 to the first", first.describe())?;
    if says_close(&first) {
        return Ok(());
    }
    let second = wire.answer()?;
    expect(second.status == 101, "101 to the second", second.describe())?;
    wire.into_conn().leave()
}

/// A connection whose request and `more` go out in one packet.
fn with_request(world: &mut World, path: &str, more: &[u8]) -> Step<Wire> {
    let mut wire = world.wire("alice")?;
    let request = wire.with_host(&Request::upgrade(path)).text();
    wire.send_bytes(&[request.as_bytes(), more].concat())?;
    Ok(wire)
}

fn early_frames(world: &mut World) -> Step {
    let path = world.local();
    let mut bob = world.client(&path, "bob")?;
    let frames = ["first", "second"]
        .map(|text| frame::encode(Role::Client, FIN | TEXT, text.as_bytes()))
        .concat();
    let mut wire = with_request(world, &path, &frames)?;
    let answer = wire.answer()?;
    expect(answer.status == 101, "101", answer.describe())?;
    bob.hears_text("first")?;
    bob.hears_text("second")
}

fn early_half_frame(world: &mut World) -> Step {
    let path = world.local();
    let mut bob = world.client(&path, "bob")?;
    let bytes = frame::encode(Role::Client, FIN | TEXT, b"in two halves");
    let mut wire = with_request(world, &path, &bytes[..7])?;
    let answer = wire.answer()?;
    expect(answer.status == 101, "101", answer.describe())?;
    wire.send_bytes(&bytes[7..])?;
    bob.hears_text("in two halves")
}
