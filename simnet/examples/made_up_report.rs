//! Writes the report of a made-up run: what collectors need, and what they give. The page's test
//! in a browser looks at it.
//!
//! ```text
//! cargo run -p simnet --example made_up_report -- PROXIES SECONDS FILE
//! ```
//!
//! Nothing runs here. Every proxy starts, links with every other one, and each second a client of
//! one sends a message; a host sleeps, another loses power, and a check fails.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use simnet::event::{
    ClientNo, Event, FaultNo, HostNo, Link, Message, Phase, ProxyNo, Record, SessionNo, Stop,
};
use simnet::trace::{
    ClientPicture, Failure, Fanout, Hash, HostPicture, Last, Measure, ProxyPicture, Report, Sink,
    Subject, WorldPicture,
};

/// The host that sleeps, and the one that loses power, with their proxies.
const SLEEPER: u32 = 1;
const VICTIM: u32 = 2;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [proxies, seconds, file] = &args[..] else {
        return Err("usage: made_up_report PROXIES SECONDS FILE".into());
    };
    let (proxies, seconds): (u32, u64) = (proxies.parse()?, seconds.parse()?);
    if proxies < 4 {
        return Err(format!("{proxies} proxies are too few for the story: 4 at least").into());
    }

    let picture = Rc::new(picture(proxies));
    let hash = Rc::new(RefCell::new(Hash::default()));
    let measure = Rc::new(RefCell::new(Measure::default()));
    let last = Rc::new(RefCell::new(Last::new(Rc::clone(&picture))));
    let report = Rc::new(RefCell::new(Report::new(Rc::clone(&picture))));
    let mut sinks = Fanout::<dyn Sink>::default();
    sinks.add(Rc::clone(&hash) as _);
    sinks.add(Rc::clone(&measure) as _);
    sinks.add(Rc::clone(&last) as _);
    sinks.add(Rc::clone(&report) as _);

    story(proxies, seconds, |record| sinks.record(&record));
    sinks.finish()?;

    let session = SessionNo(proxies - 1);
    let failure = Failure {
        at: Duration::from_secs(seconds) * 6 / 10,
        check: "hears-everyone".into(),
        text: "client-1 never heard message 7 of </script><b>client-0</b>".into(),
        before: last.borrow().about(&[Subject::Session(session)], 12),
    };
    let (measure, digest) = (measure.borrow(), hash.borrow().digest());
    println!("{}", measure.figures());
    let page = report.borrow().page(&measure, Some(digest), &[failure]);
    std::fs::write(file, page)?;
    Ok(())
}

/// A host for each proxy, on two segments, with a router between them.
fn picture(proxies: u32) -> WorldPicture {
    let host = |n: u32| HostPicture { name: format!("desk-{n}"), segments: vec![n as usize % 2] };
    let proxy = |n| ProxyPicture { name: format!("proxy-{n}"), host: HostNo(n) };
    let client = |n| ClientPicture { name: format!("client-{n}"), proxy: ProxyNo(n) };
    let router = HostPicture { name: "router".into(), segments: vec![0, 1] };
    WorldPicture {
        scenario: "made-up".into(),
        seed: 42,
        engine: "none".into(),
        replay: "simnet replay made-up --seed 42".into(),
        segments: vec!["office".into(), "workshop".into()],
        hosts: (0..proxies).map(host).chain([router]).collect(),
        proxies: (0..proxies).map(proxy).collect(),
        clients: (0..proxies).map(client).collect(),
        faults: vec![vec![HostNo(SLEEPER)], vec![HostNo(VICTIM)]],
    }
}

/// All that happens, in its order.
fn story(proxies: u32, seconds: u64, mut tell: impl FnMut(Record)) {
    let run = Duration::from_secs(seconds);
    let mut at = Duration::ZERO;
    let mut tell = |after: Duration, event| {
        at += after;
        tell(Record { at, event });
        at
    };
    let (micro, milli) = (Duration::from_micros(1), Duration::from_millis(1));
    tell(Duration::ZERO, Event::Phase { phase: Phase::Story });
    for n in 0..proxies {
        tell(milli, started(n));
        let (session, client, proxy) = (SessionNo(n), ClientNo(n), ProxyNo(n));
        let channel = Arc::from("/broadcast/demo");
        tell(milli, Event::Joining { session, client, proxy, channel });
        tell(micro * 400, Event::Joined { session });
        let (instance, channel) = (instance(n), "demo".into());
        tell(micro, Event::Advertised { proxy, instance, channel });
        for other in 0..n {
            tell(micro * 30, Event::Seen { proxy: ProxyNo(other), instance: self::instance(n) });
            tell(micro * (40 + other % 7 * 9), link_up(other, n, true));
            tell(micro * 20, link_up(n, other, false));
        }
    }
    let settled = tell(milli, Event::Phase { phase: Phase::Settling });
    let second = run.saturating_sub(settled) / 60;
    for n in 0..60_u32 {
        let from = SessionNo(n % 2 * (proxies - 1));
        let message = Message { from, number: n / 2, bytes: 12, binary: false };
        tell(second, Event::Sent { session: from, message });
        let there = |proxy: &u32| match n {
            11..=20 => *proxy != SLEEPER,
            31..=42 => *proxy != VICTIM,
            _ => true,
        };
        for other in (0..proxies).filter(there).filter(|other| *other != from.0) {
            tell(micro * 5, Event::Heard { session: SessionNo(other), message });
        }
        for event in mishaps(n) {
            tell(micro, event);
        }
    }
    tell(milli, Event::Phase { phase: Phase::Ended });
}

/// What goes wrong in one sixtieth of the run.
fn mishaps(n: u32) -> Vec<Event> {
    let (one, two) = (FaultNo(0), FaultNo(1));
    match n {
        10 => vec![
            Event::FaultBegan { fault: one, what: "sleep".into() },
            Event::HostAsleep { host: HostNo(SLEEPER), asleep: true },
        ],
        20 => vec![
            Event::HostAsleep { host: HostNo(SLEEPER), asleep: false },
            Event::FaultEnded { fault: one },
        ],
        30 => vec![
            Event::FaultBegan { fault: two, what: "power <lost>".into() },
            Event::HostPower { host: HostNo(VICTIM), on: false },
            Event::ProxyStopped { proxy: ProxyNo(VICTIM), how: Stop::PowerLost },
        ],
        42 => vec![
            Event::HostPower { host: HostNo(VICTIM), on: true },
            started(VICTIM),
            Event::FaultEnded { fault: two },
        ],
        _ => Vec::new(),
    }
}

fn started(n: u32) -> Event {
    Event::ProxyStarted { proxy: ProxyNo(n), host: HostNo(n), port: 8017, id: id(n) }
}

fn link_up(proxy: u32, to: u32, dialled: bool) -> Event {
    let address = format!("10.0.{}.{}:8017", to / 250, to % 250 + 1);
    let link = Link {
        number: to.into(),
        channel: "demo".into(),
        remote: Some(id(to)),
        address: address.parse().expect("an address and a port"),
        dialled,
        two_way: true,
    };
    Event::LinkUp { proxy: ProxyNo(proxy), link }
}

fn id(n: u32) -> Arc<str> {
    format!("{n:032x}").into()
}

fn instance(n: u32) -> Arc<str> {
    format!("demo-{n}").into()
}
