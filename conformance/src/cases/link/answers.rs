//! What a dialler makes of answers that give no link.

use super::scene::{not_dialled, request};
use crate::case::{Case, Step, expect};
use crate::cases::scene::{Scene, accept_link};
use crate::wire::frame::{self, FIN, Role, TEXT};
use crate::wire::http::{ID_HEADER, KEY};
use crate::wire::{Acceptor, Conn, Request, accepting};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "link/redirect-not-followed",
        clause: "link.only-switching",
        what: "A redirect is a failed dial: where it leads is not dialled, the acceptor is again.",
        run: redirect_not_followed,
    },
    Case {
        id: "link/redirect-to-another-path",
        clause: "link.only-switching",
        what: "A redirect to another path of the acceptor is not followed either.",
        run: redirect_to_another_path,
    },
    Case {
        id: "link/refusals-are-failed-dials",
        clause: "link.only-switching",
        what: "An answer of any other status is a failed dial, and what follows it is not heard.",
        run: refusals_are_failed_dials,
    },
    Case {
        id: "link/unsound-answers-are-failed-dials",
        clause: "link.only-switching",
        what: "A 101 that RFC 6455 section 4.1 does not let pass is a failed dial.",
        run: unsound_answers_are_failed_dials,
    },
    Case {
        id: "link/redialled-after-409",
        clause: "link.redial",
        what: "A 409 by an acceptor to which there is no link is a failed dial like others.",
        run: redialled_after_409,
    },
];

/// A channel with a client, and an acceptor that it is dialled at.
struct Attempt {
    what: String,
    client: Conn,
    acceptor: Acceptor,
    channel: String,
}

/// An attempt for each of `what`, all at once, so that their waits go by together.
fn attempts<T: ToString>(world: &World, scene: &Scene, what: &[T]) -> Step<Vec<Attempt>> {
    what.iter()
        .map(|what| {
            let (channel, what) = (world.name(), what.to_string());
            let client = scene.client(&channel, &format!("client of {what}"))?;
            let acceptor = scene.acceptor(&what)?;
            scene.advertise(&channel, &acceptor);
            Ok(Attempt { what, client, acceptor, channel })
        })
        .collect()
}

impl Attempt {
    /// Answers the next dial with these bytes, and with a message behind them that nobody may hear.
    fn spoil(&self, answer: impl Fn(&Request) -> String) -> Step<Conn> {
        let (mut wire, request) = request(&self.acceptor)?;
        let message = frame::encode(Role::Server, FIN | TEXT, b"over no link");
        wire.send_bytes(&[answer(&request).as_bytes(), &message].concat())?;
        Ok(wire.into_conn())
    }

    /// The next dial is for the same channel, and gives a link.
    fn is_dialled_again(&mut self) -> Step {
        let (wire, request) = request(&self.acceptor)?;
        let path = format!("/broadcast/{}", self.channel);
        expect(request.target == path, format!("a request for {path}"), &request.target)?;
        let mut link = Conn::accept(wire, &request, &[])?;
        link.text(&self.what)?;
        self.client.hears_text(&self.what)
    }
}

fn refusal(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status} As it is\r\nContent-Length: 0\r\n{headers}\r\n")
}

const REDIRECTS: [&str; 5] = ["301", "302", "303", "307", "308"];

fn redirect_not_followed(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let elsewhere = scene.acceptor("elsewhere")?;
    let mut attempts = attempts(world, &scene, &REDIRECTS)?;
    for attempt in &attempts {
        let scheme = if attempt.what == "302" { "http" } else { "ws" };
        let to = format!("{scheme}://{}:{}", scene.other.v4(), elsewhere.port());
        let location = format!("Location: {to}/broadcast/{}\r\n", attempt.channel);
        attempt.spoil(|_| refusal(&attempt.what, &location))?;
    }
    attempts.iter_mut().try_for_each(Attempt::is_dialled_again)?;
    // Who follows a redirect does so before he waits and dials again.
    not_dialled(&elsewhere, "only redirects lead there")
}

fn redirect_to_another_path(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let mut attempts = attempts(world, &scene, &REDIRECTS)?;
    for attempt in &attempts {
        attempt.spoil(|_| refusal(&attempt.what, "Location: /broadcast/elsewhere\r\n"))?;
    }
    attempts.iter_mut().try_for_each(Attempt::is_dialled_again)
}

fn refusals_are_failed_dials(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let statuses = ["200", "204", "400", "401", "403", "404", "426", "500", "503"];
    let mut attempts = attempts(world, &scene, &statuses)?;
    for attempt in &attempts {
        // All but the status is that of an answer which gives a link.
        attempt.spoil(|request| {
            accepting(request, &[]).replacen("101 Switching Protocols", &attempt.what, 1)
        })?;
    }
    attempts.iter_mut().try_for_each(Attempt::is_dialled_again)
}

/// Answers that lack something, by what is wrong with them.
const FAULTS: [&str; 7] = [
    "Sec-WebSocket-Accept of another key",
    "no Sec-WebSocket-Accept",
    "no Upgrade",
    "another Upgrade",
    "no Connection",
    "a subprotocol that was not offered",
    "an extension that was not offered",
];

fn unsound(fault: &str, request: &Request) -> String {
    let sound = accepting(request, &[]);
    let without = |name: &str| -> String {
        sound.split_inclusive("\r\n").filter(|line| !line.starts_with(name)).collect()
    };
    match fault {
        "Sec-WebSocket-Accept of another key" => {
            accepting(&request.clone().set("Sec-WebSocket-Key", KEY), &[])
        }
        "no Sec-WebSocket-Accept" => without("Sec-WebSocket-Accept"),
        "no Upgrade" => without("Upgrade"),
        "another Upgrade" => sound.replacen("Upgrade: websocket", "Upgrade: h2c", 1),
        "no Connection" => without("Connection"),
        "a subprotocol that was not offered" => {
            accepting(request, &[("Sec-WebSocket-Protocol", "x-not-offered")])
        }
        _ => accepting(request, &[("Sec-WebSocket-Extensions", "x-not-offered")]),
    }
}

fn unsound_answers_are_failed_dials(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let mut attempts = attempts(world, &scene, &FAULTS)?;
    for attempt in &attempts {
        attempt.spoil(|request| unsound(&attempt.what, request))?;
    }
    attempts.iter_mut().try_for_each(Attempt::is_dialled_again)
}

fn redialled_after_409(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let mut alice = scene.client(&channel, "alice")?;
    let acceptor = scene.acceptor("link")?;
    scene.advertise(&channel, &acceptor);
    for header in [format!("{ID_HEADER}: {}\r\n", super::fresh_id()), String::new()] {
        let (mut wire, _) = request(&acceptor)?;
        wire.send_bytes(refusal("409", &header).as_bytes())?;
    }
    let mut link = accept_link(&acceptor, &channel)?;
    link.text("at last")?;
    alice.hears_text("at last")
}
