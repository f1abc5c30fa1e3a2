//! Clients on several hosts hear each other: every message once and in order.

use crate::client::{Client, exchange};
use crate::lab::{Lab, Stack};
use crate::program::{Proxy, wait_linked_one_way};

const CHAT: &str = "/broadcast/chat";

#[test]
fn three_hosts_with_one_three_and_five_clients() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host(), lab.host()];
    let proxies = hosts.each_ref().map(Proxy::start);
    let clients: Vec<Vec<Client>> = proxies
        .iter()
        .zip([1, 3, 5])
        .map(|(proxy, count)| (0..count).map(|_| proxy.join(CHAT)).collect())
        .collect();
    wait_linked_one_way("chat", &proxies.each_ref());

    let all: Vec<&Client> = clients.iter().flatten().collect();
    exchange(&all, 200);

    let total: u64 = all.iter().map(|client| client.said()).sum();
    for (proxy, here) in proxies.iter().zip(&clients) {
        let counters = proxy.status().counters;
        let (said, count) = (here.iter().map(Client::said).sum::<u64>(), here.len() as u64);
        // Each message came in once, from its client or over a link, and what came over a link
        // went to the clients alone.
        assert_eq!(counters["messages_received"], total);
        let to_others = said * (count - 1 + 2);
        assert_eq!(counters["messages_delivered"], to_others + (total - said) * count);
        assert_eq!(counters["messages_discarded"], 0);
        assert_eq!((counters["links_dialled"], counters["links_accepted"]), (2, 2));
    }
    wait_linked_one_way("chat", &proxies.each_ref());
    for proxy in &proxies {
        let status = proxy.status();
        let states: Vec<_> =
            status.remotes_on("chat").map(|remote| remote.state.as_str()).collect();
        assert_eq!(states, ["linked", "linked"]);
    }
}

#[test]
fn two_proxies_on_one_host_and_one_on_another() {
    let Some(lab) = Lab::new() else { return };
    let (one, other) = (lab.host(), lab.host());
    let proxies =
        [Proxy::start(&one), Proxy::start_with(&one, &["--port", "9010"]), Proxy::start(&other)];
    let clients = proxies.each_ref().map(|proxy| [proxy.join(CHAT), proxy.join(CHAT)]);
    wait_linked_one_way("chat", &proxies.each_ref());
    exchange(&clients.iter().flatten().collect::<Vec<_>>(), 50);
    wait_linked_one_way("chat", &proxies.each_ref());
}

#[test]
fn two_proxies_on_a_host_without_a_network() {
    let Some(lab) = Lab::new() else { return };
    let host = lab.host_on(&[], Stack::Both);
    let proxies = [Proxy::start(&host), Proxy::start_with(&host, &["--port", "9010"])];
    let clients = proxies.each_ref().map(|proxy| proxy.join(CHAT));
    wait_linked_one_way("chat", &proxies.each_ref());
    exchange(&clients.each_ref(), 50);
}

#[test]
fn ipv6_alone() {
    on_hosts_with(Stack::V6);
}

#[test]
fn ipv6_link_local_addresses_alone() {
    on_hosts_with(Stack::LinkLocal);
}

#[test]
fn ipv4_alone() {
    on_hosts_with(Stack::V4);
}

fn on_hosts_with(stack: Stack) {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host_with(stack), lab.host_with(stack), lab.host_with(stack)];
    let proxies = hosts.each_ref().map(Proxy::start);
    let clients = proxies.each_ref().map(|proxy| proxy.join(CHAT));
    wait_linked_one_way("chat", &proxies.each_ref());
    exchange(&clients.each_ref(), 50);
    for link in proxies.iter().flat_map(|proxy| proxy.status().channels.swap_remove(0).links) {
        let v6 = link.address.starts_with('[');
        assert_eq!(v6, stack != Stack::V4, "{link:?}");
        assert_eq!(link.address.starts_with("[fe80:"), stack == Stack::LinkLocal, "{link:?}");
    }
}
