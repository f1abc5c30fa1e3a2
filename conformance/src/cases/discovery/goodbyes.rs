//! That adverts are taken back.

use std::time::Duration;

use super::second_stack;
use crate::case::{Case, Step, Stop, expect};
use crate::cases::scene::Scene;
use crate::mdns::{SERVICE, Seen};
use crate::wire::PATIENCE;
use crate::world::World;

/// Channels that a proxy has when it is stopped.
const CHANNELS: usize = 5;

/// Long enough for an answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

pub(super) const CASES: &[Case] = &[
    Case {
        id: "discovery/goodbye-of-last-client",
        clause: "discovery.goodbye",
        what: "When the last client of a channel leaves, the end of the advert is said.",
        run: goodbye_of_last_client,
    },
    Case {
        id: "discovery/goodbye-at-shutdown",
        clause: "discovery.goodbye",
        what: "A proxy that is told to stop says goodbye for every channel.",
        run: goodbye_at_shutdown,
    },
    Case {
        id: "discovery/goodbye-of-one-channel",
        clause: "discovery.goodbye",
        what: "The goodbye for one channel takes nothing of another channel's advert along.",
        run: goodbye_of_one_channel,
    },
    Case {
        id: "discovery/avahi-hears-goodbye",
        clause: "discovery.goodbye",
        what: "Avahi sees the channel go when the last client leaves.",
        run: second_stack::hears_goodbye,
    },
];

fn goodbye_of_last_client(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (client, seen) = scene.advertised(&channel)?;
    client.leave()?;
    withdrawn(&scene, &seen)
}

/// A goodbye, unless the advert is kept: that is for another clause.
pub(super) fn withdrawn(scene: &Scene, seen: &Seen) -> Step {
    let Err(missing) = scene.mdns.expect_goodbye(&seen.instance) else { return Ok(()) };
    let (_host, mdns) = scene.newcomer("newcomer")?;
    mdns.ask();
    let kept = mdns.wait_for("an answer", ANSWER_LIMIT, |heard| {
        let mut instances = heard.instances();
        instances.find(|other| other.instance == seen.instance).map(drop).ok_or_else(String::new)
    });
    match kept {
        Ok(()) => Err(Stop::skip(
            "needs a target that withdraws an advert when the last client leaves; this one still \
             answers for it (lifecycle.last-client-withdraws)",
        )),
        Err(_) => Err(missing),
    }
}

fn goodbye_at_shutdown(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channels: Vec<_> = (0..CHANNELS).map(|_| world.name()).collect();
    let adverts: Vec<_> =
        channels.iter().map(|channel| scene.advertised(channel)).collect::<Step<_>>()?;
    scene.proxy.terminate(scene.log())?;
    for (_, seen) in &adverts {
        scene.mdns.expect_goodbye(&seen.instance)?;
    }
    Ok(())
}

fn goodbye_of_one_channel(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let (stays, goes) = (world.name(), world.name());
    let (_client, kept) = scene.advertised(&stays)?;
    let (client, gone) = scene.advertised(&goes)?;
    client.leave()?;
    withdrawn(&scene, &gone)?;
    // Whoever takes goodbyes for addresses at their word still knows all of the other advert.
    let expected = format!("{:?} with all its records", kept.instance);
    let now = scene.mdns.wait_for(&expected, PATIENCE, |heard| {
        let found = heard.instances().find(|seen| seen.instance == kept.instance);
        found.filter(|seen| seen.service == SERVICE).ok_or_else(|| heard.describe())
    })?;
    expect(now.there && now.is_complete(), expected, now.describe())?;
    let (_host, mdns) = scene.newcomer("newcomer")?;
    mdns.ask();
    mdns.expect_instance(&stays).map(drop)
}
