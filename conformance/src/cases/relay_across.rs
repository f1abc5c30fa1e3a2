//! Messages between clients of different proxies: the target on several hosts (PROTOCOL.md
//! section 4).

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::case::{Case, Step, Stop, expect, joined};
use crate::lan::Lan;
use crate::log::Log;
use crate::target::{Instance, Options};
use crate::wire::frame::{self, CLOSE, CONTINUATION, FIN, Role, TEXT};
use crate::wire::{Conn, Message, PATIENCE};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "relay/across-everyone-once",
        clause: "relay.everyone-else-once",
        what: "On three hosts with two clients each, each hears each message of all others once.",
        run: everyone_once,
    },
    Case {
        id: "relay/across-peers-once",
        clause: "relay.everyone-else-once",
        what: "Proxies that are each other's configured peers, beside discovery, deliver once.",
        run: peers_once,
    },
    Case {
        id: "relay/across-after-a-rejoin",
        clause: "relay.everyone-else-once",
        what: "When all clients of one host have left and others come, messages arrive once again.",
        run: after_a_rejoin,
    },
    Case {
        id: "relay/across-sender-hears-nothing",
        clause: "relay.sender-hears-nothing",
        what: "No message comes back to its sender over links.",
        run: sender_hears_nothing,
    },
    Case {
        id: "relay/across-order",
        clause: "relay.order-per-sender",
        what: "Hundreds of messages of each of four senders on two hosts arrive in their order.",
        run: order,
    },
    Case {
        id: "relay/across-unchanged",
        clause: "relay.unchanged",
        what: "Payloads of 0 bytes to 4 MiB arrive on the other host byte for byte.",
        run: unchanged,
    },
    Case {
        id: "relay/across-same-type",
        clause: "relay.same-type",
        what: "Over a link text stays text and binary stays binary, also where bytes are alike.",
        run: same_type,
    },
    Case {
        id: "relay/across-whole-messages",
        clause: "relay.whole-messages",
        what: "Of a client that is lost in a message nothing arrives on the other host.",
        run: whole_messages,
    },
    Case {
        id: "relay/across-channels-apart",
        clause: "relay.channels-apart",
        what: "Other broadcast channels, and local ones of the same name, hear nothing over links.",
        run: channels_apart,
    },
    Case {
        id: "relay/across-sent-before-close",
        clause: "relay.sent-before-close",
        what: "What a client says directly before it closes arrives on the other host.",
        run: sent_before_close,
    },
    Case {
        id: "relay/across-nothing-added",
        clause: "relay.nothing-added",
        what: "That proxies link, and that clients come and go elsewhere, gives no message.",
        run: nothing_added,
    },
];

/// Pause between attempts to be heard on another host.
const CALL_EVERY: Duration = Duration::from_millis(20);

/// Longer than a proxy takes to think its links over when there are several ways to have them.
const LINKS_CHANGE: Duration = Duration::from_millis(2500);

/// The target on several hosts of a network.
struct Network {
    proxies: Vec<Instance>,
    _lan: Lan,
    log: Log,
}

impl Network {
    fn new(world: &World, hosts: usize) -> Step<Self> {
        Self::with(world, &vec![Options::default(); hosts])
    }

    fn with(world: &World, options: &[Options]) -> Step<Self> {
        let lan = world.lan()?;
        let start = |(n, options)| {
            let host = Arc::new(lan.host(&format!("host {n}"))?);
            world.start_on(&host, options)
        };
        let proxies = options.iter().enumerate().map(start).collect::<Step<_>>()?;
        Ok(Self { proxies, _lan: lan, log: world.log().clone() })
    }

    /// A client of the proxy on host `n`.
    fn client(&self, n: usize, path: &str) -> Step<Conn> {
        self.proxies[n].client(path, &format!("client on host {n}"), &self.log)
    }

    /// So many clients on each host; all of them hear each other.
    fn clients(&self, path: &str, each: usize) -> Step<Vec<Conn>> {
        let hosts = (0..self.proxies.len()).flat_map(|n| vec![n; each]);
        let mut clients = hosts.map(|n| self.client(n, path)).collect::<Step<Vec<_>>>()?;
        meet(&mut clients)?;
        Ok(clients)
    }
}

/// Each calls until all others have heard it, so that every link stands; then what was called is
/// read away.
fn meet(clients: &mut [Conn]) -> Step {
    for speaker in 0..clients.len() {
        for listener in (0..clients.len()).filter(|listener| *listener != speaker) {
            let call = Message::text(&format!("call of {speaker}"));
            let started = Instant::now();
            while !clients[listener].brought()?.contains(&call) {
                expect(
                    started.elapsed() < PATIENCE,
                    format!("that client {listener} hears client {speaker} over a link"),
                    format!("nothing within {} s", PATIENCE.as_secs()),
                )?;
                clients[speaker].send(&call)?;
                thread::sleep(CALL_EVERY);
            }
        }
    }
    let end = Message::text("end of calls");
    clients.iter_mut().try_for_each(|client| client.send(&end))?;
    let ends = clients.len() - 1;
    clients.iter_mut().try_for_each(|client| {
        let mut left = ends;
        while left > 0 {
            left -= usize::from(client.message("calls, and their end")? == end);
        }
        Ok(())
    })
}

/// Each says a word in turn, and each other must hear exactly these. What had come twice, or late,
/// would come before the words of the next round.
fn all_hear_all(clients: &mut [Conn], rounds: usize) -> Step {
    for round in 0..rounds {
        for speaker in 0..clients.len() {
            let text = format!("word {round} of {speaker}");
            clients[speaker].text(&text)?;
            for (listener, client) in clients.iter_mut().enumerate() {
                if listener != speaker {
                    client.hears_text(&text)?;
                }
            }
        }
    }
    clients.iter_mut().try_for_each(|client| client.round_trip("nothing more"))
}

fn everyone_once(world: &mut World) -> Step {
    let network = Network::new(world, 3)?;
    let mut clients = network.clients(&world.broadcast(), 2)?;
    all_hear_all(&mut clients, 5)
}

/// Host N of a network has the address that the lab says; the port is seen when one runs.
fn peers_once(world: &mut World) -> Step {
    let port = Network::new(world, 1)?.proxies[0].port();
    let peer = |n| SocketAddr::from(([10, 77, 0, n], port));
    let options = [2, 1].map(|n| Options { peers: vec![peer(n)], ..Options::default() });
    let network = Network::with(world, &options)?;
    let mut clients = network.clients(&world.broadcast(), 2)?;
    all_hear_all(&mut clients, 5)?;
    // Links by advert and by configuration may replace each other for a while.
    thread::sleep(LINKS_CHANGE);
    meet(&mut clients)?;
    all_hear_all(&mut clients, 5)
}

fn after_a_rejoin(world: &mut World) -> Step {
    let network = Network::new(world, 2)?;
    let path = world.broadcast();
    let mut stays = network.client(0, &path)?;
    for _ in 0..3 {
        let mut clients = vec![stays, network.client(1, &path)?, network.client(1, &path)?];
        meet(&mut clients)?;
        all_hear_all(&mut clients, 3)?;
        stays = clients.remove(0);
        clients.into_iter().try_for_each(Conn::leave)?;
    }
    Ok(())
}

fn sender_hears_nothing(world: &mut World) -> Step {
    let network = Network::new(world, 2)?;
    let mut clients = network.clients(&world.broadcast(), 1)?;
    let [alice, bob] = &mut clients[..] else { unreachable!("two hosts with a client each") };
    for n in 0..10 {
        let (text, bytes) = (format!("message {n}"), Message::binary(format!("bytes {n}")));
        alice.text(&text)?;
        alice.send(&bytes)?;
        bob.hears_text(&text)?;
        bob.hears(&bytes)?;
        bob.text("and back")?;
        // An echo would have come first.
        alice.hears_text("and back")?;
    }
    Ok(())
}

fn order(world: &mut World) -> Step {
    const EACH: usize = 300;
    let network = Network::new(world, 2)?;
    let path = world.broadcast();
    let mut clients = network.clients(&path, 3)?;
    let mut reader = clients.pop().expect("there are six");
    let mut next = vec![0; clients.len()];
    let total = EACH * clients.len();
    thread::scope(|scope| -> Step {
        let sending: Vec<_> = clients
            .iter_mut()
            .enumerate()
            .map(|(n, client)| {
                // What comes back to each, some hundred short messages, fits into its buffers.
                scope.spawn(move || {
                    (0..EACH).try_for_each(|m| client.text(&format!("{n} sends {m}")))
                })
            })
            .collect();
        for _ in 0..total {
            let message = reader.message("a message of one of the senders")?;
            let text = String::from_utf8_lossy(&message.payload).into_owned();
            let due = (0..next.len()).find(|n| text == format!("{n} sends {}", next[*n]));
            let expected = || format!("the next of each sender, {next:?}");
            let sender = due.ok_or_else(|| Stop::fail(expected(), format!("{text:?}")))?;
            next[sender] += 1;
        }
        sending.into_iter().try_for_each(joined)
    })
}

/// Alice on one host and Bob on the other.
fn alice_and_bob(world: &World) -> Step<(Network, Conn, Conn)> {
    let network = Network::new(world, 2)?;
    let mut clients = network.clients(&world.broadcast(), 1)?;
    let bob = clients.pop().expect("there are two");
    let alice = clients.pop().expect("there are two");
    Ok((network, alice, bob))
}

fn unchanged(world: &mut World) -> Step {
    let (_network, mut alice, mut bob) = alice_and_bob(world)?;
    let every_byte: Vec<u8> = (0..=255).collect();
    for size in [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20, 4 << 20] {
        let bytes: Vec<u8> = every_byte.iter().copied().cycle().take(size).collect();
        for message in [Message::binary(bytes), Message::text(&"ä".repeat(size / 2))] {
            alice.send(&message)?;
            bob.hears(&message)?;
            bob.send(&message)?;
            alice.hears(&message)?;
        }
    }
    Ok(())
}

fn same_type(world: &mut World) -> Step {
    let (_network, mut alice, mut bob) = alice_and_bob(world)?;
    for payload in ["", "the same", "\u{fffd}"] {
        for message in [Message::text(payload), Message::binary(payload)] {
            alice.send(&message)?;
            bob.hears(&message)?;
            bob.send(&message)?;
            alice.hears(&message)?;
        }
    }
    Ok(())
}

fn whole_messages(world: &mut World) -> Step {
    let network = Network::new(world, 2)?;
    let path = world.broadcast();
    let mut clients = network.clients(&path, 1)?;
    for lost in [true, false] {
        let mut carol = network.client(0, &path)?;
        carol.frame(TEXT, b"half of ")?;
        carol.frame(CONTINUATION, b"a message")?;
        if lost {
            carol.into_wire().reset();
        } else {
            carol.leave()?;
        }
        all_hear_all(&mut clients, 2)?;
    }
    Ok(())
}

fn channels_apart(world: &mut World) -> Step {
    let network = Network::new(world, 2)?;
    let name = world.name();
    let mut broadcast = network.clients(&format!("/broadcast/{name}"), 1)?;
    let mut similar = network.clients(&format!("/broadcast/{name}x"), 1)?;
    let local = format!("/local/{name}");
    let mut locals = Vec::new();
    for n in [0, 0, 1, 1] {
        locals.push(network.client(n, &local)?);
    }
    for _ in 0..3 {
        all_hear_all(&mut broadcast, 1)?;
        all_hear_all(&mut similar, 1)?;
        let (here, there) = locals.split_at_mut(2);
        all_hear_all(here, 1)?;
        all_hear_all(there, 1)?;
    }
    Ok(())
}

fn sent_before_close(world: &mut World) -> Step {
    let network = Network::new(world, 2)?;
    let path = world.broadcast();
    let mut clients = network.clients(&path, 1)?;
    for n in 0..10 {
        let mut carol = network.client(0, &path)?;
        let text = format!("last words {n}");
        let close = frame::close_payload(1000, "");
        let bytes = [(TEXT, text.as_bytes()), (CLOSE, &close)]
            .map(|(opcode, payload)| frame::encode(Role::Client, FIN | opcode, payload));
        carol.wire().send_bytes(&bytes.concat())?;
        drop(carol);
        clients.iter_mut().try_for_each(|client| client.hears_text(&text))?;
    }
    Ok(())
}

fn nothing_added(world: &mut World) -> Step {
    let network = Network::new(world, 2)?;
    let path = world.broadcast();
    let mut alice = network.client(0, &path)?;
    for n in 0..3 {
        let mut bob = network.client(1, &path)?;
        let started = Instant::now();
        for number in 0.. {
            let call = Message::text(&format!("call {number} to bob {n}"));
            alice.send(&call)?;
            thread::sleep(CALL_EVERY);
            let heard = bob.brought()?;
            let of_alice = |message: &&Message| {
                String::from_utf8_lossy(&message.payload).ends_with(&format!(" to bob {n}"))
            };
            if let Some(added) = heard.iter().find(|message| !of_alice(message)) {
                return Err(Stop::fail("nothing but what a client said", added.describe()));
            }
            // When the latest has come, none is on its way to the next Bob.
            if heard.contains(&call) {
                break;
            }
            let expected = "that a call is heard over a link";
            expect(started.elapsed() < PATIENCE, expected, "nothing, or late")?;
        }
        bob.leave()?;
    }
    // The other host's client never spoke.
    alice.round_trip("nothing came")
}
