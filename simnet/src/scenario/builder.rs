//! Scenarios in Rust: each part has a start with the usual values, and says what differs.

use std::time::Duration;

use super::{
    Attack, Clients, Fault, Hosts, Kind, Leave, Multicast, Proxies, RollCall, Router, Scenario,
    Scope, Segment, Traffic, Waiver,
};
use crate::fabric::quality::Quality;

fn owned<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

impl Scenario {
    /// A story of this length, without anyone in it yet.
    #[must_use]
    pub fn new(title: &str, length: Duration) -> Self {
        Self {
            name: "unnamed".to_owned(),
            title: title.to_owned(),
            length,
            settle: None,
            roll_call: RollCall::default(),
            segments: Vec::new(),
            routers: Vec::new(),
            hosts: Vec::new(),
            clients: Vec::new(),
            faults: Vec::new(),
            waived: Vec::new(),
            source: None,
        }
    }

    /// Calls it so.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Gives it this long until all is well again.
    #[must_use]
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settle = Some(settle);
        self
    }

    /// Adds a segment.
    #[must_use]
    pub fn segment(mut self, segment: Segment) -> Self {
        self.segments.push(segment);
        self
    }

    /// Adds a router between segments.
    #[must_use]
    pub fn router<'a>(mut self, between: impl IntoIterator<Item = &'a str>) -> Self {
        self.routers.push(Router { between: owned(between), quality: None });
        self
    }

    /// Adds hosts.
    #[must_use]
    pub fn hosts(mut self, hosts: Hosts) -> Self {
        self.hosts.push(hosts);
        self
    }

    /// Adds clients.
    #[must_use]
    pub fn clients(mut self, clients: Clients) -> Self {
        self.clients.push(clients);
        self
    }

    /// Adds a fault.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Does without a check.
    #[must_use]
    pub fn waive(mut self, check: &str, reason: &str) -> Self {
        self.waived.push(Waiver { check: check.to_owned(), reason: reason.to_owned() });
        self
    }
}

impl Segment {
    /// A switch that passes everything.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            quality: None,
            multicast: Multicast::Pass,
            multicast_delay: super::parts::multicast_delay(),
            isolated: false,
        }
    }

    /// With links of this quality.
    #[must_use]
    pub fn quality(mut self, quality: Quality) -> Self {
        self.quality = Some(quality);
        self
    }

    /// Which does so with multicast.
    #[must_use]
    pub fn multicast(mut self, multicast: Multicast) -> Self {
        self.multicast = multicast;
        self
    }

    /// Which keeps its hosts apart.
    #[must_use]
    pub fn isolated(mut self) -> Self {
        self.isolated = true;
        self
    }
}

impl Hosts {
    /// One host with one proxy.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// So many of them.
    #[must_use]
    pub fn count(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// On these segments.
    #[must_use]
    pub fn on<'a>(mut self, segments: impl IntoIterator<Item = &'a str>) -> Self {
        self.on = owned(segments);
        self
    }

    /// With links of this quality.
    #[must_use]
    pub fn quality(mut self, quality: Quality) -> Self {
        self.quality = Some(quality);
        self
    }

    /// Whose proxies start within this time from `start` on.
    #[must_use]
    pub fn starting(mut self, start: Duration, within: Duration) -> Self {
        (self.start, self.within) = (start, within);
        self
    }

    /// With these proxies in the place of the one on the usual port.
    #[must_use]
    pub fn proxies(mut self, proxies: impl IntoIterator<Item = Proxies>) -> Self {
        self.proxies = proxies.into_iter().collect();
        self
    }
}

impl Clients {
    /// One at each proxy on each of these broadcast channels.
    #[must_use]
    pub fn on<'a>(channels: impl IntoIterator<Item = &'a str>) -> Self {
        Self { channels: owned(channels), ..Self::default() }
    }

    /// Called so by faults.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// At these proxies only.
    #[must_use]
    pub fn at<'a>(mut self, proxies: impl IntoIterator<Item = &'a str>) -> Self {
        self.at = owned(proxies);
        self
    }

    /// So many at each.
    #[must_use]
    pub fn count(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// On channels that reach so far.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Joining within this time from `join` after the start of their proxy on.
    #[must_use]
    pub fn joining(mut self, join: Duration, within: Duration) -> Self {
        (self.join, self.within) = (join, within);
        self
    }

    /// Staying so long, and leaving so; back after `away` if there is one.
    #[must_use]
    pub fn staying(mut self, stay: Duration, leave: Leave, away: Option<Duration>) -> Self {
        (self.stay, self.leave, self.away) = (Some(stay), leave, away);
        self
    }

    /// Sending this.
    #[must_use]
    pub fn sending(mut self, send: Traffic) -> Self {
        self.send = Some(send);
        self
    }
}

impl Traffic {
    /// A message in this time, again and again.
    #[must_use]
    pub fn every(every: Duration) -> Self {
        Self { every, ..Self::default() }
    }

    /// So many messages each time.
    #[must_use]
    pub fn burst(mut self, burst: u32) -> Self {
        self.burst = burst;
        self
    }

    /// Of so many bytes.
    #[must_use]
    pub fn bytes(mut self, min: u32, max: u32) -> Self {
        self.bytes = (min, max);
        self
    }
}

impl Fault {
    /// For so long.
    #[must_use]
    pub fn lasting(mut self, lasting: Duration) -> Self {
        self.lasting = Some(lasting);
        self
    }

    /// So many times.
    #[must_use]
    pub fn repeated(mut self, times: u32, every: Duration) -> Self {
        (self.repeat, self.every) = (times, Some(every));
        self
    }

    /// Of these hosts.
    #[must_use]
    pub fn hosts<'a>(mut self, hosts: impl IntoIterator<Item = &'a str>) -> Self {
        self.hosts = owned(hosts);
        self
    }

    /// Of these proxies.
    #[must_use]
    pub fn proxies<'a>(mut self, proxies: impl IntoIterator<Item = &'a str>) -> Self {
        self.proxies = owned(proxies);
        self
    }

    /// Of these groups of clients.
    #[must_use]
    pub fn clients<'a>(mut self, clients: impl IntoIterator<Item = &'a str>) -> Self {
        self.clients = owned(clients);
        self
    }

    /// From these hosts.
    #[must_use]
    pub fn from<'a>(mut self, hosts: impl IntoIterator<Item = &'a str>) -> Self {
        self.from = owned(hosts);
        self
    }

    /// To these hosts.
    #[must_use]
    pub fn to<'a>(mut self, hosts: impl IntoIterator<Item = &'a str>) -> Self {
        self.to = owned(hosts);
        self
    }

    /// With this quality meanwhile.
    #[must_use]
    pub fn quality(mut self, quality: Quality) -> Self {
        self.quality = Some(quality);
        self
    }

    /// One after the other of those selected.
    #[must_use]
    pub fn in_turn(mut self) -> Self {
        self.in_turn = true;
        self
    }

    /// A storm of these attacks.
    #[must_use]
    pub fn storm(host: &str, at: Duration, attacks: impl IntoIterator<Item = Attack>) -> Self {
        let fault = Self::new(Kind::MdnsStorm, at).hosts([host]);
        Self { attacks: attacks.into_iter().collect(), ..fault }
    }
}
