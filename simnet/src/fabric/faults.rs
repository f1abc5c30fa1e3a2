//! What may go wrong, as operations. When it does and for how long is for a scenario to say.

use std::net::IpAddr;
use std::rc::Rc;

use super::Fabric;
use super::blocks::BlockId;
use super::host::{Power, own};
use super::link::Link;
use super::packet::{HostId, InterfaceId, SegmentId};
use super::quality::Quality;

/// What a lossy spell is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// All links of a host, both ways.
    Host(HostId),
    /// The link of one interface, both ways.
    Interface(InterfaceId),
    /// A segment.
    Segment(SegmentId),
}

impl Fabric {
    /// Loses all packets from any of `from` to any of `to`, but not the other way. All kinds of
    /// partitions are made of this.
    pub fn block(
        &self,
        from: impl IntoIterator<Item = HostId>,
        to: impl IntoIterator<Item = HostId>,
    ) -> BlockId {
        let (from, to) = (from.into_iter().collect(), to.into_iter().collect());
        self.shared.with(|core| core.blocks.add(from, to))
    }

    /// Heals one cut. Where another cuts too, nothing passes still.
    pub fn unblock(&self, block: BlockId) {
        self.shared.with(|core| core.blocks.remove(block));
    }

    /// Makes links as good or bad as that, until [`restore`](Fabric::restore).
    pub fn degrade(&self, place: Place, quality: Quality) {
        let quality = Rc::new(quality);
        self.each_link(place, |link| link.degrade(&quality));
    }

    /// Makes links as they were when they were made.
    pub fn restore(&self, place: Place) {
        self.each_link(place, Link::restore);
    }

    fn each_link(&self, place: Place, mut f: impl FnMut(&mut Link)) {
        self.shared.with(|core| match place {
            Place::Segment(segment) => f(&mut core.segments[segment.0 as usize].link),
            Place::Interface(id) => {
                if let Some(interface) = core[id.host].interface_mut(id.index) {
                    f(&mut interface.up);
                    f(&mut interface.down);
                }
            }
            Place::Host(host) => {
                for interface in core[host].interfaces.iter_mut().skip(1) {
                    f(&mut interface.up);
                    f(&mut interface.down);
                }
            }
        });
    }

    /// Pulls an interface's cable. The host keeps its addresses and connections, but no longer
    /// lists the interface.
    pub fn unplug(&self, interface: InterfaceId) {
        self.set_plugged(interface, false);
    }

    /// Puts it in again.
    pub fn plug(&self, interface: InterfaceId) {
        self.set_plugged(interface, true);
    }

    fn set_plugged(&self, id: InterfaceId, plugged: bool) {
        self.shared.with(|core| {
            if let Some(interface) = core[id.host].interface_mut(id.index) {
                interface.plugged = plugged;
            }
        });
    }

    /// Takes a host's power: its sockets and processes are gone, and nobody is told anything. What
    /// it has sent is still under way. Other hosts learn of it when their packets are answered with
    /// resets, after it has power again, or never.
    pub fn power_off(&self, host: HostId) {
        self.shared.with(|core| {
            core[host].power = Power::Off;
            core.tcp_power_off(host);
            core.udp_power_off(host);
        });
        self.shared.kill_all(Some(host));
    }

    /// Gives it power again. It has its addresses, and nothing runs on it.
    pub fn power_on(&self, host: HostId) {
        self.shared.with(|core| {
            if core[host].power == Power::Off {
                core[host].power = Power::On;
                core.set_clock(host);
            }
        });
        self.shared.wake_processes(host);
    }

    /// Sends a host to sleep: it hears nothing, its processes do not run, its clock stands. Its
    /// sockets stay.
    pub fn sleep(&self, host: HostId) {
        self.shared.with(|core| {
            let now = core.now();
            if core[host].is_on() {
                core[host].power = Power::Asleep(now);
                core[host].clock.stop();
            }
        });
    }

    /// Wakes it up. Its timers go on where they stood.
    pub fn wake(&self, host: HostId) {
        self.shared.with(|core| {
            let now = core.now();
            if let Power::Asleep(since) = core[host].power {
                core[host].power = Power::On;
                core.set_clock(host);
                core.tcp_wake(host, now - since);
            }
        });
        self.shared.wake_processes(host);
    }

    /// Lets a host's clock gain so many microseconds in each second, or lose them.
    pub fn set_drift(&self, host: HostId, drift_ppm: i32) {
        self.shared.with(|core| {
            core[host].drift_ppm = drift_ppm;
            core.set_clock(host);
        });
    }

    /// Gives an interface other addresses. Connections from the old ones go on sending, and hear
    /// nothing any more.
    pub fn readdress(&self, interface: InterfaceId, addresses: &[(IpAddr, u8)]) {
        self.shared.with(|core| {
            let addresses = addresses.to_vec();
            let Some(changed) = core[interface.host].interface_mut(interface.index) else { return };
            let before = std::mem::replace(&mut changed.addresses, addresses.clone());
            own(&mut core.owners, interface, &before, false);
            own(&mut core.owners, interface, &addresses, true);
        });
    }
}

impl super::core::Core {
    /// Lets a host's clock run as it should, unless it sleeps.
    fn set_clock(&mut self, host: HostId) {
        let host = &self[host];
        if !matches!(host.power, Power::Asleep(_)) {
            host.clock.set_drift(host.drift_ppm);
        }
    }
}
