//! Whom a proxy dials, when, and with which request.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::scene::{not_dialled, request};
use crate::case::{Case, Step, Stop, expect};
use crate::cases::scene::{Scene, accept_link};
use crate::mdns::Advert;
use crate::wire::http::LINK_HEADER;
use crate::wire::{Acceptor, Conn, PATIENCE, Request};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "link/dialled-when-advertised",
        clause: "link.dialled",
        what: "A proxy with a client dials another that advertises the channel.",
        run: dialled_when_advertised,
    },
    Case {
        id: "link/dialled-when-there-is-a-client",
        clause: "link.dialled",
        what: "A proxy that knows of an advert dials when its first client comes.",
        run: dialled_when_there_is_a_client,
    },
    Case {
        id: "link/dialled-for-the-next-client",
        clause: "link.dialled",
        what: "After its clients have left, a proxy dials again for the next one.",
        run: dialled_for_the_next_client,
    },
    Case {
        id: "link/dialled-for-each-channel",
        clause: "link.dialled",
        what: "An acceptor with several channels gets a link for each.",
        run: dialled_for_each_channel,
    },
    Case {
        id: "link/dialled-for-each-acceptor",
        clause: "link.dialled",
        what: "Every acceptor of a channel gets a link, on one host and on several.",
        run: dialled_for_each_acceptor,
    },
    Case {
        id: "link/next-address-tried",
        clause: "link.dialled",
        what: "Where one address refuses and one is no proxy, the third gets the link.",
        run: next_address_tried,
    },
    Case {
        id: "link/next-address-after-silence",
        clause: "link.dialled",
        what: "Where nobody answers at one address, another gets the link.",
        run: next_address_after_silence,
    },
    Case {
        id: "link/dialled-over-ipv6",
        clause: "link.dialled",
        what: "An instance with only an IPv6 address is dialled.",
        run: dialled_over_ipv6,
    },
    Case {
        id: "link/not-dialled-without-interest",
        clause: "link.only-with-interest",
        what: "What nobody has open is not dialled, whoever advertises it.",
        run: not_dialled_without_interest,
    },
    Case {
        id: "link/not-dialled-after-the-last-client",
        clause: "link.only-with-interest",
        what: "When the last client has left, fresh adverts are not dialled.",
        run: not_dialled_after_the_last_client,
    },
    Case {
        id: "link/request",
        clause: "link.request",
        what: "The request has the path, the link's header, an Origin, version 13 and a key.",
        run: request_is_right,
    },
    Case {
        id: "link/request-names",
        clause: "link.request",
        what: "The name stands in the path as it is, in upper and lower case, with dots.",
        run: request_names,
    },
    Case {
        id: "link/request-fresh-key",
        clause: "link.request",
        what: "Each request has a key of its own.",
        run: request_fresh_key,
    },
];

fn dialled_when_advertised(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let (mut alice, _acceptor, mut link) = scene.joined(&world.name())?;
    link.text("over the link")?;
    alice.hears_text("over the link")
}

fn dialled_when_there_is_a_client(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let acceptor = scene.acceptor("link")?;
    scene.advertise(&channel, &acceptor);
    scene.settle(world)?;
    let mut alice = scene.client(&channel, "alice")?;
    let mut link = accept_link(&acceptor, &channel)?;
    link.text("over the link")?;
    alice.hears_text("over the link")
}

fn dialled_for_the_next_client(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (alice, acceptor, link) = scene.joined(&channel)?;
    alice.leave()?;
    scene.settle(world)?;
    drop(link);
    for _ in 0..2 {
        let mut next = scene.client(&channel, "next")?;
        let mut link = accept_link(&acceptor, &channel)?;
        link.text("again")?;
        next.hears_text("again")?;
        next.leave()?;
        scene.settle(world)?;
    }
    Ok(())
}

fn dialled_for_each_channel(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let acceptor = scene.acceptor("link")?;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let channel = world.name();
        let client = scene.client(&channel, &channel)?;
        scene.advertise(&channel, &acceptor);
        clients.push((channel, client));
    }
    let mut links = Vec::new();
    for _ in 0..3 {
        let (wire, request) = request(&acceptor)?;
        links.push((request.target.clone(), Conn::accept(wire, &request, &[])?));
    }
    for (channel, mut client) in clients {
        let path = format!("/broadcast/{channel}");
        let link = links.iter_mut().find(|(target, _)| *target == path);
        let (_, link) = link.ok_or_else(|| Stop::fail(format!("a link for {path}"), "none"))?;
        link.text(&channel)?;
        client.hears_text(&channel)?;
    }
    Ok(())
}

fn dialled_for_each_acceptor(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let mut alice = scene.client(&channel, "alice")?;
    let third = scene.lan.host("third")?;
    let acceptors = [
        scene.acceptor("port 1")?,
        scene.acceptor("port 2")?,
        Acceptor::on(&third, "third", scene.log())?,
    ];
    scene.advertise(&channel, &acceptors[0]);
    scene.advertise(&channel, &acceptors[1]);
    scene.mdns.publish(&Advert::new(&channel, &third, acceptors[2].port()));
    let mut links = Vec::new();
    for acceptor in &acceptors {
        links.push(accept_link(acceptor, &channel)?);
    }
    for (n, link) in links.iter_mut().enumerate() {
        let text = format!("over link {n}");
        link.text(&text)?;
        alice.hears_text(&text)?;
    }
    Ok(())
}

/// Once with the good address as the first and lowest, once as the last and highest: whoever tries
/// just one does not get by.
fn next_address_tried(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let hosts = [scene.lan.host("first")?, scene.lan.host("second")?, scene.lan.host("third")?];
    for [good, stranger, refusing] in [[0, 1, 2], [2, 1, 0]] {
        let channel = world.name();
        let mut alice = scene.client(&channel, "alice")?;
        let acceptor = Acceptor::on(&hosts[good], "good", scene.log())?;
        let anywhere = SocketAddr::from(([0, 0, 0, 0], acceptor.port()));
        let no_proxy = Acceptor::at(&hosts[stranger], anywhere, "no proxy", scene.log())?;
        let addresses = [good, stranger, refusing].map(|n| hosts[n].v4().into());
        scene.advertise_at(&channel, &acceptor, &addresses);
        let started = Instant::now();
        let mut link = loop {
            if let Some(mut wire) = acceptor.try_accept(Duration::from_millis(10))? {
                let request = wire.request()?;
                break Conn::accept(wire, &request, &[])?;
            }
            if let Some(mut wire) = no_proxy.try_accept(Duration::from_millis(10))? {
                wire.request()?;
                wire.send_bytes(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            }
            let in_time = started.elapsed() < PATIENCE;
            expect(in_time, "a link at the good address", "none in time")?;
        };
        link.text("from the good address")?;
        alice.hears_text("from the good address")?;
    }
    Ok(())
}

/// The good address is neither first nor last, lowest nor highest: whoever tries just one does not
/// get by.
fn next_address_after_silence(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let hosts = [scene.lan.host("gone")?, scene.lan.host("good")?, scene.lan.host("gone too")?];
    let addresses = hosts.each_ref().map(|host| host.v4().into());
    let [gone, good, gone_too] = hosts;
    drop((gone, gone_too));
    let channel = world.name();
    let _alice = scene.client(&channel, "alice")?;
    let acceptor = Acceptor::on(&good, "good", scene.log())?;
    scene.advertise_at(&channel, &acceptor, &addresses);
    let mut link = accept_link(&acceptor, &channel)?;
    link.round_trip("it stands")
}

fn dialled_over_ipv6(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let mut alice = scene.client(&channel, "alice")?;
    let v6 = scene.other.v6();
    let acceptor = Acceptor::at(&scene.other, (v6, 0).into(), "IPv6", scene.log())?;
    scene.advertise_at(&channel, &acceptor, &[v6.into()]);
    let mut link = accept_link(&acceptor, &channel)?;
    link.text("over IPv6")?;
    alice.hears_text("over IPv6")
}

fn not_dialled_without_interest(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let acceptor = scene.acceptor("nobody's channel")?;
    scene.advertise(&channel, &acceptor);
    scene.settle(world)?;
    not_dialled(&acceptor, "the target has no client on the channel")?;
    // The local channel of that name is none of it.
    let _local = scene.proxy.client(&format!("/local/{channel}"), "local", scene.log())?;
    scene.settle(world)?;
    not_dialled(&acceptor, "the target's client is on the local channel of that name")?;
    // It was worth dialling all the time.
    let _alice = scene.client(&channel, "alice")?;
    accept_link(&acceptor, &channel)?.round_trip("it stands")
}

fn not_dialled_after_the_last_client(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (alice, _acceptor, _link) = scene.joined(&channel)?;
    alice.leave()?;
    scene.settle(world)?;
    let fresh = scene.acceptor("fresh advert")?;
    scene.advertise(&channel, &fresh);
    scene.settle(world)?;
    not_dialled(&fresh, "the target's last client on the channel has left")?;
    let _alice = scene.client(&channel, "alice again")?;
    accept_link(&fresh, &channel)?.round_trip("it stands")
}

/// The request with which the target dials a channel.
fn dialled_with(scene: &Scene, channel: &str) -> Step<Request> {
    let _client = scene.client(channel, "alice")?;
    let acceptor = scene.acceptor("link")?;
    scene.advertise(channel, &acceptor);
    Ok(request(&acceptor)?.1)
}

fn request_is_right(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let request = dialled_with(&scene, &channel)?;
    let text = request.text();
    let first = format!("{} {} {}", request.method, request.target, request.version);
    let expected = format!("GET /broadcast/{channel} HTTP/1.1");
    expect(first == expected, expected, first)?;
    let is = |name: &str, value: &str| {
        let found = request.header(name);
        let same = found.is_some_and(|found| found.eq_ignore_ascii_case(value));
        expect(same, format!("{name}: {value}"), &text)
    };
    expect(request.header(LINK_HEADER) == Some("true"), format!("{LINK_HEADER}: true"), &text)?;
    is("Sec-WebSocket-Version", "13")?;
    is("Upgrade", "websocket")?;
    let connection = request.header("Connection").unwrap_or("").to_ascii_lowercase();
    let upgrades = connection.split(',').any(|token| token.trim() == "upgrade");
    expect(upgrades, "Connection: Upgrade", &text)?;
    expect(request.header("Host").is_some(), "a Host", &text)?;
    let key = request.header("Sec-WebSocket-Key").unwrap_or("").as_bytes();
    let key = data_encoding::BASE64.decode(key).unwrap_or_default();
    expect(key.len() == 16, "a Sec-WebSocket-Key of 16 bytes in base64", &text)?;
    origin_is_host_name(&request)
}

/// Host names are written with and without their domain.
fn origin_is_host_name(request: &Request) -> Step {
    let first = |name: &str| name.split('.').next().unwrap_or("").to_ascii_lowercase();
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    let origin = request.header("Origin").unwrap_or("");
    let same = !origin.is_empty() && first(origin) == first(&name);
    expect(same, format!("an Origin with the dialler's host name, {name}"), request.text())
}

fn request_names(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    for name in [format!("{}.Mixed-CASE_1.x", world.name()), format!("{}-.", world.name())] {
        let request = dialled_with(&scene, &name)?;
        let expected = format!("/broadcast/{name}");
        expect(request.target == expected, &expected, &request.target)?;
    }
    Ok(())
}

fn request_fresh_key(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let mut keys = Vec::new();
    for _ in 0..3 {
        let request = dialled_with(&scene, &world.name())?;
        keys.push(request.header("Sec-WebSocket-Key").unwrap_or("").to_owned());
    }
    let same = keys[0] == keys[1] || keys[1] == keys[2] || keys[0] == keys[2];
    expect(!same, "three keys that differ", keys.join(", "))
}
