//! Faults: rows become single faults, and groups become targets.

use std::time::Duration;

use super::super::error::{Place, Wrong};
use super::super::fault::{Attack, Fault, Kind};
use super::network::Families;
use super::{Expansion, host_no, planned};
use crate::event::{ClientNo, HostNo, ProxyNo};
use planned::{Plug, Trouble};

/// How long a restart takes if nothing is said.
const RESTART_TIME: Duration = Duration::from_secs(1);

/// How fast a storm is if nothing is said.
const STORM_PACKETS_PER_SECOND: u32 = 20;

/// What a fault selects, before it is told which of it suffers when.
enum Targets {
    Hosts(Vec<HostNo>),
    Proxies(Vec<ProxyNo>),
    Clients(Vec<ClientNo>),
    Plugs(Vec<Plug>),
}

impl Targets {
    /// The one whose turn it is.
    fn nth(&self, nth: usize) -> Self {
        fn one<T: Copy>(all: &[T], nth: usize) -> Vec<T> {
            vec![all[nth % all.len()]]
        }
        match self {
            Self::Hosts(hosts) => Self::Hosts(one(hosts, nth)),
            Self::Proxies(proxies) => Self::Proxies(one(proxies, nth)),
            Self::Clients(clients) => Self::Clients(one(clients, nth)),
            Self::Plugs(plugs) => Self::Plugs(one(plugs, nth)),
        }
    }

    fn all(&self) -> Self {
        match self {
            Self::Hosts(hosts) => Self::Hosts(hosts.clone()),
            Self::Proxies(proxies) => Self::Proxies(proxies.clone()),
            Self::Clients(clients) => Self::Clients(clients.clone()),
            Self::Plugs(plugs) => Self::Plugs(plugs.clone()),
        }
    }
}

impl Expansion<'_> {
    pub(super) fn faults(&mut self) -> Result<(), Wrong> {
        for (nth, fault) in self.scenario.faults.iter().enumerate() {
            let place = Place::default().entry("faults", nth);
            fault.check(&place)?;
            let targets = self.targets(fault, &place)?;
            let lasting = match fault.what {
                Kind::Restart => Some(fault.lasting.unwrap_or(RESTART_TIME)),
                _ => fault.lasting,
            };
            for time in 0..fault.repeat {
                let at = fault.at + fault.every.unwrap_or_default() * time;
                let turn = if fault.in_turn { targets.nth(time as usize) } else { targets.all() };
                let what = self.trouble(fault, turn, &place)?;
                let planned = planned::Fault { at, lasting, what };
                self.check_time(&planned, &place)?;
                self.plan.faults.push(planned);
            }
        }
        self.plan.faults.sort_by_key(|fault| fault.at);
        Ok(())
    }

    /// A fault must be over when the story is, so that all can be well in the end.
    fn check_time(&self, fault: &planned::Fault, place: &Place) -> Result<(), Wrong> {
        let story = humantime::format_duration(self.scenario.length);
        match fault.end() {
            None if !fault.what.may_last() => {
                let what = fault.what.name();
                Err(place.wrong(format!("a {what} must end: say how long with `lasting`")))
            }
            end if end.unwrap_or(fault.at) > self.scenario.length => {
                let end = humantime::format_duration(end.unwrap_or(fault.at));
                Err(place.wrong(format!(
                    "it is over at {end}, but the story ends at {story}: lengthen `length`"
                )))
            }
            _ => Ok(()),
        }
    }

    fn targets(&mut self, fault: &Fault, place: &Place) -> Result<Targets, Wrong> {
        let rng = &mut self.rng;
        Ok(match fault.what {
            Kind::Kill | Kind::Restart => {
                Targets::Proxies(self.proxies_selected(&fault.proxies, &place.key("proxies"))?)
            }
            Kind::SlowReader | Kind::StalledReader => {
                let found = self.clients.select(&fault.clients, &place.key("clients"), rng)?;
                let number = |index| ClientNo(u32::try_from(index).expect("clients are u32"));
                Targets::Clients(found.into_iter().map(number).collect())
            }
            Kind::Lossy | Kind::Unplugged => Targets::Plugs(self.plugs(fault, place)?),
            Kind::Partition => Targets::Hosts(self.hosts_selected(&fault.from, place, "from")?),
            _ => Targets::Hosts(self.hosts_selected(&fault.hosts, place, "hosts")?),
        })
    }

    fn hosts_selected(
        &mut self,
        texts: &[String],
        place: &Place,
        key: &'static str,
    ) -> Result<Vec<HostNo>, Wrong> {
        let found = self.hosts.select(texts, &place.key(key), &mut self.rng)?;
        Ok(found.into_iter().map(host_no).collect())
    }

    /// The links of the hosts on the segments; without either those of all.
    fn plugs(&mut self, fault: &Fault, place: &Place) -> Result<Vec<Plug>, Wrong> {
        let hosts = if fault.hosts.is_empty() {
            (0..self.plan.hosts.len()).map(host_no).collect()
        } else {
            self.hosts_selected(&fault.hosts, place, "hosts")?
        };
        let segments = self.segments_named(&fault.segments, &place.key("segments"))?;
        let on = |segment| segments.is_empty() || segments.contains(segment);
        let mut plugs = Vec::new();
        for host in hosts {
            for (interface, plug) in self.plan.host(host).interfaces.iter().enumerate() {
                if on(&plug.segment) {
                    plugs.push(Plug { host, interface });
                }
            }
        }
        if plugs.is_empty() {
            return Err(place.key("segments").wrong("none of these hosts is on these segments"));
        }
        Ok(plugs)
    }

    fn trouble(
        &mut self,
        fault: &Fault,
        targets: Targets,
        place: &Place,
    ) -> Result<Trouble, Wrong> {
        Ok(match (fault.what, targets) {
            (Kind::Partition, Targets::Hosts(from)) => {
                let to = if fault.to.is_empty() {
                    let all = (0..self.plan.hosts.len()).map(host_no);
                    all.filter(|host| !from.contains(host)).collect()
                } else {
                    self.hosts_selected(&fault.to, place, "to")?
                };
                let both_ways = fault.both_ways.unwrap_or(true);
                Trouble::Partition { from, to, both_ways }
            }
            (Kind::Lossy, Targets::Plugs(links)) => {
                let quality = fault.quality.clone();
                let quality = quality.ok_or_else(|| place.wrong("say with `quality` how bad"))?;
                Trouble::Quality { links, quality }
            }
            (Kind::Unplugged, Targets::Plugs(links)) => Trouble::Unplugged { links },
            (Kind::Kill, Targets::Proxies(proxies)) => Trouble::Kill { proxies },
            (Kind::Restart, Targets::Proxies(proxies)) => Trouble::Restart { proxies },
            (Kind::PowerLoss, Targets::Hosts(hosts)) => Trouble::PowerLoss { hosts },
            (Kind::Sleep, Targets::Hosts(hosts)) => Trouble::Sleep { hosts },
            (Kind::NewAddresses, Targets::Hosts(hosts)) => {
                let hosts = hosts.into_iter().map(|host| (host, self.new_addresses(host)));
                Trouble::NewAddresses { hosts: hosts.collect() }
            }
            (Kind::ClockDrift, Targets::Hosts(hosts)) => {
                let ppm = fault.clock_ppm;
                let ppm = ppm.ok_or_else(|| place.wrong("say with `clock-ppm` how far"))?;
                Trouble::ClockDrift { hosts, ppm }
            }
            (Kind::SlowReader, Targets::Clients(clients)) => {
                let rate = fault.bytes_per_second.filter(|rate| *rate > 0);
                let bytes_per_second = rate
                    .ok_or_else(|| place.wrong("say with `bytes-per-second` how fast it reads"))?;
                Trouble::SlowReader { clients, bytes_per_second }
            }
            (Kind::StalledReader, Targets::Clients(clients)) => Trouble::StalledReader { clients },
            (Kind::MdnsStorm, Targets::Hosts(hosts)) => {
                let [host] = hosts[..] else {
                    let found = hosts.len();
                    return Err(place
                        .key("hosts")
                        .wrong(format!("a storm has one host, not {found}")));
                };
                let all = if fault.attacks.is_empty() { &Attack::ALL[..] } else { &fault.attacks };
                let rate = fault.packets_per_second.unwrap_or(STORM_PACKETS_PER_SECOND);
                Trouble::MdnsStorm { host, attacks: all.to_vec(), packets_per_second: rate }
            }
            (kind, _) => unreachable!("the targets of {kind:?} were selected as its kind asks for"),
        })
    }

    fn new_addresses(&mut self, host: HostNo) -> Vec<Vec<planned::Address>> {
        let plugs = &self.plan.hosts[host.0 as usize].interfaces;
        let fresh = plugs
            .iter()
            .map(|plug| self.allotments[plug.segment].host(Families::of(&plug.addresses)));
        fresh.collect()
    }
}

impl Fault {
    /// Keys that are given, and mean something for these kinds only.
    fn given(&self) -> [(&'static str, bool, &'static [Kind]); 10] {
        use Kind::{
            ClockDrift, Kill, Lossy, MdnsStorm, NewAddresses, Partition, PowerLoss, Restart, Sleep,
            SlowReader, StalledReader, Unplugged,
        };
        let hosts: &[Kind] =
            &[Lossy, Unplugged, PowerLoss, Sleep, NewAddresses, ClockDrift, MdnsStorm];
        [
            ("hosts", !self.hosts.is_empty(), hosts),
            ("segments", !self.segments.is_empty(), &[Lossy, Unplugged]),
            ("proxies", !self.proxies.is_empty(), &[Kill, Restart]),
            ("clients", !self.clients.is_empty(), &[SlowReader, StalledReader]),
            ("from", !self.from.is_empty(), &[Partition]),
            ("to", !self.to.is_empty(), &[Partition]),
            ("both-ways", self.both_ways.is_some(), &[Partition]),
            ("quality", self.quality.is_some(), &[Lossy]),
            ("clock-ppm", self.clock_ppm.is_some(), &[ClockDrift]),
            ("bytes-per-second", self.bytes_per_second.is_some(), &[SlowReader]),
        ]
    }

    fn check(&self, place: &Place) -> Result<(), Wrong> {
        let what = self.what.name();
        let storm = self.what == Kind::MdnsStorm;
        let of_storm = [
            ("packets-per-second", self.packets_per_second.is_some() && !storm),
            ("attacks", !self.attacks.is_empty() && !storm),
        ];
        let given = self.given();
        let others =
            given.iter().map(|(key, given, kinds)| (*key, *given && !kinds.contains(&self.what)));
        if let Some((key, _)) = others.chain(of_storm).find(|(_, wrong)| *wrong) {
            let has = |(key, _, kinds): &(&'static str, _, &[Kind])| {
                kinds.contains(&self.what).then_some(*key)
            };
            let mut allowed: Vec<&str> = given.iter().filter_map(has).collect();
            if storm {
                allowed.extend(["packets-per-second", "attacks"]);
            }
            return Err(place.key(key).wrong(format!(
                "a {what} has no `{key}`; it has {} and the times",
                allowed.join(", ")
            )));
        }
        if self.repeat == 0 {
            return Err(place.key("repeat").wrong("it must be at least 1"));
        }
        let every = self.every.unwrap_or_default();
        if self.repeat > 1 && every <= self.lasting.unwrap_or_default() {
            return Err(place.wrong(
                "what is repeated needs `every`, the time from one to the next, longer than `lasting`",
            ));
        }
        if self.lasting == Some(Duration::ZERO) || self.packets_per_second == Some(0) {
            return Err(place.wrong("`lasting` and `packets-per-second` must be more than nothing"));
        }
        Ok(())
    }
}

impl Kind {
    /// Its name, as scenarios write it.
    fn name(self) -> &'static str {
        match self {
            Self::Partition => "partition",
            Self::Lossy => "lossy",
            Self::Unplugged => "unplugged",
            Self::Kill => "kill",
            Self::Restart => "restart",
            Self::PowerLoss => "power-loss",
            Self::Sleep => "sleep",
            Self::NewAddresses => "new-addresses",
            Self::ClockDrift => "clock-drift",
            Self::SlowReader => "slow-reader",
            Self::StalledReader => "stalled-reader",
            Self::MdnsStorm => "mdns-storm",
        }
    }
}
