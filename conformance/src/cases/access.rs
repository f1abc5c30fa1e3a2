//! Who may open what: this machine, and the network (PROTOCOL.md section 8).

use std::net::SocketAddr;
use std::process::Command;

use crate::case::{Case, Step, Stop, expect};
use crate::cases::scene::Scene;
use crate::lan::Host;
use crate::target::Options;
use crate::wire::http::LINK_HEADER;
use crate::wire::{Request, Wire};
use crate::world::World;

/// Pages that a proxy may have. Two have a set meaning, the others the reference proxy serves.
const PAGES: &[&str] = &["/", "/console", "/status", "/metrics", "/namedwebsockets.js"];

/// Values of `Host` that name no machine of the network, least of all this one.
const OTHER_NAMES: &[&str] = &[
    "evil.example",
    "evil.example:9009",
    "localhost.evil.example",
    "notlocalhost",
    "127.0.0.1.evil.example",
    "local",
    "1.0.0.127.in-addr.arpa",
];

/// Addresses that are not this machine's.
const OTHER_ADDRESSES: &[&str] = &["192.0.2.7", "10.77.0.99:9009", "[2001:db8::7]", "[fe80::7]:1"];

pub(super) const CASES: &[Case] = &[
    Case {
        id: "access/local-refused-to-network",
        clause: "access.local-this-machine",
        what: "Another host gets 403 for local channels, whatever it says of itself.",
        run: |world| local_refused_to_network(world, &Options::default()),
    },
    Case {
        id: "access/local-refused-whatever-the-option",
        clause: "access.local-this-machine",
        what: "It gets 403 for them also where broadcast channels are open to the network.",
        run: |world| {
            let options = Options { network_clients: true, ..Options::default() };
            local_refused_to_network(world, &options)
        },
    },
    Case {
        id: "access/own-address-is-this-machine",
        clause: "access.local-this-machine",
        what: "A program of this machine that comes by the machine's own address may open both.",
        run: own_address_is_this_machine,
    },
    Case {
        id: "access/broadcast-refused-to-network",
        clause: "access.broadcast-this-machine",
        what: "A client on another host gets 403 for broadcast channels, whatever it says.",
        run: broadcast_refused_to_network,
    },
    Case {
        id: "access/other-hosts-names-refused",
        clause: "access.host-named",
        what: "A client of this machine gets 403 if its Host names another machine.",
        run: other_hosts_names_refused,
    },
    Case {
        id: "access/own-names-accepted",
        clause: "access.host-named",
        what: "Every name and address of this machine will do, in any case, with any port.",
        run: own_names_accepted,
    },
    Case {
        id: "access/network-client-by-name-refused",
        clause: "access.network-host",
        what: "With channels open to the network, a Host that is another machine's name gets 403.",
        run: network_client_by_name_refused,
    },
    Case {
        id: "access/network-client-by-address-accepted",
        clause: "access.network-host",
        what: "With channels open to the network, a client there may have any address as Host.",
        run: network_client_by_address_accepted,
    },
    Case {
        id: "access/option-is-for-broadcast-only",
        clause: "access.network-host",
        what: "With channels open to the network, all else still needs a Host of this machine.",
        run: option_is_for_broadcast_only,
    },
    Case {
        id: "access/pages-refused-to-network",
        clause: "access.pages-this-machine",
        what: "Another host gets 403 for every page that this machine is shown.",
        run: pages_refused_to_network,
    },
    Case {
        id: "access/pages-refused-by-name",
        clause: "access.pages-this-machine",
        what: "A program of this machine gets 403 for every page if its Host is another's.",
        run: pages_refused_by_name,
    },
    Case {
        id: "access/links-from-anywhere",
        clause: "access.links-any-host",
        what: "A link from another host or this one is accepted, whatever its Host and Origin.",
        run: links_from_anywhere,
    },
    Case {
        id: "access/links-of-any-origin",
        clause: "access.links-any-host",
        what: "Where only some origins may open channels, links are accepted with any.",
        run: links_of_any_origin,
    },
];

fn with(world: &World, options: &Options) -> Step<Scene> {
    Scene::with(world, &Options { no_discovery: true, ..options.clone() })
}

/// Connections from `host` to the target, over IPv4 and, where it listens there, IPv6.
fn ways(scene: &Scene, host: &Host, name: &str) -> Step<Vec<Wire>> {
    let home = scene.home()?;
    let connect =
        |to: SocketAddr| Wire::connect(Some(host), to, &to.to_string(), name, scene.log());
    let port = scene.proxy.port();
    let mut ways = vec![connect((home.v4(), port).into())?];
    ways.extend(connect((home.v6(), port).into()));
    Ok(ways)
}

/// Asks on connections of their own, over IPv4 and IPv6, and gives what is not answered so.
fn answered(scene: &Scene, from: &Host, request: &Request, status: u16) -> Step {
    for mut wire in ways(scene, from, from.name())? {
        let request = wire.with_host(request);
        let answer = wire.ask(&request)?;
        let host = request.header("Host").unwrap_or("");
        let expected =
            format!("{status} to {} from {} with the Host {host:?}", request.target, from.name());
        expect(answer.status == status, expected, answer.describe())?;
    }
    Ok(())
}

/// A client's request with another `Host`, or what the connection has.
fn by_host(request: &Request, host: Option<&str>) -> Request {
    host.map_or_else(|| request.clone(), |host| request.clone().set("Host", host))
}

fn local_refused_to_network(world: &mut World, options: &Options) -> Step {
    let scene = with(world, options)?;
    let path = world.local();
    let home = scene.home()?.v4().to_string();
    for host in [None, Some("localhost"), Some("127.0.0.1"), Some(&home)] {
        let upgrade = Request::upgrade(&path).with("Origin", "http://localhost");
        answered(&scene, &scene.other, &by_host(&upgrade, host), 403)?;
        answered(&scene, &scene.other, &by_host(&Request::get(&path), host), 403)?;
    }
    answered(&scene, scene.home()?, &Request::upgrade(&path), 101)
}

fn own_address_is_this_machine(world: &mut World) -> Step {
    let scene = with(world, &Options::default())?;
    for path in [world.local(), world.broadcast()] {
        answered(&scene, scene.home()?, &Request::upgrade(&path), 101)?;
    }
    Ok(())
}

fn broadcast_refused_to_network(world: &mut World) -> Step {
    let scene = with(world, &Options::default())?;
    let path = world.broadcast();
    let client = Request::upgrade(&path).with("Origin", "http://localhost");
    for host in [None, Some("localhost"), Some("[::1]")] {
        answered(&scene, &scene.other, &by_host(&client, host), 403)?;
    }
    for no_link in ["false", "", "1"] {
        answered(&scene, &scene.other, &client.clone().with(LINK_HEADER, no_link), 403)?;
    }
    answered(&scene, scene.home()?, &client, 101)
}

/// Asks from the target's own host, by loopback.
fn here(scene: &Scene, request: &Request, host: &str, status: u16) -> Step {
    let answer = scene.proxy.ask(&request.clone().set("Host", host), scene.log())?;
    let expected = format!("{status} to {} with the Host {host:?}", request.target);
    expect(answer.status == status, expected, answer.describe())
}

fn other_hosts_names_refused(world: &mut World) -> Step {
    let scene = with(world, &Options::default())?;
    let other = scene.other.v4().to_string();
    for path in [world.local(), world.broadcast()] {
        let client = Request::upgrade(&path);
        for host in OTHER_NAMES.iter().chain(OTHER_ADDRESSES).chain([&other.as_str()]) {
            here(&scene, &client, host, 403)?;
        }
        here(&scene, &client, "localhost", 101)?;
    }
    Ok(())
}

/// The name of the machine, which all hosts of the suite share.
fn machine_name() -> Step<String> {
    let output = Command::new("uname").arg("-n").output();
    let output = output.map_err(|error| Stop::skip(format!("`uname -n` does not run: {error}")))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn own_names_accepted(world: &mut World) -> Step {
    let scene = with(world, &Options::default())?;
    let home = scene.home()?;
    let name = machine_name()?;
    let first = name.split('.').next().unwrap_or(&name);
    let names = [
        "localhost".to_owned(),
        "localhost:1".to_owned(),
        "LocalHost:9009".to_owned(),
        "chat.localhost".to_owned(),
        "a.b.LOCALHOST:80".to_owned(),
        "127.0.0.1".to_owned(),
        "127.9.9.9:443".to_owned(),
        "[::1]".to_owned(),
        "[::1]:9009".to_owned(),
        home.v4().to_string(),
        format!("{}:1", home.v4()),
        format!("[{}]", home.v6()),
        format!("[{}]:1", home.link_local()),
        name.clone(),
        format!("{}:9009", name.to_uppercase()),
        first.to_owned(),
        format!("{first}.local"),
        format!("{}.LOCAL:1", first.to_uppercase()),
    ];
    for path in [world.local(), world.broadcast()] {
        for name in &names {
            here(&scene, &Request::upgrade(&path), name, 101)?;
        }
    }
    Ok(())
}

fn open_to_network(world: &World) -> Step<Scene> {
    with(world, &Options { network_clients: true, ..Options::default() })
}

fn network_client_by_name_refused(world: &mut World) -> Step {
    let scene = open_to_network(world)?;
    let client = Request::upgrade(&world.broadcast());
    for host in OTHER_NAMES {
        answered(&scene, &scene.other, &by_host(&client, Some(host)), 403)?;
        here(&scene, &client, host, 403)?;
    }
    answered(&scene, &scene.other, &client, 101)
}

fn network_client_by_address_accepted(world: &mut World) -> Step {
    let scene = open_to_network(world)?;
    let path = world.broadcast();
    let client = Request::upgrade(&path);
    for host in OTHER_ADDRESSES.iter().map(|host| Some(*host)).chain([None, Some("localhost")]) {
        answered(&scene, &scene.other, &by_host(&client, host), 101)?;
    }
    // It is a client like any other.
    let mut there = scene.wire("phone")?.upgrade(&client)?.0;
    let mut here = scene.proxy.client(&path, "client", scene.log())?;
    there.text("from the network")?;
    here.hears_text("from the network")?;
    here.text("to the network")?;
    there.hears_text("to the network")
}

fn option_is_for_broadcast_only(world: &mut World) -> Step {
    let scene = open_to_network(world)?;
    let local = Request::upgrade(&world.local());
    for host in OTHER_NAMES.iter().chain(OTHER_ADDRESSES) {
        here(&scene, &local, host, 403)?;
    }
    for page in served(&scene)? {
        let get = Request::get(page);
        for host in ["evil.example", "192.0.2.7"] {
            here(&scene, &get, host, 403)?;
        }
        answered(&scene, &scene.other, &get, 403)?;
    }
    here(&scene, &local, "localhost", 101)
}

/// The pages that the target has for this machine.
fn served(scene: &Scene) -> Step<Vec<&'static str>> {
    let mut served = Vec::new();
    for page in PAGES {
        if scene.proxy.ask(&Request::get(page), scene.log())?.status == 200 {
            served.push(*page);
        }
    }
    match served.is_empty() {
        true => Err(Stop::skip("needs a target that serves pages; this one serves none known")),
        false => Ok(served),
    }
}

fn pages_refused_to_network(world: &mut World) -> Step {
    let scene = with(world, &Options::default())?;
    for page in served(&scene)? {
        for host in [None, Some("localhost"), Some("127.0.0.1")] {
            answered(&scene, &scene.other, &by_host(&Request::get(page), host), 403)?;
        }
    }
    Ok(())
}

fn pages_refused_by_name(world: &mut World) -> Step {
    let scene = with(world, &Options::default())?;
    for page in served(&scene)? {
        for host in OTHER_NAMES.iter().chain(OTHER_ADDRESSES) {
            here(&scene, &Request::get(page), host, 403)?;
        }
    }
    Ok(())
}

fn links_from_anywhere(world: &mut World) -> Step {
    let scene = with(world, &Options::default())?;
    let link = Request::link(&world.broadcast());
    for host in OTHER_NAMES.iter().chain(OTHER_ADDRESSES).chain(&["localhost"]) {
        answered(&scene, &scene.other, &by_host(&link, Some(host)), 101)?;
        here(&scene, &link, host, 101)?;
    }
    for origin in ["null", "laptop", "https://evil.example", "http://localhost:9009"] {
        answered(&scene, &scene.other, &link.clone().set("Origin", origin), 101)?;
    }
    answered(&scene, &scene.other, &link.without("Origin"), 101)
}

fn links_of_any_origin(world: &mut World) -> Step {
    let origins = vec!["https://good.example".to_owned()];
    let scene = with(world, &Options { origins, ..Options::default() })?;
    let path = world.broadcast();
    for origin in ["laptop", "https://evil.example", "null"] {
        let link = Request::link(&path).set("Origin", origin);
        answered(&scene, &scene.other, &link, 101)?;
        answered(&scene, scene.home()?, &link, 101)?;
    }
    Ok(())
}
