//! A plan's names, for whoever shows its run.

use crate::event::{HostNo, ProxyNo};
use crate::scenario::Plan;
use crate::scenario::planned::{Plug, Trouble};
use crate::trace::{ClientPicture, HostPicture, ProxyPicture, WorldPicture};
use crate::world::Engine;

/// The picture of a plan that `engine` runs, and that the command `replay` runs again.
#[must_use]
pub fn picture(plan: &Plan, engine: Engine, replay: &str) -> WorldPicture {
    let hosts = plan.hosts.iter().map(|host| HostPicture {
        name: host.name.clone(),
        segments: host.interfaces.iter().map(|plug| plug.segment).collect(),
    });
    let proxies = plan.proxies.iter().map(|proxy| {
        let host = &plan.host(proxy.host).name;
        let others = plan.proxies.iter().filter(|other| other.host == proxy.host).count();
        let name = if others > 1 { format!("{host}:{}", proxy.port) } else { host.clone() };
        ProxyPicture { name, host: proxy.host }
    });
    let clients = plan.clients.iter().enumerate().map(|(number, client)| {
        let host = &plan.host(plan.proxy(client.proxy).host).name;
        ClientPicture { name: format!("{host}/{number}"), proxy: client.proxy }
    });
    WorldPicture {
        scenario: plan.name.clone(),
        seed: plan.seed,
        engine: engine.to_string(),
        replay: replay.to_owned(),
        segments: plan.segments.iter().map(|segment| segment.name.clone()).collect(),
        hosts: hosts.collect(),
        proxies: proxies.collect(),
        clients: clients.collect(),
        faults: plan.faults.iter().map(|fault| struck(plan, &fault.what)).collect(),
    }
}

/// The hosts that a fault is about.
fn struck(plan: &Plan, trouble: &Trouble) -> Vec<HostNo> {
    let of_links = |links: &[Plug]| links.iter().map(|link| link.host).collect();
    let of_proxies = |proxies: &[ProxyNo]| proxies.iter().map(|p| plan.proxy(*p).host).collect();
    let mut hosts: Vec<HostNo> = match trouble {
        Trouble::Partition { from, .. } => from.clone(),
        Trouble::Quality { links, .. } | Trouble::Unplugged { links } => of_links(links),
        Trouble::Kill { proxies } | Trouble::Restart { proxies } => of_proxies(proxies),
        Trouble::PowerLoss { hosts }
        | Trouble::Sleep { hosts }
        | Trouble::ClockDrift { hosts, .. } => hosts.clone(),
        Trouble::NewAddresses { hosts } => hosts.iter().map(|(host, _)| *host).collect(),
        Trouble::SlowReader { clients, .. } | Trouble::StalledReader { clients } => {
            let proxies: Vec<_> = clients.iter().map(|c| plan.client(*c).proxy).collect();
            of_proxies(&proxies)
        }
        Trouble::MdnsStorm { host, .. } => vec![*host],
    };
    hosts.dedup();
    hosts
}
