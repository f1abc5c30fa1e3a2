//! How soon a client that joins hears, and is heard.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::lab::Lab;
use crate::program::Proxy;
use crate::{SOON, check, wait};

const RUNS: usize = 10;

/// The aim is 50 ms; a busy machine may take longer.
const MEDIAN_MAX: Duration = Duration::from_millis(500);

#[test]
fn a_client_that_joins_hears_and_is_heard_at_once() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let (one, two) = (Proxy::start(&hosts[0]), Proxy::start(&hosts[1]));
    let (mut hears, mut heard) = (Vec::new(), Vec::new());
    let mut stay = Vec::new();
    for run in 0..RUNS {
        let channel = format!("run-{run}");
        let path = format!("/broadcast/{channel}");
        let alice = one.join(&path);
        wait("the other proxy sees the advert", SOON, || {
            let status = two.status();
            check(status.remotes_on(&channel).count() == 1, || format!("{status:#?}"))
        });
        let done = AtomicBool::new(false);
        let bob = thread::scope(|scope| {
            scope.spawn(|| talk(&alice, &done));
            let start = Instant::now();
            let bob = two.join(&path);
            thread::scope(|scope| {
                scope.spawn(|| talk(&bob, &done));
                hears.push(bob.ear.first_of(&alice.name, SOON) - start);
                heard.push(alice.ear.first_of(&bob.name, SOON) - start);
                done.store(true, Ordering::Relaxed);
            });
            bob
        });
        stay.push((alice, bob));
    }
    for (what, times) in [("hearing", hears), ("being heard", heard)] {
        let median = report(what, times);
        assert!(median <= MEDIAN_MAX, "{what} took {median:?}");
    }
}

/// Sends a message every millisecond, but not for ever.
fn talk(client: &Client, done: &AtomicBool) {
    let start = Instant::now();
    while !done.load(Ordering::Relaxed) && start.elapsed() < SOON {
        client.say(1);
        thread::sleep(Duration::from_millis(1));
    }
}

fn report(what: &str, mut times: Vec<Duration>) -> Duration {
    println!("{times:.1?}");
    times.sort_unstable();
    let (min, median, max) = (times[0], times[times.len() / 2], times[times.len() - 1]);
    println!("from joining to {what}: min {min:.1?}, median {median:.1?}, max {max:.1?}");
    median
}

/// From leaving one channel to being found on the next.
const SWITCH_MAX: Duration = Duration::from_millis(500);

#[test]
fn a_client_that_goes_from_channel_to_channel_is_found_at_once() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let (one, two) = (Proxy::start(&hosts[0]), Proxy::start(&hosts[1]));
    let paths: Vec<_> = (0..RUNS).map(|run| format!("/broadcast/room-{run}")).collect();
    let others: Vec<_> = paths.iter().map(|path| two.join(path)).collect();
    let mut times = Vec::new();
    for (path, bob) in paths.iter().zip(&others) {
        let start = Instant::now();
        let alice = one.join(path);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| talk(&alice, &done));
            times.push(bob.ear.first_of(&alice.name, SOON) - start);
            done.store(true, Ordering::Relaxed);
        });
        // The goodbye of this channel must not stand in the way of the next one's advert.
        alice.leave();
    }
    let median = report("being heard, each time on another channel", times);
    assert!(median <= SWITCH_MAX, "{median:?}");
}

#[test]
fn a_channel_is_not_disturbed_when_another_one_ends() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let (one, two) = (Proxy::start(&hosts[0]), Proxy::start(&hosts[1]));
    let (_stays, goes) = (one.join("/broadcast/stays"), one.join("/broadcast/goes"));
    let seen = |wanted: &[&str]| {
        let status = two.status();
        let mut channels: Vec<_> = status.remotes.iter().map(|r| r.channel.as_str()).collect();
        channels.sort_unstable();
        check(channels == wanted, || format!("{wanted:?}, but: {status:#?}"))
    };
    wait("both seen", SOON, || seen(&["goes", "stays"]));
    goes.leave();
    wait("one gone", SOON, || seen(&["stays"]));
    // What the goodbye took along would be missed only after the second that it waits.
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        seen(&["stays"]).unwrap();
        thread::sleep(Duration::from_millis(50));
    }
    let addresses = &two.status().remotes[0].addresses;
    assert!(addresses.contains(&format!("{}:9009", hosts[0].v4())), "{addresses:?}");
}
