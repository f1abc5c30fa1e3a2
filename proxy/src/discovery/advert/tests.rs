use super::*;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn sighting() -> Sighting {
    Sighting {
        instance: "chat[1]".into(),
        host: "Box.local.".into(),
        port: 9009,
        path: Some(b"/broadcast/chat".to_vec()),
        addresses: vec![("10.0.0.2".parse().unwrap(), 0)],
    }
}

fn interfaces() -> Vec<Interface> {
    let interface = |address: &str, prefix_bits, index| Interface {
        address: address.parse().unwrap(),
        prefix_bits,
        index,
    };
    vec![
        interface("127.0.0.1", 8, 1),
        interface("10.0.0.1", 24, 2),
        interface("fe80::1", 64, 2),
        interface("fd00::1", 64, 2),
    ]
}

fn judge(sighting: &Sighting) -> Result<Instance, Ignored> {
    let listening = ["0.0.0.0:9010".parse().unwrap(), "[fd00::1]:9011".parse().unwrap()];
    sighting.judge(Reach { interfaces: &interfaces(), listening: &listening })
}

fn addresses(given: &[(&str, u32)]) -> Result<Vec<String>, Ignored> {
    let addresses = given.iter().map(|(a, scope)| (a.parse().unwrap(), *scope)).collect();
    let instance = judge(&Sighting { addresses, ..sighting() })?;
    Ok(instance.addresses.iter().map(ToString::to_string).collect())
}

#[test]
fn a_sound_advert_is_followed() {
    let instance = judge(&sighting()).unwrap();
    assert_eq!((instance.host.as_str(), instance.channel.as_str()), ("box.local.", "chat"));
    assert_eq!(instance.addresses, ["10.0.0.2:9009".parse().unwrap()]);
    // The channel is taken from the path, and case matters there.
    let other = Sighting { path: Some(b"/broadcast/Chat.1".to_vec()), ..sighting() };
    assert_eq!(judge(&other).unwrap().channel.as_str(), "Chat.1");
}

#[test]
fn hostile_adverts_are_not() {
    let with_path = |path: Option<&[u8]>| {
        judge(&Sighting { path: path.map(<[u8]>::to_vec), ..sighting() }).unwrap_err()
    };
    assert_eq!(with_path(None), Ignored::NoPath);
    for path in [&b""[..], b"/local/chat", b"http://evil.example/", b"broadcast/chat"] {
        assert_eq!(with_path(Some(path)), Ignored::OtherPath);
    }
    for path in [
        &b"/broadcast/"[..],
        b"/broadcast/a/b",
        b"/broadcast/a\r\nHost: x",
        b"/broadcast/\xff",
        b"/broadcast/%63hat",
    ] {
        assert!(matches!(with_path(Some(path)), Ignored::Name(_)));
    }
    assert_eq!(judge(&Sighting { port: 0, ..sighting() }), Err(Ignored::NoPort));
    let printer = Sighting { instance: "Office printer".into(), ..sighting() };
    assert_eq!(judge(&printer), Err(Ignored::NotOurs));
}

#[test]
fn it_leads_to_our_own_networks_only() {
    assert_eq!(addresses(&[]), Err(Ignored::NoAddress));
    for elsewhere in ["192.0.2.1", "10.0.1.2", "0.0.0.0", "224.0.0.251", "fd00:0:0:1::2", "::"] {
        let ignored = Err(Ignored::Elsewhere(elsewhere.parse().unwrap()));
        assert_eq!(addresses(&[(elsewhere, 0)]), ignored);
    }
    // Link-local addresses count on the interface that they were seen on.
    assert_eq!(addresses(&[("fe80::2", 2)]).unwrap(), ["[fe80::2%2]:9009"]);
    assert!(addresses(&[("fe80::2", 3)]).is_err());
    let many =
        [("fe80::2", 2), ("fd00::2", 0), ("192.0.2.1", 0), ("10.0.0.2", 0), ("127.0.0.1", 2)];
    let best = ["10.0.0.2:9009", "[fd00::2]:9009", "[fe80::2%2]:9009"];
    assert_eq!(addresses(&many).unwrap(), best, "IPv4 first, another host's loopback never");
    assert!(addresses(&[("127.0.0.1", 2)]).is_err(), "nor if it is all that there is");
    let same_host = [("127.0.0.1", 2), ("127.0.0.1", 1), ("10.0.0.1", 0)];
    assert_eq!(addresses(&same_host).unwrap(), ["10.0.0.1:9009", "127.0.0.1:9009"]);
    assert_eq!(addresses(&[("127.0.0.1", 1)]).unwrap(), ["127.0.0.1:9009"]);
}

#[test]
fn it_never_leads_to_ourselves() {
    let at = |port, address: &str| {
        let addresses = vec![(address.parse().unwrap(), 1)];
        judge(&Sighting { port, addresses, ..sighting() })
    };
    assert!(at(9009, "10.0.0.1").is_ok(), "another proxy of this host");
    assert_eq!(at(9010, "10.0.0.1"), Err(Ignored::Own));
    assert_eq!(at(9010, "127.0.0.1"), Err(Ignored::Own));
    assert!(at(9010, "10.0.0.2").is_ok(), "another host");
    assert!(at(9010, "fd00::1").is_ok(), "we listen on that port over IPv4 only");
    assert_eq!(at(9011, "fd00::1"), Err(Ignored::Own));
}

#[test]
fn instance_names_have_their_form() {
    let name = |n| format!("{}[1]", "a".repeat(n));
    for good in ["a[0]", "com.example.chat[1234567890]", "a-_.Z[1]", "a[1] (2)", &name(255)] {
        assert!(is_instance_name(good), "{good}");
    }
    for bad in
        ["", "a", "[1]", "a[]", "a[1", "a[x]", "a b[1]", "a[1] (x)", "a[1](2)", "a[-1]", &name(256)]
    {
        assert!(!is_instance_name(bad), "{bad}");
    }
}

proptest! {
    #[test]
    fn our_own_adverts_fit_and_are_understood(name in "[A-Za-z0-9._-]{1,239}", seed: u64) {
        let channel: ChannelName = name.parse().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let id = ProxyId::random(&mut rng);
        let advert = Advert::new(&channel, id, 9009, &mut rng);
        prop_assert!(advert.instance.len() <= 63 && !advert.instance.contains(['.', '\\']));
        prop_assert!("path=".len() + advert.path().len() <= 255);
        let seen = Sighting {
            instance: advert.instance.clone(),
            host: format!("{}.local.", advert.host),
            path: Some(advert.path().into_bytes()),
            ..sighting()
        };
        prop_assert_eq!(judge(&seen).unwrap().channel, channel);
        prop_assert_eq!(ProxyId::from_host_name(&seen.host), Some(id));
    }
}
