//! Runs many cases side by side.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::case::{Case, Step, Stop};
use crate::run::{Record, run};
use crate::wire::Request;
use crate::world::{Suite, World};

/// Cases that run side by side, if nobody says otherwise. They wait more than they work.
pub const JOBS: usize = 8;

/// Cases that wait for 8 s and more; they start first, so that nobody waits for them in the end.
pub const LONGEST: &[&str] = &[
    "backpressure/stalled-closed-by-default",
    "discovery/strings-without-key-ignored",
    "link/back-off-starts-again",
    "link/redialled-after-close",
    "websocket/idle-pinged-by-default",
];

/// What happens while cases run.
#[derive(Debug)]
pub enum Event {
    /// A case begins.
    Started(&'static Case),
    /// A case has run.
    Ended(&'static Case, Record),
}

/// The case whose name the log of [`check`] would bear.
static CHECK: Case = Case {
    id: "handshake/target-answers",
    clause: "handshake.accepted",
    what: "The target starts, and answers an HTTP request.",
    run: answers,
};

fn answers(world: &mut World) -> Step {
    world.ask(&Request::get("/")).map(drop)
}

/// Whether there is a target to test: it starts, and speaks HTTP. Else every case would say so.
///
/// # Errors
///
/// What was found instead, or why it cannot be started here.
pub fn check(suite: &Arc<Suite>) -> Result<(), String> {
    match answers(&mut World::new(suite, &CHECK)) {
        Ok(()) => Ok(()),
        Err(Stop::Skip(why)) => Err(format!("the target cannot be tested here: {why}")),
        Err(Stop::Fail { expected, received }) => {
            let target = suite.target();
            let hint = match target.is_started() {
                true => "try the command by hand; `{port}` in it stands for the port to listen on",
                false => "start the target first, and look at the host and the port of the URL",
            };
            Err(format!(
                "the target, {}, does not answer\n  expected: {expected}\n  received: {received}\n  \
                 hint: {hint}",
                target.how()
            ))
        }
    }
}

/// Runs all `cases`, `jobs` of them at a time, and tells `each` event on the calling thread.
pub fn run_all(
    suite: &Arc<Suite>,
    cases: &[&'static Case],
    jobs: usize,
    mut each: impl FnMut(Event),
) {
    // Taken from the end: first the longest, then those of the last areas, which wait more than
    // those of the first ones.
    let mut queue = cases.to_vec();
    queue.sort_by_key(|case| LONGEST.contains(&case.id));
    let queue = Mutex::new(queue);
    let (sender, events) = channel();
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, cases.len().max(1)) {
            let (sender, queue) = (sender.clone(), &queue);
            scope.spawn(move || work(suite, queue, &sender));
        }
        drop(sender);
        events.iter().for_each(&mut each);
    });
}

fn work(suite: &Arc<Suite>, queue: &Mutex<Vec<&'static Case>>, sender: &Sender<Event>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(case) = next else { return };
        let _ = sender.send(Event::Started(case));
        let _ = sender.send(Event::Ended(case, run(suite, case)));
    }
}
