//! Side by side with the 2014 proxy, which says nothing of itself and dials each instance once.

use std::sync::Arc;

use crate::client::{Client, End};
use crate::foreign::OldProxy;
use crate::lab::Lab;
use crate::multicast::Seen;
use crate::program::Proxy;
use crate::{SOON, check, wait};

/// Both send, and each hears the other's messages, each once, and nothing else.
fn converse(client: &Client, old: &OldProxy) {
    let (first, old_first) = (client.said(), old.said());
    for count in [20, 1] {
        client.say(count);
        old.say(count);
        old.ear.hears(old.name, &client.name, client.said() - 1, SOON);
        client.ear.hears(&client.name, old.name, old.said() - 1, SOON);
    }
    let since = |numbers: Vec<u64>, first| -> Vec<u64> {
        numbers.into_iter().filter(|number| *number >= first).collect()
    };
    let heard = since(old.ear.numbers(&client.name), first);
    assert_eq!(heard, (first..client.said()).collect::<Vec<_>>());
    let heard = since(client.ear.numbers(old.name), old_first);
    assert_eq!(heard, (old_first..old.said()).collect::<Vec<_>>());
    assert_eq!(client.ear.senders(), [old.name]);
}

/// Waits for one link each way, with a proxy that has no id.
fn wait_linked(proxy: &Proxy<'_>, channel: &str) {
    wait("one link each way", SOON, || {
        let status = proxy.status();
        let links = status.links(channel);
        let mut ways: Vec<_> = links
            .iter()
            .map(|link| (link.dialled_by.as_str(), link.carries.as_str(), &link.remote))
            .collect();
        ways.sort_unstable();
        let right = [("them", "out", &None), ("us", "in", &None)];
        check(ways == right, || format!("{status:#?}"))
    });
}

/// The names under which `channel` was announced, in order.
fn announced(old: &OldProxy, channel: &str) -> Vec<String> {
    let wanted = format!("/broadcast/{channel}");
    let mut names = Vec::new();
    for seen in old.multicast.seen() {
        if let Seen::Announced { instance, path, .. } = seen
            && path.as_ref() == Some(&wanted)
            && !names.contains(&instance)
        {
            names.push(instance);
        }
    }
    names
}

fn wait_goodbye(old: &OldProxy, instance: &str) {
    let goodbye = Seen::Goodbye { instance: instance.to_owned() };
    wait("its goodbye", SOON, || {
        let seen = old.multicast.seen();
        check(seen.contains(&goodbye), || format!("{goodbye:?} not in {seen:#?}"))
    });
}

fn live_with_one(channel: &str, old_first: bool) {
    let Some(lab) = Lab::new() else { return };
    let (host, old_host) = (lab.host(), Arc::new(lab.host()));
    let start = || OldProxy::start(&old_host, channel, "old");
    let early = old_first.then(start);
    let proxy = Proxy::start(&host);
    let alice = proxy.join(&format!("/broadcast/{channel}"));
    let old = early.unwrap_or_else(start);
    wait_linked(&proxy, channel);
    converse(&alice, &old);
    assert_eq!((old.links(), old.acceptor.connections()), (1, 1));
    let head = old.acceptor.heads().concat();
    assert!(head.starts_with(&format!("GET /broadcast/{channel} HTTP/1.1\r\n")), "{head}");
    let head = head.to_ascii_lowercase();
    assert!(head.contains("\r\nx-broadcastwebsocket-proxy: true\r\n"), "{head}");
    assert!(head.contains("\r\norigin: "), "{head}");
    assert!(!head.contains("namedwebsockets-link"), "{head}");

    old.lose_link(&host);
    wait("it dials the fresh name", SOON, || {
        check(old.links() == 2, || format!("{:#?}", old.multicast.seen()))
    });
    wait_linked(&proxy, channel);
    converse(&alice, &old);
    let names = announced(&old, channel);
    assert_eq!(names.len(), 2, "{names:?}");
    wait_goodbye(&old, &names[0]);
    assert_eq!(old.acceptor.connections(), 1, "the other link never broke");

    alice.leave();
    wait_goodbye(&old, &names[1]);
    assert_eq!(old.acceptor.ears()[0].wait_end(), End::Closed(1000));
    assert_eq!(old.ear.wait_ends(2), [End::Lost, End::Closed(1000)]);

    let bob = proxy.join(&format!("/broadcast/{channel}"));
    wait_linked(&proxy, channel);
    converse(&bob, &old);
    assert_eq!((old.links(), old.acceptor.connections()), (3, 2));
}

#[test]
fn a_2014_proxy_that_was_there_before() {
    live_with_one("chat", true);
}

#[test]
fn a_2014_proxy_that_comes_later() {
    live_with_one("chat", false);
}

#[test]
fn a_2014_proxy_with_dots_in_its_instance_name() {
    live_with_one("com.example.chat", true);
}

#[test]
fn two_2014_proxies_and_one_link_lost() {
    let Some(lab) = Lab::new() else { return };
    let host = lab.host();
    let [one_host, two_host] = [lab.host(), lab.host()].map(Arc::new);
    let proxy = Proxy::start(&host);
    let alice = proxy.join("/broadcast/chat");
    let one = OldProxy::start(&one_host, "chat", "one");
    let two = OldProxy::start(&two_host, "chat", "two");
    wait("both linked both ways", SOON, || {
        let status = proxy.status();
        check(status.links("chat").len() == 4, || format!("{status:#?}"))
    });
    one.lose_link(&host);
    wait("the loss noticed", SOON, || {
        let status = proxy.status();
        check(status.links("chat").len() == 3, || format!("{status:#?}"))
    });
    // A fresh name would bring `two` a second time, who would hear everything twice.
    for _ in 0..10 {
        alice.say(10);
        two.ear.hears("two", &alice.name, alice.said() - 1, SOON);
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let all: Vec<u64> = (0..alice.said()).collect();
    assert_eq!(two.ear.numbers(&alice.name), all);
    assert_eq!((one.links(), two.links()), (2, 2), "each dialled us and the other one");
}
