//! Plans with some of their parts left out, and all numbers in them made right again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use crate::event::{ClientNo, HostNo, ProxyNo};
use crate::scenario::Plan;
use crate::scenario::planned::{Action, Do, Fault, Plug, Send, Trouble};

pub(super) fn faults(plan: &Plan, without: &Range<usize>) -> Plan {
    let mut plan = plan.clone();
    plan.faults.drain(without.clone());
    plan
}

pub(super) fn hosts(plan: &Plan, without: &Range<usize>) -> Plan {
    keep(plan, |host| !without.contains(&host), |_| true, |_| true)
}

pub(super) fn proxies(plan: &Plan, without: &Range<usize>) -> Plan {
    keep(plan, |_| true, |proxy| !without.contains(&proxy), |_| true)
}

pub(super) fn clients(plan: &Plan, without: &Range<usize>) -> Plan {
    keep(plan, |_| true, |_| true, |client| !without.contains(&client))
}

pub(super) fn routers(plan: &Plan, without: &Range<usize>) -> Plan {
    let mut plan = plan.clone();
    plan.routers.drain(without.clone());
    plan
}

/// Without segments that nobody is on; a host's segments stay.
pub(super) fn segments(plan: &Plan, without: &Range<usize>) -> Plan {
    let mut plan = plan.clone();
    let hosts = plan.hosts.iter().flat_map(|host| &host.interfaces);
    let used = hosts.chain(plan.routers.iter().flat_map(|router| &router.legs));
    if used.clone().any(|plug| without.contains(&plug.segment)) {
        return plan;
    }
    plan.segments.drain(without.clone());
    let hosts = plan.hosts.iter_mut().flat_map(|host| &mut host.interfaces);
    for plug in hosts.chain(plan.routers.iter_mut().flat_map(|router| &mut router.legs)) {
        if plug.segment >= without.end {
            plug.segment -= without.len();
        }
    }
    plan
}

/// New numbers of what is kept.
type Numbers = BTreeMap<u32, u32>;

fn numbers(kept: impl Iterator<Item = bool>) -> Numbers {
    (0..).zip(kept).filter(|(_, kept)| *kept).map(|(old, _)| old).zip(0..).collect()
}

/// With those hosts, proxies and clients of which the functions say so, as far as what they are on
/// is kept as well.
fn keep(
    plan: &Plan,
    hosts: impl Fn(usize) -> bool,
    proxies: impl Fn(usize) -> bool,
    clients: impl Fn(usize) -> bool,
) -> Plan {
    let mut plan = plan.clone();
    let host_numbers = numbers((0..plan.hosts.len()).map(&hosts));
    let proxy_numbers = numbers(
        plan.proxies
            .iter()
            .enumerate()
            .map(|(nth, proxy)| proxies(nth) && host_numbers.contains_key(&proxy.host.0)),
    );
    let client_numbers = numbers(
        plan.clients
            .iter()
            .enumerate()
            .map(|(nth, client)| clients(nth) && proxy_numbers.contains_key(&client.proxy.0)),
    );
    retain(&mut plan.hosts, &host_numbers);
    retain(&mut plan.proxies, &proxy_numbers);
    retain(&mut plan.clients, &client_numbers);
    for proxy in &mut plan.proxies {
        proxy.host.0 = host_numbers[&proxy.host.0];
        renumber(&mut proxy.peers, |peer: &mut ProxyNo| &mut peer.0, &proxy_numbers);
    }
    for client in &mut plan.clients {
        client.proxy.0 = proxy_numbers[&client.proxy.0];
    }
    plan.faults.retain_mut(|fault| retarget(fault, &host_numbers, &proxy_numbers, &client_numbers));
    plan
}

fn retain<T>(all: &mut Vec<T>, kept: &Numbers) {
    let mut number = 0;
    all.retain(|_| {
        number += 1;
        kept.contains_key(&(number - 1))
    });
}

/// Leaves out what is not kept; false if nothing is.
fn renumber<T>(all: &mut Vec<T>, number: impl Fn(&mut T) -> &mut u32, kept: &Numbers) -> bool {
    all.retain_mut(|one| match kept.get(number(one)) {
        Some(new) => {
            *number(one) = *new;
            true
        }
        None => false,
    });
    !all.is_empty()
}

/// Leaves out targets that are no more; false if there is none left.
fn retarget(fault: &mut Fault, hosts: &Numbers, proxies: &Numbers, clients: &Numbers) -> bool {
    fn host(host: &mut HostNo) -> &mut u32 {
        &mut host.0
    }
    match &mut fault.what {
        Trouble::Partition { from, to, .. } => {
            renumber(from, host, hosts) && renumber(to, host, hosts)
        }
        Trouble::Quality { links, .. } | Trouble::Unplugged { links } => {
            renumber(links, |link: &mut Plug| &mut link.host.0, hosts)
        }
        Trouble::Kill { proxies: which } | Trouble::Restart { proxies: which } => {
            renumber(which, |proxy: &mut ProxyNo| &mut proxy.0, proxies)
        }
        Trouble::PowerLoss { hosts: which }
        | Trouble::Sleep { hosts: which }
        | Trouble::ClockDrift { hosts: which, .. } => renumber(which, host, hosts),
        Trouble::NewAddresses { hosts: which } => {
            renumber(which, |(host, _): &mut (HostNo, _)| &mut host.0, hosts)
        }
        Trouble::SlowReader { clients: which, .. } | Trouble::StalledReader { clients: which } => {
            renumber(which, |client: &mut ClientNo| &mut client.0, clients)
        }
        Trouble::MdnsStorm { host, .. } => match hosts.get(&host.0) {
            Some(new) => {
                host.0 = *new;
                true
            }
            None => false,
        },
    }
}

/// The stays of all clients: from each joining to the leaving behind it.
pub(super) fn stay_count(plan: &Plan) -> usize {
    actions(plan).filter(|action| action.what == Do::Join).count()
}

/// Without some stays, but with their clients.
pub(super) fn stays(plan: &Plan, without: &Range<usize>) -> Plan {
    let mut plan = plan.clone();
    let mut next = 0;
    for client in &mut plan.clients {
        client.actions.retain(|action| {
            next += usize::from(action.what == Do::Join);
            !without.contains(&(next - 1))
        });
    }
    plan
}

pub(super) fn send_count(plan: &Plan) -> usize {
    actions(plan).filter(|action| matches!(action.what, Do::Send(_))).count()
}

pub(super) fn sends(plan: &Plan, without: &Range<usize>) -> Plan {
    let mut plan = plan.clone();
    let mut next = 0;
    for client in &mut plan.clients {
        client.actions.retain(|action| {
            let send = matches!(action.what, Do::Send(_));
            next += usize::from(send);
            !(send && without.contains(&(next - 1)))
        });
    }
    plan
}

/// With half of the turns of one row of messages, or if there is one turn half of its messages.
pub(super) fn shorter_send(plan: &Plan, which: usize) -> Plan {
    let mut plan = plan.clone();
    let all = plan.clients.iter_mut().flat_map(|client| &mut client.actions);
    let sends = all.filter_map(|action| match &mut action.what {
        Do::Send(send) => Some(send),
        _ => None,
    });
    if let Some(Send { turns, burst, .. }) = sends.into_iter().nth(which) {
        let many = if *turns > 1 { turns } else { burst };
        *many = many.div_ceil(2);
    }
    plan
}

fn actions(plan: &Plan) -> impl Iterator<Item = &Action> {
    plan.clients.iter().flat_map(|client| &client.actions)
}

/// When the last thing in the story happens.
pub(super) fn last_moment(plan: &Plan) -> Duration {
    let actions = actions(plan).map(|action| match &action.what {
        Do::Send(send) => action.at + send.every * send.turns,
        _ => action.at,
    });
    let faults = plan.faults.iter().map(|fault| fault.end().unwrap_or(fault.at));
    let starts = plan.proxies.iter().map(|proxy| proxy.start);
    let last = actions.chain(faults).chain(starts).max().unwrap_or_default();
    (last + Duration::from_secs(1)).min(plan.times.story)
}

/// With a story of this length: what comes later is left out, what goes on is cut short.
pub(super) fn story(plan: &Plan, length: Duration) -> Plan {
    let mut plan = plan.clone();
    plan.times.story = length;
    for client in &mut plan.clients {
        client.actions.retain(|action| action.at < length);
        for action in &mut client.actions {
            if let Do::Send(send) = &mut action.what {
                let room = (length - action.at).as_nanos().div_ceil(send.every.as_nanos().max(1));
                send.turns = send.turns.min(u32::try_from(room).unwrap_or(u32::MAX));
            }
        }
    }
    plan.faults.retain(|fault| fault.at < length);
    for fault in &mut plan.faults {
        fault.lasting = fault.lasting.map(|lasting| lasting.min(length - fault.at));
    }
    plan
}
