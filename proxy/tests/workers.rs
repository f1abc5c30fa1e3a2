//! Several workers are one proxy to everybody else.

#![expect(clippy::disallowed_methods, reason = "tests live in real time")]

mod support;

use std::time::{Duration, Instant};

use support::wire::{self, Wire};
use support::{Proxy, Request, until};

/// As many channels as are on every worker, whichever is whose.
const CHANNELS: usize = 40;

fn path(channel: usize) -> String {
    let scope = if channel.is_multiple_of(2) { "local" } else { "broadcast" };
    format!("/{scope}/channel-{channel}")
}

fn workers() -> Proxy {
    Proxy::with(&["--workers", "3"])
}

#[test]
fn channels_of_all_workers_relay_and_the_status_has_them_all_in_order() {
    let proxy = workers();
    let mut pairs: Vec<[Wire; 2]> =
        (0..CHANNELS).map(|channel| [(); 2].map(|()| proxy.join_bare(&path(channel)))).collect();
    for (channel, [sender, reader]) in pairs.iter_mut().enumerate() {
        let word = format!("for {channel}");
        sender.send(&wire::text(&word));
        reader.hears(&word);
        reader.send(&wire::text("yes"));
        sender.hears("yes");
    }
    let status = proxy.status();
    let channels = status["channels"].as_array().unwrap();
    let name = |channel: &serde_json::Value| {
        format!("/{}/{}", channel["scope"].as_str().unwrap(), channel["name"].as_str().unwrap())
    };
    let mut sorted: Vec<String> = (0..CHANNELS).map(path).collect();
    sorted.sort_by_key(|path| (path.starts_with("/broadcast"), path.clone()));
    assert_eq!(channels.iter().map(name).collect::<Vec<_>>(), sorted);
    assert!(channels.iter().all(|channel| channel["clients"] == 2));
    assert_eq!(status["connections"], 2 * CHANNELS);
    assert_eq!(status["counters"]["messages_received"], 2 * CHANNELS);
    assert_eq!(status["counters"]["messages_delivered"], 2 * CHANNELS);
    let metrics = proxy.ask(&Request::get("/metrics"));
    let metrics = String::from_utf8(metrics.body).unwrap();
    let line = format!("namedwebsockets_messages_received_total {}", 2 * CHANNELS);
    assert!(metrics.lines().any(|found| found == line), "{metrics}");
    assert!(metrics.contains(&format!("namedwebsockets_channels {CHANNELS}\n")), "{metrics}");
}

#[test]
fn the_limit_on_connections_is_one_for_all() {
    let proxy = Proxy::with(&["--workers", "3", "--max-connections", "10"]);
    let wires: Vec<Wire> = (0..10).map(|channel| proxy.join_bare(&path(channel))).collect();
    let refused = |channel: usize| proxy.ask(&Request::upgrade(&path(channel))).status;
    assert!((10..30).all(|channel| refused(channel) == 503));
    drop(wires);
    until("room", || proxy.status()["connections"] == 0);
    proxy.join_bare(&path(10));
}

#[test]
fn a_request_is_found_its_worker_in_whatever_pieces_it_comes() {
    let proxy = workers();
    for channel in 0..6 {
        let mut other = proxy.join_bare(&path(channel));
        let mut wire = Wire::open(proxy.address());
        let request = Request::upgrade(&path(channel)).bytes();
        for piece in request.chunks(7) {
            wire.send(piece);
            std::thread::sleep(Duration::from_millis(1));
        }
        wire.is_upgraded();
        // What comes with the request is not lost either.
        let mut early = Wire::open(proxy.address());
        early.send(&[&request[..], &wire::text("early")].concat());
        early.is_upgraded();
        wire.hears("early");
        other.hears("early");
    }
}

#[test]
fn a_connection_that_asked_for_a_page_may_open_its_own_workers_channels_only() {
    let proxy = workers();
    let answers: Vec<u16> = (0..CHANNELS)
        .map(|channel| {
            let mut wire = Wire::open(proxy.address());
            let status = Request::get("/status");
            wire.send(&status.bytes());
            assert_eq!(wire.answer_to(&status).status, 200);
            let upgrade = Request::upgrade(&path(channel));
            wire.send(&upgrade.bytes());
            wire.answer_to(&upgrade).status
        })
        .collect();
    assert!(answers.contains(&101) && answers.contains(&421), "{answers:?}");
    assert!(answers.iter().all(|answer| [101, 421].contains(answer)), "{answers:?}");
}

#[test]
fn links_join_the_channels_of_all_workers() {
    let one = workers();
    let two = Proxy::with(&["--workers", "2", "--peer", &one.address().to_string()]);
    for channel in (1..CHANNELS).step_by(2) {
        let (mut here, mut there) = (one.join_bare(&path(channel)), two.join_bare(&path(channel)));
        let linked = |proxy: &Proxy| proxy.of_channel(&path(channel), "clients") == 1;
        until("both clients", || linked(&one) && linked(&two));
        until("the link", || {
            let status = two.status();
            let remotes = status["remotes"].as_array().unwrap();
            let name = format!("channel-{channel}");
            remotes.iter().any(|r| r["channel"] == name.as_str() && r["state"] == "linked")
        });
        here.send(&wire::text("from one"));
        there.hears("from one");
        there.send(&wire::text("from two"));
        here.hears("from two");
    }
    let (one, two) = (one.status(), two.status());
    assert_ne!(one["proxy"], two["proxy"]);
    for remote in two["remotes"].as_array().unwrap() {
        assert_eq!(remote["id"], one["proxy"], "all workers are one proxy");
    }
}

#[test]
#[cfg(unix)]
fn a_signal_ends_all_in_time_and_everybody_is_told() {
    let mut proxy = workers();
    let mut wires: Vec<Wire> = (0..CHANNELS).map(|n| proxy.join_bare(&path(n))).collect();
    let started = Instant::now();
    proxy.signal("TERM");
    for wire in &mut wires {
        assert_eq!(wire.closed().0, 1001);
        wire.send(&wire::close(1001));
    }
    assert!(proxy.ended().success());
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}
