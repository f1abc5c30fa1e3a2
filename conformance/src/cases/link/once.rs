//! At most one link to each acceptor, and none to itself.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::fresh_id;
use super::scene::{Discovery, accept_with, request};
use crate::case::{Case, Step, Stop, expect};
use crate::cases::scene::{Scene, accept_link};
use crate::mdns::Advert;
use crate::target::Options;
use crate::wire::frame::{CLOSE, FIN, PING};
use crate::wire::http::ID_HEADER;
use crate::wire::{Acceptor, Conn};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "link/one-for-two-instances",
        clause: "link.one-per-acceptor",
        what: "Two instances at one address and port give one link.",
        run: one_for_two_instances,
    },
    Case {
        id: "link/one-after-another-advert",
        clause: "link.one-per-acceptor",
        what: "Fresh adverts of an acceptor that is linked, beside the old ones, give no other.",
        run: one_after_another_advert,
    },
    Case {
        id: "link/one-after-a-goodbye",
        clause: "link.one-per-acceptor",
        what: "An acceptor that withdraws its advert and gives a fresh one keeps its one link.",
        run: one_after_a_goodbye,
    },
    Case {
        id: "link/one-for-two-addresses",
        clause: "link.one-per-acceptor",
        what: "One instance with two addresses, on two networks, gives one link.",
        run: one_for_two_addresses,
    },
    Case {
        id: "link/one-for-advert-and-peer",
        clause: "link.one-per-acceptor",
        what: "An acceptor that is a configured peer and advertised gets one link.",
        run: one_for_advert_and_peer,
    },
    Case {
        id: "link/one-for-the-same-id",
        clause: "link.one-per-acceptor",
        what: "A second link whose answer has the id of the first is closed with 1000.",
        run: one_for_the_same_id,
    },
    Case {
        id: "link/not-to-its-own-advert",
        clause: "link.not-to-itself",
        what: "A proxy whose own advert is on the network hears nobody twice.",
        run: not_to_its_own_advert,
    },
    Case {
        id: "link/not-to-itself-by-another-advert",
        clause: "link.not-to-itself",
        what: "Another's adverts that lead to the proxy itself, by any address, give no link.",
        run: not_to_itself_by_another_advert,
    },
    Case {
        id: "link/not-to-itself-as-peer",
        clause: "link.not-to-itself",
        what: "A proxy that is its own configured peer gets no link.",
        run: not_to_itself_as_peer,
    },
];

/// What the link brings the client hears once, and any further link for the channel to the acceptor
/// is not held. It is taken with the same headers as the first.
fn stays_the_only_one(
    channel: &str,
    acceptor: &Acceptor,
    link: &mut Conn,
    client: &mut Conn,
    headers: &[(&str, &str)],
) -> Step {
    while let Some(mut wire) = acceptor.try_accept(Duration::ZERO)? {
        // A connection without a request is an attempt that was given up.
        let Ok(request) = wire.request() else { continue };
        let same = request.target == format!("/broadcast/{channel}");
        let mut further = Conn::accept(wire, &request, headers)?;
        if same && is_held(&mut further)? {
            let found = format!("a further link for {}", request.target);
            return Err(Stop::fail("one link to this acceptor", found));
        }
    }
    for n in 0..3 {
        let text = format!("once {n}");
        link.text(&text)?;
        client.hears_text(&text)?;
    }
    client.round_trip("nothing more")
}

/// Whether a link is neither closed nor ended.
fn is_held(link: &mut Conn) -> Step<bool> {
    // Where it has ended there is nobody to ask.
    let _ = link.frame(FIN | PING, b"is it held?");
    let frame = link.next_or_end("the end of a further link to the same acceptor")?;
    Ok(frame.is_some_and(|frame| frame.opcode() != CLOSE))
}

fn one_for_two_instances(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let mut alice = scene.client(&channel, "alice")?;
    let acceptor = scene.acceptor("link")?;
    // Under host names of their own, then under one.
    scene.advertise(&channel, &acceptor);
    scene.advertise(&channel, &acceptor);
    for _ in 0..2 {
        let advert = Advert::new(&channel, &scene.other, acceptor.port());
        scene.mdns.publish(&advert.host("one-host"));
    }
    let mut link = accept_link(&acceptor, &channel)?;
    scene.settle(world)?;
    stays_the_only_one(&channel, &acceptor, &mut link, &mut alice, &[])
}

fn one_after_another_advert(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (mut alice, acceptor, mut link) = scene.joined(&channel)?;
    for _ in 0..3 {
        scene.advertise(&channel, &acceptor);
        scene.settle(world)?;
    }
    stays_the_only_one(&channel, &acceptor, &mut link, &mut alice, &[])
}

/// A proxy that closes its link at the goodbye, which it SHOULD NOT, dials again for the fresh
/// advert.
fn one_after_a_goodbye(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let mut alice = scene.client(&channel, "alice")?;
    let acceptor = scene.acceptor("link")?;
    let old = scene.advertise(&channel, &acceptor);
    let mut link = accept_link(&acceptor, &channel)?;
    scene.mdns.withdraw(&old);
    scene.advertise(&channel, &acceptor);
    scene.settle(world)?;
    if !is_held(&mut link)? {
        link = accept_link(&acceptor, &channel)?;
        scene.settle(world)?;
    }
    stays_the_only_one(&channel, &acceptor, &mut link, &mut alice, &[])
}

/// Puts the two hosts of the scene on one more network, and gives the other's addresses.
fn two_addresses(scene: &Scene) -> Step<Vec<IpAddr>> {
    let second = scene.lan.second_network()?;
    second.connect(scene.proxy.host()?)?;
    second.connect(&scene.other)?;
    Ok(scene.other.all_v4().into_iter().map(IpAddr::from).collect())
}

fn one_for_two_addresses(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let addresses = two_addresses(&scene)?;
    let mut alice = scene.client(&channel, "alice")?;
    let acceptor = scene.acceptor("link")?;
    scene.advertise_at(&channel, &acceptor, &addresses);
    let mut link = accept_link(&acceptor, &channel)?;
    scene.settle(world)?;
    stays_the_only_one(&channel, &acceptor, &mut link, &mut alice, &[])
}

fn one_for_advert_and_peer(world: &mut World) -> Step {
    let (scene, acceptor) = Scene::with_peer(world, Discovery::On)?;
    let channel = world.name();
    scene.advertise(&channel, &acceptor);
    let mut alice = scene.client(&channel, "alice")?;
    let mut link = accept_link(&acceptor, &channel)?;
    scene.advertise(&channel, &acceptor);
    scene.settle(world)?;
    stays_the_only_one(&channel, &acceptor, &mut link, &mut alice, &[])
}

fn one_for_the_same_id(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let addresses = two_addresses(&scene)?;
    let mut alice = scene.client(&channel, "alice")?;
    let acceptor = scene.acceptor("link")?;
    let id = fresh_id();
    let headers = [(ID_HEADER, id.as_str())];
    scene.advertise_at(&channel, &acceptor, &addresses[..1]);
    let (wire, first) = request(&acceptor)?;
    if first.header(ID_HEADER).is_none() {
        return Err(Stop::skip("the target does not use proxy ids"));
    }
    let mut link = Conn::accept(wire, &first, &headers)?;
    link.text("over the first")?;
    alice.hears_text("over the first")?;
    // Nothing in the advert says that it is the same proxy.
    scene.advertise_at(&channel, &acceptor, &addresses[1..]);
    let mut second = accept_with(&acceptor, &headers)?;
    let frame = second.next_but_pings("a close with 1000 of the second link")?;
    let closed = frame.opcode() == CLOSE && frame.close_code().0 == 1000;
    expect(closed, "a close with 1000 of the second link", frame.describe())?;
    scene.settle(world)?;
    stays_the_only_one(&channel, &acceptor, &mut link, &mut alice, &headers)
}

/// Two clients hear each other once, and themselves not at all.
fn hear_each_other_once(alice: &mut Conn, bob: &mut Conn) -> Step {
    for n in 0..5 {
        let (from_alice, from_bob) = (format!("alice {n}"), format!("bob {n}"));
        alice.text(&from_alice)?;
        bob.hears_text(&from_alice)?;
        bob.text(&from_bob)?;
        alice.hears_text(&from_bob)?;
    }
    alice.round_trip("nothing more")?;
    bob.round_trip("nothing more")
}

fn not_to_its_own_advert(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let mut alice = scene.client(&channel, "alice")?;
    let mut bob = scene.client(&channel, "bob")?;
    scene.mdns.expect_instance(&channel)?;
    scene.settle(world)?;
    hear_each_other_once(&mut alice, &mut bob)
}

fn not_to_itself_by_another_advert(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let mut alice = scene.client(&channel, "alice")?;
    let mut bob = scene.client(&channel, "bob")?;
    let host = scene.proxy.host()?;
    let addresses: [IpAddr; 3] = [host.v4().into(), host.v6().into(), Ipv4Addr::LOCALHOST.into()];
    let each = addresses.iter().map(std::slice::from_ref);
    for addresses in each.chain([&addresses[..]]) {
        let advert = Advert::new(&channel, &scene.other, scene.proxy.port());
        scene.mdns.publish(&advert.addresses(addresses));
    }
    scene.settle(world)?;
    hear_each_other_once(&mut alice, &mut bob)
}

fn not_to_itself_as_peer(world: &mut World) -> Step {
    // Which port it gets is seen when it runs; on a host of its own it is always the same.
    let port = Scene::new(world)?.proxy.port();
    let scene = Scene::beside(world, |home, _| {
        let peers = vec![(home.v4(), port).into(), (Ipv4Addr::LOCALHOST, port).into()];
        Ok(Options { peers, ..Options::default() })
    })?;
    let channel = world.name();
    let mut alice = scene.client(&channel, "alice")?;
    let mut bob = scene.client(&channel, "bob")?;
    scene.settle(world)?;
    hear_each_other_once(&mut alice, &mut bob)
}
