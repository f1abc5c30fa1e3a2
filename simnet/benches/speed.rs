//! How fast worlds run: `cargo bench -p simnet`.
//!
//! For worlds of 10, 50 and 200 proxies, all on one channel with one client each, found by our own
//! multicast DNS: CPU time for the set-up (all arrive within 20 s and link), then simulated seconds
//! in one second of CPU, first quiet (pings, mDNS), then with each client sending a message every
//! 10 s. CPU time, not wall time, so that a busy machine shows the same.
//!
//! `cargo bench -p simnet -- 10 50` runs only those sizes.

use std::cell::RefCell;
use std::fs;
use std::rc::Rc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use simnet::event::{Event, Phase, Record};
use simnet::scenario::{Clients, Hosts, Plan, Scenario, Traffic};
use simnet::trace::Sink;
use simnet::world::{self, Engine};

const ARRIVAL: Duration = Duration::from_secs(20);
const SET_UP: Duration = Duration::from_secs(40);
const TALK: Duration = Duration::from_secs(60);
const QUIET: Duration = Duration::from_secs(120);

/// CPU time of this thread.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("below 1e9"))
}

/// Notes the CPU time at which the world has come to some moments.
#[derive(Default)]
struct Stages {
    set_up: Option<Duration>,
    talked: Option<Duration>,
    quiet: Option<Duration>,
    links: usize,
    heard: u64,
}

impl Sink for Stages {
    fn record(&mut self, record: &Record) {
        match &record.event {
            Event::LinkUp { .. } => self.links += 1,
            Event::LinkDown { .. } if self.quiet.is_none() => self.links -= 1,
            Event::Heard { .. } => self.heard += 1,
            _ => {}
        }
        if record.at >= SET_UP {
            self.set_up.get_or_insert_with(cpu);
        }
        match record.event {
            Event::Phase { phase: Phase::Settling } => self.talked = Some(cpu()),
            Event::Phase { phase: Phase::RollCall } => self.quiet = Some(cpu()),
            _ => {}
        }
    }
}

fn plan(proxies: u32) -> Plan {
    let traffic = Traffic::every(Duration::from_secs(10));
    let scenario = Scenario::new("how fast worlds run", SET_UP + TALK)
        .hosts(Hosts::new("host").count(proxies).starting(Duration::ZERO, ARRIVAL))
        .clients(Clients::on(["channel"]).sending(traffic).joining(Duration::ZERO, ARRIVAL));
    let mut plan = scenario.plan(1).expect("a sound scenario");
    plan.times.settling = QUIET;
    plan
}

/// The most memory that this process has had, in MiB; only Linux tells.
fn peak_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? / 1024)
}

fn main() {
    let mut sizes: Vec<u32> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![10, 50, 200];
    }
    println!(
        "proxies   links   set-up, CPU s   simulated s in 1 s of CPU: talking   quiet   peak MiB"
    );
    for proxies in sizes {
        let stages = Rc::new(RefCell::new(Stages::default()));
        let (plan, start) = (plan(proxies), cpu());
        world::run(&plan, Engine::Fabric, vec![stages.clone()], None).expect("the fabric can");
        let stages = stages.borrow();
        let at = |stage: Option<Duration>| stage.expect("the world went on to its end");
        let (set_up, talked, quiet) = (at(stages.set_up), at(stages.talked), at(stages.quiet));
        let rate = |time: Duration, from: Duration, to: Duration| {
            time.as_secs_f64() / (to - from).as_secs_f64().max(1e-6)
        };
        let links = proxies as usize * (proxies as usize - 1) * 2;
        assert_eq!(stages.links, links, "each pair has a link each way, with two ends");
        println!(
            "{proxies:7}   {:5}   {:13.2}   {:34.0}   {:5.0}   {:>8}",
            links / 2,
            (set_up - start).as_secs_f64(),
            rate(TALK, set_up, talked),
            rate(QUIET, talked, quiet),
            peak_mib().map_or_else(|| "?".to_owned(), |mib| mib.to_string()),
        );
    }
}
