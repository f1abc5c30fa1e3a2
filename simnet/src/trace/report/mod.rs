//! One page for people: the run as a picture in time.
//!
//! ```text
//!   records ─▶ Report ─▶ spans (up, asleep, linked, faults) ┐
//!                        pieces of time (sent, heard)       ├─▶ page ─▶ one HTML file
//!                        Measure, failures, the picture     ┘
//! ```
//!
//! The page is a template with a style, a script and the data in it; it asks nobody for anything,
//! so it can be sent by mail and opened from a folder. It stays small whatever the run was: what
//! does not fit is left out, and the page says how much that is.

mod bins;
mod spans;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::figures::{Curves, Figures, Measure};
use super::roster::Roster;
use super::{Digest, Failure, Sink, WorldPicture};
use crate::event::{Event, FaultNo, HostNo, Link, Phase, ProxyNo, Record};
use bins::Bins;
use spans::Spans;

const PAGE: &str = include_str!("page/page.html");
/// It begins with what the project's other pages look like.
const STYLE: &str =
    concat!(include_str!("../../../../console/base.css"), include_str!("page/page.css"));
const SCRIPT: &str = concat!(
    include_str!("page/run.js"),
    include_str!("page/network.js"),
    include_str!("page/lanes.js"),
    include_str!("page/plots.js"),
    include_str!("page/page.js"),
);

/// Spans of links that are shown, 25 bytes each.
const LINK_SPANS_MAX: usize = 60_000;
/// Spans of everything else, of each kind.
const SPANS_MAX: usize = 10_000;
/// Failures that are shown, with what went before them.
const FAILURES_MAX: usize = 100;

/// Collects what the page shows. A [`Sink`].
#[derive(Debug)]
pub struct Report {
    picture: Rc<WorldPicture>,
    roster: Roster,
    bins: Bins,
    /// Proxies that run.
    up: Spans<ProxyNo>,
    off: Spans<HostNo>,
    asleep: Spans<HostNo>,
    /// Ends of links: whose, to whom, and the channel by its place.
    links: Spans<End>,
    channels: Vec<Arc<str>>,
    /// The links that stand, by their numbers, and how many there are at each end.
    numbers: BTreeMap<(ProxyNo, u64), End>,
    standing: BTreeMap<End, usize>,
    faults: Spans<FaultNo>,
    fault_texts: BTreeMap<FaultNo, Arc<str>>,
    phases: Vec<(Phase, u64)>,
    end: Duration,
}

type End = (ProxyNo, Option<ProxyNo>, usize);

/// What the script is given. Times are in milliseconds.
#[derive(Serialize)]
struct Data<'a> {
    picture: &'a WorldPicture,
    digest: Option<Digest>,
    /// The first failures, and how many there are.
    failures: &'a [Failure],
    failed: usize,
    figures: Figures,
    curves: Curves,
    end: u64,
    bin: u64,
    /// For each piece of time: flat lists of proxy and count; and of from, to and count.
    sent: Vec<Vec<u32>>,
    heard: Vec<Vec<u32>>,
    flows: Vec<Vec<u32>>,
    /// Flat lists of proxy, from, to; and of host, from, to.
    up: Vec<u64>,
    off: Vec<u64>,
    asleep: Vec<u64>,
    /// A flat list of proxy, remote (-1 for a stranger), channel, from, to.
    links: Vec<i64>,
    channels: &'a [Arc<str>],
    faults: Vec<Fault<'a>>,
    phases: &'a [(Phase, u64)],
    left_out: Vec<String>,
}

#[derive(Serialize)]
struct Fault<'a> {
    number: FaultNo,
    what: &'a str,
    from: u64,
    to: u64,
}

impl Report {
    /// An empty one of this world.
    #[must_use]
    pub fn new(picture: Rc<WorldPicture>) -> Self {
        Self {
            picture,
            roster: Roster::default(),
            bins: Bins::default(),
            up: Spans::new(SPANS_MAX),
            off: Spans::new(SPANS_MAX),
            asleep: Spans::new(SPANS_MAX),
            links: Spans::new(LINK_SPANS_MAX),
            channels: Vec::new(),
            numbers: BTreeMap::new(),
            standing: BTreeMap::new(),
            faults: Spans::new(SPANS_MAX),
            fault_texts: BTreeMap::new(),
            phases: Vec::new(),
            end: Duration::ZERO,
        }
    }

    /// The page, with the figures that `measure` took of the same run.
    #[must_use]
    pub fn page(&self, measure: &Measure, digest: Option<Digest>, failures: &[Failure]) -> String {
        // The data comes last: names in it may be anything, also that of a place.
        PAGE.replace("/*STYLE*/", STYLE)
            .replace("/*SCRIPT*/", SCRIPT)
            .replace("/*DATA*/", &self.data(measure, digest, failures))
    }

    /// The data as JSON in which no `<` can end the script element that it stands in.
    fn data(&self, measure: &Measure, digest: Option<Digest>, failures: &[Failure]) -> String {
        let flat = |(n, from, to): (u32, u64, u64)| [u64::from(n), from, to];
        let data = Data {
            picture: &self.picture,
            digest,
            failures: &failures[..failures.len().min(FAILURES_MAX)],
            failed: failures.len(),
            figures: measure.figures(),
            curves: measure.curves(),
            end: u64::try_from(self.end.as_millis()).unwrap_or(u64::MAX),
            bin: self.bins.length_ms,
            sent: self.bins.bins.iter().map(|bin| counts(&bin.sent)).collect(),
            heard: self.bins.bins.iter().map(|bin| counts(&bin.heard)).collect(),
            flows: self.bins.bins.iter().map(|bin| flows(&bin.flows)).collect(),
            up: self.up.all(self.end).flat_map(|(n, a, b)| flat((n.0, a, b))).collect(),
            off: self.off.all(self.end).flat_map(|(n, a, b)| flat((n.0, a, b))).collect(),
            asleep: self.asleep.all(self.end).flat_map(|(n, a, b)| flat((n.0, a, b))).collect(),
            links: self.links.all(self.end).flat_map(link_span).collect(),
            channels: &self.channels,
            faults: self.faults.all(self.end).map(|span| self.fault(span)).collect(),
            phases: &self.phases,
            left_out: self.left_out(failures),
        };
        let json = serde_json::to_string(&data).expect("the keys of all maps are text");
        json.replace('<', "\\u003c")
    }

    fn fault(&self, (number, from, to): (&FaultNo, u64, u64)) -> Fault<'_> {
        let what = self.fault_texts.get(number).map_or("", |what| what);
        Fault { number: *number, what, from, to }
    }

    /// What the page does not show, in words.
    fn left_out(&self, failures: &[Failure]) -> Vec<String> {
        let flows = self.bins.bins.iter().map(|bin| bin.flows_left_out).sum();
        let failed = failures.len().saturating_sub(FAILURES_MAX) as u64;
        let kinds = [
            (failed, "failures, all but the first"),
            (self.links.left_out(), "ends of links that were taken down late in the run"),
            (self.up.left_out(), "runs of proxies"),
            (
                self.off.left_out() + self.asleep.left_out(),
                "spans of hosts without power or asleep",
            ),
            (self.faults.left_out(), "faults"),
            (flows, "deliveries between proxies in the picture (they are counted in the lanes)"),
        ];
        let some = kinds.into_iter().filter(|(count, _)| *count > 0);
        some.map(|(count, what)| format!("{count} {what}")).collect()
    }

    fn link_up(&mut self, at: Duration, proxy: ProxyNo, link: &Link) {
        let known = self.channels.iter().position(|channel| *channel == link.channel);
        let channel = known.unwrap_or_else(|| {
            self.channels.push(Arc::clone(&link.channel));
            self.channels.len() - 1
        });
        let end = (proxy, self.roster.remote(link), channel);
        self.numbers.insert((proxy, link.number), end);
        *self.standing.entry(end).or_default() += 1;
        self.links.begin(end, at);
    }

    fn link_down(&mut self, at: Duration, proxy: ProxyNo, number: u64) {
        let Some(end) = self.numbers.remove(&(proxy, number)) else { return };
        let Some(standing) = self.standing.get_mut(&end) else { return };
        *standing -= 1;
        // Another may have taken its place before it was down.
        if *standing == 0 {
            self.standing.remove(&end);
            self.links.end(&end, at);
        }
    }

    fn stopped(&mut self, at: Duration, proxy: ProxyNo) {
        self.up.end(&proxy, at);
        self.links.end_where(at, |end| end.0 == proxy);
        self.numbers.retain(|(of, _), _| *of != proxy);
        self.standing.retain(|end, _| end.0 != proxy);
    }
}

impl Sink for Report {
    fn record(&mut self, Record { at, event }: &Record) {
        let at = *at;
        self.roster.learn(event);
        self.end = self.end.max(at);
        match event {
            Event::ProxyStarted { proxy, .. } => self.up.begin(*proxy, at),
            Event::ProxyStopped { proxy, .. } => self.stopped(at, *proxy),
            Event::HostPower { host, on: false } => self.off.begin(*host, at),
            Event::HostPower { host, on: true } => self.off.end(host, at),
            Event::HostAsleep { host, asleep: true } => self.asleep.begin(*host, at),
            Event::HostAsleep { host, asleep: false } => self.asleep.end(host, at),
            Event::FaultBegan { fault, what } => {
                self.fault_texts.insert(*fault, Arc::clone(what));
                self.faults.begin(*fault, at);
            }
            Event::FaultEnded { fault } => self.faults.end(fault, at),
            Event::Phase { phase } => {
                self.phases.push((*phase, u64::try_from(at.as_millis()).unwrap_or(u64::MAX)));
            }
            Event::LinkUp { proxy, link } => self.link_up(at, *proxy, link),
            Event::LinkDown { proxy, number } => self.link_down(at, *proxy, *number),
            Event::Sent { session, .. } => {
                if let Some(proxy) = self.roster.proxy_of(*session) {
                    self.bins.sent(at, proxy);
                }
            }
            Event::Heard { session, message } => {
                if let Some(proxy) = self.roster.proxy_of(*session) {
                    self.bins.heard(at, proxy, self.roster.proxy_of(message.from));
                }
            }
            _ => {}
        }
    }
}

fn counts(of: &BTreeMap<ProxyNo, u32>) -> Vec<u32> {
    of.iter().flat_map(|(proxy, count)| [proxy.0, *count]).collect()
}

fn flows(of: &BTreeMap<(ProxyNo, ProxyNo), u32>) -> Vec<u32> {
    of.iter().flat_map(|((from, to), count)| [from.0, to.0, *count]).collect()
}

fn link_span((end, from, to): (&End, u64, u64)) -> [i64; 5] {
    let (proxy, remote, channel) = *end;
    let remote = remote.map_or(-1, |remote| i64::from(remote.0));
    [i64::from(proxy.0), remote, channel as i64, from as i64, to as i64]
}

#[cfg(test)]
mod tests;
