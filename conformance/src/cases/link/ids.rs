//! Proxy ids, an optional extension: told, own, and seen twice.

use std::time::Duration;

use super::scene::request;
use super::{dial, fresh_id, is_id, link_request};
use crate::case::{Case, Step, Stop, expect};
use crate::cases::scene::Scene;
use crate::target::{Instance, Options};
use crate::wire::frame::{CLOSE, FIN, PING, PONG};
use crate::wire::http::ID_HEADER;
use crate::wire::{Answer, Conn, Request};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "link/id-exchanged",
        clause: "link.id-exchanged",
        what: "The id is in every link request, and in every 101 or 409 answer to one: the same.",
        run: id_exchanged,
    },
    Case {
        id: "link/id-fresh-each-run",
        clause: "link.id-exchanged",
        what: "Each run has an id of its own.",
        run: id_fresh_each_run,
    },
    Case {
        id: "link/id-of-another-form-is-none",
        clause: "link.id-exchanged",
        what: "Links whose header is not 16 hexadecimal digits count as links without an id.",
        run: id_of_another_form_is_none,
    },
    Case {
        id: "link/own-id-refused",
        clause: "link.own-id-refused",
        what: "A link request with the proxy's own id is answered with 409.",
        run: own_id_refused,
    },
    Case {
        id: "link/duplicate-refused",
        clause: "link.duplicate-refused",
        what: "A second link of one id for one channel is answered with 409, and the first stays.",
        run: duplicate_refused,
    },
    Case {
        id: "link/no-duplicate-elsewhere",
        clause: "link.duplicate-refused",
        what: "The same id may link for another channel, and again when its link has ended.",
        run: no_duplicate_elsewhere,
    },
    Case {
        id: "link/duplicate-probed",
        clause: "link.duplicate-probed",
        what: "With the 409 the older link gets a ping; if it answers, it stays.",
        run: duplicate_probed,
    },
    Case {
        id: "link/duplicate-gives-way",
        clause: "link.duplicate-probed",
        what: "An older link on which nothing comes for the stall time is dropped for the newer.",
        run: duplicate_gives_way,
    },
];

/// The value of the header in an answer.
fn id_of(answer: &Answer) -> Option<&str> {
    answer.header(ID_HEADER)
}

/// The id of the shared instance. A header of another form is for the case on that.
fn own_id(world: &mut World) -> Step<String> {
    let path = world.broadcast();
    let (_link, answer) = world.wire("who is it?")?.upgrade(&Request::link(&path))?;
    id_of(&answer).map(str::to_owned).ok_or_else(no_ids)
}

fn no_ids() -> Stop {
    Stop::skip("the target does not use proxy ids, which are optional")
}

/// Whether one place shows an id decides whether all others have to.
fn id_exchanged(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let path = format!("/broadcast/{channel}");
    let log = scene.log();
    let mut places = Vec::new();
    let mut note =
        |place: &str, id: Option<&str>| places.push((place.to_owned(), id.map(str::to_owned)));
    let ask = |request| scene.proxy.wire("link", log)?.upgrade(&request);
    let (_one, answer): (Conn, Answer) = ask(Request::link(&path))?;
    note("a 101 to a link without an id", id_of(&answer));
    let own = id_of(&answer).map(str::to_owned);
    let (_other, answer) = ask(link_request(&path, &fresh_id()))?;
    note("a 101 to a link with an id", id_of(&answer));
    let _alice = scene.client(&channel, "alice")?;
    let acceptor = scene.acceptor("link")?;
    scene.advertise(&channel, &acceptor);
    let (_wire, first) = request(&acceptor)?;
    note("a link request", first.header(ID_HEADER));
    if let Some(own) = &own {
        let answer = scene.proxy.ask(&link_request(&path, own), log)?;
        if answer.status == 409 {
            note("a 409 to a link request", id_of(&answer));
        }
    }
    let Some(id) = places.iter().find_map(|(_, id)| id.clone()) else { return Err(no_ids()) };
    for (place, found) in places {
        let found = found.unwrap_or_else(|| "none".to_owned());
        let expected =
            format!("{ID_HEADER}: 16 hexadecimal digits, the same as elsewhere, in {place}");
        expect(is_id(&found) && found == id, expected, format!("{found}; elsewhere {id}"))?;
    }
    Ok(())
}

fn id_fresh_each_run(world: &mut World) -> Step {
    let once = |world: &World| -> Step<String> {
        let instance = world.start(&Options { no_discovery: true, ..Options::default() })?;
        let wire = instance.wire("who is it?", world.log())?;
        let (_link, answer) = wire.upgrade(&Request::link("/broadcast/x"))?;
        id_of(&answer).map(str::to_owned).ok_or_else(no_ids)
    };
    let (one, other) = (once(world)?, once(world)?);
    expect(one != other, "two runs with ids that differ", format!("{one} twice"))
}

fn id_of_another_form_is_none(world: &mut World) -> Step {
    own_id(world)?;
    let id = fresh_id();
    let odd = [
        id[..15].to_owned(),
        format!("{id}0"),
        format!("{}x", &id[..15]),
        format!("0x{}", &id[..14]),
        format!("{}-{}", &id[..8], &id[8..15]),
        String::new(),
    ];
    for value in odd {
        let path = world.broadcast();
        let mut alice = world.client(&path, "alice")?;
        let mut links = Vec::new();
        for n in 0..2 {
            let wire = world.wire(&format!("link {n}"))?;
            links.push(wire.upgrade(&link_request(&path, &value))?.0);
        }
        alice.text("to each")?;
        links.iter_mut().try_for_each(|link| link.hears_text("to each"))?;
        alice.text("once")?;
        links.iter_mut().try_for_each(|link| link.hears_text("once"))?;
    }
    Ok(())
}

/// The request must be answered with 409.
fn refused(world: &mut World, request: &Request, why: &str) -> Step {
    let answer = world.ask(request)?;
    expect(answer.status == 409, format!("409 to {why}"), answer.describe())
}

fn own_id_refused(world: &mut World) -> Step {
    let own = own_id(world)?;
    let path = world.broadcast();
    refused(world, &link_request(&path, &own), "a link request with the proxy's own id")?;
    let mut alice = world.client(&path, "alice")?;
    let mut link = dial(world, &path, "another's link")?;
    refused(world, &link_request(&path, &own), "a link request with the proxy's own id")?;
    alice.text("others go on")?;
    link.hears_text("others go on")
}

/// A link with this id.
fn linked(world: &mut World, path: &str, id: &str, name: &str) -> Step<Conn> {
    Ok(world.wire(name)?.upgrade(&link_request(path, id))?.0)
}

fn duplicate_refused(world: &mut World) -> Step {
    own_id(world)?;
    let (path, id) = (world.broadcast(), fresh_id());
    let mut link = linked(world, &path, &id, "first link")?;
    refused(world, &link_request(&path, &id), "a second link before there is a client")?;
    let mut alice = world.client(&path, "alice")?;
    refused(world, &link_request(&path, &id), "a second link of the same id")?;
    alice.text("once")?;
    link.hears_text("once")?;
    alice.text("and again once")?;
    link.hears_text("and again once")
}

fn no_duplicate_elsewhere(world: &mut World) -> Step {
    own_id(world)?;
    let (path, other, id) = (world.broadcast(), world.broadcast(), fresh_id());
    let mut alice = world.client(&path, "alice")?;
    let mut bob = world.client(&other, "bob")?;
    let mut link = linked(world, &path, &id, "link")?;
    let mut elsewhere = linked(world, &other, &id, "for another channel")?;
    let mut another = linked(world, &path, &fresh_id(), "of another id")?;
    alice.text("on one")?;
    link.hears_text("on one")?;
    another.hears_text("on one")?;
    bob.text("on the other")?;
    elsewhere.hears_text("on the other")?;
    link.leave()?;
    let mut again = linked(world, &path, &id, "after a close")?;
    alice.text("again")?;
    another.hears_text("again")?;
    again.hears_text("again")
}

fn duplicate_probed(world: &mut World) -> Step {
    own_id(world)?;
    let (path, id) = (world.broadcast(), fresh_id());
    let mut alice = world.client(&path, "alice")?;
    let mut link = linked(world, &path, &id, "older link")?;
    link.round_trip("no ping so far")?;
    refused(world, &link_request(&path, &id), "a second link of the same id")?;
    let frame = link.next("a ping")?;
    expect(frame.opcode() == PING, "a ping on the older link", frame.describe())?;
    link.frame(FIN | PONG, &frame.payload)?;
    alice.text("it stays")?;
    link.hears_text("it stays")?;
    refused(world, &link_request(&path, &id), "a second link, the first having answered")
}

/// A target with a stall time that does not make the case long, if it can be told.
fn hurried(world: &World) -> Step<Instance> {
    let stall_time = Some(Duration::from_millis(500));
    world.start(&Options { no_discovery: true, stall_time, ..Options::default() })
}

/// A busy target may notice late that the stall time is over.
const LATENESS: Duration = Duration::from_millis(300);

/// Dials after which the older link must have given way.
const DIALS_MAX: usize = 5;

fn duplicate_gives_way(world: &mut World) -> Step {
    let instance = hurried(world)?;
    let log = world.log();
    let (path, id) = (world.broadcast(), fresh_id());
    let mut alice = instance.client(&path, "alice", log)?;
    let (mut dead, answer) =
        instance.wire("older link", log)?.upgrade(&link_request(&path, &id))?;
    if id_of(&answer).is_none() {
        return Err(no_ids());
    }
    let stall_time = instance.timing().stall_time;
    let mut dials = 0;
    let mut newer = loop {
        let mut wire = instance.wire("newer link", log)?;
        let answer = wire.ask(&link_request(&path, &id))?;
        match answer.status {
            101 if dials > 0 => break wire.into_conn(),
            409 if dials < DIALS_MAX => dials += 1,
            409 => return Err(Stop::fail("that the older link gives way", answer.describe())),
            _ => return Err(Stop::fail("409, and 101 after the stall time", answer.describe())),
        }
        // Not sooner: whether each dial gives the older link the stall time anew is left open.
        std::thread::sleep(stall_time + LATENESS);
    };
    alice.text("to the newer")?;
    newer.hears_text("to the newer")?;
    // What is left on the older one is the ping, and perhaps a close.
    while let Some(frame) = dead.next_or_end("the end of the older link")? {
        let expected = "no message on the older link";
        expect(matches!(frame.opcode(), PING | CLOSE), expected, frame.describe())?;
    }
    Ok(())
}
