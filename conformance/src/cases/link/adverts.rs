//! Adverts that go, and adverts that call a lost dialler back.

use std::time::Duration;

use super::fresh_id;
use super::link_request;
use super::scene::{lose, not_dialled, request};
use crate::case::{Case, Step, Stop, expect};
use crate::cases::scene::{Scene, accept_link};
use crate::mdns::Advert;
use crate::wire::{Acceptor, Conn, PATIENCE};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "link/verify-asks-after-a-loss",
        clause: "link.verify",
        what: "After a lost link the instance's records are asked for again.",
        run: verify_asks_after_a_loss,
    },
    Case {
        id: "link/verify-asks-after-a-failed-dial",
        clause: "link.verify",
        what: "After a failed dial the instance's records are asked for again.",
        run: verify_asks_after_a_failed_dial,
    },
    Case {
        id: "link/verify-forgets",
        clause: "link.verify",
        what: "An instance that was lost, and that nobody answers for, is forgotten.",
        run: verify_forgets,
    },
    Case {
        id: "link/outlives-goodbye",
        clause: "link.outlives-advert",
        what: "A link stays open after the goodbye of its advert.",
        run: |world| outlives(world, Withdrawal::Goodbye),
    },
    Case {
        id: "link/outlives-age",
        clause: "link.outlives-advert",
        what: "A link stays open when its advert has aged out.",
        run: |world| outlives(world, Withdrawal::Age),
    },
    Case {
        id: "link/no-redial-after-goodbye",
        clause: "link.no-redial-without-advert",
        what: "After the goodbye of its advert a lost link is not dialled again until a new one.",
        run: |world| no_redial(world, Withdrawal::Goodbye),
    },
    Case {
        id: "link/no-redial-after-age",
        clause: "link.no-redial-without-advert",
        what: "After its advert has aged out a lost link is not dialled again until a new one.",
        run: |world| no_redial(world, Withdrawal::Age),
    },
    Case {
        id: "link/fresh-instance",
        clause: "link.fresh-instance",
        what: "When the only link without an id is lost, a fresh instance comes and the old goes.",
        run: fresh_instance,
    },
    Case {
        id: "link/fresh-instance-not-needed",
        clause: "link.fresh-instance",
        what: "A close, a lost link with an id, and one of two lost give no fresh instance.",
        run: fresh_instance_not_needed,
    },
    Case {
        id: "link/fresh-instances-limited",
        clause: "link.fresh-instance",
        what: "A dialler that loses its link again and again does not get as many fresh instances.",
        run: fresh_instances_limited,
    },
];

/// Waits until somebody asks for records of the instance, after the first `before` questions.
fn asked_for(scene: &Scene, advert: &Advert, before: usize) -> Step {
    let expected = format!("a question for records of {}", advert.name());
    scene.mdns.wait_for(&expected, PATIENCE, |heard| {
        let new = &heard.questions()[before..];
        let asked = new.iter().any(|question| question.contains(advert.name()));
        if asked { Ok(()) } else { Err(format!("{} other questions", new.len())) }
    })
}

fn verify_asks_after_a_loss(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let _alice = scene.client(&channel, "alice")?;
    let (advert, link) = scene.linked(&channel)?;
    let before = scene.mdns.questions().len();
    lose(link);
    asked_for(&scene, &advert, before)
}

fn verify_asks_after_a_failed_dial(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let _alice = scene.client(&channel, "alice")?;
    let acceptor = scene.acceptor("link")?;
    let advert = scene.advertise(&channel, &acceptor);
    let (wire, _) = request(&acceptor)?;
    let before = scene.mdns.questions().len();
    wire.reset();
    asked_for(&scene, &advert, before)
}

/// Whether an instance is forgotten shows when the next client comes: what is known is dialled
/// then.
fn verify_forgets(world: &mut World) -> Step {
    /// What a querier that hurries may need, and what RFC 6762 section 10.4 gives at most.
    const LIMITS: [Duration; 2] = [Duration::from_secs(4), Duration::from_secs(11)];
    let scene = Scene::new(world)?;
    let channel = world.name();
    let mut alice = scene.client(&channel, "alice")?;
    let dead = scene.acceptor_at_own_port("switched off")?;
    let advert = scene.advertise(&channel, &dead);
    let link = accept_link(&dead, &channel)?;
    let alive = scene.acceptor("alive")?;
    scene.advertise(&channel, &alive);
    let mut stays = accept_link(&alive, &channel)?;
    scene.mdns.forget(&advert);
    drop(dead);
    lose(link);
    for limit in LIMITS {
        scene.settle_past(world, scene.log().elapsed() + limit)?;
        alice.leave()?;
        drop(stays);
        let dead = scene.acceptor_at_own_port("switched off")?;
        scene.settle(world)?;
        alice = scene.client(&channel, "alice again")?;
        stays = accept_link(&alive, &channel)?;
        scene.settle(world)?;
        if not_dialled(&dead, "nobody answers for its advert").is_ok() {
            // It was worth dialling, had it been advertised.
            scene.mdns.publish(&advert);
            return accept_link(&dead, &channel)?.round_trip("it is back");
        }
    }
    let seconds = LIMITS[1].as_secs();
    Err(Stop::fail(
        format!("that {} is forgotten {seconds} s after nobody answered", advert.name()),
        "a dial for the next client",
    ))
}

/// How an advert goes.
#[derive(Clone, Copy)]
enum Withdrawal {
    Goodbye,
    Age,
}

/// Seconds that an advert lives that is to age out.
const SHORT_TTL: u32 = 2;

/// A link whose advert goes while it is open.
fn unadvertised(
    world: &World,
    scene: &Scene,
    channel: &str,
    how: Withdrawal,
) -> Step<(Advert, Acceptor, Conn)> {
    let acceptor = scene.acceptor("link")?;
    let advert = Advert::new(channel, &scene.other, acceptor.port());
    let advert = match how {
        Withdrawal::Goodbye => advert,
        Withdrawal::Age => advert.ttl(SHORT_TTL),
    };
    scene.mdns.publish(&advert);
    let link = accept_link(&acceptor, channel)?;
    let lives = match how {
        Withdrawal::Goodbye => {
            scene.mdns.withdraw(&advert);
            // A goodbye takes effect after a second (RFC 6762 section 10.1).
            Duration::from_millis(1500)
        }
        Withdrawal::Age => {
            scene.mdns.forget(&advert);
            Duration::from_secs(u64::from(SHORT_TTL) + 1)
        }
    };
    scene.settle_past(world, scene.log().elapsed() + lives)?;
    Ok((advert, acceptor, link))
}

fn outlives(world: &mut World, how: Withdrawal) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let mut alice = scene.client(&channel, "alice")?;
    let (_advert, _acceptor, mut link) = unadvertised(world, &scene, &channel, how)?;
    link.text("still here")?;
    alice.hears_text("still here")
}

/// A second acceptor is lost at the same time, whose advert stands: it is dialled again and again,
/// and the first would be too.
fn no_redial(world: &mut World, how: Withdrawal) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let _alice = scene.client(&channel, "alice")?;
    let (advert, acceptor, link) = unadvertised(world, &scene, &channel, how)?;
    // A target that gave up the link with the advert may have dialled before the advert was gone.
    while acceptor.try_accept(Duration::ZERO)?.is_some() {}
    let other = world.name();
    let (_bob, control, control_link) = scene.joined(&other)?;
    lose(link);
    lose(control_link);
    for _ in 0..4 {
        request(&control)?.0.reset();
    }
    not_dialled(&acceptor, &format!("the advert {} has gone", advert.name()))?;
    scene.advertise(&channel, &acceptor);
    accept_link(&acceptor, &channel)?.round_trip("it is advertised anew")
}

/// The names of all instances that were ever there for a channel.
fn instances(scene: &Scene, channel: &str) -> Vec<String> {
    let seen = scene.mdns.instances().into_iter().filter(|seen| seen.is_about(channel));
    seen.map(|seen| seen.instance).collect()
}

/// Waits until the channel has had more than so many instances.
fn more_instances(scene: &Scene, channel: &str, than: usize) -> Step {
    let expected = format!("a fresh instance of {channel}");
    scene.mdns.wait_for(&expected, PATIENCE, |heard| {
        let count = heard.instances().filter(|seen| seen.is_about(channel)).count();
        if count > than { Ok(()) } else { Err(heard.describe()) }
    })
}

fn fresh_instance(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (mut alice, old) = scene.advertised(&channel)?;
    let mut link = scene.link(&channel)?;
    alice.text("before")?;
    link.hears_text("before")?;
    lose(link);
    more_instances(&scene, &channel, 1)?;
    scene.mdns.expect_goodbye(&old.instance)?;
    let history = scene.mdns.history();
    let fresh = history
        .iter()
        .position(|(name, _)| *name != old.instance && instances(&scene, &channel).contains(name));
    let goodbye = history.iter().position(|(name, there)| *name == old.instance && !there);
    expect(
        fresh < goodbye,
        format!("the fresh instance before the goodbye of {}", old.instance),
        format!("{history:?}"),
    )?;
    // Who comes back is fed.
    let mut link = scene.link(&channel)?;
    alice.text("after")?;
    link.hears_text("after")
}

fn fresh_instance_not_needed(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (_alice, _seen) = scene.advertised(&channel)?;
    let [first, second, third] =
        [scene.link(&channel)?, scene.link(&channel)?, scene.link(&channel)?];
    let request = link_request(&format!("/broadcast/{channel}"), &fresh_id());
    let with_id = scene.wire("link with an id")?.upgrade(&request)?.0;
    first.leave()?;
    lose(with_id);
    lose(second);
    scene.settle_past(world, scene.log().elapsed() + Duration::from_secs(2))?;
    let before = instances(&scene, &channel);
    expect(before.len() == 1, "one instance, as a link without an id is open", before.join(", "))?;
    lose(third);
    more_instances(&scene, &channel, 1)?;
    scene.settle(world)?;
    let after = instances(&scene, &channel);
    expect(after.len() == 2, "one fresh instance", after.join(", "))
}

fn fresh_instances_limited(world: &mut World) -> Step {
    const LOSSES: usize = 30;
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (_alice, _seen) = scene.advertised(&channel)?;
    for _ in 0..LOSSES {
        let mut link = scene.link(&channel)?;
        link.round_trip("it stands")?;
        lose(link);
    }
    more_instances(&scene, &channel, 1)?;
    scene.settle(world)?;
    let fresh = instances(&scene, &channel).len() - 1;
    expect(
        fresh <= LOSSES / 3,
        format!("fewer than {} fresh instances for {LOSSES} losses at once", LOSSES / 3),
        fresh.to_string(),
    )
}
