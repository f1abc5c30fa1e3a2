//! Which adverts of others are followed, and to which channel.

use std::time::Duration;

use super::second_stack;
use crate::case::{Case, Step, Stop, expect};
use crate::cases::scene::{Scene, accept_link};
use crate::lan::Tap;
use crate::mdns::Advert;
use crate::wire::{Acceptor, Conn};
use crate::world::World;

/// Where the first of the adverts that are not to be followed leads.
const PORTS: u16 = 7000;

/// For what was to happen before something else that has.
const GRACE: Duration = Duration::from_secs(2);

/// The channel's name in the strings below.
const HERE: &str = "{}";

/// Instance names that are none of a proxy.
const OTHER_NAMES: &[&str] = &[
    "printer",
    "{}",
    "{}[]",
    "{}[1",
    "{}1]",
    "[1]",
    "{}[x]",
    "{}[-1]",
    "{}[1]x",
    "{} [1]",
    "two {}[1]",
    "{}[1](2)",
    "{}[1] (x)",
    "{}[1] ()",
    "{}[1] (2) ",
    "{}ä[1]",
    "{}/[1]",
    "{}%[1]",
];

/// Strings of TXT records that lead to no channel; none for no record.
const OTHER_PATHS: &[Option<&[&str]>] = &[
    None,
    Some(&[]),
    Some(&[""]),
    Some(&["txtvers=1"]),
    Some(&["path"]),
    Some(&["path="]),
    Some(&["path=/"]),
    Some(&["path={}"]),
    Some(&["path=broadcast/{}"]),
    Some(&["path=//broadcast/{}"]),
    Some(&["path=/local/{}"]),
    Some(&["path=/Broadcast/{}"]),
    Some(&["path=/broadcast/"]),
    Some(&["path=/broadcast/{}/"]),
    Some(&["path=/broadcast/{}/x"]),
    Some(&["path=/broadcast/x/../{}"]),
    Some(&["path=/broadcast//{}"]),
    Some(&["path=/broadcast/{}?x=1"]),
    Some(&["path=/broadcast/{}#x"]),
    Some(&["path=/broadcast/{} "]),
    Some(&["path= /broadcast/{}"]),
    Some(&["path=/broadcast/{}\0"]),
    Some(&["path=/broadcast/{} HTTP/1.1\r\nX-Smuggled: yes\r\n\r\n"]),
    Some(&["path=ws://localhost/broadcast/{}"]),
];

pub(super) const CASES: &[Case] = &[
    Case {
        id: "discovery/other-names-not-followed",
        clause: "discovery.only-well-formed",
        what: "Instances whose names have another form are not followed, whatever their path.",
        run: other_names_not_followed,
    },
    Case {
        id: "discovery/other-paths-not-followed",
        clause: "discovery.only-well-formed",
        what: "Instances whose TXT record leads to no channel of the network are not followed.",
        run: other_paths_not_followed,
    },
    Case {
        id: "discovery/encoded-path-not-followed",
        clause: "discovery.only-well-formed",
        what: "A percent-encoded name in the path of an instance is not decoded.",
        run: encoded_path_not_followed,
    },
    Case {
        id: "discovery/port-0-not-followed",
        clause: "discovery.only-well-formed",
        what: "An instance at port 0 is not dialled, at that port or another.",
        run: port_0_not_followed,
    },
    Case {
        id: "discovery/channel-is-in-the-path",
        clause: "discovery.channel-from-path",
        what: "An instance is followed to the channel of its path, whatever channel its name says.",
        run: channel_is_in_the_path,
    },
    Case {
        id: "discovery/name-is-not-the-channel",
        clause: "discovery.channel-from-path",
        what: "With another channel in its path, an instance is not followed to that in its name.",
        run: name_is_not_the_channel,
    },
    Case {
        id: "discovery/first-path-counts",
        clause: "discovery.channel-from-path",
        what: "Further strings and paths in TXT are ignored, also where the first path is bad.",
        run: first_path_counts,
    },
    Case {
        id: "discovery/strings-without-key-ignored",
        clause: "discovery.channel-from-path",
        what: "Strings in TXT that are empty, or have no key, do not hide the path behind them.",
        run: strings_without_key_ignored,
    },
    Case {
        id: "discovery/long-and-dotted-followed",
        clause: "discovery.channel-from-path",
        what: "Long and dotted names are taken whole from the path, and dialled so.",
        run: long_and_dotted_followed,
    },
    Case {
        id: "discovery/avahi-is-followed",
        clause: "discovery.channel-from-path",
        what: "A channel that Avahi publishes is dialled.",
        run: second_stack::is_followed,
    },
];

/// Announces adverts that are not to be followed, each at a port of its own, then sound ones, and
/// looks who was dialled.
fn not_followed(world: &World, adverts: impl Fn(Advert, &str) -> Vec<(String, Advert)>) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let tap = Tap::on(scene.home()?, scene.log())?;
    let _open = scene.listening(&channel)?;
    let sound = Advert::new(&channel, &scene.other, PORTS);
    let adverts = adverts(sound, &channel);
    for (_, advert) in &adverts {
        scene.mdns.publish(advert);
    }
    let _links = scene.other_links(&channel)?;
    for to in tap.dialled() {
        let at = usize::from(to.port()).checked_sub(PORTS.into());
        if let Some((what, _)) = at.and_then(|at| adverts.get(at)) {
            let expected = format!("that nobody follows the instance with {what}");
            return Err(Stop::fail(expected, format!("a connection to {to}, where it leads")));
        }
    }
    Ok(())
}

/// A port, and with it a host, for each of several adverts.
fn apart(advert: &Advert, n: usize) -> Advert {
    let port = PORTS + u16::try_from(n).expect("a case has few adverts");
    advert.clone().port(port).host(&format!("other-{port}"))
}

fn other_names_not_followed(world: &mut World) -> Step {
    not_followed(world, |sound, channel| {
        let names = OTHER_NAMES.iter().map(|name| name.replace(HERE, channel));
        let advert = |(n, name): (usize, String)| {
            (format!("the name {name:?}"), apart(&sound, n).instance(&name))
        };
        names.enumerate().map(advert).collect()
    })
}

fn other_paths_not_followed(world: &mut World) -> Step {
    not_followed(world, |sound, channel| {
        let advert = |(n, texts): (usize, &Option<&[&str]>)| {
            let advert = apart(&sound, n).instance(&format!("{channel}[{}]", 1000 + n));
            let Some(texts) = texts else {
                return ("no TXT record".to_owned(), advert.without_texts());
            };
            let texts: Vec<_> = texts.iter().map(|text| text.replace(HERE, channel)).collect();
            let words: Vec<_> = texts.iter().map(String::as_str).collect();
            (format!("TXT {texts:?}"), advert.texts(&words))
        };
        OTHER_PATHS.iter().enumerate().map(advert).collect()
    })
}

fn encoded_path_not_followed(world: &mut World) -> Step {
    not_followed(world, |sound, channel| {
        let encoded: String = channel.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let first = format!("%{:02X}{}", channel.as_bytes()[0], &channel[1..]);
        let advert = |(n, name): (usize, String)| {
            let text = format!("path=/broadcast/{name}");
            let advert = apart(&sound, n).instance(&format!("{channel}[{}]", 1000 + n));
            (format!("TXT {text:?}"), advert.texts(&[&text]))
        };
        [encoded, first].into_iter().enumerate().map(advert).collect()
    })
}

fn port_0_not_followed(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let tap = Tap::on(scene.home()?, scene.log())?;
    let _open = scene.listening(&channel)?;
    // Only this advert leads to this address.
    let (trap, _mdns) = scene.newcomer("trap")?;
    scene.mdns.publish(&Advert::new(&channel, &trap, 0));
    let _links = scene.other_links(&channel)?;
    let lured = tap.dialled().into_iter().find(|to| to.ip() == trap.v4());
    expect(
        lured.is_none(),
        "that nobody follows an instance at port 0",
        format!("a connection to {lured:?}"),
    )
}

fn channel_is_in_the_path(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let _client = scene.join(&channel)?;
    let cut = &channel[..1];
    for (n, name) in
        ["x[7]", "0[0]", "A.b_c-D[4294967295]", "elsewhere[8] (2)", &format!("{cut}[9]")]
            .into_iter()
            .enumerate()
    {
        let acceptor = Acceptor::on(&scene.other, &format!("link by {name}"), scene.log())?;
        let advert = Advert::new(&channel, &scene.other, acceptor.port()).instance(name);
        // The records may come one by one, what explains the others last.
        scene.mdns.publish(&if n % 2 == 0 { advert.in_pieces() } else { advert });
        accept_link(&acceptor, &channel)?;
    }
    Ok(())
}

fn name_is_not_the_channel(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let _open = scene.listening(&channel)?;
    let others = [world.name(), channel.to_uppercase(), channel[1..].to_owned()];
    let mut acceptors = Vec::new();
    for (n, other) in others.iter().enumerate() {
        let acceptor = Acceptor::on(&scene.other, &format!("bait for {other}"), scene.log())?;
        let advert = Advert::new(&channel, &scene.other, acceptor.port());
        scene.mdns.publish(
            &advert.host(&format!("bait-{n}")).texts(&[&format!("path=/broadcast/{other}")]),
        );
        acceptors.push(acceptor);
    }
    let _links = scene.other_links(&channel)?;
    for (acceptor, other) in acceptors.iter().zip(&others) {
        // Who follows adverts of channels that nobody here has open does so to their channel.
        if let Some(mut wire) = acceptor.try_accept(Duration::ZERO)? {
            let request = wire.request()?;
            expect(
                request.target == format!("/broadcast/{other}"),
                format!("no link, or one for /broadcast/{other}, which is in the path"),
                request.text(),
            )?;
        }
    }
    Ok(())
}

fn first_path_counts(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let path = format!("path=/broadcast/{channel}");
    let _open = scene.listening(&channel)?;
    let long = format!("x={}", "y".repeat(253));
    let bad = Acceptor::on(&scene.other, "bait", scene.log())?;
    let advert = Advert::new(&channel, &scene.other, bad.port()).host("bait");
    scene.mdns.publish(&advert.texts(&["path=/local/x", &path]));
    let _links = [
        followed(&scene, &channel, &["txtvers=1", &path])?,
        followed(&scene, &channel, &[&path, "path=/local/x", "path=/broadcast/other"])?,
        followed(&scene, &channel, &["flag", "PATHS=/x", "path2=/y", &path, "x"])?,
        followed(&scene, &channel, &[&long, &long, &long, &long, &path])?,
    ];
    let lured = bad.try_accept(Duration::ZERO)?.is_some();
    expect(
        !lured,
        "that nobody follows an instance whose first path is /local/x",
        "a connection to where it leads",
    )
}

fn strings_without_key_ignored(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let path = format!("path=/broadcast/{channel}");
    let _open = scene.listening(&channel)?;
    let mut acceptors = Vec::new();
    for texts in [["=x", "=", &path], ["", &path, ""]] {
        let acceptor = Acceptor::on(&scene.other, &format!("link by {texts:?}"), scene.log())?;
        let advert = Advert::new(&channel, &scene.other, acceptor.port());
        scene.mdns.publish(&advert.texts(&texts));
        acceptors.push((acceptor, texts));
    }
    // Plain adverts that came later are followed: by then these are, or never.
    let _links = scene.other_links(&channel)?;
    for (acceptor, texts) in &acceptors {
        let followed = acceptor.try_accept(GRACE)?.is_some();
        let expected = format!("a link by the path among the strings {texts:?}");
        expect(followed, expected, "links by later adverts, and none by this one")?;
    }
    Ok(())
}

/// An advert with these strings leads to the channel.
fn followed(scene: &Scene, channel: &str, texts: &[&str]) -> Step<Conn> {
    let acceptor = Acceptor::on(&scene.other, "link", scene.log())?;
    let advert = Advert::new(channel, &scene.other, acceptor.port()).texts(texts);
    scene.mdns.publish(&advert);
    accept_link(&acceptor, channel)
}

fn long_and_dotted_followed(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let name = world.name();
    for channel in [format!("com.example.{name}"), format!("{name:.<239}"), "..".to_owned()] {
        let _client = scene.join(&channel)?;
        scene.linked(&channel)?;
    }
    Ok(())
}
