//! The faults of a random world.

use std::fmt;
use std::time::Duration;

use super::draw::Draw;
use super::{INTRUDER, Scenario, named};
use crate::fabric::quality::{Loss, Quality};
use crate::scenario::{Attack, Fault, Kind};

/// Which kinds of faults a world has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kinds {
    partitions: bool,
    lossy: bool,
    unplugged: bool,
    kills: bool,
    restarts: bool,
    power: bool,
    sleep: bool,
    addresses: bool,
    clocks: bool,
    readers: bool,
    pub(super) storm: bool,
}

impl Kinds {
    pub(super) fn draw(draw: &mut Draw) -> Self {
        if draw.chance(10) {
            // Nothing at all must go wrong for something to be wrong.
            return Self::default();
        }
        Self {
            partitions: draw.chance(30),
            lossy: draw.chance(30),
            unplugged: draw.chance(20),
            kills: draw.chance(30),
            restarts: draw.chance(25),
            power: draw.chance(20),
            sleep: draw.chance(20),
            addresses: draw.chance(15),
            clocks: draw.chance(15),
            readers: draw.chance(20),
            storm: draw.chance(15),
        }
    }

    /// Whether packets may be lost.
    pub(super) fn network(self) -> bool {
        self.partitions
            || self.lossy
            || self.unplugged
            || self.power
            || self.sleep
            || self.addresses
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (self.partitions, "partitions"),
            (self.lossy, "loss"),
            (self.unplugged, "cables"),
            (self.kills, "kills"),
            (self.restarts, "restarts"),
            (self.power, "power"),
            (self.sleep, "sleep"),
            (self.addresses, "addresses"),
            (self.clocks, "clocks"),
            (self.readers, "readers"),
            (self.storm, "storm"),
        ];
        let names: Vec<&str> =
            names.iter().filter(|(has, _)| *has).map(|(_, name)| *name).collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(", "))
    }
}

/// Adds faults of these kinds. `calm` says that nothing is ever lost.
pub(super) fn add(draw: &mut Draw, scenario: &mut Scenario, kinds: Kinds, calm: bool) {
    let length = scenario.length;
    let groups: Vec<String> =
        scenario.hosts.iter().map(|h| h.name.clone()).filter(|name| name != INTRUDER).collect();
    let mut faults = Vec::new();
    let one = |draw: &mut Draw| {
        let all: Vec<&str> = groups.iter().map(String::as_str).collect();
        format!("one of {}", draw.pick(&all))
    };
    for _ in 0..draw.between(1, 2) {
        if kinds.partitions {
            faults.push(partition(draw, length, &one));
        }
        if kinds.lossy {
            let fault = within(draw, Kind::Lossy, length, 60).quality(bad(draw));
            let all = draw.chance(50);
            let target = one(draw);
            faults.push(if all { fault } else { fault.hosts([target.as_str()]) });
        }
        if kinds.unplugged {
            let target = one(draw);
            faults.push(unplugged(draw, length, &target));
        }
    }
    of_hosts(draw, kinds, length, &one, &mut faults);
    if kinds.clocks {
        let target = one(draw);
        let fault = within(draw, Kind::ClockDrift, length, 60).hosts([target.as_str()]);
        faults.push(Fault { clock_ppm: Some(draw.signed(20_000)), ..fault });
    }
    if kinds.readers {
        faults.push(reader(draw, length));
    }
    if kinds.storm {
        faults.push(storm(draw, length, calm));
    }
    scenario.faults = faults;
}

/// A fault somewhere in the story, over before its end.
fn within(draw: &mut Draw, what: Kind, length: Duration, most: u64) -> Fault {
    let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let lasting = draw.millis(200, (most * 1000).min(length / 2));
    let latest = length - u64::try_from(lasting.as_millis()).unwrap_or(length);
    Fault::new(what, draw.millis(0, latest)).lasting(lasting)
}

fn partition(draw: &mut Draw, length: Duration, one: &impl Fn(&mut Draw) -> String) -> Fault {
    let from = if draw.chance(50) { "half of all".to_owned() } else { one(draw) };
    let fault = within(draw, Kind::Partition, length, 60).from([from.as_str()]);
    Fault { both_ways: Some(draw.chance(70)), ..fault }
}

fn unplugged(draw: &mut Draw, length: Duration, target: &str) -> Fault {
    let fault = within(draw, Kind::Unplugged, length, 30).hosts([target]);
    if draw.chance(50) {
        return fault;
    }
    let (out, every) = (draw.millis(200, 1_500), draw.millis(2_000, 4_000));
    Fault { at: draw.seconds(1, 10), ..fault }.lasting(out).repeated(draw.between(2, 4), every)
}

/// A link so bad that TCP has a hard time.
fn bad(draw: &mut Draw) -> Quality {
    let loss = f64::from(draw.between(5, 30)) / 100.0;
    let base = named(draw.pick(&["wired", "wifi", "busy-wifi"]));
    Quality {
        loss: Loss::Independent(loss),
        duplicate: draw.pick(&[0.0, 0.05]),
        reorder: draw.pick(&[0.0, 0.1]),
        ..base
    }
}

/// What befalls processes and hosts, one after the other.
fn of_hosts(
    draw: &mut Draw,
    kinds: Kinds,
    length: Duration,
    one: &impl Fn(&mut Draw) -> String,
    faults: &mut Vec<Fault>,
) {
    let has = [
        (kinds.kills, Kind::Kill),
        (kinds.restarts, Kind::Restart),
        (kinds.power, Kind::PowerLoss),
        (kinds.sleep, Kind::Sleep),
        (kinds.addresses, Kind::NewAddresses),
    ];
    let kinds: Vec<Kind> = has.iter().filter(|(has, _)| *has).map(|(_, kind)| *kind).collect();
    if kinds.is_empty() {
        return;
    }
    let mut at = draw.millis(1_000, 15_000);
    loop {
        let what = draw.pick(&kinds);
        let lasting = match what {
            Kind::Sleep => draw.millis(500, 60_000),
            Kind::Restart => draw.millis(1_600, 5_000),
            _ => draw.millis(500, 20_000),
        };
        let end = at + lasting;
        if end >= length {
            return;
        }
        let target = one(draw);
        let fault = Fault::new(what, at);
        let fault = match what {
            Kind::Kill | Kind::Restart => fault.proxies([target.as_str()]),
            _ => fault.hosts([target.as_str()]),
        };
        let for_good = match what {
            Kind::Kill | Kind::PowerLoss => draw.chance(15),
            Kind::NewAddresses => draw.chance(50),
            _ => false,
        };
        faults.push(if for_good { fault } else { fault.lasting(lasting) });
        at = end + draw.millis(500, 20_000);
    }
}

fn reader(draw: &mut Draw, length: Duration) -> Fault {
    let what = draw.pick(&[Kind::SlowReader, Kind::StalledReader]);
    let fault = within(draw, what, length, 40).clients(["one of c0"]);
    match what {
        Kind::SlowReader => {
            Fault { bytes_per_second: Some(1000 * u64::from(draw.between(5, 200))), ..fault }
        }
        _ => fault,
    }
}

fn storm(draw: &mut Draw, length: Duration, calm: bool) -> Fault {
    let allowed: Vec<Attack> =
        Attack::ALL.into_iter().filter(|attack| calm || *attack != Attack::FalseGoodbyes).collect();
    let number = draw.between(1, 3) as usize;
    let storm = within(draw, Kind::MdnsStorm, length, 30).hosts([INTRUDER]);
    let attacks = draw.some(&allowed, number);
    Fault { attacks, packets_per_second: Some(draw.between(1, 50)), ..storm }
}
