//! Worlds that a seed draws, in the manner of TigerBeetle's VOPR.
//!
//! Each world draws first which kinds of faults it has at all (swarm testing): a world with every
//! kind would hide behind each kill what only a long calm shows. What is drawn is a [`Scenario`], so
//! that it can be read as a story.
//!
//! A right proxy passes all checks in every one of these worlds. So nothing is drawn that would
//! rightly break one:
//!
//! - faults of processes and hosts follow one another, and all are over in time;
//! - links are never so bad for good that multicast asks in vain for minutes;
//! - false goodbyes only where the answer to them is not lost.

mod draw;
mod faults;

use std::time::Duration;

use draw::Draw;

use super::{
    Clients, Hosts, Leave, Multicast, Options, Proxies, Router, Scenario, Scope, Segment, Traffic,
    text,
};
use crate::fabric::quality::Quality;

/// Names of channels, some of which DNS takes for the same, or cannot show as they are.
const CHANNELS: [&str; 6] = ["chat", "Chat", "lunch", "a.b", "a-b", "x"];

/// Host that sends what it should not, if the world has one.
const INTRUDER: &str = "intruder";

/// The world that this seed draws. Give its plan the same seed.
#[must_use]
pub fn random(seed: u64) -> Scenario {
    let mut draw = Draw::new(seed);
    let length = draw.seconds(30, 150);
    let kinds = faults::Kinds::draw(&mut draw);
    let mut scenario = Scenario::new("", length).named("random");
    let (shape, calm) = network(&mut draw, &mut scenario, kinds);
    for group in 0..draw.between(1, 3) {
        let group = clients(&mut draw, &scenario, group);
        scenario.clients.push(group);
    }
    faults::add(&mut draw, &mut scenario, kinds, calm);
    let proxies: u32 = scenario.hosts.iter().map(proxies_of).sum();
    let faults = scenario.faults.len();
    scenario.title = format!("{proxies} proxies {shape}, {faults} faults: {kinds}");
    scenario
}

fn proxies_of(hosts: &Hosts) -> u32 {
    hosts.count * hosts.proxies.iter().map(|proxies| u32::from(proxies.count)).sum::<u32>()
}

/// Draws segments and hosts. Says what they look like, and whether no packet is ever lost.
fn network(draw: &mut Draw, scenario: &mut Scenario, kinds: faults::Kinds) -> (&'static str, bool) {
    let count = match draw.between(1, 100) {
        1..=70 => draw.between(2, 6),
        71..=97 => draw.between(7, 16),
        _ => draw.between(17, 40),
    };
    let quality = draw.pick(&["wired", "wired", "wired", "wifi", "wifi", "busy-wifi", "vpn"]);
    let usual = |name: &str| Segment::new(name).quality(named(quality));
    let shape = match draw.between(1, 100) {
        1..=65 => {
            scenario.segments.push(usual("lan"));
            scenario.hosts.push(hosts(draw, "h", count, &["lan"]));
            "on one segment"
        }
        66..=75 => {
            let multicast = draw.pick(&[Multicast::Delayed, Multicast::Drop]);
            scenario.segments.push(usual("lan").multicast(multicast));
            let mut group = hosts(draw, "h", count, &["lan"]);
            group.proxies[0].peers = vec!["h-1".to_owned()];
            scenario.hosts.push(group);
            "of which all have the first as a peer"
        }
        76..=90 => {
            scenario.segments.extend([usual("left"), usual("right")]);
            let between = vec!["left".to_owned(), "right".to_owned()];
            scenario.routers.push(Router { between, quality: None });
            let mut left = hosts(draw, "h", count.div_ceil(2).max(2), &["left"]);
            left.proxies[0].peers = vec!["r-1".to_owned()];
            scenario.hosts.extend([left, hosts(draw, "r", (count / 2).max(2), &["right"])]);
            "on two segments with a router"
        }
        _ => {
            scenario.segments.extend([usual("left"), usual("right")]);
            let both = hosts(draw, "both", 1, &["left", "right"]);
            let left = hosts(draw, "h", count.div_ceil(2).max(2), &["left"]);
            scenario.hosts.extend([left, hosts(draw, "r", (count / 2).max(2), &["right"]), both]);
            "on two segments with a host on both"
        }
    };
    if kinds.storm {
        let segment = scenario.segments[0].name.clone();
        scenario.hosts.push(Hosts::new(INTRUDER).on([segment.as_str()]).proxies([]));
    }
    (shape, quality == "wired" && !kinds.network())
}

fn named(quality: &str) -> Quality {
    text::quality::named(quality).expect("it is one of those that there are")
}

fn hosts(draw: &mut Draw, name: &str, count: u32, on: &[&str]) -> Hosts {
    let within = draw.seconds(0, 10);
    let several = draw.chance(10);
    let options = Options {
        keep_alive: if draw.chance(30) {
            draw.seconds(5, 30)
        } else {
            Options::default().keep_alive
        },
        stall_time: if draw.chance(30) {
            draw.seconds(5, 10)
        } else {
            Options::default().stall_time
        },
        queue_size: draw.pick(&[64 << 10, 1 << 20]),
        ..Options::default()
    };
    let proxies = Proxies { count: if several { 2 } else { 1 }, options, ..Proxies::default() };
    let hosts = Hosts::new(name).count(count).on(on.iter().copied()).proxies([proxies]);
    Hosts {
        ipv6: draw.chance(30),
        clock_ppm: draw.signed(200),
        ..hosts.starting(Duration::ZERO, within)
    }
}

fn clients(draw: &mut Draw, scenario: &Scenario, group: u32) -> Clients {
    let number = draw.between(1, 3) as usize;
    let channels = draw.some(&CHANNELS, number);
    let large: u32 = scenario.hosts.iter().map(proxies_of).sum();
    let mut clients = Clients::on(channels)
        .named(&format!("c{group}"))
        .count(if large > 10 { 1 } else { draw.between(1, 2) })
        .joining(draw.millis(0, 5_000), draw.millis(0, 10_000));
    if number > 1 && draw.chance(50) {
        clients.pick = Some(1);
    }
    if draw.chance(15) {
        clients.scope = Scope::Local;
    }
    if draw.chance(40) {
        let leave = draw.pick(&[Leave::Close, Leave::Close, Leave::Vanish]);
        let away = draw.chance(80).then(|| draw.millis(50, 20_000));
        clients = clients.staying(draw.millis(500, 30_000), leave, away);
    }
    if group == 0 || draw.chance(70) {
        clients.send = Some(traffic(draw, large));
    }
    clients
}

/// Traffic that a network of this many proxies carries on bad links too.
fn traffic(draw: &mut Draw, proxies: u32) -> Traffic {
    let least = if proxies > 10 { 2_000 } else { 200 };
    let most = draw.pick(&[128, 512, 512, 4096, 16 * 1024]);
    let traffic = Traffic::every(draw.millis(least, 6_000)).bytes(64, most);
    Traffic {
        burst: if draw.chance(20) { draw.between(2, 5) } else { 1 },
        pause_after: draw.chance(20).then(|| draw.between(1, 20)),
        pause: draw.millis(100, 10_000),
        after: draw.millis(0, 2_000),
        binary: draw.pick(&[0.0, 0.5, 1.0]),
        ..traffic
    }
}
