//! Links as readers and as senders.

use std::time::Duration;

use super::{LEN, NARROW, impatient, patient};
use crate::case::{Case, Step, expect, joined};
use crate::cases::flood::{self, BYTES_MAX, Flood, Reader};
use crate::target::Options;
use crate::wire::{Acceptor, Conn, PATIENCE, Request};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "backpressure/full-link-holds-clients",
        clause: "backpressure.links-too",
        what: "A dialler that takes nothing holds the acceptor's clients back, and misses nothing.",
        run: full_link_holds_clients,
    },
    Case {
        id: "backpressure/full-clients-hold-link",
        clause: "backpressure.links-too",
        what: "A client that takes nothing holds the link back over which messages come in.",
        run: full_clients_hold_link,
    },
    Case {
        id: "backpressure/stalled-link-closed",
        clause: "backpressure.links-too",
        what: "A link that takes nothing for the stall time is closed with 1008.",
        run: stalled_link_closed,
    },
];

fn narrow_link(instance: &crate::target::Instance, path: &str, world: &World) -> Step<Conn> {
    let wire = instance.narrow(NARROW, "link", world.log())?;
    Ok(wire.upgrade(&Request::link(path))?.0)
}

fn full_link_holds_clients(world: &mut World) -> Step {
    let instance = world.start(&patient())?;
    let path = world.broadcast();
    let mut link = Reader::new(narrow_link(&instance, &path, world)?, LEN);
    let alice = instance.narrow(NARROW, "alice", world.log())?.client(&path)?;
    let mut flood = Flood::new(alice, LEN);
    flood.until_held(BYTES_MAX)?;
    flood::drain(&mut flood, &mut link).map(drop)
}

fn full_clients_hold_link(world: &mut World) -> Step {
    let home = world.home()?;
    let acceptor = Acceptor::on_loopback(home.as_deref(), "link", world.log())?;
    let options = Options { peers: vec![acceptor.address()], ..patient() };
    let instance = world.target().start(home, &options, world.log())?;
    let path = world.broadcast();
    let bob = instance.narrow(NARROW, "bob", world.log())?.client(&path)?;
    let mut wire = acceptor.accept(PATIENCE)?;
    let request = wire.request()?;
    let link = Conn::accept(wire, &request, &[])?;
    let (mut bob, mut flood) = (Reader::new(bob, LEN), Flood::new(link, LEN));
    flood.until_held(BYTES_MAX)?;
    flood::drain(&mut flood, &mut bob).map(drop)
}

fn stalled_link_closed(world: &mut World) -> Step {
    let instance = world.start(&impatient())?;
    let path = world.broadcast();
    let mut link = Reader::new(narrow_link(&instance, &path, world)?, LEN);
    let alice = instance.narrow(NARROW, "alice", world.log())?.client(&path)?;
    let mut flood = Flood::new(alice, LEN);
    let mut carol = Reader::new(instance.client(&path, "carol", world.log())?, LEN);
    std::thread::scope(|scope| -> Step {
        let sending = scope.spawn(|| -> Step {
            flood.until_held(BYTES_MAX)?;
            super::stalled::until_let_go(&mut flood, instance.timing().stall_time + PATIENCE)
        });
        while !sending.is_finished() {
            carol.conn.wire().trickle(64 * 1024, Duration::from_millis(10))?;
        }
        joined(sending)
    })?;
    let reason = link.read_to_close(1008)?;
    expect(!reason.is_empty(), "a reason with the close", "none")
}
