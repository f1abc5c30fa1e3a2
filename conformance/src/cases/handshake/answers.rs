//! Paths that are no channel's, and other methods.

use super::answered;
use crate::case::{Case, Step, expect};
use crate::wire::Request;
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "handshake/unknown-path",
        clause: "handshake.unknown-path",
        what: "Paths that nobody has are answered with 404, with an upgrade or without.",
        run: unknown_path,
    },
    Case {
        id: "handshake/prefix-in-lower-case",
        clause: "handshake.unknown-path",
        what: "/Local/ and /LOCAL/ are not /local/; nor is a prefix without its slash.",
        run: prefix_in_lower_case,
    },
    Case {
        id: "handshake/other-methods",
        clause: "handshake.other-methods",
        what: "Every method but GET is answered with 405 and Allow: GET, on channels and on pages.",
        run: other_methods,
    },
    Case {
        id: "handshake/front-page",
        clause: "handshake.front-page",
        what: "GET / is answered with 200 and a short page.",
        run: front_page,
    },
];

fn unknown_path(world: &mut World) -> Step {
    for path in ["/no-such-page", "/control", "/local", "/broadcast", "/network/x", "//local/x"] {
        answered(world, &Request::get(path), 404)?;
        answered(world, &Request::upgrade(path), 404)?;
    }
    Ok(())
}

fn prefix_in_lower_case(world: &mut World) -> Step {
    for path in ["/Local/x", "/LOCAL/x", "/Broadcast/x", "/localx", "/local%2Fx", "/lo%63al"] {
        answered(world, &Request::upgrade(path), 404)?;
    }
    Ok(())
}

fn other_methods(world: &mut World) -> Step {
    let channels = [world.local(), world.broadcast(), "/".to_owned()];
    for path in channels {
        if path == "/" && world.ask(&Request::get("/"))?.status == 404 {
            // A front page is not a duty, and what is not served has no methods.
            continue;
        }
        for method in ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get", "BREW"] {
            for plain in [Request::get(&path), Request::upgrade(&path)] {
                let request = plain.method(method).with("Content-Length", "0");
                let answer = answered(world, &request, 405)?;
                expect(answer.has_token("Allow", "GET"), "Allow: GET", answer.describe())?;
            }
        }
    }
    Ok(())
}

fn front_page(world: &mut World) -> Step {
    let answer = answered(world, &Request::get("/"), 200)?;
    expect(!answer.body.is_empty(), "a page that says something", "an empty body")
}
