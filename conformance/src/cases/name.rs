//! Which names are names, and which of them are the same (PROTOCOL.md section 2).

use crate::case::{Case, Step, expect};
use crate::wire::Request;
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "name/every-allowed-byte",
        clause: "name.alphabet",
        what: "A name of all 65 bytes that are allowed opens a channel.",
        run: every_allowed_byte,
    },
    Case {
        id: "name/shortest-and-longest",
        clause: "name.alphabet",
        what: "Names of 1 and of 255 bytes open channels.",
        run: shortest_and_longest,
    },
    Case {
        id: "name/each-byte-alone",
        clause: "name.alphabet",
        what: "Each allowed byte is a name by itself, on local and on broadcast channels.",
        run: each_byte_alone,
    },
    Case {
        id: "name/dots-are-names",
        clause: "name.alphabet",
        what: "`.`, `..` and names that begin or end with a dot open channels.",
        run: dots_are_names,
    },
    Case {
        id: "name/empty-refused",
        clause: "name.invalid-refused",
        what: "An empty name is answered with 404.",
        run: |world| all_refused(world, &[""], &[404]),
    },
    Case {
        id: "name/too-long-refused",
        clause: "name.invalid-refused",
        what: "Names of 256 bytes and more are answered with 404.",
        run: |world| all_refused(world, &[&"n".repeat(256), &"n".repeat(1000)], &[404]),
    },
    Case {
        id: "name/other-bytes-refused",
        clause: "name.invalid-refused",
        what: "Every other byte in a name, percent-encoded, is answered with 404.",
        run: other_bytes_refused,
    },
    Case {
        id: "name/other-characters-refused",
        clause: "name.invalid-refused",
        what: "Characters that a URI may have but a name may not are answered with 404.",
        run: |world| {
            all_refused(
                world,
                &[
                    "a~b", "a!b", "a$b", "a&b", "a'b", "(a)", "a*b", "a+b", "a,b", "a;b", "a=b",
                    "a:b", "a@b",
                ],
                &[404],
            )
        },
    },
    Case {
        id: "name/no-uri-refused",
        clause: "name.invalid-refused",
        what: "A name with bytes that no URI may have is answered with 404 or 400.",
        run: |world| {
            all_refused(
                world,
                &["a\"b", "a<b", "a\\b", "a^b", "a`b", "a|b", "a{b}", "é"],
                &[404, 400],
            )
        },
    },
    Case {
        id: "name/second-segment-refused",
        clause: "name.invalid-refused",
        what: "A second segment, or a slash after the name, is answered with 404.",
        run: |world| all_refused(world, &["a/b", "a/", "a//", "/a", "a/../b"], &[404]),
    },
    Case {
        id: "name/incomplete-encoding-refused",
        clause: "name.invalid-refused",
        what: "Percent signs without two hexadecimal digits are answered with 404 or 400.",
        run: |world| all_refused(world, &["a%", "a%4", "a%zz", "%", "a%%41"], &[404, 400]),
    },
    Case {
        id: "name/percent-decoded",
        clause: "name.percent-decoded",
        what: "An encoded name opens the channel of the plain one, in either case of the digits.",
        run: percent_decoded,
    },
    Case {
        id: "name/decoded-once",
        clause: "name.percent-decoded",
        what: "What is still encoded after one decoding, or hides a slash, is answered with 404.",
        run: |world| {
            all_refused(
                world,
                &["a%2Fb", "%2563hat", "a%252Fb", "%2e%2fa", "a%3Fb", "a%00b"],
                &[404],
            )
        },
    },
    Case {
        id: "name/decoded-before-measured",
        clause: "name.percent-decoded",
        what: "255 encoded bytes are a name, 256 are not.",
        run: decoded_before_measured,
    },
    Case {
        id: "name/case-sensitive",
        clause: "name.case-sensitive",
        what: "Names that differ in the case of letters do not hear each other.",
        run: case_sensitive,
    },
    Case {
        id: "name/query-ignored",
        clause: "name.query-ignored",
        what: "With and without a query it is the same channel.",
        run: query_ignored,
    },
    Case {
        id: "name/long-broadcast-works",
        clause: "name.long-name-works",
        what: "Broadcast channels with names of 240 and 255 bytes join the clients of the machine.",
        run: long_broadcast_works,
    },
];

/// The bytes that names have.
fn alphabet() -> impl Iterator<Item = char> {
    ('A'..='Z').chain('a'..='z').chain('0'..='9').chain("._-".chars())
}

/// A sends, B hears: both paths are one channel.
fn same_channel(world: &mut World, one: &str, other: &str) -> Step {
    let mut alice = world.client(one, "alice")?;
    let mut bob = world.client(other, "bob")?;
    alice.text("from alice")?;
    bob.hears_text("from alice")?;
    bob.text("from bob")?;
    alice.hears_text("from bob")?;
    alice.leave()?;
    bob.leave()
}

/// Each name must be refused with one of `statuses`, on both scopes.
fn all_refused(world: &mut World, names: &[&str], statuses: &[u16]) -> Step {
    for name in names {
        for scope in world.scopes() {
            let target = format!("{scope}{name}");
            let answer = world.ask(&Request::upgrade(&target))?;
            let words: Vec<_> = statuses.iter().map(ToString::to_string).collect();
            expect(
                statuses.contains(&answer.status),
                format!("{} to {target:?}", words.join(" or ")),
                answer.describe(),
            )?;
        }
    }
    Ok(())
}

fn every_allowed_byte(world: &mut World) -> Step {
    let path = format!("{}{}", world.scope(), alphabet().collect::<String>());
    same_channel(world, &path, &path)
}

fn shortest_and_longest(world: &mut World) -> Step {
    for name in ["x".to_owned(), "y".repeat(255)] {
        let path = format!("{}{name}", world.scope());
        same_channel(world, &path, &path)?;
    }
    Ok(())
}

fn each_byte_alone(world: &mut World) -> Step {
    for byte in alphabet() {
        for scope in world.scopes() {
            world.client(&format!("{scope}{byte}"), "alice")?.leave()?;
        }
    }
    Ok(())
}

fn dots_are_names(world: &mut World) -> Step {
    for name in [".", "..", "...", ".a", "a.", "-", "_", "--", "a..b"] {
        let path = format!("{}{name}", world.scope());
        same_channel(world, &path, &path)?;
    }
    Ok(())
}

fn other_bytes_refused(world: &mut World) -> Step {
    for byte in 0..=255_u8 {
        if alphabet().any(|allowed| allowed == char::from(byte)) {
            continue;
        }
        let target = format!("{}a%{byte:02X}b", world.scope());
        let answer = world.ask(&Request::upgrade(&target))?;
        expect(answer.status == 404, format!("404 to {target}"), answer.describe())?;
    }
    Ok(())
}

fn percent_decoded(world: &mut World) -> Step {
    let name = world.name();
    let encoded: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let scope = world.scope();
    same_channel(world, &format!("{scope}{encoded}"), &format!("{scope}{name}"))?;
    let upper = encoded.to_uppercase();
    same_channel(world, &format!("{scope}{upper}"), &format!("{scope}{name}"))?;
    same_channel(world, &format!("{scope}%2E_%2D%7a"), &format!("{scope}._-z"))
}

fn decoded_before_measured(world: &mut World) -> Step {
    let scope = world.scope();
    let path = format!("{scope}{}", "%6E".repeat(255));
    same_channel(world, &path, &format!("{scope}{}", "n".repeat(255)))?;
    all_refused(world, &[&"%6E".repeat(256)], &[404])
}

fn case_sensitive(world: &mut World) -> Step {
    let name = world.name();
    for scope in world.scopes() {
        let lower = format!("{scope}{name}-chat");
        let upper = format!("{scope}{name}-Chat");
        let mut alice = world.client(&lower, "alice")?;
        let mut bob = world.client(&lower, "bob")?;
        let mut other = world.client(&upper, "other")?;
        let mut witness = world.client(&upper, "witness")?;
        alice.text("lower")?;
        bob.hears_text("lower")?;
        other.text("upper")?;
        witness.hears_text("upper")?;
        bob.text("lower again")?;
        alice.hears_text("lower again")?;
        witness.text("upper again")?;
        other.hears_text("upper again")?;
    }
    Ok(())
}

fn query_ignored(world: &mut World) -> Step {
    let path = world.local();
    for query in ["?x=1", "?", "?a/b", "?%zz", "?x=1?y"] {
        same_channel(world, &path, &format!("{path}{query}"))?;
    }
    Ok(())
}

fn long_broadcast_works(world: &mut World) -> Step {
    for length in [239, 240, 255] {
        let path = format!("/broadcast/{}", "l".repeat(length));
        same_channel(world, &path, &path)?;
    }
    Ok(())
}
