//! Plainer plans: what is unusual becomes usual, one sort of thing at a time.

use crate::scenario::planned::{Do, Trouble};
use crate::scenario::{MESSAGE_BYTES_MIN, Multicast, Options, Plan};

/// All ways to make a plan plainer.
pub(super) const ALL: [fn(&Plan) -> Plan; 10] = [
    |plan| with(plan, qualities),
    |plan| with(plan, multicast),
    |plan| with(plan, options),
    |plan| with(plan, clocks),
    |plan| with(plan, starts),
    |plan| with(plan, no_peers),
    |plan| with(plan, single_addresses),
    |plan| with(plan, small_messages),
    |plan| with(plan, single_attacks),
    |plan| with(plan, short_roll_call),
];

fn with(plan: &Plan, change: fn(&mut Plan)) -> Plan {
    let mut plan = plan.clone();
    change(&mut plan);
    plan
}

/// With no more time to settle than it needs, and no less if it had that.
pub(super) fn settle(plan: &mut Plan) {
    plan.times.settling = plan.times.settling.min(plan.settle_time());
}

fn qualities(plan: &mut Plan) {
    let hosts = plan.hosts.iter_mut().flat_map(|host| &mut host.interfaces);
    for plug in hosts.chain(plan.routers.iter_mut().flat_map(|router| &mut router.legs)) {
        plug.quality = crate::fabric::quality::Quality::default();
    }
}

fn multicast(plan: &mut Plan) {
    for segment in &mut plan.segments {
        if segment.multicast == Multicast::Delayed {
            segment.multicast = Multicast::Pass;
        }
    }
}

fn options(plan: &mut Plan) {
    for proxy in &mut plan.proxies {
        proxy.options = Options::default();
    }
}

fn clocks(plan: &mut Plan) {
    for host in &mut plan.hosts {
        host.clock_ppm = 0;
    }
}

fn starts(plan: &mut Plan) {
    for proxy in &mut plan.proxies {
        proxy.start = std::time::Duration::ZERO;
    }
}

fn no_peers(plan: &mut Plan) {
    for proxy in &mut plan.proxies {
        proxy.peers.clear();
    }
}

/// Only IPv4 where there is some.
fn single_addresses(plan: &mut Plan) {
    for plug in plan.hosts.iter_mut().flat_map(|host| &mut host.interfaces) {
        if plug.addresses.iter().any(|address| address.ip.is_ipv4()) {
            plug.addresses.retain(|address| address.ip.is_ipv4());
        }
    }
    for fault in &mut plan.faults {
        if let Trouble::NewAddresses { hosts } = &mut fault.what {
            for addresses in hosts.iter_mut().flat_map(|(_, plugs)| plugs) {
                if addresses.iter().any(|address| address.ip.is_ipv4()) {
                    addresses.retain(|address| address.ip.is_ipv4());
                }
            }
        }
    }
}

fn small_messages(plan: &mut Plan) {
    for action in plan.clients.iter_mut().flat_map(|client| &mut client.actions) {
        if let Do::Send(send) = &mut action.what {
            (send.bytes, send.binary) = ((MESSAGE_BYTES_MIN, MESSAGE_BYTES_MIN), 0.0);
        }
    }
}

fn single_attacks(plan: &mut Plan) {
    for fault in &mut plan.faults {
        if let Trouble::MdnsStorm { attacks, .. } = &mut fault.what {
            attacks.truncate(1);
        }
    }
}

fn short_roll_call(plan: &mut Plan) {
    plan.roll_call.messages = plan.roll_call.messages.min(1);
}
