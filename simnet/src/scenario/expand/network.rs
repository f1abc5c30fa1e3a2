//! Segments, routers, hosts, and their addresses.
//!
//! The segment `s`, counted from 1, is the networks 10.s.0.0/16, fd00:0:0:s::/64 and fe80::/64. Its
//! hosts are numbered from 1 on, its routers from the top.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::error::{Place, Wrong, did_you_mean};
use super::super::parts::{Hosts, Segment};
use super::{Expansion, planned};
use crate::fabric::quality::Quality;

/// Hosts of one scenario; beyond that it is a slip of the finger.
const HOSTS_MAX: u32 = 10_000;

/// The number of a segment's first router; above all hosts, also those that get new addresses.
const ROUTERS_FROM: u16 = 63_000;

/// The addresses of a segment that are taken.
pub(super) struct Allotment {
    segment: usize,
    hosts: u16,
    routers: u16,
    quality: Quality,
}

/// Which families an interface has.
#[derive(Clone, Copy)]
pub(super) struct Families {
    pub(super) ipv4: bool,
    pub(super) ipv6: bool,
    link_local: bool,
}

impl Allotment {
    /// The next host's addresses.
    pub(super) fn host(&mut self, families: Families) -> Vec<planned::Address> {
        self.hosts += 1;
        self.addresses(self.hosts, families)
    }

    fn router(&mut self) -> Vec<planned::Address> {
        let number = ROUTERS_FROM - self.routers;
        self.routers += 1;
        self.addresses(number, Families { ipv4: true, ipv6: true, link_local: false })
    }

    fn addresses(&self, number: u16, families: Families) -> Vec<planned::Address> {
        let segment = u8::try_from(self.segment + 1).expect("there are at most 200 segments");
        let wide = u16::from(segment);
        // No address ends in 0 or 255.
        let [third, fourth] = [number / 250, number % 250 + 1].map(|n| n.to_be_bytes()[1]);
        let v4 = IpAddr::V4(Ipv4Addr::new(10, segment, third, fourth));
        let local = IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, wide, number));
        let unique = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, wide, 0, 0, 0, number));
        let mut addresses = Vec::new();
        let mut add = |ip, prefix_bits| addresses.push(planned::Address { ip, prefix_bits });
        if families.ipv4 {
            add(v4, 16);
        }
        if families.ipv6 {
            add(unique, 64);
        }
        if families.ipv6 && families.link_local {
            add(local, 64);
        }
        addresses
    }
}

impl Families {
    pub(super) fn of(addresses: &[planned::Address]) -> Self {
        let ipv4 = addresses.iter().any(|address| address.ip.is_ipv4());
        let ipv6 = addresses.iter().any(|address| address.ip.is_ipv6());
        Self { ipv4, ipv6, link_local: true }
    }
}

impl Expansion<'_> {
    pub(super) fn segments(&mut self) -> Result<(), Wrong> {
        let usual = [Segment::new("lan")];
        let given = &self.scenario.segments;
        let segments: &[Segment] = if given.is_empty() { &usual } else { given };
        if segments.len() > 200 {
            let found = segments.len();
            return Err(
                Place::default().wrong(format!("{found} segments; at most 200 are allowed"))
            );
        }
        for (nth, segment) in segments.iter().enumerate() {
            let place = Place::default().entry("segments", nth);
            name_is_sound(&segment.name, &place)?;
            if segments[..nth].iter().any(|other| other.name == segment.name) {
                return Err(place
                    .key("name")
                    .wrong(format!("{:?} is there already", segment.name)));
            }
            let quality = segment.quality.clone().unwrap_or_default();
            self.allotments.push(Allotment { segment: nth, hosts: 0, routers: 0, quality });
            self.plan.segments.push(planned::Segment {
                name: segment.name.clone(),
                multicast: segment.multicast,
                multicast_delay: segment.multicast_delay,
                isolated: segment.isolated,
            });
        }
        Ok(())
    }

    pub(super) fn routers(&mut self) -> Result<(), Wrong> {
        for (nth, router) in self.scenario.routers.iter().enumerate() {
            let place = Place::default().entry("routers", nth).key("between");
            let segments = self.segments_named(&router.between, &place)?;
            if segments.len() < 2 {
                return Err(place.wrong("a router is between two segments or more"));
            }
            let quality = router.quality.clone().unwrap_or_default();
            let leg = |segment: usize| planned::Interface {
                segment,
                addresses: self.allotments[segment].router(),
                quality: quality.clone(),
            };
            let legs = segments.into_iter().map(leg).collect();
            self.plan.routers.push(planned::Router { legs });
        }
        Ok(())
    }

    pub(super) fn hosts(&mut self) -> Result<(), Wrong> {
        let groups = &self.scenario.hosts;
        let total = groups.iter().fold(0_u32, |sum, group| sum.saturating_add(group.count));
        if total == 0 || total > HOSTS_MAX {
            let place = Place::default().key("hosts");
            return Err(place.wrong(format!("{total} hosts; allowed are 1 to {HOSTS_MAX}")));
        }
        for (nth, group) in groups.iter().enumerate() {
            let place = Place::default().entry("hosts", nth);
            name_is_sound(&group.name, &place)?;
            if groups[..nth].iter().any(|other| other.name == group.name) {
                return Err(place.key("name").wrong(format!("{:?} is there already", group.name)));
            }
            if !group.ipv4 && !group.ipv6 {
                return Err(place.wrong("a host needs IPv4 or IPv6"));
            }
            let segments = match group.on.as_slice() {
                [] if self.plan.segments.len() == 1 => vec![0],
                [] => return Err(place.wrong(self.which_segment())),
                names => self.segments_named(names, &place.key("on"))?,
            };
            for number in 1..=group.count {
                self.host(group, number, &segments);
            }
            self.hosts.add(&group.name, (0..group.count).map(|_| 1));
        }
        Ok(())
    }

    fn host(&mut self, group: &Hosts, number: u32, segments: &[usize]) {
        let name = match group.count {
            1 => group.name.clone(),
            _ => format!("{}-{number}", group.name),
        };
        let families = Families { ipv4: group.ipv4, ipv6: group.ipv6, link_local: true };
        let plug = |segment: &usize| {
            let allotment = &mut self.allotments[*segment];
            planned::Interface {
                segment: *segment,
                addresses: allotment.host(families),
                quality: group.quality.clone().unwrap_or_else(|| allotment.quality.clone()),
            }
        };
        let interfaces = segments.iter().map(plug).collect();
        let host_name = group.host_name.clone().unwrap_or_else(|| name.clone());
        self.plan.hosts.push(planned::Host {
            name,
            host_name,
            interfaces,
            clock_ppm: group.clock_ppm,
        });
    }

    pub(super) fn segments_named(
        &self,
        names: &[String],
        place: &Place,
    ) -> Result<Vec<usize>, Wrong> {
        let mut indices = Vec::new();
        for name in names {
            let found = self.plan.segments.iter().position(|segment| segment.name == *name);
            let Some(index) = found else {
                let all = || self.plan.segments.iter().map(|segment| segment.name.as_str());
                return Err(place.wrong(format!(
                    "no segment is called {name:?}{}; there are: {}",
                    did_you_mean(name, all()),
                    all().collect::<Vec<_>>().join(", ")
                )));
            };
            if indices.contains(&index) {
                return Err(place.wrong(format!("{name:?} is given twice")));
            }
            indices.push(index);
        }
        Ok(indices)
    }

    fn which_segment(&self) -> String {
        let names: Vec<&str> =
            self.plan.segments.iter().map(|segment| segment.name.as_str()).collect();
        format!("say with `on` which segment it is on: {}", names.join(", "))
    }
}

/// Names are selected by, so they hold nothing that has a meaning there.
fn name_is_sound(name: &str, place: &Place) -> Result<(), Wrong> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let reserved = matches!(name, "all" | "half" | "one");
    if name.is_empty() || !name.chars().all(allowed) || reserved {
        return Err(place.key("name").wrong(format!(
            "{name:?} is no name; allowed are letters, digits, - and _, and not the words all, half and one"
        )));
    }
    Ok(())
}
