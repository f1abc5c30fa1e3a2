//! `simnet replay`.

use simnet::run::{Keep, Outcome};

use super::Failure;
use super::failures::{headline, told};
use super::run;

/// Run a world that failed again, and tell what led to it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    world: run::World,
}

/// Runs it twice, says what failed and whether both runs were the same.
pub(super) fn replay(args: &Args) -> Result<(), Failure> {
    let words = args.world.words();
    let (plan, command, outcome) = run::perform(&args.world)?;
    words.say(&headline(&plan))?;
    match outcome.is_sound() {
        true => words.say("nothing fails here")?,
        false => words.say(&told(&outcome, &command))?,
    }
    let keep = Keep { digest: true, ..Keep::default() };
    let again = simnet::run::run(&plan, args.world.engine.into(), &command, keep);
    words.say(compare(&outcome, &again.map_err(Failure::wrong)?))?;
    run::finish(&outcome)
}

fn compare(first: &Outcome, second: &Outcome) -> &'static str {
    match first.digest == second.digest {
        true => "the same again: this world can be replayed",
        // As on real loopback.
        false => "it ran otherwise the second time: what fails may not fail again",
    }
}
