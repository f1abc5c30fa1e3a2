//! What must hold in every plan, wherever it comes from: a scenario, a file, a shrinker.

use std::collections::BTreeSet;

use proxy::ChannelName;

use super::plan::{Client, Do, MESSAGE_BYTES_MIN, Plan};
use super::trouble::{Fault, Trouble};
use crate::event::{ClientNo, HostNo, Phase, ProxyNo};
use crate::fabric::quality::{Latency, Loss, Quality};

/// What is wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PlanError(String);

impl From<serde_json::Error> for PlanError {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("this is no plan: {error}"))
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), PlanError> {
    if holds { Ok(()) } else { Err(PlanError(otherwise())) }
}

impl Plan {
    /// Whether it can be run: each number leads somewhere, and everything is in its time.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), PlanError> {
        self.check_network()?;
        self.check_proxies()?;
        for (nth, client) in self.clients.iter().enumerate() {
            self.check_client(nth, client)?;
        }
        for (nth, fault) in self.faults.iter().enumerate() {
            self.check_fault(nth, fault)?;
        }
        let bytes = self.roll_call.bytes;
        ensure(bytes >= MESSAGE_BYTES_MIN, || {
            format!("a message of the roll call has at least {MESSAGE_BYTES_MIN} bytes")
        })?;
        let most = self.clients.iter().map(|c| self.proxy(c.proxy).options.max_message_size).min();
        ensure(most.is_none_or(|most| bytes as usize <= most), || {
            format!("the roll call sends {bytes} bytes, and a proxy takes {}", most.unwrap_or(0))
        })
    }

    fn check_network(&self) -> Result<(), PlanError> {
        let mut names = BTreeSet::new();
        for host in &self.hosts {
            ensure(names.insert(&host.name), || format!("two hosts are called {:?}", host.name))?;
            ensure(!host.interfaces.is_empty(), || format!("{:?} is on no segment", host.name))?;
            check_clock(host.clock_ppm)?;
        }
        let mut taken = BTreeSet::new();
        let plugs = self.hosts.iter().flat_map(|host| &host.interfaces);
        for plug in plugs.chain(self.routers.iter().flat_map(|router| &router.legs)) {
            let segment = plug.segment;
            ensure(segment < self.segments.len(), || format!("there is no segment {segment}"))?;
            plug.quality.check()?;
            for address in &plug.addresses {
                ensure(taken.insert((segment, address.ip)), || {
                    format!("{} is there twice on one segment", address.ip)
                })?;
            }
        }
        Ok(())
    }

    fn check_proxies(&self) -> Result<(), PlanError> {
        let mut ports = BTreeSet::new();
        for (nth, proxy) in self.proxies.iter().enumerate() {
            self.has_host(proxy.host)?;
            let name = &self.host(proxy.host).name;
            ensure(ports.insert((proxy.host, proxy.port)), || {
                format!("two proxies of {name:?} have the port {}", proxy.port)
            })?;
            ensure(proxy.port != 0, || format!("a proxy of {name:?} has the port 0"))?;
            for peer in &proxy.peers {
                self.has_proxy(*peer)?;
                ensure(peer.0 as usize != nth, || format!("a proxy of {name:?} is its own peer"))?;
            }
            ensure(proxy.start <= self.times.story, || {
                format!("a proxy of {name:?} starts when the story is over")
            })?;
        }
        Ok(())
    }

    fn check_client(&self, nth: usize, client: &Client) -> Result<(), PlanError> {
        self.has_proxy(client.proxy)?;
        check_channel(&client.channel)?;
        ensure(!client.retry.is_zero(), || format!("client {nth} connects again without a pause"))?;
        let max = self.proxy(client.proxy).options.max_message_size;
        let (mut last, mut here) = (self.proxy(client.proxy).start, false);
        for action in &client.actions {
            ensure(last <= action.at && action.at <= self.times.story, || {
                format!("client {nth} does something out of time, at {:?}", action.at)
            })?;
            last = action.at;
            match &action.what {
                Do::Join => {
                    ensure(!here, || format!("client {nth} joins twice"))?;
                    here = true;
                }
                Do::Leave | Do::Vanish => {
                    ensure(here, || format!("client {nth} leaves and is not there"))?;
                    here = false;
                }
                Do::Send(send) => {
                    let (least, most) = send.bytes;
                    ensure(MESSAGE_BYTES_MIN <= least && least <= most, || {
                        format!("client {nth} sends messages of {least} to {most} bytes")
                    })?;
                    ensure(most as usize <= max, || {
                        format!("client {nth} sends {most} bytes, and its proxy takes {max}")
                    })?;
                    ensure((0.0..=1.0).contains(&send.binary) && !send.every.is_zero(), || {
                        format!(
                            "client {nth} sends with a share outside of 0 to 1, or without time"
                        )
                    })?;
                }
            }
        }
        Ok(())
    }

    fn check_fault(&self, nth: usize, fault: &Fault) -> Result<(), PlanError> {
        let what = fault.what.name();
        let ends = fault.end().is_some_and(|end| end <= self.start_of(Phase::Settling));
        let may_last = fault.lasting.is_none() && fault.what.may_last();
        ensure(fault.at <= self.times.story && (ends || may_last), || {
            format!("the fault {nth}, a {what}, is not over when the story is")
        })?;
        ensure(fault.lasting.is_none_or(|lasting| !lasting.is_zero()), || {
            format!("the fault {nth}, a {what}, is over as it begins")
        })?;
        ensure(fault.what.strikes_once(), || {
            format!("the fault {nth}, a {what}, strikes the same twice")
        })?;
        match &fault.what {
            Trouble::Partition { from, to, .. } => {
                from.iter().chain(to).try_for_each(|host| self.has_host(*host))
            }
            Trouble::Quality { links, quality } => {
                quality.check()?;
                links.iter().try_for_each(|link| self.has_plug(link.host, link.interface))
            }
            Trouble::Unplugged { links } => {
                links.iter().try_for_each(|link| self.has_plug(link.host, link.interface))
            }
            Trouble::Kill { proxies } | Trouble::Restart { proxies } => {
                proxies.iter().try_for_each(|proxy| self.has_proxy(*proxy))
            }
            Trouble::PowerLoss { hosts } | Trouble::Sleep { hosts } => {
                hosts.iter().try_for_each(|host| self.has_host(*host))
            }
            Trouble::ClockDrift { hosts, ppm } => {
                check_clock(*ppm)?;
                hosts.iter().try_for_each(|host| self.has_host(*host))
            }
            Trouble::NewAddresses { hosts } => hosts.iter().try_for_each(|(host, plugs)| {
                self.has_host(*host)?;
                ensure(plugs.len() == self.host(*host).interfaces.len(), || {
                    format!("the fault {nth} has not addresses for each interface")
                })
            }),
            Trouble::SlowReader { clients, .. } | Trouble::StalledReader { clients } => {
                clients.iter().try_for_each(|client| self.has_client(*client))
            }
            Trouble::MdnsStorm { host, .. } => self.has_host(*host),
        }
    }

    fn has_host(&self, host: HostNo) -> Result<(), PlanError> {
        let there = (host.0 as usize) < self.hosts.len();
        ensure(there, || format!("there is no host {}", host.0))
    }

    fn has_plug(&self, host: HostNo, interface: usize) -> Result<(), PlanError> {
        self.has_host(host)?;
        let there = interface < self.host(host).interfaces.len();
        ensure(there, || format!("host {} has no interface {interface}", host.0))
    }

    fn has_proxy(&self, proxy: ProxyNo) -> Result<(), PlanError> {
        let there = (proxy.0 as usize) < self.proxies.len();
        ensure(there, || format!("there is no proxy {}", proxy.0))
    }

    fn has_client(&self, client: ClientNo) -> Result<(), PlanError> {
        let there = (client.0 as usize) < self.clients.len();
        ensure(there, || format!("there is no client {}", client.0))
    }
}

/// A clock that stands for good lets no timer end, and none runs backwards.
fn check_clock(ppm: i32) -> Result<(), PlanError> {
    ensure(ppm > -1_000_000, || {
        format!("clock-ppm: {ppm} is not above -1000000, a clock that stands")
    })
}

fn check_channel(path: &str) -> Result<(), PlanError> {
    let name = ["/broadcast/", "/local/"].iter().find_map(|scope| path.strip_prefix(scope));
    let sound = name.is_some_and(|name| name.parse::<ChannelName>().is_ok());
    ensure(sound, || format!("{path:?} is no channel, such as \"/broadcast/chat\""))
}

impl Trouble {
    /// Whether it names nothing twice.
    fn strikes_once(&self) -> bool {
        fn once<T: Ord>(all: impl IntoIterator<Item = T>) -> bool {
            let mut seen = BTreeSet::new();
            all.into_iter().all(|one| seen.insert(one))
        }
        match self {
            Self::Partition { from, to, .. } => once(from) && once(to),
            Self::Quality { links, .. } | Self::Unplugged { links } => {
                once(links.iter().map(|link| (link.host, link.interface)))
            }
            Self::Kill { proxies } | Self::Restart { proxies } => once(proxies),
            Self::PowerLoss { hosts } | Self::Sleep { hosts } | Self::ClockDrift { hosts, .. } => {
                once(hosts)
            }
            Self::NewAddresses { hosts } => once(hosts.iter().map(|(host, _)| host)),
            Self::SlowReader { clients, .. } | Self::StalledReader { clients } => once(clients),
            Self::MdnsStorm { .. } => true,
        }
    }
}

impl Quality {
    /// Whether its shares are shares and its times are in order.
    fn check(&self) -> Result<(), PlanError> {
        let share = |name: &str, share: f64| {
            ensure((0.0..=1.0).contains(&share), || {
                format!("{name}: {share} is no share from 0 to 1")
            })
        };
        share("duplicate", self.duplicate)?;
        share("reorder", self.reorder)?;
        match self.loss {
            Loss::None => {}
            Loss::Independent(loss) => share("loss", loss)?,
            Loss::Bursty { to_bad, to_good, lost_in_good, lost_in_bad } => {
                share("to-bad", to_bad)?;
                share("to-good", to_good)?;
                share("lost-in-good", lost_in_good)?;
                share("lost-in-bad", lost_in_bad)?;
            }
        }
        match self.latency {
            Latency::Uniform { min, max } | Latency::LongTailed { min, max, .. } if max < min => {
                Err(PlanError(format!("latency: {max:?} is less than {min:?}")))
            }
            Latency::LongTailed { shape, .. } if shape <= 0.0 || !shape.is_finite() => {
                Err(PlanError(format!("latency: the shape {shape} is not above 0")))
            }
            _ if self.mtu < 576 => {
                // RFC 791: every IPv4 host takes a datagram of 576 octets.
                Err(PlanError(format!("mtu: {} is less than 576", self.mtu)))
            }
            _ if self.bits_per_second == Some(0) => {
                Err(PlanError("bits-per-second: 0 would let nothing through".to_owned()))
            }
            _ => Ok(()),
        }
    }
}
