//! `discovery.*`: adverts, sightings and goodbyes are changed, made up or lost.

use std::net::{IpAddr, Ipv4Addr};

use proxy::Interface;
use proxy::discovery::{Advert, Sighting};

use crate::discovery::{Records, Told};
use crate::fault::Fault;
use crate::line::Line;
use crate::shared::Shared;

const WELL_FORMED: &str = "discovery.only-well-formed";

pub(super) const FAULTS: &[Fault] = &[
    Fault::new("never-advertises", "discovery.advertised", "advertises nothing")
        .advert(|_, _| Vec::new()),
    Fault::new("wrong-port", "discovery.advertised", "advertises another port than its own")
        .advert(|advert, _| vec![Told::Advert(Advert { port: advert.port ^ 1, ..advert })]),
    Fault::new("two-instances", "discovery.advertised", "advertises each channel twice").advert(
        |advert, _| {
            let second = second_of(&advert);
            vec![Told::Advert(advert), Told::Advert(second)]
        },
    ),
    Fault::new("local-advertised", "discovery.local-never-advertised", "advertises local channels")
        .joined(|line| advertise(line, "/local/")),
    Fault::new("local-as-broadcast", "discovery.local-never-advertised", "the same, as broadcast")
        .joined(|line| {
            if line.channel().starts_with("/local/") {
                advertise_as(line, &line.channel().replacen("/local/", "/broadcast/", 1));
            }
        }),
    Fault::new("leading-zeros", "discovery.instance-name", "writes the number with leading zeros")
        .advert(|advert, _| {
            vec![Told::Advert(Advert {
                instance: advert.instance.replacen('[', "[00", 1),
                ..advert
            })]
        }),
    Fault::new("bare-instances", "discovery.instance-name", "has no number in instance names")
        .advert(|advert, _| {
            vec![Told::Advert(Advert { instance: bare(&advert.instance).to_owned(), ..advert })]
        }),
    Fault::new("same-number", "discovery.fresh-number", "uses one number for all adverts").advert(
        |advert, _| {
            vec![Told::Advert(Advert {
                instance: format!("{}[7]", bare(&advert.instance)),
                ..advert
            })]
        },
    ),
    Fault::new("two-strings", "discovery.path-string", "has a second string in its TXT records")
        .advert(|advert, _| records(&advert, vec![("path", advert.path()), ("v", "1".into())])),
    Fault::new("encoded-path", "discovery.path-string", "percent-encodes the path in TXT records")
        .advert(|advert, _| {
            let name = advert.channel.as_str().as_bytes();
            let name: String = name.iter().map(|b| format!("%{b:02X}")).collect();
            records(&advert, vec![("path", format!("/broadcast/{name}"))])
        }),
    Fault::new("path-cut", "discovery.path-string", "cuts the path as it cuts the instance name")
        .advert(|advert, _| {
            let name = advert.channel.as_str();
            let name = &name[..name.len().min(51)];
            records(&advert, vec![("path", format!("/broadcast/{name}"))])
        }),
    Fault::new(
        "long-names-advertised",
        "discovery.long-name-not-advertised",
        "cuts names that do not fit",
    )
    .joined(|line| {
        let path = line.channel();
        if path.starts_with("/broadcast/") && path.len() > "/broadcast/".len() + 239 {
            advertise_as(line, &path[.."/broadcast/".len() + 239]);
        }
    }),
    Fault::new("ends-silently", "discovery.goodbye", "says no goodbye when interest ends")
        .ends_silently(),
    Fault::new("leaves-silently", "discovery.goodbye", "says no goodbye when it shuts down")
        .leaves_silently(),
    Fault::new("any-instance-name", WELL_FORMED, "follows instances with any name").sighting(
        |sighting, _| {
            let sound = sighting.instance.ends_with(']') || sighting.instance.ends_with(')');
            let instance = if sound { sighting.instance } else { mended(&sighting) };
            Some(Sighting { instance, ..sighting })
        },
    ),
    Fault::new("paths-decoded", WELL_FORMED, "percent-decodes paths in TXT records").sighting(
        |sighting, _| {
            let decode = |path: Vec<u8>| percent_encoding::percent_decode(&path).collect();
            Some(Sighting { path: sighting.path.map(decode), ..sighting })
        },
    ),
    Fault::new("any-path", WELL_FORMED, "follows instances with a path elsewhere").sighting(
        |sighting, _| {
            let path = sighting.path.as_ref().map(|path| {
                let last = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
                [b"/broadcast/", last].concat()
            });
            Some(Sighting { path, ..sighting })
        },
    ),
    Fault::new("no-path-needed", WELL_FORMED, "takes the instance name where there is no path")
        .sighting(|sighting, _| {
            let path = sighting.path.clone().or_else(|| Some(path_of(&sighting)));
            Some(Sighting { path, ..sighting })
        }),
    Fault::new(
        "channel-from-instance",
        "discovery.channel-from-path",
        "reads the channel off the instance name",
    )
    .sighting(|sighting, _| Some(Sighting { path: Some(path_of(&sighting)), ..sighting })),
    Fault::new("any-network", "discovery.own-networks", "dials addresses of any network")
        .interfaces(|interfaces| {
            let everywhere = IpAddr::from(Ipv4Addr::UNSPECIFIED);
            interfaces.push(Interface { address: everywhere, prefix_bits: 0, index: 0 });
        }),
    Fault::new("loopback-dialled", "discovery.own-networks", "dials loopback for other machines")
        .sighting(|sighting, shared| Some(trust_loopback(sighting, shared))),
];

/// The instance's name without its number.
fn bare(instance: &str) -> &str {
    instance.rsplit_once('[').map_or(instance, |(name, _)| name)
}

/// The same channel once more.
fn second_of(advert: &Advert) -> Advert {
    let instance = format!("{}[4294967295]", bare(&advert.instance));
    Advert { instance, host: format!("{}-2", advert.host), ..advert.clone() }
}

/// An advert with another TXT record.
fn records(advert: &Advert, txt: Vec<(&'static str, String)>) -> Vec<Told> {
    vec![Told::Records(Records { instance: advert.instance.clone(), port: advert.port, txt })]
}

/// Advertises the line's channel if its path begins so.
fn advertise(line: &mut Line, prefix: &str) {
    if line.channel().starts_with(prefix) {
        advertise_as(line, line.channel());
    }
}

fn advertise_as(line: &Line, path: &str) {
    let name = path.rsplit('/').next().unwrap_or_default();
    line.shared.announce(&Records {
        instance: format!("{}[7]", &name[..name.len().min(51)]),
        port: line.shared.port(),
        txt: vec![("path", path.to_owned())],
    });
}

/// A name that may be followed, for an instance that has another.
fn mended(sighting: &Sighting) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric();
    format!("{}[1]", sighting.instance.chars().filter(allowed).collect::<String>())
}

/// The path of the channel that the instance is named after.
fn path_of(sighting: &Sighting) -> Vec<u8> {
    format!("/broadcast/{}", bare(&sighting.instance)).into_bytes()
}

/// Takes loopback addresses for ones that were said on this machine.
fn trust_loopback(mut sighting: Sighting, shared: &Shared) -> Sighting {
    let loopback = shared.loopback_index();
    for (address, scope) in &mut sighting.addresses {
        if address.is_loopback() {
            *scope = loopback;
        }
    }
    sighting
}
