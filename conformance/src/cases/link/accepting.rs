//! What a proxy does with links that others dial.

use super::dial;
use crate::case::{Case, Step, expect};
use crate::wire::frame::{BINARY, CLOSE, CONTINUATION, FIN, PING, TEXT};
use crate::wire::http::LINK_HEADER;
use crate::wire::{Message, Request, frame};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "link/accepted",
        clause: "link.accepted",
        what: "A link to a channel with a client is accepted and fed.",
        run: accepted,
    },
    Case {
        id: "link/accepted-without-interest",
        clause: "link.accepted",
        what: "A link to a channel without a client is accepted, and fed once there is one.",
        run: accepted_without_interest,
    },
    Case {
        id: "link/accepted-as-any-path",
        clause: "link.accepted",
        what: "An encoded name and a query lead to the same channel for links as for clients.",
        run: accepted_as_any_path,
    },
    Case {
        id: "link/header-alone-decides",
        clause: "link.accepted",
        what: "The header makes a link, however its name is spelt and without an Origin.",
        run: header_alone_decides,
    },
    Case {
        id: "link/other-values-are-clients",
        clause: "link.accepted",
        what: "With any value but `true` the header makes no link: its sender is a client.",
        run: other_values_are_clients,
    },
    Case {
        id: "link/refused-on-local",
        clause: "link.refused-on-local",
        what: "A link to a local channel is answered with 400, whether it has clients or not.",
        run: refused_on_local,
    },
    Case {
        id: "link/outward",
        clause: "link.outward",
        what: "Every message of every client goes to the dialler once, in order.",
        run: outward,
    },
    Case {
        id: "link/outward-kinds-and-sizes",
        clause: "link.outward",
        what: "Text and binary messages of 0 bytes to 1 MiB go to the dialler as they are.",
        run: outward_kinds_and_sizes,
    },
    Case {
        id: "link/outward-fragments",
        clause: "link.outward",
        what: "A message in fragments, with a ping between them, goes to the dialler whole.",
        run: outward_fragments,
    },
    Case {
        id: "link/outward-every-dialler",
        clause: "link.outward",
        what: "Each of several diallers without an id gets every message once.",
        run: outward_every_dialler,
    },
    Case {
        id: "link/outward-last-words",
        clause: "link.outward",
        what: "What the last client says directly before it closes goes to the dialler.",
        run: outward_last_words,
    },
    Case {
        id: "link/outward-its-channel-only",
        clause: "link.outward",
        what: "A link carries no messages of other channels, or of the local one of that name.",
        run: outward_its_channel_only,
    },
    Case {
        id: "link/against-direction-discarded",
        clause: "link.against-direction",
        what: "What a dialler sends reaches no client and no other dialler, and its link stays.",
        run: against_direction_discarded,
    },
    Case {
        id: "link/against-direction-much",
        clause: "link.against-direction",
        what: "Also thousands of messages, large ones and fragments are discarded.",
        run: against_direction_much,
    },
    Case {
        id: "link/against-direction-alone",
        clause: "link.against-direction",
        what: "A dialler may send, and keep its link, before there is any client.",
        run: against_direction_alone,
    },
];

fn accepted(world: &mut World) -> Step {
    let path = world.broadcast();
    let mut alice = world.client(&path, "alice")?;
    let mut link = dial(world, &path, "link")?;
    alice.text("to the network")?;
    link.hears_text("to the network")
}

fn accepted_without_interest(world: &mut World) -> Step {
    let path = world.broadcast();
    let mut link = dial(world, &path, "link")?;
    link.round_trip("nobody is there")?;
    let mut alice = world.client(&path, "alice")?;
    alice.text("here I am")?;
    link.hears_text("here I am")
}

fn accepted_as_any_path(world: &mut World) -> Step {
    let name = world.name();
    let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mut alice = world.client(&format!("/broadcast/{name}"), "alice")?;
    let mut one = dial(world, &format!("/broadcast/{encoded}"), "encoded")?;
    let mut other = dial(world, &format!("/broadcast/{name}?x=1"), "query")?;
    alice.text("to both")?;
    one.hears_text("to both")?;
    other.hears_text("to both")
}

fn header_alone_decides(world: &mut World) -> Step {
    let path = world.broadcast();
    let (mut alice, mut bob) = world.pair(&path)?;
    for name in [LINK_HEADER.to_lowercase(), LINK_HEADER.to_uppercase()] {
        let request = Request::upgrade(&path).with(&name, "true");
        let mut link = world.wire("link")?.upgrade(&request)?.0;
        link.text("against the direction")?;
        link.round_trip("sent")?;
        alice.text("from a client")?;
        bob.hears_text("from a client")?;
        link.hears_text("from a client")?;
    }
    Ok(())
}

fn other_values_are_clients(world: &mut World) -> Step {
    for value in ["false", "1", "yes", "true, false", ""] {
        let path = world.broadcast();
        let mut alice = world.client(&path, "alice")?;
        let request = Request::upgrade(&path).with(LINK_HEADER, value);
        let mut bob = world.wire("bob")?.upgrade(&request)?.0;
        let text = format!("with {value:?}");
        bob.text(&text)?;
        alice.hears_text(&text)?;
        alice.text("and back")?;
        bob.hears_text("and back")?;
    }
    Ok(())
}

fn refused_on_local(world: &mut World) -> Step {
    world.needs_local()?;
    let path = world.local();
    for there in [false, true] {
        let clients = if there { Some(world.pair(&path)?) } else { None };
        let answer = world.ask(&Request::link(&path))?;
        expect(answer.status == 400, format!("400 to a link for {path}"), answer.describe())?;
        if let Some((mut alice, mut bob)) = clients {
            alice.text("among us")?;
            bob.hears_text("among us")?;
        }
    }
    Ok(())
}

fn outward(world: &mut World) -> Step {
    let path = world.broadcast();
    let (mut alice, mut bob) = world.pair(&path)?;
    let mut link = dial(world, &path, "link")?;
    for n in 0..100 {
        let (from_alice, from_bob) = (format!("alice {n}"), format!("bob {n}"));
        alice.text(&from_alice)?;
        // Bob's is sent after alice's was there, so there is one order.
        bob.hears_text(&from_alice)?;
        bob.text(&from_bob)?;
        alice.hears_text(&from_bob)?;
    }
    for n in 0..100 {
        link.hears_text(&format!("alice {n}"))?;
        link.hears_text(&format!("bob {n}"))?;
    }
    Ok(())
}

fn outward_kinds_and_sizes(world: &mut World) -> Step {
    let path = world.broadcast();
    let mut alice = world.client(&path, "alice")?;
    let mut link = dial(world, &path, "link")?;
    for size in [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20] {
        let bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        for message in [Message::text(&"x".repeat(size)), Message::binary(bytes)] {
            alice.send(&message)?;
            link.hears(&message)?;
        }
    }
    Ok(())
}

fn outward_fragments(world: &mut World) -> Step {
    let path = world.broadcast();
    let mut alice = world.client(&path, "alice")?;
    let mut link = dial(world, &path, "link")?;
    alice.frame(TEXT, b"in ")?;
    alice.frame(FIN | PING, b"between")?;
    alice.frame(CONTINUATION, b"")?;
    alice.frame(FIN | CONTINUATION, b"pieces")?;
    link.hears_text("in pieces")?;
    alice.frame(BINARY, &[0xff])?;
    alice.frame(FIN | CONTINUATION, &[0x00])?;
    link.hears(&Message::binary([0xff, 0x00]))
}

fn outward_every_dialler(world: &mut World) -> Step {
    let path = world.broadcast();
    let (mut alice, mut bob) = world.pair(&path)?;
    let mut links = Vec::new();
    for n in 0..4 {
        links.push(dial(world, &path, &format!("link {n}"))?);
    }
    for n in 0..10 {
        let text = format!("message {n}");
        alice.text(&text)?;
        bob.hears_text(&text)?;
    }
    for link in &mut links {
        for n in 0..10 {
            link.hears_text(&format!("message {n}"))?;
        }
    }
    // The loss of one is nothing to the others.
    links.pop().into_iter().for_each(super::scene::lose);
    bob.text("without one")?;
    alice.hears_text("without one")?;
    links.iter_mut().try_for_each(|link| link.hears_text("without one"))
}

fn outward_last_words(world: &mut World) -> Step {
    let path = world.broadcast();
    let mut link = dial(world, &path, "link")?;
    let mut alice = world.client(&path, "alice")?;
    let close = frame::close_payload(1000, "");
    let bytes = [(TEXT, &b"my last words"[..]), (CLOSE, &close)]
        .map(|(opcode, payload)| frame::encode(frame::Role::Client, FIN | opcode, payload));
    alice.wire().send_bytes(&bytes.concat())?;
    alice.wire().finish();
    link.hears_text("my last words")
}

fn outward_its_channel_only(world: &mut World) -> Step {
    world.needs_local()?;
    let name = world.name();
    let path = format!("/broadcast/{name}");
    let mut link = dial(world, &path, "link")?;
    for other in [format!("/local/{name}"), format!("/broadcast/{name}x"), world.broadcast()] {
        let (mut carol, mut dave) = world.pair(&other)?;
        carol.text("elsewhere")?;
        dave.hears_text("elsewhere")?;
    }
    let mut alice = world.client(&path, "alice")?;
    alice.text("here")?;
    link.hears_text("here")
}

fn against_direction_discarded(world: &mut World) -> Step {
    let path = world.broadcast();
    let (mut alice, mut bob) = world.pair(&path)?;
    let mut link = dial(world, &path, "link")?;
    let mut witness = dial(world, &path, "another link")?;
    for message in [Message::text("text"), Message::binary([1, 2]), Message::text("")] {
        link.send(&message)?;
        link.round_trip("sent")?;
        alice.text("from alice")?;
        // Whatever had been delivered would be there before this.
        bob.hears_text("from alice")?;
        link.hears_text("from alice")?;
        witness.hears_text("from alice")?;
        bob.text("from bob")?;
        alice.hears_text("from bob")?;
        link.hears_text("from bob")?;
        witness.hears_text("from bob")?;
    }
    Ok(())
}

fn against_direction_much(world: &mut World) -> Step {
    let path = world.broadcast();
    let (mut alice, mut bob) = world.pair(&path)?;
    let mut link = dial(world, &path, "link")?;
    for n in 0..2000 {
        link.text(&format!("message {n}"))?;
    }
    link.binary(&vec![7; 1 << 20])?;
    link.frame(TEXT, b"in ")?;
    link.frame(CONTINUATION, &b"x".repeat(100_000))?;
    link.frame(FIN | CONTINUATION, b"pieces")?;
    link.round_trip("sent")?;
    alice.text("from alice")?;
    bob.hears_text("from alice")?;
    link.hears_text("from alice")
}

fn against_direction_alone(world: &mut World) -> Step {
    let path = world.broadcast();
    let mut link = dial(world, &path, "link")?;
    link.text("is anybody there?")?;
    link.round_trip("sent")?;
    let mut alice = world.client(&path, "alice")?;
    let mut bob = world.client(&path, "bob")?;
    link.text("is anybody there now?")?;
    link.round_trip("sent again")?;
    alice.text("from alice")?;
    bob.hears_text("from alice")?;
    link.hears_text("from alice")?;
    bob.text("from bob")?;
    alice.hears_text("from bob")
}
