//! Who is to hear whom when all is well: what the network and the proxies' options allow.

use std::collections::BTreeSet;

use super::Multicast;
use super::plan::{Host, Interface, Plan, Proxy};
use super::trouble::Trouble;
use crate::event::{HostNo, ProxyNo};

impl Plan {
    /// Whether clients of `a` are to hear those of `b` on a broadcast channel that both have, once
    /// the last fault is over and the links had time to settle.
    ///
    /// So it is if both run and either both have discovery and multicast comes through between
    /// them, or one has the other as a peer and can connect to it. It is mutual: who dials a peer
    /// offers to carry both ways.
    #[must_use]
    pub fn reach(&self, a: ProxyNo, b: ProxyNo) -> bool {
        if !self.runs_in_the_end(a) || !self.runs_in_the_end(b) {
            return false;
        }
        let (one, other) = (self.proxy(a), self.proxy(b));
        a == b || self.discover_each_other(one, other) || self.are_peers(a, b)
    }

    /// Whether a proxy runs when the story is over.
    #[must_use]
    pub fn runs_in_the_end(&self, proxy: ProxyNo) -> bool {
        !self.faults.iter().filter(|fault| fault.lasting.is_none()).any(|fault| match &fault.what {
            Trouble::Kill { proxies } => proxies.contains(&proxy),
            Trouble::PowerLoss { hosts } => hosts.contains(&self.proxy(proxy).host),
            _ => false,
        })
    }

    fn discover_each_other(&self, a: &Proxy, b: &Proxy) -> bool {
        // A host hears its own multicast, whatever its segment does with it.
        let hears = |segment: usize| {
            let segment = &self.segments[segment];
            !segment.isolated && segment.multicast != Multicast::Drop
        };
        a.discovery
            && b.discovery
            && (a.host == b.host || share(self.host(a.host), self.host(b.host), hears))
    }

    fn are_peers(&self, a: ProxyNo, b: ProxyNo) -> bool {
        let named = self.proxy(a).peers.contains(&b) || self.proxy(b).peers.contains(&a);
        named && self.connects(self.proxy(a).host, self.proxy(b).host)
    }

    /// Whether unicast comes from one host to another, in the same family all the way.
    #[must_use]
    pub fn connects(&self, a: HostNo, b: HostNo) -> bool {
        if a == b {
            return true;
        }
        let (one, other) = (self.host(a), self.host(b));
        share(one, other, |segment| !self.segments[segment].isolated)
            || [true, false].into_iter().any(|v4| self.routed(one, other, v4))
    }

    /// Whether routers lead from a host to another that is on none of its segments.
    fn routed(&self, a: &Host, b: &Host, v4: bool) -> bool {
        let of = |host: &Host| -> BTreeSet<usize> {
            host.interfaces.iter().filter(|i| has(i, v4)).map(|i| i.segment).collect()
        };
        let (start, goal) = (of(a), of(b));
        if !start.is_disjoint(&goal) {
            return false;
        }
        let mut reached = start;
        loop {
            let before = reached.len();
            for router in &self.routers {
                let legs = router.legs.iter().map(|leg| leg.segment);
                if legs.clone().any(|segment| reached.contains(&segment)) {
                    reached.extend(legs);
                }
            }
            if !reached.is_disjoint(&goal) {
                return true;
            }
            if reached.len() == before {
                return false;
            }
        }
    }
}

/// Whether two hosts have addresses of one family on one segment of which `through` is true.
fn share(a: &Host, b: &Host, through: impl Fn(usize) -> bool) -> bool {
    a.interfaces.iter().any(|one| {
        through(one.segment)
            && b.interfaces.iter().any(|other| {
                one.segment == other.segment
                    && [true, false].into_iter().any(|v4| has(one, v4) && has(other, v4))
            })
    })
}

fn has(interface: &Interface, v4: bool) -> bool {
    interface.addresses.iter().any(|address| address.ip.is_ipv4() == v4)
}
