//! What is left when the proxy ends, be it in the middle of something.

use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use proxy::{Config, MdnsSd, TokioNet};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use crate::lab::{Lab, has_program};
use crate::multicast::{Multicast, Seen};
use crate::program::Proxy;
use crate::{SOON, check, wait, wire};

#[test]
fn a_proxy_that_is_dropped_advertises_nothing_any_more() {
    let Some(lab) = Lab::new() else { return };
    let (host, watcher) = (lab.host(), lab.host());
    let multicast = Multicast::on(&watcher);
    let (drop_it, dropped) = tokio::sync::oneshot::channel::<()>();
    let (done, is_done) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            host.enter(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let run = async {
                    let rng = ChaCha8Rng::seed_from_u64(1);
                    let proxy = proxy::Proxy::bind(TokioNet, Config::default(), rng).await.unwrap();
                    let discovery = MdnsSd::new(Vec::new()).unwrap();
                    tokio::select! {
                        biased;
                        _ = dropped => {}
                        () = proxy.run(discovery, std::future::pending()) => {}
                    }
                    // The thread of this host goes on, and the program with it.
                    done.send(()).unwrap();
                };
                tokio::task::LocalSet::new().block_on(&runtime.unwrap(), run);
            });
        });
        let client = wait("a client", SOON, || {
            wire::ask(&host, (host.v4(), 9009).into(), "/broadcast/x", &[])
                .map_err(|error| error.to_string())
        });
        assert_eq!(client.status, 101);
        let is_ours = |seen: &Seen, there: bool| match seen {
            Seen::Announced { instance, .. } => there && instance.starts_with("x["),
            Seen::Goodbye { instance } => !there && instance.starts_with("x["),
        };
        wait("the advert", SOON, || {
            let seen = multicast.seen();
            check(seen.iter().any(|seen| is_ours(seen, true)), || format!("{seen:?}"))
        });
        drop_it.send(()).unwrap();
        is_done.recv_timeout(SOON).unwrap();
        wait("its goodbye", SOON, || {
            let seen = multicast.seen();
            check(seen.iter().any(|seen| is_ours(seen, false)), || format!("{seen:?}"))
        });
    });
}

#[test]
fn it_does_not_wait_for_the_resolver() {
    if !has_program("unshare") {
        return;
    }
    let Some(lab) = Lab::new() else { return };
    let host = lab.host();
    // A name server that never answers.
    let silent = host.enter(|| UdpSocket::bind((Ipv4Addr::LOCALHOST, 53))).unwrap();
    silent.set_read_timeout(Some(SOON)).unwrap();
    let setting = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.conf", host.name()));
    std::fs::write(&setting, "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n").unwrap();
    let setting = setting.to_str().unwrap();
    let around = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"",
        setting,
    ];
    let args = ["--no-discovery", "--peer", "box.example"];
    let proxy = Proxy::start_within(&host, &around, &args);
    let _client = proxy.join("/broadcast/x");
    silent.recv(&mut [0; 512]).expect("the name is looked up");
    let told = Instant::now();
    proxy.stop();
    let took = told.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    std::fs::remove_file(setting).unwrap();
}
