//! That channels are advertised, and which.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::second_stack;
use crate::case::{Case, Step, Stop, expect, joined};
use crate::cases::scene::Scene;
use crate::log::Direction;
use crate::mdns::{SERVICE, Seen};
use crate::target::Options;
use crate::wire::{Conn, PATIENCE, Request, Wire};
use crate::world::World;

/// Channels at a time.
const CHANNELS: usize = 12;

/// Clients that come and go at once.
const STORM: usize = 20;

/// Pause before something is said again.
const SAY_EVERY: Duration = Duration::from_millis(20);

pub(super) const CASES: &[Case] = &[
    Case {
        id: "discovery/advert-leads-to-proxy",
        clause: "discovery.advertised",
        what: "The first client brings an advert whose port and address lead another host here.",
        run: advert_leads_to_proxy,
    },
    Case {
        id: "discovery/newcomer-is-told",
        clause: "discovery.advertised",
        what: "A host that comes onto the network later, and asks, is told of the channel.",
        run: newcomer_is_told,
    },
    Case {
        id: "discovery/announced-into-a-cut",
        clause: "discovery.advertised",
        what: "A channel that was opened while the cable was cut is told of once it is whole.",
        run: announced_into_a_cut,
    },
    Case {
        id: "discovery/one-instance-for-many-clients",
        clause: "discovery.advertised",
        what: "However many clients and links a channel has, it has one instance while a client stays.",
        run: one_instance_for_many_clients,
    },
    Case {
        id: "discovery/each-channel-its-instance",
        clause: "discovery.advertised",
        what: "Each of many channels has an instance, also where names differ only in case.",
        run: each_channel_its_instance,
    },
    Case {
        id: "discovery/advertised-after-a-storm",
        clause: "discovery.advertised",
        what: "After many joins and leaves in a row, a channel with a client has one instance.",
        run: advertised_after_a_storm,
    },
    Case {
        id: "discovery/noise-does-no-harm",
        clause: "discovery.advertised",
        what: "Packets that are broken in many ways keep nobody from being advertised.",
        run: noise_does_no_harm,
    },
    Case {
        id: "discovery/killed-and-found-again",
        clause: "discovery.advertised",
        what: "Two proxies link up; one is killed and started again, and they link up again.",
        run: killed_and_found_again,
    },
    Case {
        id: "discovery/avahi-resolves",
        clause: "discovery.advertised",
        what: "Avahi finds the channel, and resolves its address, port and path.",
        run: second_stack::resolves,
    },
    Case {
        id: "discovery/local-not-advertised",
        clause: "discovery.local-never-advertised",
        what: "While broadcast channels are shown, no instance shows an open local channel.",
        run: local_not_advertised,
    },
];

fn advert_leads_to_proxy(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (_client, seen) = scene.advertised(&channel)?;
    expect(
        seen.port == Some(scene.proxy.port()),
        format!("the port {} in SRV", scene.proxy.port()),
        seen.describe(),
    )?;
    leads_to_proxy(&scene, &channel, &seen)
}

/// At one of the addresses another host can open a link. Link-local ones need more than an address.
fn leads_to_proxy(scene: &Scene, channel: &str, seen: &Seen) -> Step {
    let needs_scope =
        |address: &IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let (scoped, plain): (Vec<IpAddr>, _) = seen.addresses.iter().partition(|a| needs_scope(a));
    if plain.is_empty() && scoped.contains(&scene.home()?.link_local().into()) {
        return Ok(());
    }
    let mut why = String::new();
    for address in plain {
        let to = SocketAddr::new(address, scene.proxy.port());
        let host = to.to_string();
        let link = || {
            Wire::connect(Some(&scene.other), to, &host, "link", scene.log())?
                .upgrade(&Request::link(&format!("/broadcast/{channel}")))
        };
        match link() {
            Ok(_) => return Ok(()),
            Err(stop) => why = stop.to_string(),
        }
    }
    let expected = "an address in the advert at which another host can open a link";
    Err(Stop::fail(expected, format!("{}; {why}", seen.describe())))
}

fn newcomer_is_told(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (_client, before) = scene.advertised(&channel)?;
    let (_host, mdns) = scene.newcomer("newcomer")?;
    mdns.ask();
    let told = mdns.expect_instance(&channel)?;
    expect(
        (&told.instance, told.port, &told.texts) == (&before.instance, before.port, &before.texts),
        format!("what was announced: {}", before.describe()),
        told.describe(),
    )
}

fn announced_into_a_cut(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let (before, meanwhile) = (world.name(), world.name());
    let _before = scene.advertised(&before)?;
    let home = scene.home()?;
    home.cut()?;
    let _client = scene.join(&meanwhile)?;
    home.repair()?;
    scene.mdns.ask();
    for channel in [before, meanwhile] {
        scene.mdns.expect_instance(&channel)?;
    }
    Ok(())
}

fn one_instance_for_many_clients(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (first, advert) = scene.advertised(&channel)?;
    let _last = scene.join(&channel)?;
    let _link = scene.link(&channel)?;
    let another = scene.join(&channel)?;
    first.leave()?;
    another.leave()?;
    let _later = scene.other_adverts(world)?;
    only(&scene, &channel, &advert.instance)
}

/// Of a channel there is this instance, and there never was another.
fn only(scene: &Scene, channel: &str, instance: &str) -> Step {
    let seen: Vec<_> =
        scene.mdns.instances().into_iter().filter(|seen| seen.is_about(channel)).collect();
    let words: Vec<_> = seen.iter().map(Seen::describe).collect();
    expect(
        matches!(&seen[..], [one] if one.there && one.instance == instance),
        format!("one instance for {channel}, {instance:?}"),
        words.join("; "),
    )
}

fn each_channel_its_instance(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let mut channels: Vec<_> = (0..CHANNELS).map(|_| world.name()).collect();
    channels.extend(["Case", "case", "CASE"].map(str::to_owned));
    let _clients: Vec<_> =
        channels.iter().map(|channel| scene.join(channel)).collect::<Step<_>>()?;
    for channel in &channels {
        let path = format!("path=/broadcast/{channel}").into_bytes();
        let expected = format!("one instance for {channel}");
        scene.mdns.wait_for(&expected, PATIENCE, |heard| {
            let with_path = |seen: &Seen| seen.there && seen.texts == Some(vec![path.clone()]);
            match heard.instances().filter(with_path).count() {
                1 => Ok(()),
                _ => Err(heard.describe()),
            }
        })?;
    }
    Ok(())
}

fn advertised_after_a_storm(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    for _ in 0..STORM {
        let mut conn = scene.join(&channel)?;
        conn.close(1000, "")?;
        conn.closed(1000)?;
    }
    let _client = scene.join(&channel)?;
    let _later = scene.other_adverts(world)?;
    let (_host, mdns) = scene.newcomer("newcomer")?;
    mdns.ask();
    mdns.expect_instance(&channel)?;
    let instances = mdns.instances();
    let count = instances.iter().filter(|seen| seen.there && seen.is_about(&channel)).count();
    let words: Vec<_> = instances.iter().map(Seen::describe).collect();
    expect(count == 1, format!("one instance for {channel}"), words.join("; "))
}

fn noise_does_no_harm(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let _before = scene.advertised(&world.name())?;
    let head = b"\0\0\x84\0\0\0\0\x01\0\0\0\0";
    let question = b"\0\0\0\0\0\x01\0\0\0\0\0\0";
    for noise in [
        b"".to_vec(),
        head[..7].to_vec(),
        vec![0xff; 1400],
        vec![0; 9000],
        // A name that points to itself, two that point to each other, and one past the end.
        [&head[..], b"\xc0\x0c\0\x0c\0\x01\0\0\0\x78\0\x02\xc0\x0c"].concat(),
        [&question[..], b"\xc0\x0e\xc0\x0c\0\x0c\0\x01"].concat(),
        [&question[..], b"\x03_ws\xff\xff\0\x0c\0\x01"].concat(),
        // A record that is longer than its packet, a string longer than its record, a cut label.
        [&head[..], b"\x03_ws\x04_tcp\x05local\0\0\x10\0\x01\0\0\0\x78\xff\xff"].concat(),
        [&head[..], b"\x03_ws\x04_tcp\x05local\0\0\x10\0\x01\0\0\0\x78\0\x02\xffx"].concat(),
        [&head[..], b"\x3f_ws"].concat(),
        // A label of a reserved kind, and an address of three bytes.
        [&head[..], b"\x80_ws\0\0\x0c\0\x01\0\0\0\x78\0\0"].concat(),
        [&head[..], b"\x01a\x05local\0\0\x01\0\x01\0\0\0\x78\0\x03abc"].concat(),
        // More records than there are.
        b"\0\0\x84\0\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
    ] {
        scene.mdns.send_raw(&noise);
    }
    let channel = world.name();
    let _after = scene.advertised(&channel)?;
    scene.other_links(&channel).map(drop)
}

fn killed_and_found_again(world: &mut World) -> Step {
    let lan = world.lan()?;
    let (home, away) = (Arc::new(lan.host("home")?), Arc::new(lan.host("away")?));
    let options = Options::default();
    let (stays, dies) = (world.start_on(&home, &options)?, world.start_on(&away, &options)?);
    let path = world.broadcast();
    let log = world.log().clone();
    let mut alice = stays.client(&path, "alice", &log)?;
    let mut bob = dies.client(&path, "bob", &log)?;
    meet(&mut alice, &mut bob, "before")?;
    dies.kill(&log)?;
    let again = world.start_on(&away, &options)?;
    let mut bob = again.client(&path, "bob again", &log)?;
    log.add("bob again", Direction::Note, "joined");
    meet(&mut alice, &mut bob, "after")
}

/// Both say something until the other has heard it.
fn meet(alice: &mut Conn, bob: &mut Conn, word: &str) -> Step {
    one_way(alice, bob, &format!("{word}, alice"))?;
    one_way(bob, alice, &format!("{word}, bob"))
}

/// Messages that were said before come first, and those that are said before the link stands are
/// lost.
fn one_way(from: &mut Conn, to: &mut Conn, text: &str) -> Step {
    thread::scope(|scope| {
        let heard = scope.spawn(|| {
            while to.message(&format!("{text:?} on the other host"))?.payload != text.as_bytes() {}
            Ok(())
        });
        while !heard.is_finished() {
            from.text(text)?;
            thread::sleep(SAY_EVERY);
        }
        joined(heard)
    })
}

fn local_not_advertised(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let (local, both) = (world.name(), world.name());
    let join = |path: &str| scene.proxy.client(path, path, scene.log());
    let _local = [join(&format!("/local/{local}"))?, join(&format!("/local/{both}"))?];
    let later = scene.other_adverts(world)?;
    let _both = scene.advertised(&both)?;
    scene.mdns.ask();
    let _last = scene.other_adverts(world)?;
    let shown: Vec<_> = later.iter().map(|(_, seen)| seen.instance.as_str()).collect();
    for seen in scene.mdns.instances() {
        let says_local = seen
            .texts
            .iter()
            .flatten()
            .any(|text| String::from_utf8_lossy(text).to_ascii_lowercase().contains("/local/"));
        expect(
            !says_local && !seen.is_about(&local),
            format!("instances of broadcast channels only, such as {}", shown.join(" and ")),
            seen.describe(),
        )?;
    }
    let about = |seen: &Seen| seen.service == SERVICE && seen.is_about(&both);
    let count = scene.mdns.instances().iter().filter(|seen| about(seen)).count();
    expect(count == 1, format!("one instance for /broadcast/{both}"), format!("{count}"))
}
