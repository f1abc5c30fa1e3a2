//! Thousands of clients, and thousands of channels, on one proxy.

mod support;

use support::wire::{self, Wire};
use support::{Proxy, Request, until};

const MANY: usize = 2_000;

/// Lets this process have a socket for each client; the proxy does so for itself.
fn raise_file_limit() {
    let limit = rlimit::increase_nofile_limit(u64::MAX).expect("the limit can be raised");
    assert!(limit > 2 * MANY as u64, "no more than {limit} files are allowed here");
}

/// A client on each of `paths`. All ask before the first answer is read.
fn join_all(proxy: &Proxy, paths: impl Iterator<Item = String>) -> Vec<Wire> {
    let mut wires: Vec<Wire> = Vec::new();
    for path in paths {
        let mut wire = Wire::open(proxy.address());
        wire.send(&Request::upgrade(&path).bytes());
        wires.push(wire);
    }
    wires.iter_mut().for_each(Wire::is_upgraded);
    wires
}

/// All leave, and are answered; nothing else came before that.
fn leave_all(proxy: &Proxy, mut wires: Vec<Wire>) {
    for wire in &mut wires {
        wire.send(&wire::close(1000));
    }
    for wire in &mut wires {
        assert_eq!(wire.closed().0, 1000);
    }
    until("an empty status", || proxy.status()["channels"] == serde_json::json!([]));
}

#[test]
fn one_channel_holds_thousands_of_clients() {
    raise_file_limit();
    let mut proxy = Proxy::start();
    let mut wires = join_all(&proxy, (0..MANY).map(|_| "/local/crowd".to_owned()));
    assert_eq!(proxy.of_channel("/local/crowd", "clients"), MANY as u64);
    // The first, one from the middle, and the last; a message twice or astray would come between.
    for sender in [0, MANY / 2, MANY - 1] {
        let word = format!("from {sender}");
        wires[sender].send(&wire::text(&word));
        for (index, wire) in wires.iter_mut().enumerate() {
            if index != sender {
                wire.hears(&word);
            }
        }
    }
    assert_eq!(proxy.counter("messages_received"), 3);
    assert_eq!(proxy.counter("messages_delivered"), 3 * (MANY as u64 - 1));
    leave_all(&proxy, wires);
    assert!(proxy.is_alive());
}

#[test]
fn thousands_of_channels_stay_apart() {
    raise_file_limit();
    let mut proxy = Proxy::start();
    let path = |index: usize| {
        let scope = if index.is_multiple_of(2) { "local" } else { "broadcast" };
        // Each name is in both scopes.
        format!("/{scope}/channel-{}", index / 2)
    };
    let mut wires = join_all(&proxy, (0..MANY).map(path));
    let status = proxy.status();
    let channels = status["channels"].as_array().unwrap();
    assert_eq!(channels.len(), MANY);
    assert!(channels.iter().all(|channel| channel["clients"] == 1));
    let chosen: Vec<usize> = (0..MANY).filter(|index| index % 41 == 0).collect();
    let mut seconds = join_all(&proxy, chosen.iter().map(|index| path(*index)));
    for (second, index) in seconds.iter_mut().zip(&chosen) {
        second.send(&wire::text(&path(*index)));
        wires[*index].hears(&path(*index));
        wires[*index].send(&wire::text("yes"));
    }
    for second in &mut seconds {
        second.hears("yes");
    }
    assert_eq!(proxy.counter("messages_delivered"), 2 * chosen.len() as u64);
    wires.append(&mut seconds);
    // Whoever heard another channel has that before the answer to the close.
    leave_all(&proxy, wires);
    assert!(proxy.is_alive());
}
