//! Proxies: where and when they run, and whom they are told to link with.

use super::super::error::{Place, Wrong};
use super::super::parts::{Discovery, Proxies};
use super::{Expansion, host_no, planned, proxy_no};
use crate::event::ProxyNo;

impl Expansion<'_> {
    pub(super) fn proxies(&mut self) -> Result<(), Wrong> {
        let mut next = 0;
        for (nth, group) in self.scenario.hosts.iter().enumerate() {
            let place = Place::default().entry("hosts", nth);
            for (part, proxies) in group.proxies.iter().enumerate() {
                let place = place.entry("proxies", part);
                if proxies.port == 0 || proxies.port.checked_add(proxies.count).is_none() {
                    return Err(place.key("port").wrong("its ports are not within 1 to 65535"));
                }
            }
            for host in next..next + group.count as usize {
                let start = group.start + self.draw(group.within);
                for proxies in &group.proxies {
                    for port in proxies.port..proxies.port + proxies.count {
                        self.plan.proxies.push(planned::Proxy {
                            host: host_no(host),
                            port,
                            discovery: proxies.discovery == Discovery::Builtin,
                            peers: Vec::new(),
                            options: proxies.options.clone(),
                            start,
                        });
                    }
                }
            }
            next += group.count as usize;
            let size = group.proxies.iter().map(|proxies| usize::from(proxies.count)).sum();
            self.proxies.add(&group.name, (0..group.count).map(|_| size));
        }
        self.peers()
    }

    /// Peers can be named only when all proxies are known.
    fn peers(&mut self) -> Result<(), Wrong> {
        let mut next = 0;
        for (nth, group) in self.scenario.hosts.iter().enumerate() {
            for _ in 0..group.count {
                for (part, proxies) in group.proxies.iter().enumerate() {
                    let place = Place::default().entry("hosts", nth).entry("proxies", part);
                    for _ in 0..proxies.count {
                        let peers = self.peers_of(proxies, &place.key("peers"))?;
                        let own = proxy_no(next);
                        self.plan.proxies[next].peers =
                            peers.into_iter().filter(|peer| *peer != own).collect();
                        next += 1;
                    }
                }
            }
        }
        Ok(())
    }

    fn peers_of(&mut self, proxies: &Proxies, place: &Place) -> Result<Vec<ProxyNo>, Wrong> {
        if proxies.peers.is_empty() {
            return Ok(Vec::new());
        }
        self.proxies_selected(&proxies.peers, place)
    }

    /// Proxies by the names of their hosts, perhaps with a port.
    pub(super) fn proxies_selected(
        &mut self,
        texts: &[String],
        place: &Place,
    ) -> Result<Vec<ProxyNo>, Wrong> {
        let mut selected = Vec::new();
        for text in texts {
            let (name, port) = match text.split_once(':') {
                Some((name, port)) => {
                    let number: u16 = port
                        .parse()
                        .map_err(|_| place.wrong(format!("{port:?} in {text:?} is no port")))?;
                    (name, Some(number))
                }
                None => (text.as_str(), None),
            };
            let mut found = self.proxies.select(&[name.to_owned()], place, &mut self.rng)?;
            found.retain(|index| port.is_none_or(|port| self.plan.proxies[*index].port == port));
            if found.is_empty() {
                return Err(place.wrong(format!("{text:?} selects no proxy")));
            }
            selected.extend(found.into_iter().map(proxy_no));
        }
        selected.sort_unstable();
        selected.dedup();
        Ok(selected)
    }
}
