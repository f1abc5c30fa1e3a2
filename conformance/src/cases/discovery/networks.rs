//! Where an advert may lead: nowhere but to the networks that the proxy is on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::case::{Case, Step, expect};
use crate::cases::scene::Scene;
use crate::lan::Tap;
use crate::mdns::Advert;
use crate::wire::Conn;
use crate::world::World;

/// Where the adverts lead that are not to be followed.
const PORT: u16 = 7000;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "discovery/off-network-not-dialled",
        clause: "discovery.own-networks",
        what: "Addresses of other networks are not dialled, though a router would lead there.",
        run: off_network_not_dialled,
    },
    Case {
        id: "discovery/off-network-among-others",
        clause: "discovery.own-networks",
        what: "Of an instance's addresses only that on the network is dialled.",
        run: off_network_among_others,
    },
    Case {
        id: "discovery/loopback-of-another-host",
        clause: "discovery.own-networks",
        what: "A loopback address that another host advertises is not dialled.",
        run: loopback_of_another_host,
    },
    Case {
        id: "discovery/address-of-nobody",
        clause: "discovery.own-networks",
        what: "Addresses of no host, such as 0.0.0.0 and multicast ones, are not dialled.",
        run: address_of_nobody,
    },
];

/// A proxy with a client, seen by whom it dials.
struct Watched {
    scene: Scene,
    tap: Tap,
    channel: String,
    _open: [Conn; 2],
}

impl Watched {
    fn new(world: &World) -> Step<Self> {
        let scene = Scene::new(world)?;
        let channel = world.name();
        // The other host is the router to everywhere.
        scene.home()?.set_router(&scene.other)?;
        let tap = Tap::on(scene.home()?, scene.log())?;
        let _open = scene.listening(&channel)?;
        Ok(Self { scene, tap, channel, _open })
    }

    /// None of these addresses is dialled, though an advert leads to each.
    fn none_dialled(&self, addresses: &[IpAddr]) -> Step {
        for address in addresses {
            let advert = Advert::new(&self.channel, &self.scene.other, PORT);
            self.scene.mdns.publish(&advert.addresses(&[*address]));
        }
        let _links = self.scene.other_links(&self.channel)?;
        let lured: Vec<_> = self.tap.dialled().into_iter().filter(|to| to.port() == PORT).collect();
        expect(
            lured.is_empty(),
            format!("that none of {addresses:?} is dialled"),
            format!("connections to {lured:?}"),
        )
    }
}

/// Addresses of other networks: near, far, before and behind those of this one.
fn elsewhere() -> [IpAddr; 7] {
    [
        [9, 9, 9, 9].into(),
        [203, 0, 113, 7].into(),
        [10, 77, 1, 7].into(),
        [169, 254, 7, 7].into(),
        "2001:db8::7".parse().expect("it is one"),
        "fd77:0:0:1::7".parse().expect("it is one"),
        "::ffff:203.0.113.8".parse().expect("it is one"),
    ]
}

fn off_network_not_dialled(world: &mut World) -> Step {
    Watched::new(world)?.none_dialled(&elsewhere())
}

/// Nobody listens, so that all addresses are tried that may be.
fn off_network_among_others(world: &mut World) -> Step {
    let Watched { scene, tap, channel, _open } = Watched::new(world)?;
    let here = scene.other.v4().into();
    for (port, address) in (PORT..).zip(elsewhere()) {
        let advert = Advert::new(&channel, &scene.other, port);
        scene.mdns.publish(&advert.addresses(&[address, here]));
    }
    let _links = scene.other_links(&channel)?;
    let dialled = tap.dialled();
    let stray = dialled.iter().find(|to| elsewhere().contains(&to.ip()));
    let tried = dialled.contains(&SocketAddr::new(here, PORT));
    expect(
        stray.is_none() && tried,
        format!(
            "that of the addresses in an advert only {here} is dialled, which is on the network"
        ),
        format!("connections to {dialled:?}"),
    )
}

fn loopback_of_another_host(world: &mut World) -> Step {
    let watched = Watched::new(world)?;
    let loopback: [IpAddr; 4] = [
        Ipv4Addr::LOCALHOST.into(),
        [127, 7, 7, 7].into(),
        Ipv6Addr::LOCALHOST.into(),
        Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(),
    ];
    watched.none_dialled(&loopback)
}

fn address_of_nobody(world: &mut World) -> Step {
    let watched = Watched::new(world)?;
    let nobody: [IpAddr; 6] = [
        Ipv4Addr::UNSPECIFIED.into(),
        Ipv6Addr::UNSPECIFIED.into(),
        Ipv4Addr::BROADCAST.into(),
        [224, 0, 0, 1].into(),
        [240, 0, 0, 7].into(),
        "ff02::1".parse().expect("it is one"),
    ];
    watched.none_dialled(&nobody)
}
