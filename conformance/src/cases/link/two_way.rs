//! Links that carry both ways, an optional extension on top of ids.

use super::fresh_id;
use super::scene::{Discovery, request};
use crate::case::{Case, Step, Stop, expect};
use crate::cases::scene::Scene;
use crate::wire::http::{ID_HEADER, TWO_WAY_HEADER};
use crate::wire::{Conn, Message, Request, Wire};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "link/one-copy-per-id",
        clause: "link.one-copy-per-id",
        what: "Over two links with one id, dialled by each side at once, each message goes once.",
        run: one_copy_per_id,
    },
    Case {
        id: "link/duplicate-of-a-two-way-link",
        clause: "link.duplicate-refused",
        what: "A proxy that has its messages over a two-way link is refused a link of its own.",
        run: duplicate_of_a_two_way_link,
    },
    Case {
        id: "link/two-way-not-for-adverts",
        clause: "link.two-way-only-configured",
        what: "Where an advert leads, the request does not ask for both ways.",
        run: two_way_not_for_adverts,
    },
    Case {
        id: "link/two-way-with-id",
        clause: "link.two-way-only-configured",
        what: "A request for both ways has an id.",
        run: two_way_with_id,
    },
    Case {
        id: "link/two-way-agreed",
        clause: "link.two-way-agreed",
        what: "When the peer agrees, the link carries both ways, each message once.",
        run: two_way_agreed,
    },
    Case {
        id: "link/two-way-declined",
        clause: "link.two-way-agreed",
        what: "When the peer does not answer with the header, the link carries inward only.",
        run: two_way_declined,
    },
    Case {
        id: "link/two-way-as-answered",
        clause: "link.two-way-agreed",
        what: "What a dialler that asks for both ways sends is heard if the answer agrees, or not.",
        run: two_way_as_answered,
    },
    Case {
        id: "link/two-way-not-unasked",
        clause: "link.two-way-agreed",
        what: "Without the header, or with another value, a request gets a link of one way.",
        run: two_way_not_unasked,
    },
    Case {
        id: "link/two-way-not-relayed",
        clause: "link.not-relayed-on",
        what: "What one two-way link brings goes over no other link, nor back.",
        run: two_way_not_relayed,
    },
    Case {
        id: "link/two-way-stays",
        clause: "link.two-way-stays",
        what: "A two-way link stays open when the acceptor's last client leaves.",
        run: two_way_stays,
    },
];

const TWO_WAY: &str = "two-way";

/// A target with a configured peer, its client alice, and its dial, which asks for both ways.
struct Peering {
    scene: Scene,
    channel: String,
    alice: Conn,
    wire: Wire,
    request: Request,
    /// The id under which the suite answers.
    id: String,
}

impl Peering {
    fn new(world: &World) -> Step<Self> {
        let (scene, acceptor) = Scene::with_peer(world, Discovery::Off)?;
        let channel = world.name();
        let alice = scene.client(&channel, "alice")?;
        let (wire, request) = request(&acceptor)?;
        if request.header(TWO_WAY_HEADER).is_none() {
            return Err(Stop::skip(
                "the target does not ask for two-way links, which are optional",
            ));
        }
        Ok(Self { scene, channel, alice, wire, request, id: fresh_id() })
    }

    fn path(&self) -> String {
        format!("/broadcast/{}", self.channel)
    }

    /// Agrees: the link carries both ways.
    fn agree(self) -> Step<(Scene, Conn, Conn)> {
        let headers = [(ID_HEADER, self.id.as_str()), (TWO_WAY_HEADER, TWO_WAY)];
        let link = Conn::accept(self.wire, &self.request, &headers)?;
        Ok((self.scene, self.alice, link))
    }
}

fn one_copy_per_id(world: &mut World) -> Step {
    let Peering { scene, channel, mut alice, wire, request, id } = Peering::new(world)?;
    let mut bob = scene.client(&channel, "bob")?;
    // While the target waits for the answer to its dial, the peer's own dial succeeds.
    let path = format!("/broadcast/{channel}");
    let mut ours = scene.wire("dialled by the peer")?.upgrade(&super::link_request(&path, &id))?.0;
    let headers = [(ID_HEADER, id.as_str()), (TWO_WAY_HEADER, TWO_WAY)];
    let mut theirs = Conn::accept(wire, &request, &headers)?;
    theirs.round_trip("it stands")?;
    ours.round_trip("it stands too")?;
    let sent: Vec<_> = (0..20).map(|n| format!("message {n}")).collect();
    for text in &sent {
        alice.text(text)?;
        bob.hears_text(text)?;
    }
    let texts = |link: &mut Conn| -> Step<Vec<String>> {
        let messages = link.brought()?.into_iter();
        Ok(messages.map(|message| String::from_utf8_lossy(&message.payload).into()).collect())
    };
    let (by_ours, by_theirs) = (texts(&mut ours)?, texts(&mut theirs)?);
    let mut all = [by_ours.clone(), by_theirs.clone()].concat();
    all.sort_by_key(|text| sent.iter().position(|other| other == text));
    let found = format!("{by_ours:?} over the peer's own link, {by_theirs:?} over the other");
    expect(all == sent, "each message once, over one of the two links", found)
}

fn duplicate_of_a_two_way_link(world: &mut World) -> Step {
    let peering = Peering::new(world)?;
    let request = super::link_request(&peering.path(), &peering.id);
    let (scene, mut alice, mut link) = peering.agree()?;
    link.round_trip("it stands")?;
    let answer = scene.wire("a link of the peer's own")?.ask(&request)?;
    expect(
        answer.status == 409,
        "409 to a link that would bring everything twice",
        answer.describe(),
    )?;
    alice.text("once")?;
    link.hears_text("once")
}

fn two_way_not_for_adverts(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let _alice = scene.client(&channel, "alice")?;
    let acceptor = scene.acceptor("advertised")?;
    scene.advertise(&channel, &acceptor);
    let (_wire, request) = request(&acceptor)?;
    let asked = request.header(TWO_WAY_HEADER);
    expect(asked.is_none(), format!("no {TWO_WAY_HEADER} where an advert leads"), request.text())
}

fn two_way_with_id(world: &mut World) -> Step {
    let Peering { request, .. } = Peering::new(world)?;
    let id = request.header(ID_HEADER).unwrap_or("");
    expect(super::is_id(id), format!("{ID_HEADER} beside {TWO_WAY_HEADER}"), request.text())
}

fn two_way_agreed(world: &mut World) -> Step {
    let peering = Peering::new(world)?;
    let channel = peering.channel.clone();
    let (scene, mut alice, mut link) = peering.agree()?;
    let mut bob = scene.client(&channel, "bob")?;
    for n in 0..10 {
        let outward = Message::text(&format!("outward {n}"));
        let inward = Message::binary(format!("inward {n}"));
        alice.send(&outward)?;
        bob.hears(&outward)?;
        link.hears(&outward)?;
        link.send(&inward)?;
        alice.hears(&inward)?;
        bob.hears(&inward)?;
    }
    link.round_trip("nothing came back")
}

fn two_way_declined(world: &mut World) -> Step {
    for declines in [None, Some("one-way")] {
        let peering = Peering::new(world)?;
        let mut headers = vec![(ID_HEADER, peering.id.as_str())];
        headers.extend(declines.map(|value| (TWO_WAY_HEADER, value)));
        let mut link = Conn::accept(peering.wire, &peering.request, &headers)?;
        let mut alice = peering.alice;
        let mut bob = peering.scene.client(&peering.channel, "bob")?;
        for n in 0..10 {
            let text = format!("message {n}");
            alice.text(&text)?;
            bob.hears_text(&text)?;
            link.round_trip("nothing")?;
        }
        link.text("inward")?;
        alice.hears_text("inward")?;
    }
    Ok(())
}

/// A link that the suite dials with this value of the header, and whether the target agreed to
/// carry both ways.
fn dial_both_ways(world: &mut World, path: &str, value: Option<&str>) -> Step<(Conn, bool)> {
    let mut request = super::link_request(path, &fresh_id());
    if let Some(value) = value {
        request = request.with(TWO_WAY_HEADER, value);
    }
    let (link, answer) = world.wire("link")?.upgrade(&request)?;
    let agreed = answer.header(TWO_WAY_HEADER).is_some_and(|value| value == TWO_WAY);
    Ok((link, agreed))
}

/// What a link sends reaches the clients if it carries both ways, and only then; what they send
/// reaches it.
fn carries(link: &mut Conn, both: bool, alice: &mut Conn, bob: &mut Conn) -> Step {
    for n in 0..5 {
        let (over_link, of_client) = (format!("over the link {n}"), format!("of a client {n}"));
        link.text(&over_link)?;
        link.round_trip("sent")?;
        if both {
            alice.hears_text(&over_link)?;
            bob.hears_text(&over_link)?;
        }
        alice.text(&of_client)?;
        bob.hears_text(&of_client)?;
        link.hears_text(&of_client)?;
    }
    Ok(())
}

fn two_way_as_answered(world: &mut World) -> Step {
    let path = world.broadcast();
    let (mut alice, mut bob) = world.pair(&path)?;
    let (mut link, agreed) = dial_both_ways(world, &path, Some(TWO_WAY))?;
    carries(&mut link, agreed, &mut alice, &mut bob)
}

fn two_way_not_unasked(world: &mut World) -> Step {
    for value in [None, Some("one-way"), Some("")] {
        let path = world.broadcast();
        let (mut alice, mut bob) = world.pair(&path)?;
        let (mut link, agreed) = dial_both_ways(world, &path, value)?;
        let asked =
            value.map_or("without the header".to_owned(), |value| format!("with {value:?}"));
        let expected = format!("no {TWO_WAY_HEADER}: {TWO_WAY} in answer to a request {asked}");
        expect(!agreed, expected, "it is there")?;
        carries(&mut link, false, &mut alice, &mut bob)?;
    }
    Ok(())
}

/// A link that carries both ways, if the target agrees to such.
fn agreed(world: &mut World, path: &str) -> Step<Conn> {
    match dial_both_ways(world, path, Some(TWO_WAY))? {
        (link, true) => Ok(link),
        _ => Err(Stop::skip("the target does not agree to two-way links, which are optional")),
    }
}

fn two_way_not_relayed(world: &mut World) -> Step {
    let path = world.broadcast();
    let (mut alice, mut bob) = world.pair(&path)?;
    let mut links =
        [agreed(world, &path)?, agreed(world, &path)?, super::dial(world, &path, "one way")?];
    for n in 0..10 {
        let text = format!("over a two-way link {n}");
        links[0].text(&text)?;
        alice.hears_text(&text)?;
        bob.hears_text(&text)?;
        links.iter_mut().try_for_each(|link| link.round_trip("nothing"))?;
        let text = format!("of a client {n}");
        bob.text(&text)?;
        alice.hears_text(&text)?;
        links.iter_mut().try_for_each(|link| link.hears_text(&text))?;
    }
    Ok(())
}

fn two_way_stays(world: &mut World) -> Step {
    let path = world.broadcast();
    let mut link = agreed(world, &path)?;
    for n in 0..3 {
        let mut client = world.client(&path, &format!("client {n}"))?;
        client.text("outward")?;
        link.hears_text("outward")?;
        link.text("inward")?;
        client.hears_text("inward")?;
        client.leave()?;
        link.round_trip("it stays")?;
    }
    Ok(())
}
