//! Channel names that are hard for DNS: long ones, dotted ones, ones that differ in case alone.

use crate::client::exchange;
use crate::lab::Lab;
use crate::program::{Proxy, wait_linked_one_way};

fn of_length(bytes: usize) -> String {
    "com.example.a-long_name.".chars().cycle().take(bytes).collect()
}

#[test]
fn names_up_to_239_bytes_cross_hosts() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let proxies = hosts.each_ref().map(Proxy::start);
    let short = ["com.example.chat", "a", "-._", "0.1"].map(str::to_owned);
    let names = short.into_iter().chain([63, 64, 200, 239].map(of_length));
    for name in names {
        let path = format!("/broadcast/{name}");
        let clients = proxies.each_ref().map(|proxy| proxy.join(&path));
        wait_linked_one_way(&name, &proxies.each_ref());
        exchange(&clients.each_ref(), 10);
    }
}

#[test]
fn longer_names_stay_on_their_machine() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let proxies = hosts.each_ref().map(Proxy::start);
    for bytes in [240, 255] {
        let path = format!("/broadcast/{}", of_length(bytes));
        let clients = proxies.each_ref().map(|proxy| [proxy.join(&path), proxy.join(&path)]);
        for ([one, other], proxy) in clients.iter().zip(&proxies) {
            exchange(&[one, other], 10);
            assert_eq!(one.ear.senders(), [other.name.as_str()], "nobody of the other host");
            let status = proxy.status();
            let channel = status.channel(&path["/broadcast/".len()..]).unwrap();
            assert!(channel.links.is_empty() && channel.advert.is_none(), "{channel:?}");
        }
    }
    // The same proxies link on what fits.
    let clients = proxies.each_ref().map(|proxy| proxy.join("/broadcast/fits"));
    wait_linked_one_way("fits", &proxies.each_ref());
    exchange(&clients.each_ref(), 1);
}

#[test]
fn names_that_differ_in_case_are_two_channels() {
    let Some(lab) = Lab::new() else { return };
    let hosts = [lab.host(), lab.host()];
    let proxies = hosts.each_ref().map(Proxy::start);
    let names = ["Chat", "chat"];
    let clients =
        names.map(|name| proxies.each_ref().map(|proxy| proxy.join(&format!("/broadcast/{name}"))));
    for name in names {
        wait_linked_one_way(name, &proxies.each_ref());
    }
    for [one, other] in &clients {
        exchange(&[one, other], 20);
    }
    for [one, other] in &clients {
        exchange(&[one, other], 1);
        assert_eq!(one.ear.senders(), [other.name.as_str()]);
        assert_eq!(other.ear.senders(), [one.name.as_str()]);
    }
}
