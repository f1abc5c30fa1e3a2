//! What an advert says of its channel.

use crate::case::{Case, Step, Stop, expect};
use crate::cases::scene::Scene;
use crate::mdns::Seen;
use crate::target::Options;
use crate::world::World;

/// Bytes of a name that fit into a label beside the longest number.
const FITS: usize = 51;

/// Longest name that is advertised.
const ADVERTISED_BYTES_MAX: usize = 239;

/// Adverts of one channel, one after the other.
const TIMES: usize = 4;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "discovery/instance-name-form",
        clause: "discovery.instance-name",
        what: "An instance is named by its channel and a number in brackets, whatever the bytes.",
        run: |world| {
            let names = ["chat", "x", "0", "-a_b-", "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"];
            each(world, &names.map(str::to_owned), name_has_its_form)
        },
    },
    Case {
        id: "discovery/instance-name-dotted",
        clause: "discovery.instance-name",
        what: "A dotted name stands in one label, with its dots or with dashes for them.",
        run: |world| {
            let names = ["com.example.chat", "..a..", ".", "1.2"];
            each(world, &names.map(str::to_owned), name_has_its_form)
        },
    },
    Case {
        id: "discovery/instance-name-cut",
        clause: "discovery.instance-name",
        what: "A name is cut at its end only if it does not fit into 63 bytes with its number.",
        run: |world| {
            let lengths = [FITS, FITS + 1, 63, 64, 100, 200, ADVERTISED_BYTES_MAX];
            let names = lengths.map(|length| name_of(world, length));
            each(world, &names, name_has_its_form)
        },
    },
    Case {
        id: "discovery/fresh-number-each-time",
        clause: "discovery.fresh-number",
        what: "A channel that is left and opened again has another number, no mere count.",
        run: fresh_number_each_time,
    },
    Case {
        id: "discovery/fresh-number-after-restart",
        clause: "discovery.fresh-number",
        what: "A proxy that was killed and started again gives a channel another number.",
        run: fresh_number_after_restart,
    },
    Case {
        id: "discovery/path-is-the-only-string",
        clause: "discovery.path-string",
        what: "TXT has one string: `path=` and the channel's path, with its case and dots.",
        run: |world| {
            let names = ["chat", "Com.Example.CHAT", "..", "a_b-c"];
            each(world, &names.map(str::to_owned), path_is_the_only_string)
        },
    },
    Case {
        id: "discovery/path-is-whole",
        clause: "discovery.path-string",
        what: "Names of 200 and of 239 bytes stand in the path in full.",
        run: |world| {
            let names = [200, ADVERTISED_BYTES_MAX].map(|length| name_of(world, length));
            each(world, &names, path_is_the_only_string)
        },
    },
    Case {
        id: "discovery/path-is-decoded",
        clause: "discovery.path-string",
        what: "A name that a client gave percent-encoded stands in the path unencoded.",
        run: path_is_decoded,
    },
    Case {
        id: "discovery/long-name-not-advertised",
        clause: "discovery.long-name-not-advertised",
        what: "Open channels with names of 240 and of 255 bytes are shown by no instance.",
        run: long_name_not_advertised,
    },
];

/// A name of so many bytes.
fn name_of(world: &World, length: usize) -> String {
    format!("{:.<length$}", world.name() + "-")
}

fn each(world: &World, names: &[String], judge: fn(&str, &Seen) -> Step) -> Step {
    let scene = Scene::new(world)?;
    let clients: Vec<_> = names.iter().map(|name| scene.join(name)).collect::<Step<_>>()?;
    for name in names {
        judge(name, &scene.mdns.expect_instance(name)?)?;
    }
    drop(clients);
    Ok(())
}

fn name_has_its_form(channel: &str, seen: &Seen) -> Step {
    let expected = || {
        format!(
            "the name {channel:?} (dashes may stand for dots), cut if it does not fit into 63 \
             bytes, and in brackets a number from 0 to 4294967295 without leading zeros"
        )
    };
    let (Some(name), Some(number)) = (seen.channel_in_name(), seen.number()) else {
        return Err(Stop::fail(expected(), format!("{:?}", seen.instance)));
    };
    let same = |(found, wanted): (u8, u8)| found == wanted || (wanted, found) == (b'.', b'-');
    let fits = 63 - format!("[{number}]").len();
    let least = if channel.len() <= fits { channel.len() } else { FITS };
    let sound = (least..=channel.len()).contains(&name.len())
        && name.bytes().zip(channel.bytes()).all(same);
    expect(sound, expected(), format!("{:?}", seen.instance))
}

fn path_is_the_only_string(channel: &str, seen: &Seen) -> Step {
    let path = format!("path=/broadcast/{channel}");
    expect(
        seen.texts.as_deref() == Some(&[path.clone().into_bytes()]),
        format!("TXT with the one string {path:?}"),
        seen.describe(),
    )
}

fn path_is_decoded(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let encoded: String = channel.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let _client = scene.join(&encoded)?;
    path_is_the_only_string(&channel, &scene.mdns.expect_instance(&channel)?)
}

fn fresh_number_each_time(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let mut numbers = Vec::new();
    for _ in 0..TIMES {
        let (client, seen) = scene.advertised(&channel)?;
        let number = seen.number().ok_or_else(|| Stop::fail("a number", seen.describe()))?;
        numbers.push(i64::from(number));
        client.leave()?;
        scene.mdns.expect_goodbye(&seen.instance).map_err(|_| {
            Stop::skip("needs a target that withdraws an advert when the last client leaves")
        })?;
    }
    are_random(&numbers)
}

fn are_random(numbers: &[i64]) -> Step {
    let steps: Vec<_> = numbers.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let counted = steps.windows(2).all(|pair| pair[0] == pair[1]);
    let repeated = (1..numbers.len()).any(|n| numbers[..n].contains(&numbers[n]));
    expect(
        !counted && !repeated,
        "a random number for each advert",
        format!("the numbers {numbers:?}"),
    )
}

fn fresh_number_after_restart(world: &mut World) -> Step {
    let mut scene = Scene::new(world)?;
    let channel = world.name();
    let (_client, first) = scene.advertised(&channel)?;
    let home = std::sync::Arc::clone(scene.home()?);
    scene.proxy.kill(scene.log())?;
    // It said no goodbye: only a host that is new sees just what is there now.
    scene.proxy = world.start_on(&home, &Options::default())?;
    let (_host, mdns) = scene.newcomer("newcomer")?;
    let _client = scene.join(&channel)?;
    let second = mdns.expect_instance(&channel)?;
    expect(
        first.number() != second.number(),
        format!("another number than that of {:?}", first.instance),
        format!("{:?}", second.instance),
    )
}

fn long_name_not_advertised(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let names = [ADVERTISED_BYTES_MAX + 1, 255].map(|length| name_of(world, length));
    let _long = [scene.join(&names[0])?, scene.join(&names[1])?];
    let later = scene.other_adverts(world)?;
    scene.mdns.ask();
    let last = scene.other_adverts(world)?;
    let shown: Vec<_> = later.iter().chain(&last).map(|(_, seen)| seen.instance.as_str()).collect();
    for seen in scene.mdns.instances() {
        expect(
            shown.contains(&seen.instance.as_str()),
            format!("only instances of shorter names: {}", shown.join(", ")),
            seen.describe(),
        )?;
    }
    Ok(())
}
