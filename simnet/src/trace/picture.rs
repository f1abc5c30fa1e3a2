//! What a world is made of, for whoever shows its run to people.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::event::{HostNo, ProxyNo};
use crate::scenario::Plan;
use crate::scenario::planned::{self, Client, Host, Interface, Router, Trouble};
use crate::world::Engine;

/// A world before anything happens in it: names for the numbers in its events.
///
/// A number without an entry is shown as itself (`proxy 7`), so a picture may be incomplete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WorldPicture {
    /// The scenario's name.
    pub scenario: String,
    /// The seed of the run.
    pub seed: u64,
    /// The engine that ran it, such as `fabric`.
    pub engine: String,
    /// The command that replays the run.
    pub replay: String,
    /// Names of the segments.
    pub segments: Vec<String>,
    /// The hosts, by [`HostNo`].
    pub hosts: Vec<HostPicture>,
    /// The proxies, by [`ProxyNo`].
    pub proxies: Vec<ProxyPicture>,
    /// The clients, by [`ClientNo`](crate::event::ClientNo).
    pub clients: Vec<ClientPicture>,
    /// The faults, by [`FaultNo`](crate::event::FaultNo): the hosts that each concerns most, to be
    /// marked while it lasts.
    pub faults: Vec<Vec<HostNo>>,
}

impl WorldPicture {
    /// The picture of a plan that this engine runs. Routers come after the hosts.
    #[must_use]
    pub fn of(plan: &Plan, engine: Engine, replay: String) -> Self {
        let segments = |plugs: &[Interface]| plugs.iter().map(|plug| plug.segment).collect();
        let host = |host: &Host| HostPicture {
            name: host.name.clone(),
            segments: segments(&host.interfaces),
        };
        let router = |router: &Router| HostPicture {
            name: "router".into(),
            segments: segments(&router.legs),
        };
        let client = |(n, client): (usize, &Client)| ClientPicture {
            name: format!("client-{n}"),
            proxy: client.proxy,
        };
        Self {
            scenario: plan.name.clone(),
            seed: plan.seed,
            engine: engine.to_string(),
            replay,
            segments: plan.segments.iter().map(|segment| segment.name.clone()).collect(),
            hosts: plan.hosts.iter().map(host).chain(plan.routers.iter().map(router)).collect(),
            proxies: proxies_of(plan),
            clients: plan.clients.iter().enumerate().map(client).collect(),
            faults: plan.faults.iter().map(|fault| concerned(plan, &fault.what)).collect(),
        }
    }
}

/// Each proxy is called like its host, and has a number if it is not alone there.
fn proxies_of(plan: &Plan) -> Vec<ProxyPicture> {
    let mut on_host = BTreeMap::<HostNo, usize>::new();
    let name = |proxy: &planned::Proxy| {
        let place = on_host.entry(proxy.host).or_default();
        *place += 1;
        let host = &plan.host(proxy.host).name;
        let alone = plan.proxies.iter().filter(|other| other.host == proxy.host).count() == 1;
        let name = if alone { host.clone() } else { format!("{host}/{place}") };
        ProxyPicture { name, host: proxy.host }
    };
    plan.proxies.iter().map(name).collect()
}

/// The hosts that a fault concerns most. Of a partition, its smaller side.
fn concerned(plan: &Plan, what: &Trouble) -> Vec<HostNo> {
    let of_proxies = |proxies: &[ProxyNo]| {
        proxies.iter().map(|proxy| plan.proxy(*proxy).host).collect::<Vec<_>>()
    };
    let mut hosts = match what {
        Trouble::Partition { from, to, .. } if to.len() < from.len() => to.clone(),
        Trouble::Partition { from, .. } => from.clone(),
        Trouble::Quality { links, .. } | Trouble::Unplugged { links } => {
            links.iter().map(|link| link.host).collect()
        }
        Trouble::Kill { proxies } | Trouble::Restart { proxies } => of_proxies(proxies),
        Trouble::PowerLoss { hosts }
        | Trouble::Sleep { hosts }
        | Trouble::ClockDrift { hosts, .. } => hosts.clone(),
        Trouble::NewAddresses { hosts } => hosts.iter().map(|(host, _)| *host).collect(),
        Trouble::SlowReader { clients, .. } | Trouble::StalledReader { clients } => {
            of_proxies(&clients.iter().map(|client| plan.client(*client).proxy).collect::<Vec<_>>())
        }
        Trouble::MdnsStorm { host, .. } => vec![*host],
    };
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

/// A host of a [`WorldPicture`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostPicture {
    /// Its name.
    pub name: String,
    /// The segments on which it is: places in the picture's list of them.
    pub segments: Vec<usize>,
}

/// A proxy of a [`WorldPicture`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProxyPicture {
    /// Its name.
    pub name: String,
    /// Where it runs.
    pub host: HostNo,
}

/// A client of a [`WorldPicture`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientPicture {
    /// Its name.
    pub name: String,
    /// The proxy that it uses.
    pub proxy: ProxyNo,
}

/// Something that had to hold and did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// When, after the start of the world.
    #[serde(rename = "ns", serialize_with = "crate::event::as_nanos")]
    pub at: Duration,
    /// The check's name.
    pub check: String,
    /// What was found and what was expected.
    pub text: String,
    /// What went before, as lines of [`Last::about`](super::Last::about).
    pub before: Vec<String>,
}
