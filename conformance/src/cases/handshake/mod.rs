//! How a proxy answers HTTP requests (PROTOCOL.md section 3).

mod accepted;
mod answers;
mod refused;
mod stream;

use crate::case::{Case, Step, expect};
use crate::wire::{Answer, Request};
use crate::world::World;

pub(super) const CASES: &[&[Case]] =
    &[accepted::CASES, answers::CASES, refused::CASES, stream::CASES];

/// The request must be answered with this status.
fn answered(world: &mut World, request: &Request, status: u16) -> Step<Answer> {
    let answer = world.ask(request)?;
    let words = format!("{status} to {}", one_line(request));
    expect(answer.status == status, words, answer.describe())?;
    Ok(answer)
}

/// The request as it stands, also without a `Host`, must be answered with this status.
fn answered_as_is(world: &mut World, request: &Request, status: u16) -> Step {
    let answer = world.wire("http")?.ask_as_is(request)?;
    let words = format!("{status} to {}", one_line(request));
    expect(answer.status == status, words, answer.describe())
}

/// The request must be accepted.
fn accepted(world: &mut World, request: &Request) -> Step<Answer> {
    Ok(world.wire("client")?.upgrade(request)?.1)
}

fn one_line(request: &Request) -> String {
    request.text().trim_end().replace("\r\n", " | ")
}
