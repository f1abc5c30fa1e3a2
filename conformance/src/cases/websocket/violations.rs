//! What must be closed with 1002 or 1007, and harms nobody else.

use super::{dialler, served};
use crate::case::{Case, Step, expect};
use crate::wire::frame::{
    self, BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, Role, TEXT, close_payload,
};
use crate::wire::{Conn, Message};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "websocket/unmasked-frame",
        clause: "websocket.protocol-error",
        what: "An unmasked frame of a client or a dialler is closed with 1002.",
        run: unmasked_frame,
    },
    Case {
        id: "websocket/masked-frame-of-acceptor",
        clause: "websocket.protocol-error",
        what: "A masked frame on a link that the target dialled is closed with 1002.",
        run: masked_frame_of_acceptor,
    },
    Case {
        id: "websocket/reserved-bits",
        clause: "websocket.protocol-error",
        what: "Each reserved bit, on data and on control frames, is closed with 1002.",
        run: reserved_bits,
    },
    Case {
        id: "websocket/reserved-opcodes",
        clause: "websocket.protocol-error",
        what: "Each reserved opcode is closed with 1002.",
        run: reserved_opcodes,
    },
    Case {
        id: "websocket/bad-control-frames",
        clause: "websocket.protocol-error",
        what: "Control frames in fragments, or of 126 bytes, are closed with 1002.",
        run: bad_control_frames,
    },
    Case {
        id: "websocket/bad-fragments",
        clause: "websocket.protocol-error",
        what: "A continuation of nothing, or a new message inside another, is closed with 1002.",
        run: bad_fragments,
    },
    Case {
        id: "websocket/bad-close",
        clause: "websocket.protocol-error",
        what: "A close of 1 byte or with a code that may not be sent is closed with 1002.",
        run: bad_close,
    },
    Case {
        id: "websocket/errors-harm-nobody-else",
        clause: "websocket.protocol-error",
        what: "What others on the channel say meanwhile is all delivered.",
        run: errors_harm_nobody_else,
    },
    Case {
        id: "websocket/bad-text",
        clause: "websocket.bad-text",
        what: "Text that is not UTF-8 is closed with 1007, and nobody hears any of it.",
        run: bad_text,
    },
    Case {
        id: "websocket/bad-text-in-fragments",
        clause: "websocket.bad-text",
        what: "Text is judged over all its fragments: good if only the cut is in a character.",
        run: bad_text_in_fragments,
    },
    Case {
        id: "websocket/bad-text-on-link",
        clause: "websocket.bad-text",
        what: "Bad text from a link that the target dialled is closed with 1007 and not delivered.",
        run: bad_text_on_link,
    },
];

/// Sends bytes on a new client and a new link; each must be closed with this code.
fn closes(world: &mut World, code: u16, what: &str, bytes: &[u8]) -> Step {
    for conn in &mut served(world)?.conns {
        conn.wire().log().add(what, crate::log::Direction::Note, "is tried");
        conn.wire().send_bytes(bytes)?;
        conn.closed(code)?;
    }
    Ok(())
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    frame::encode(Role::Client, first, payload)
}

fn unmasked_frame(world: &mut World) -> Step {
    for first in [FIN | TEXT, FIN | BINARY, FIN | PING, FIN | PONG, FIN | CLOSE] {
        let payload = if first == FIN | CLOSE { close_payload(1000, "") } else { vec![b'x'; 5] };
        let bytes = frame::encode_masked(false, first, &payload);
        closes(world, 1002, "unmasked", &bytes)?;
    }
    Ok(())
}

fn masked_frame_of_acceptor(world: &mut World) -> Step {
    let (_instance, mut client, mut link) = dialler(world)?;
    let bytes = frame::encode_masked(true, FIN | TEXT, b"masked");
    link.wire().send_bytes(&bytes)?;
    link.closed(1002)?;
    client.round_trip("nothing of it came here")
}

fn reserved_bits(world: &mut World) -> Step {
    for bit in [0x40, 0x20, 0x10, 0x70] {
        for opcode in [TEXT, BINARY, PING, PONG] {
            closes(world, 1002, "a reserved bit", &masked(FIN | bit | opcode, b"x"))?;
        }
        closes(world, 1002, "a reserved bit", &masked(FIN | bit | CLOSE, &[0x03, 0xe8]))?;
        let inside = [masked(TEXT, b"x"), masked(FIN | bit | CONTINUATION, b"y")].concat();
        closes(world, 1002, "a reserved bit in a continuation", &inside)?;
    }
    Ok(())
}

fn reserved_opcodes(world: &mut World) -> Step {
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        closes(world, 1002, "a reserved opcode", &masked(FIN | opcode, b""))?;
        closes(world, 1002, "a reserved opcode", &masked(FIN | opcode, b"with a payload"))?;
    }
    Ok(())
}

fn bad_control_frames(world: &mut World) -> Step {
    for opcode in [PING, PONG, CLOSE] {
        closes(world, 1002, "a control frame in fragments", &masked(opcode, &[0x03, 0xe8]))?;
        let mut long = vec![b'x'; 126];
        long[..2].copy_from_slice(&[0x03, 0xe8]);
        closes(world, 1002, "a control frame of 126 bytes", &masked(FIN | opcode, &long))?;
    }
    Ok(())
}

fn bad_fragments(world: &mut World) -> Step {
    for first in [CONTINUATION, FIN | CONTINUATION] {
        closes(world, 1002, "a continuation of nothing", &masked(first, b"x"))?;
    }
    let after = [masked(FIN | TEXT, b"whole"), masked(FIN | CONTINUATION, b"x")].concat();
    closes(world, 1002, "a continuation of what has ended", &after)?;
    for opcode in [TEXT, BINARY] {
        for fin in [0, FIN] {
            let inside = [masked(opcode, b"half"), masked(fin | opcode, b"new")].concat();
            closes(world, 1002, "a new message inside another", &inside)?;
        }
    }
    Ok(())
}

fn bad_close(world: &mut World) -> Step {
    closes(world, 1002, "a close of 1 byte", &masked(FIN | CLOSE, &[0x03]))?;
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        let bytes = masked(FIN | CLOSE, &close_payload(code, ""));
        closes(world, 1002, &format!("a close with {code}"), &bytes)?;
    }
    Ok(())
}

fn errors_harm_nobody_else(world: &mut World) -> Step {
    let path = world.local();
    let (mut alice, mut bob) = world.pair(&path)?;
    let errors: [&[u8]; 4] = [
        &frame::encode_masked(false, FIN | TEXT, b"unmasked"),
        &masked(FIN | 0x40 | TEXT, b"reserved"),
        &masked(CONTINUATION, b"nothing"),
        &masked(FIN | TEXT, &[0xff]),
    ];
    for (n, error) in errors.iter().cycle().take(20).enumerate() {
        let mut broken = world.client(&path, "broken")?;
        alice.text(&format!("{n}, before"))?;
        broken.hears_text(&format!("{n}, before"))?;
        broken.text("sound so far")?;
        broken.wire().send_bytes(error)?;
        bob.hears_text(&format!("{n}, before"))?;
        bob.hears_text("sound so far")?;
        alice.hears_text("sound so far")?;
        alice.text(&format!("{n}, after"))?;
        bob.hears_text(&format!("{n}, after"))?;
    }
    Ok(())
}

/// Byte strings that are no UTF-8 (RFC 3629): stray and missing continuations, overlong forms,
/// surrogates, beyond the last character.
const NOT_UTF8: [&[u8]; 14] = [
    b"\xff",
    b"\xfe",
    b"\x80",
    b"\xbf",
    b"a\xc3",
    b"\xc3(",
    b"\xe2\x82",
    b"\xf0\x9f\x98",
    b"\xc0\xaf",
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"good and long, and then \xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
];

/// What this client sends is closed with 1007, and the next that bob hears is something else.
fn not_heard(world: &mut World, bob: &mut Conn, path: &str, frames: &[Vec<u8>]) -> Step {
    let mut alice = world.client(path, "alice")?;
    for bytes in frames {
        // It may have been closed at an earlier one.
        if alice.wire().send_bytes(bytes).is_err() {
            break;
        }
    }
    alice.closed(1007)?;
    let mut carol = world.client(path, "carol")?;
    carol.text("sound")?;
    bob.hears_text("sound")?;
    carol.leave()
}

fn bad_text(world: &mut World) -> Step {
    let path = world.local();
    let mut bob = world.client(&path, "bob")?;
    for bytes in NOT_UTF8 {
        not_heard(world, &mut bob, &path, &[masked(FIN | TEXT, bytes)])?;
    }
    let late = [vec![b'a'; 100_000], vec![0xff]].concat();
    not_heard(world, &mut bob, &path, &[masked(FIN | TEXT, &late)])
}

fn bad_text_in_fragments(world: &mut World) -> Step {
    let path = world.local();
    let (mut alice, mut bob) = world.pair(&path)?;
    let text = "κόσμε 😀 €";
    for cut in 0..=text.len() {
        let (one, two) = text.as_bytes().split_at(cut);
        alice.frame(TEXT, one)?;
        alice.frame(FIN | CONTINUATION, two)?;
        bob.hears(&Message::text(text))?;
    }
    alice.leave()?;
    for bytes in NOT_UTF8 {
        for cut in 0..=bytes.len() {
            let (one, two) = bytes.split_at(cut);
            let frames = [masked(TEXT, one), masked(FIN | CONTINUATION, two)];
            not_heard(world, &mut bob, &path, &frames)?;
        }
    }
    Ok(())
}

fn bad_text_on_link(world: &mut World) -> Step {
    let (_instance, mut client, mut link) = dialler(world)?;
    link.text("good")?;
    client.hears_text("good")?;
    link.frame(FIN | TEXT, b"bad \xff")?;
    let reason = link.closed(1007)?;
    expect(!reason.contains('\u{fffd}'), "a reason in UTF-8", &reason)?;
    client.round_trip("nothing of it came here")
}
