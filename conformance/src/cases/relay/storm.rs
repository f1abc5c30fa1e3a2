//! Many clients, many channels, and many that come and go.

use crate::case::{Case, Step, joined};
use crate::wire::Conn;
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "relay/many-clients",
        clause: "relay.everyone-else-once",
        what: "Of 300 clients on one channel each hears each of three senders once.",
        run: many_clients,
    },
    Case {
        id: "relay/many-channels",
        clause: "relay.channels-apart",
        what: "200 channels with two clients each do not mix.",
        run: many_channels,
    },
    Case {
        id: "relay/join-and-leave-storm",
        clause: "relay.everyone-else-once",
        what: "While hundreds join and leave, two that stay miss nothing of each other.",
        run: join_and_leave_storm,
    },
];

fn many_clients(world: &mut World) -> Step {
    let path = world.local();
    let mut conns = Vec::new();
    for n in 0..300 {
        conns.push(world.client(&path, &format!("client {n}"))?);
    }
    let count = conns.len();
    for (round, sender) in [0, count / 2, count - 1].into_iter().enumerate() {
        let text = format!("{round} from {sender}");
        conns[sender].text(&text)?;
        for (n, conn) in conns.iter_mut().enumerate() {
            if n != sender {
                conn.hears_text(&text)?;
            }
        }
    }
    Ok(())
}

fn many_channels(world: &mut World) -> Step {
    let name = world.name();
    let mut pairs: Vec<(Conn, Conn)> = Vec::new();
    for n in 0..200 {
        let scopes = world.scopes();
        pairs.push(world.pair(&format!("{}{name}-{n}", scopes[n % scopes.len()]))?);
    }
    for (n, (alice, _)) in pairs.iter_mut().enumerate() {
        alice.text(&format!("on {n}"))?;
    }
    for (n, (alice, bob)) in pairs.iter_mut().enumerate() {
        bob.hears_text(&format!("on {n}"))?;
        bob.text(&format!("back on {n}"))?;
        alice.hears_text(&format!("back on {n}"))?;
    }
    Ok(())
}

fn join_and_leave_storm(world: &mut World) -> Step {
    const GUESTS: usize = 100;
    let path = world.local();
    let instance = world.proxy()?;
    let (mut alice, mut bob) = world.pair(&path)?;
    let log = world.log().clone();
    std::thread::scope(|scope| -> Step {
        let storms: Vec<_> = (0..3)
            .map(|storm| {
                let (instance, path, log) = (&instance, &path, &log);
                scope.spawn(move || -> Step {
                    for n in 0..GUESTS {
                        let guest = instance.client(path, &format!("guest {storm}.{n}"), log)?;
                        // In order, at once, or with a reset.
                        match n % 3 {
                            0 => guest.leave()?,
                            1 => drop(guest),
                            _ => guest.into_wire().reset(),
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        let mut n = 0;
        while n < 200 || storms.iter().any(|storm| !storm.is_finished()) {
            alice.text(&format!("message {n}"))?;
            bob.hears_text(&format!("message {n}"))?;
            bob.text(&format!("answer {n}"))?;
            alice.hears_text(&format!("answer {n}"))?;
            n += 1;
        }
        storms.into_iter().try_for_each(joined)
    })
}
