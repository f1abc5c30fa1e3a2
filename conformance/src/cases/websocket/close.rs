//! The close handshake.

use super::{dialler, served};
use crate::case::{Case, Step, Stop, expect};
use crate::wire::Conn;
use crate::wire::frame::{self, CLOSE, FIN, NO_CODE, PING, Role, TEXT};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "websocket/close-echoed",
        clause: "websocket.close-echoed",
        what: "Every valid code, and none, is answered with the same; also on links.",
        run: close_echoed,
    },
    Case {
        id: "websocket/close-with-reason",
        clause: "websocket.close-echoed",
        what: "A close with a reason of 123 bytes of UTF-8 is answered with its code.",
        run: close_with_reason,
    },
    Case {
        id: "websocket/close-echoed-as-client",
        clause: "websocket.close-echoed",
        what: "On a link that it dialled the target answers a close too.",
        run: close_echoed_as_client,
    },
    Case {
        id: "websocket/close-in-half-a-message",
        clause: "websocket.close-echoed",
        what: "A close inside a fragmented message is answered.",
        run: close_in_half_a_message,
    },
    Case {
        id: "websocket/close-after-end-of-stream",
        clause: "websocket.close-echoed",
        what: "A close that is followed by the end of what the client sends is answered.",
        run: close_after_end_of_stream,
    },
    Case {
        id: "websocket/close-is-last",
        clause: "websocket.close-is-last",
        what: "After its close nothing comes: no pong, no message of another, until the end.",
        run: close_is_last,
    },
    Case {
        id: "websocket/close-for-error-is-last",
        clause: "websocket.close-is-last",
        what: "After a close for a protocol error nothing comes either.",
        run: close_for_error_is_last,
    },
];

/// The codes that may be sent: those that RFC 6455 and the registry have, and some of the ranges for
/// libraries and programs.
const CODES: [u16; 17] = [
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
    NO_CODE,
];

fn close_echoed(world: &mut World) -> Step {
    for code in CODES {
        for conn in &mut served(world)?.conns {
            conn.close(code, "")?;
            conn.closed(code)?;
        }
    }
    Ok(())
}

fn close_with_reason(world: &mut World) -> Step {
    for reason in ["bye", &"r".repeat(123), &"€".repeat(41)] {
        let mut conn = world.client(&world.local(), "client")?;
        conn.close(4000, reason)?;
        conn.closed(4000)?;
    }
    Ok(())
}

fn close_echoed_as_client(world: &mut World) -> Step {
    let (_instance, _client, mut link) = dialler(world)?;
    link.close(1001, "the other proxy shuts down")?;
    link.closed(1001).map(drop)
}

fn close_in_half_a_message(world: &mut World) -> Step {
    let mut conn = world.client(&world.local(), "client")?;
    conn.frame(TEXT, b"half")?;
    conn.close(1000, "")?;
    conn.closed(1000).map(drop)
}

fn close_after_end_of_stream(world: &mut World) -> Step {
    let mut conn = world.client(&world.local(), "client")?;
    conn.close(1000, "")?;
    conn.wire().finish();
    conn.closed(1000)?;
    conn.ended()
}

/// All that comes up to the end of the connection must be one close, as its last frame.
fn only_a_close(conn: &mut Conn) -> Step {
    let mut closed = false;
    while let Some(frame) = conn.next_or_end("the end of the connection behind the close")? {
        let expected = "nothing behind a close";
        expect(!closed, expected, frame.describe())?;
        closed = frame.opcode() == CLOSE;
    }
    if closed { Ok(()) } else { Err(Stop::fail("a close", "the end of the connection")) }
}

fn close_is_last(world: &mut World) -> Step {
    let path = world.local();
    let mut bob = world.client(&path, "bob")?;
    for round in 0..10 {
        let mut alice = world.client(&path, "alice")?;
        let close_and_ping = [
            frame::encode(Role::Client, FIN | PING, b"before"),
            frame::encode(Role::Client, FIN | CLOSE, &[0x03, 0xe8]),
            frame::encode(Role::Client, FIN | PING, b"behind"),
            frame::encode(Role::Client, FIN | TEXT, b"behind"),
        ]
        .concat();
        alice.wire().send_bytes(&close_and_ping)?;
        bob.text(&format!("while she leaves {round}"))?;
        only_a_close(&mut alice)?;
        let mut carol = world.client(&path, "carol")?;
        carol.text(&format!("{round}"))?;
        // Nor was what she sent behind her close relayed.
        bob.hears_text(&format!("{round}"))?;
        carol.leave()?;
    }
    Ok(())
}

fn close_for_error_is_last(world: &mut World) -> Step {
    let path = world.local();
    let mut bob = world.client(&path, "bob")?;
    let mut alice = world.client(&path, "alice")?;
    let error_and_more = [
        frame::encode(Role::Client, FIN | 0x5, b"a reserved opcode"),
        frame::encode(Role::Client, FIN | PING, b"behind"),
        frame::encode(Role::Client, FIN | TEXT, b"behind"),
        frame::encode(Role::Client, FIN | CLOSE, &[0x03, 0xe8]),
    ]
    .concat();
    alice.wire().send_bytes(&error_and_more)?;
    bob.text("while she is cut off")?;
    only_a_close(&mut alice)?;
    let mut carol = world.client(&path, "carol")?;
    carol.text("behind")?;
    bob.hears_text("behind")?;
    carol.text("and on")?;
    bob.hears_text("and on")
}
