//! What a dialler does with what a link brings, and what it does not send.

use super::dial;
use super::scene::accept_and_say;
use crate::case::{Case, Step, Stop};
use crate::cases::scene::{Scene, accept_link};
use crate::wire::frame::{self, BINARY, CONTINUATION, FIN, PING, Role, TEXT};
use crate::wire::{Conn, Message};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "link/inward",
        clause: "link.inward",
        what: "Text and binary messages of 0 bytes to 1 MiB reach every client as they are, once.",
        run: inward,
    },
    Case {
        id: "link/inward-with-the-answer",
        clause: "link.inward",
        what: "Messages in one packet with the 101 answer reach the clients.",
        run: inward_with_the_answer,
    },
    Case {
        id: "link/inward-half-with-the-answer",
        clause: "link.inward",
        what: "A message that begins in the packet of the 101 answer arrives whole.",
        run: inward_half_with_the_answer,
    },
    Case {
        id: "link/inward-much-with-the-answer",
        clause: "link.inward",
        what: "A megabyte directly behind the 101 answer arrives whole.",
        run: inward_much_with_the_answer,
    },
    Case {
        id: "link/inward-fragments",
        clause: "link.inward",
        what: "A message in fragments, with a ping between them, arrives whole.",
        run: inward_fragments,
    },
    Case {
        id: "link/inward-order",
        clause: "link.inward",
        what: "Hundreds of messages over each of two links arrive in the order of each.",
        run: inward_order,
    },
    Case {
        id: "link/inward-later-client",
        clause: "link.inward",
        what: "A client that comes when the link stands already hears what it brings from then on.",
        run: inward_later_client,
    },
    Case {
        id: "link/inward-its-channel-only",
        clause: "link.inward",
        what: "What a link brings reaches no other channel, nor the local one of that name.",
        run: inward_its_channel_only,
    },
    Case {
        id: "link/dialler-sends-nothing",
        clause: "link.dialler-sends-nothing",
        what: "What the dialler's clients say does not go over the link that it dialled.",
        run: dialler_sends_nothing,
    },
    Case {
        id: "link/not-relayed-to-diallers",
        clause: "link.not-relayed-on",
        what: "What a dialled link brings goes to clients, not to those who dialled the target.",
        run: not_relayed_to_diallers,
    },
    Case {
        id: "link/not-relayed-to-acceptors",
        clause: "link.not-relayed-on",
        what: "What a dialled link brings goes over no other dialled link, nor back.",
        run: not_relayed_to_acceptors,
    },
    Case {
        id: "link/not-relayed-between-diallers",
        clause: "link.not-relayed-on",
        what: "What one dialler sends against the direction does not go to another dialler.",
        run: not_relayed_between_diallers,
    },
];

fn inward(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (mut alice, _acceptor, mut link) = scene.joined(&channel)?;
    let mut bob = scene.client(&channel, "bob")?;
    for size in [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20] {
        let bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        for message in [Message::text(&"x".repeat(size)), Message::binary(bytes)] {
            link.send(&message)?;
            alice.hears(&message)?;
            bob.hears(&message)?;
        }
    }
    // What had come twice would come before this.
    alice.text("that was all")?;
    bob.hears_text("that was all")?;
    bob.text("indeed")?;
    alice.hears_text("indeed")
}

fn text_frame(text: &str) -> Vec<u8> {
    frame::encode(Role::Server, FIN | TEXT, text.as_bytes())
}

fn inward_with_the_answer(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let mut alice = scene.client(&channel, "alice")?;
    let mut bob = scene.client(&channel, "bob")?;
    let acceptor = scene.acceptor("link")?;
    scene.advertise(&channel, &acceptor);
    let early = [text_frame("first"), text_frame("second"), text_frame("")].concat();
    let mut link = accept_and_say(&acceptor, &early)?;
    link.text("later")?;
    for client in [&mut alice, &mut bob] {
        for text in ["first", "second", "", "later"] {
            client.hears_text(text)?;
        }
    }
    Ok(())
}

fn inward_half_with_the_answer(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    for at in [1, 2, 5] {
        let channel = world.name();
        let mut alice = scene.client(&channel, "alice")?;
        let acceptor = scene.acceptor("link")?;
        scene.advertise(&channel, &acceptor);
        let message = text_frame("in two halves");
        let mut link = accept_and_say(&acceptor, &message[..at])?;
        link.wire().send_bytes(&message[at..])?;
        alice.hears_text("in two halves")?;
        link.text("later")?;
        alice.hears_text("later")?;
    }
    Ok(())
}

fn inward_much_with_the_answer(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let mut alice = scene.client(&channel, "alice")?;
    let acceptor = scene.acceptor("link")?;
    scene.advertise(&channel, &acceptor);
    let large = Message::binary(vec![0xa5; 1 << 20]);
    let early = [text_frame("first"), frame::encode(Role::Server, FIN | BINARY, &large.payload)];
    let mut link = accept_and_say(&acceptor, &early.concat())?;
    link.text("later")?;
    alice.hears_text("first")?;
    alice.hears(&large)?;
    alice.hears_text("later")
}

fn inward_fragments(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let (mut alice, _acceptor, mut link) = scene.joined(&world.name())?;
    link.frame(TEXT, b"in ")?;
    link.frame(FIN | PING, b"between")?;
    link.frame(CONTINUATION, b"")?;
    link.frame(FIN | CONTINUATION, b"pieces")?;
    alice.hears_text("in pieces")?;
    link.frame(BINARY, &[0xff])?;
    link.frame(FIN | CONTINUATION, &[0x00])?;
    alice.hears(&Message::binary([0xff, 0x00]))
}

fn inward_order(world: &mut World) -> Step {
    const EACH: usize = 300;
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (mut alice, _acceptor, mut one) = scene.joined(&channel)?;
    let acceptor = scene.acceptor("other link")?;
    scene.advertise(&channel, &acceptor);
    let mut other = accept_link(&acceptor, &channel)?;
    for n in 0..EACH {
        one.text(&format!("one {n}"))?;
        other.binary(format!("other {n}").as_bytes())?;
    }
    let mut next = [0, 0];
    for _ in 0..2 * EACH {
        let [n, m] = next;
        let expected = [Message::text(&format!("one {n}")), Message::binary(format!("other {m}"))];
        let words = format!("{} or {}", expected[0].describe(), expected[1].describe());
        let message = alice.message(&words)?;
        let which = expected.iter().position(|expected| *expected == message);
        let which = which.ok_or_else(|| Stop::fail(words, message.describe()))?;
        next[which] += 1;
    }
    Ok(())
}

fn inward_later_client(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (mut alice, _acceptor, mut link) = scene.joined(&channel)?;
    link.text("before bob")?;
    alice.hears_text("before bob")?;
    let mut bob = scene.client(&channel, "bob")?;
    link.text("after bob")?;
    alice.hears_text("after bob")?;
    bob.hears_text("after bob")
}

fn inward_its_channel_only(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (mut alice, _acceptor, mut link) = scene.joined(&channel)?;
    let others = [
        format!("/local/{channel}"),
        format!("/broadcast/{channel}x"),
        format!("/broadcast/{}", channel.to_uppercase()),
    ];
    let mut pairs = Vec::new();
    for path in others {
        let client = |name| scene.proxy.client(&path, name, scene.log());
        pairs.push((client("carol")?, client("dave")?));
    }
    link.text("for the channel")?;
    alice.hears_text("for the channel")?;
    for (carol, dave) in &mut pairs {
        carol.text("among us")?;
        dave.hears_text("among us")?;
        dave.text("and back")?;
        carol.hears_text("and back")?;
    }
    Ok(())
}

fn dialler_sends_nothing(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (mut alice, _acceptor, mut link) = scene.joined(&channel)?;
    let mut bob = scene.client(&channel, "bob")?;
    for n in 0..10 {
        let message = match n % 2 {
            0 => Message::text(&format!("message {n}")),
            _ => Message::binary(format!("message {n}")),
        };
        alice.send(&message)?;
        bob.hears(&message)?;
        // A message over the link would come before the pong.
        link.round_trip(&format!("ping {n}"))?;
    }
    link.text("it carries one way")?;
    bob.hears_text("it carries one way")
}

/// A link that the suite dials from the other host.
fn dialled_from_other(scene: &Scene, channel: &str, name: &str) -> Step<Conn> {
    let path = format!("/broadcast/{channel}");
    scene.proxy.link_from(&scene.other, &path, name, scene.log())
}

fn not_relayed_to_diallers(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (mut alice, _acceptor, mut link) = scene.joined(&channel)?;
    let mut dialler = dialled_from_other(&scene, &channel, "dialler")?;
    for n in 0..10 {
        let (over_link, of_client) = (format!("over the link {n}"), format!("of a client {n}"));
        link.text(&over_link)?;
        link.binary(over_link.as_bytes())?;
        alice.hears_text(&over_link)?;
        alice.hears(&Message::binary(over_link))?;
        alice.text(&of_client)?;
        dialler.hears_text(&of_client)?;
    }
    dialler.round_trip("nothing more")
}

fn not_relayed_to_acceptors(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (mut alice, _acceptor, mut link) = scene.joined(&channel)?;
    let acceptor = scene.acceptor("another link")?;
    scene.advertise(&channel, &acceptor);
    let mut another = accept_link(&acceptor, &channel)?;
    for n in 0..10 {
        let text = format!("over the link {n}");
        link.text(&text)?;
        alice.hears_text(&text)?;
        another.round_trip("nothing")?;
        link.round_trip("nothing back")?;
    }
    Ok(())
}

fn not_relayed_between_diallers(world: &mut World) -> Step {
    let path = world.broadcast();
    let mut alice = world.client(&path, "alice")?;
    let mut links = [dial(world, &path, "one")?, dial(world, &path, "other")?];
    for n in 0..10 {
        let [one, other] = &mut links;
        one.text("against the direction")?;
        one.round_trip("sent")?;
        other.round_trip("nothing")?;
        let text = format!("of a client {n}");
        alice.text(&text)?;
        one.hears_text(&text)?;
        other.hears_text(&text)?;
    }
    Ok(())
}
