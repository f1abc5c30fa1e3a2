//! A link that carries both ways takes the place of a one-way link, and nobody notices.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::client::{Client, exchange};
use crate::lab::{Host, Lab, has_program};
use crate::program::{Proxy, wait_linked};
use crate::{SOON, check, wait, wire};

const CHAT: &str = "/broadcast/chat";

/// Hears no multicast.
const DEAF: &str = "table inet deaf {
    chain in { type filter hook input priority 0; iifname eth0 udp dport 5353 drop; }
}";

/// Takes no links over IPv6.
const CLOSED: &str = "table ip6 closed {
    chain in { type filter hook input priority 0; tcp dport 9009 reject with tcp reset; }
}";

fn nft(host: &Host, rules: &str) {
    let done = host.run(Command::new("nft").args(["-f", "-"]), rules);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn ways(proxy: &Proxy<'_>) -> Vec<(String, String)> {
    let status = proxy.status();
    let links = status.links("chat").iter();
    links.map(|link| (link.dialled_by.clone(), link.carries.clone())).collect()
}

/// Everyone in `bobs` speaks all the time while `work` runs.
fn amid_talk<T>(bobs: &[Client], work: impl FnOnce() -> T) -> T {
    let quiet = AtomicBool::new(false);
    thread::scope(|scope| {
        for bob in bobs {
            scope.spawn(|| {
                while !quiet.load(Ordering::Relaxed) {
                    bob.say(20);
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
        // Also when it panics.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        quiet.store(true, Ordering::Relaxed);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn a_one_way_link_gives_way_without_a_gap() {
    if !has_program("nft") {
        return;
    }
    let Some(lab) = Lab::new() else { return };
    let (near, far) = (lab.host(), lab.host());
    nft(&far, DEAF);
    let two = Proxy::start_with(&far, &["--queue-size", "16KiB"]);
    let peer = format!("[fd77::{}]", far.v4().octets()[3]);
    let one = Proxy::start_with(&near, &["--queue-size", "16KiB", "--peer", &peer]);
    for _ in 0..3 {
        nft(&far, CLOSED);
        let (alice, bobs) = (one.join(CHAT), [two.join(CHAT), two.join(CHAT)]);
        wait("the advert is followed", SOON, || {
            let ways = ways(&one);
            check(ways == [("us".to_owned(), "in".to_owned())], || format!("{ways:?}"))
        });
        // Reads nothing at first, so that the one-way link is full when it is replaced.
        let dora = wire::ask(&near, (near.loopback(), one.port).into(), CHAT, &[]).unwrap();
        let dora = amid_talk(&bobs, || {
            wait("a full link", SOON, || {
                let queued = two.status().channel("chat").unwrap().queued_bytes;
                check(queued > 16 * 1024, || format!("{queued}"))
            });
            nft(&far, "delete table ip6 closed");
            wait_linked("chat", &[&one, &two], SOON);
            let (socket, stream) = dora.websocket();
            let dora = Client::new(socket, stream);
            let before = bobs.each_ref().map(Client::said);
            for (bob, before) in bobs.iter().zip(before) {
                alice.hears(bob, before + 1000, SOON);
                dora.hears(bob, before + 1000, SOON);
            }
            dora
        });
        assert_eq!(ways(&one), [("us".to_owned(), "both".to_owned())]);
        assert_eq!(ways(&two), [("them".to_owned(), "both".to_owned())]);
        exchange(&[&alice, &dora, &bobs[0], &bobs[1]], 10);
        for bob in &bobs {
            alice.heard_all(bob, 0);
            dora.heard_all(bob, 0);
        }
        [&alice, &dora, &bobs[0], &bobs[1]].into_iter().for_each(Client::leave);
    }
    // One each way round: the one-way link, and the one that took its place.
    assert_eq!(one.counter("links_dialled"), 6);
    assert_eq!(two.counter("messages_discarded"), 0);
}
