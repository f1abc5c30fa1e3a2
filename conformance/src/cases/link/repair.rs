//! Links that end, and dials that fail, while the advert stands.

use std::time::{Duration, Instant};

use super::scene::{OWN_PORT, lose, request};
use crate::case::{Case, Step, expect};
use crate::cases::scene::{Scene, accept_link};
use crate::mdns::Advert;
use crate::wire::{Acceptor, Conn};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "link/redialled-after-loss",
        clause: "link.redial",
        what: "A link that ends without a close is dialled again, and carries again.",
        run: redialled_after_loss,
    },
    Case {
        id: "link/redialled-after-close",
        clause: "link.redial",
        what: "A link that the acceptor closes, with whatever code, is dialled again.",
        run: redialled_after_close,
    },
    Case {
        id: "link/redialled-until-it-works",
        clause: "link.redial",
        what: "An acceptor that ends connections without an answer is dialled until it answers.",
        run: redialled_until_it_works,
    },
    Case {
        id: "link/redialled-when-it-listens",
        clause: "link.redial",
        what: "An acceptor that does not listen yet is dialled once it does.",
        run: redialled_when_it_listens,
    },
    Case {
        id: "link/back-off-grows",
        clause: "link.back-off",
        what: "The waits before further dials grow: at least a quarter of 0.1, 0.2, 0.4 … s.",
        run: back_off_grows,
    },
    Case {
        id: "link/back-off-starts-again",
        clause: "link.back-off",
        what: "After a link that held for 5 s the next wait is short again.",
        run: back_off_starts_again,
    },
];

fn carries(link: &mut Conn, client: &mut Conn, text: &str) -> Step {
    link.text(text)?;
    client.hears_text(text)
}

fn redialled_after_loss(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let (mut alice, acceptor, link) = scene.joined(&channel)?;
    lose(link);
    let mut again = accept_link(&acceptor, &channel)?;
    carries(&mut again, &mut alice, "after a reset")?;
    drop(again);
    let mut again = accept_link(&acceptor, &channel)?;
    carries(&mut again, &mut alice, "after an end")
}

fn redialled_after_close(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let mut closed = Vec::new();
    // One after the other they are closed, and then they are dialled side by side.
    for code in [1000, 1001, 1008, 1011, 4000] {
        let channel = world.name();
        let (alice, acceptor, link) = scene.joined(&channel)?;
        closed.push((channel, alice, acceptor, link, code));
    }
    for (.., link, code) in &mut closed {
        link.close(*code, "")?;
        link.closed(*code)?;
    }
    for (channel, mut alice, acceptor, link, code) in closed {
        drop(link);
        let mut again = accept_link(&acceptor, &channel)?;
        carries(&mut again, &mut alice, &format!("after {code}"))?;
    }
    Ok(())
}

/// The next dial of the target, which fails: when it did.
fn fail_dial(acceptor: &Acceptor) -> Step<Instant> {
    let (wire, _) = request(acceptor)?;
    // Before the end, so that what is measured from here is never less than what the target waits.
    let failed = Instant::now();
    wire.reset();
    Ok(failed)
}

fn redialled_until_it_works(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let mut alice = scene.client(&channel, "alice")?;
    let acceptor = scene.acceptor("link")?;
    scene.advertise(&channel, &acceptor);
    for _ in 0..4 {
        fail_dial(&acceptor)?;
    }
    let mut link = accept_link(&acceptor, &channel)?;
    carries(&mut link, &mut alice, "at last")
}

fn redialled_when_it_listens(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let mut alice = scene.client(&channel, "alice")?;
    scene.mdns.publish(&Advert::new(&channel, &scene.other, OWN_PORT));
    scene.settle(world)?;
    let acceptor = scene.acceptor_at_own_port("link")?;
    let mut link = accept_link(&acceptor, &channel)?;
    carries(&mut link, &mut alice, "now it listens")
}

/// A busy machine makes waits longer, never shorter, as they are measured here.
fn back_off_grows(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let _alice = scene.client(&channel, "alice")?;
    let acceptor = scene.acceptor("link")?;
    scene.advertise(&channel, &acceptor);
    let mut failed = fail_dial(&acceptor)?;
    for doublings in 0..5 {
        let (wire, _) = request(&acceptor)?;
        let (waited, least) = (failed.elapsed(), Duration::from_millis(25 << doublings));
        expect(
            waited >= least,
            format!("at least {:.3} s before dial {}", least.as_secs_f64(), doublings + 2),
            format!("{:.3} s", waited.as_secs_f64()),
        )?;
        failed = Instant::now();
        wire.reset();
    }
    Ok(())
}

/// Two acceptors are lost at once: one whose dials failed before, and whose link then held; and
/// one that was never dialled before. Both begin with the same wait, so the first is back before
/// the second has failed several times.
fn back_off_starts_again(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let _alice = scene.client(&channel, "alice")?;
    let acceptor = scene.acceptor("held for 5 s")?;
    scene.advertise(&channel, &acceptor);
    for _ in 0..5 {
        fail_dial(&acceptor)?;
    }
    let mut link = accept_link(&acceptor, &channel)?;
    let held = scene.log().elapsed() + Duration::from_millis(5500);
    scene.settle_past(world, held)?;
    link.round_trip("it has held")?;
    let other = world.name();
    let (_bob, fresh, other_link) = scene.joined(&other)?;
    lose(link);
    lose(other_link);
    for _ in 0..4 {
        fail_dial(&fresh)?;
    }
    let back = acceptor.try_accept(Duration::ZERO)?.is_some();
    let expected = "a dial before another acceptor, lost at the same time, has its fifth";
    expect(back, expected, "none: it waits as if the link had not held")
}
