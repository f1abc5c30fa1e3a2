//! `simnet/scenarios/README.md` says what is so: every key is documented, parses, and has the default
//! that is written there.

use std::collections::{BTreeMap, BTreeSet};

use super::Scenario;

const README: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/README.md"));

/// A row of a table: key, default, example.
type Row = (String, String, String);

/// How a section's keys are written: its name, in which place, and the keys that it cannot do without.
type Section = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const SECTIONS: [Section; 12] = [
    ("scenario", "@", &[("title", "\"t\""), ("length", "\"1m\""), ("hosts", "[]")]),
    ("roll-call", "roll-call = { @ }", &[]),
    ("segments", "segments = [{ @ }]", &[("name", "\"s\"")]),
    ("routers", "routers = [{ @ }]", &[("between", "[]")]),
    ("hosts", "hosts = [{ @ }]", &[("name", "\"h\"")]),
    ("proxies", "hosts = [{ name = \"h\", proxies = [{ @ }] }]", &[]),
    ("options", "hosts = [{ name = \"h\", proxies = [{ options = { @ } }] }]", &[]),
    ("clients", "clients = [{ @ }]", &[("channels", "[\"c\"]")]),
    ("send", "clients = [{ channels = [], send = { @ } }]", &[]),
    ("faults", "faults = [{ @ }]", &[("what", "\"kill\""), ("at", "\"1s\"")]),
    ("waived", "waived = [{ @ }]", &[("check", "\"c\""), ("reason", "\"r\"")]),
    ("quality", "segments = [{ name = \"s\", quality = { @ } }]", &[]),
];

/// The tables of keys, by section.
fn documented() -> BTreeMap<&'static str, Vec<Row>> {
    let mut sections: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    for text in README.split("\n## ").skip(1) {
        let (name, text) = text.split_once('\n').unwrap();
        let rows = text.lines().skip_while(|line| !line.starts_with("| key |")).skip(2);
        let rows = rows.take_while(|line| line.starts_with('|')).map(|line| {
            let cells: Vec<&str> =
                line.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
            let bare = |cell: &str| cell.trim_matches('`').to_owned();
            (bare(cells[0]), bare(cells[1]), bare(cells[2]))
        });
        sections.insert(name, rows.collect());
    }
    sections
}

/// A scenario in which a section has these keys.
fn scenario(place: &str, keys: &[(&str, &str)]) -> Result<Scenario, String> {
    let separator = if place == "@" { "\n" } else { ", " };
    let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    let inner = place.replace('@', &keys.join(separator));
    let mut text = String::new();
    let usual = [("title", "\"t\""), ("length", "\"1m\""), ("hosts", "[]")];
    for (key, value) in usual.into_iter().filter(|(key, _)| place != "@" && !inner.starts_with(key))
    {
        text += &format!("{key} = {value}\n");
    }
    Scenario::from_toml("readme", &(text + &inner)).map_err(|error| error.to_string())
}

/// What an error lists as allowed.
fn allowed(error: &str) -> BTreeSet<String> {
    let (_, list) = error.split_once("expected").expect("it says what was expected");
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_key_is_documented() {
    let documented = documented();
    for (section, place, required) in SECTIONS {
        let keys: BTreeSet<String> =
            documented[section].iter().map(|(key, ..)| key.clone()).collect();
        let with_unknown = [required, &[("no-such-key", "1")]].concat();
        let error = scenario(place, &with_unknown).unwrap_err();
        assert_eq!(keys, allowed(&error), "{section}: {error}");
    }
}

#[test]
fn every_example_parses_and_every_default_is_so() {
    let documented = documented();
    for (section, place, required) in SECTIONS {
        let usual = scenario(place, required).unwrap();
        for (key, default, example) in &documented[section] {
            let others: Vec<_> =
                required.iter().copied().filter(|(other, _)| other != key).collect();
            let with = |value: &str| {
                let mut keys = others.clone();
                keys.push((key, value));
                scenario(place, &keys).unwrap_or_else(|error| panic!("{section}, {key}: {error}"))
            };
            let mut changed = with(example);
            changed.source.clone_from(&usual.source);
            match default.as_str() {
                "required" => {
                    scenario(place, &others)
                        .expect_err(&format!("{section}: {key} is not required"));
                    continue;
                }
                "none" => {}
                value => {
                    let mut same = with(value);
                    same.source.clone_from(&usual.source);
                    assert_eq!(same, usual, "{section}: the default of {key} is not {value}");
                }
            }
            assert_ne!(changed, usual, "{section}: {key} = {example} changes nothing");
        }
    }
}

#[test]
fn every_word_that_a_key_may_have_is_documented() {
    let wrong = "\"no-such-word\"";
    for (place, keys) in [
        ("segments = [{ @ }]", &[("name", "\"s\""), ("multicast", wrong)][..]),
        ("hosts = [{ name = \"h\", proxies = [{ @ }] }]", &[("discovery", wrong)]),
        ("clients = [{ channels = [], @ }]", &[("scope", wrong)]),
        ("clients = [{ channels = [], @ }]", &[("leave", wrong)]),
        ("faults = [{ @ }]", &[("at", "\"1s\""), ("what", wrong)]),
        ("faults = [{ what = \"kill\", at = \"1s\", @ }]", &[("attacks", "[\"no-such-word\"]")]),
    ] {
        for word in allowed(&scenario(place, keys).unwrap_err()) {
            assert!(README.contains(&format!("`{word}`")), "{keys:?}: {word} is not documented");
        }
    }
    for name in super::text::quality::NAMES {
        assert!(README.contains(&format!("`{name}`")), "the quality {name} is not documented");
        assert!(super::text::quality::named(name).is_some());
    }
}

#[test]
fn the_example_is_a_world() {
    let (_, rest) = README.split_once("```toml").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let plan = Scenario::from_toml("example", example).unwrap().plan(1).unwrap();
    assert_eq!((plan.hosts.len(), plan.faults.len()), (4, 1));
}
