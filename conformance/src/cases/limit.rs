//! How large a message or a request may be (PROTOCOL.md section 7).

use std::time::Duration;

use crate::case::{Case, Step, expect, joined};
use crate::target::{Instance, MESSAGE_BYTES, Options};
use crate::wire::frame::{self, BINARY, CONTINUATION, FIN, Role, TEXT};
use crate::wire::{Acceptor, Conn, Message, PATIENCE, Request};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "limit/message-size",
        clause: "limit.message-size",
        what: "A message of 16 MiB is relayed by default, in one frame and in fragments.",
        run: message_size,
    },
    Case {
        id: "limit/message-size-over-links",
        clause: "limit.message-size",
        what: "A message of 16 MiB goes out over a link, and comes in over one.",
        run: message_size_over_links,
    },
    Case {
        id: "limit/message-too-big",
        clause: "limit.message-too-big",
        what: "One byte more closes the sender with 1009, and nobody hears any of it.",
        run: message_too_big,
    },
    Case {
        id: "limit/fragments-too-big",
        clause: "limit.message-too-big",
        what: "The limit counts over all fragments.",
        run: fragments_too_big,
    },
    Case {
        id: "limit/announced-too-big",
        clause: "limit.message-too-big",
        what: "A frame whose header announces up to 2^63 bytes is closed before they come.",
        run: announced_too_big,
    },
    Case {
        id: "limit/told-message-size",
        clause: "limit.message-too-big",
        what: "Told another limit, the target keeps to it on both sides, to the byte.",
        run: told_message_size,
    },
    Case {
        id: "limit/headers-too-large",
        clause: "limit.headers-too-large",
        what: "A request with a megabyte of headers is answered with 431, or accepted.",
        run: headers_too_large,
    },
];

/// What 16 MiB may take through a build without optimisation, on a machine that has much else to
/// do.
const MUCH_PATIENCE: Duration = Duration::from_secs(120);

/// Sends while the other reads: no buffer holds so much.
fn relayed(from: &mut Conn, to: &mut Conn, frames: &[(u8, &[u8])], whole: &Message) -> Step {
    from.wire().patience(MUCH_PATIENCE);
    to.wire().patience(MUCH_PATIENCE);
    std::thread::scope(|scope| {
        let sending = scope
            .spawn(|| frames.iter().try_for_each(|(first, payload)| from.frame(*first, payload)));
        let heard = to.hears(whole);
        joined(sending)?;
        heard
    })
}

fn message_size(world: &mut World) -> Step {
    let (mut alice, mut bob) = world.pair(&world.local())?;
    let payload = vec![0xb7; MESSAGE_BYTES];
    let whole = Message::binary(payload.clone());
    relayed(&mut alice, &mut bob, &[(FIN | BINARY, &payload)], &whole)?;
    let (one, two) = payload.split_at(MESSAGE_BYTES / 3);
    let parts = [(BINARY, one), (CONTINUATION, two), (FIN | CONTINUATION, &[][..])];
    relayed(&mut alice, &mut bob, &parts, &whole)
}

fn message_size_over_links(world: &mut World) -> Step {
    let home = world.home()?;
    let acceptor = Acceptor::on_loopback(home.as_deref(), "link in", world.log())?;
    let peers = vec![acceptor.address()];
    let options = Options { no_discovery: true, peers, ..Options::default() };
    let instance = world.target().start(home, &options, world.log())?;
    let path = world.broadcast();
    let mut client = instance.client(&path, "client", world.log())?;
    let mut wire = acceptor.accept(PATIENCE)?;
    let request = wire.request()?;
    let mut inward = Conn::accept(wire, &request, &[])?;
    let mut outward = instance.link(&path, "link out", world.log())?;
    let payload = vec![0x5a; MESSAGE_BYTES];
    let whole = Message::binary(payload.clone());
    relayed(&mut client, &mut outward, &[(FIN | BINARY, &payload)], &whole)?;
    relayed(&mut inward, &mut client, &[(FIN | BINARY, &payload)], &whole)
}

/// What alice sends closes her with 1009, and bob hears the next message of somebody else.
fn too_big(instance: &Instance, world: &World, path: &str, bytes: &[u8]) -> Step {
    let mut bob = instance.client(path, "bob", world.log())?;
    let mut alice = instance.client(path, "alice", world.log())?;
    alice.wire().patience(MUCH_PATIENCE);
    std::thread::scope(|scope| {
        // The target may end the connection before it has taken all.
        let mut voice = alice.wire().voice()?;
        scope.spawn(move || voice.send_what_is_taken(bytes));
        alice.closed(1009)
    })?;
    let mut carol = instance.client(path, "carol", world.log())?;
    carol.text("small")?;
    bob.hears_text("small")
}

fn message_too_big(world: &mut World) -> Step {
    let path = world.local();
    let instance = world.proxy()?;
    for opcode in [TEXT, BINARY] {
        let bytes = frame::encode(Role::Client, FIN | opcode, &vec![b'x'; MESSAGE_BYTES + 1]);
        too_big(&instance, world, &path, &bytes)?;
    }
    Ok(())
}

fn fragments_too_big(world: &mut World) -> Step {
    let path = world.local();
    let instance = world.proxy()?;
    let part = vec![b'x'; MESSAGE_BYTES / 2];
    let bytes = [
        frame::encode(Role::Client, TEXT, &part),
        frame::encode(Role::Client, CONTINUATION, &part),
        frame::encode(Role::Client, FIN | CONTINUATION, b"x"),
    ]
    .concat();
    too_big(&instance, world, &path, &bytes)
}

fn announced_too_big(world: &mut World) -> Step {
    let path = world.local();
    let instance = world.proxy()?;
    for announced in [MESSAGE_BYTES as u64 + 1, 1 << 32, (1 << 63) - 1] {
        let header = frame::header(true, FIN | BINARY, announced);
        too_big(&instance, world, &path, &header)?;
    }
    Ok(())
}

fn told_message_size(world: &mut World) -> Step {
    const BYTES: usize = 1000;
    let options = Options { no_discovery: true, message_bytes: Some(BYTES), ..Options::default() };
    let instance = world.start(&options)?;
    if instance.timing().message_bytes != BYTES {
        return Err(crate::case::Stop::skip(
            "needs a target that can be told a limit; if it can, give the option \
             `max-message-size` in the target's file",
        ));
    }
    let path = world.local();
    let mut bob = instance.client(&path, "bob", world.log())?;
    let mut alice = instance.client(&path, "alice", world.log())?;
    alice.binary(&[1; BYTES])?;
    bob.hears(&Message::binary([1; BYTES]))?;
    alice.leave()?;
    bob.leave()?;
    let bytes = frame::encode(Role::Client, FIN | BINARY, &[1; BYTES + 1]);
    too_big(&instance, world, &path, &bytes)
}

fn headers_too_large(world: &mut World) -> Step {
    let path = world.local();
    for (name, value) in [("Cookie", "c".repeat(1 << 20)), ("X", "many".to_owned())] {
        let mut request = Request::upgrade(&path);
        let times = (1 << 20) / value.len();
        for n in 0..times {
            request = request.with(&format!("{name}-{n}"), &value);
        }
        let mut wire = world.wire("alice")?;
        let text = wire.with_host(&request).text();
        wire.say(
            crate::log::Direction::Sent,
            format!("a request of {} bytes with {times} headers", text.len()),
        );
        let answer = std::thread::scope(|scope| {
            let mut voice = wire.voice()?;
            scope.spawn(move || voice.send_what_is_taken(text.as_bytes()));
            wire.answer()
        })?;
        expect(
            matches!(answer.status, 431 | 101),
            "431, or 101 of a target that reads so much",
            answer.describe(),
        )?;
    }
    Ok(())
}
