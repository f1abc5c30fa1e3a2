//! `simnet replay`.

use simnet::run::{Keep, Outcome};

use super::Failure;
use super::failures::{headline, tell};
use super::run;

/// Run a world that failed again, and tell what led to it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    run: run::Args,
}

/// Runs it twice, says what failed and whether both runs were the same.
pub(super) fn replay(args: &Args) -> Result<(), Failure> {
    let (plan, command, outcome) = run::perform(&args.run)?;
    println!("{}", headline(&plan));
    tell(&outcome, &command);
    if outcome.is_sound() {
        println!("nothing fails here");
    }
    let keep = Keep { digest: true, ..Keep::default() };
    let again = simnet::run::run(&plan, args.run.engine.into(), &command, keep);
    println!("{}", compare(&outcome, &again.map_err(Failure::wrong)?));
    run::finish(&outcome)
}

fn compare(first: &Outcome, second: &Outcome) -> &'static str {
    match first.digest == second.digest {
        true => "the same again: this world can be replayed",
        // As on real loopback.
        false => "it ran otherwise the second time: what fails may not fail again",
    }
}
