//! `simnet replay`.

use super::Failure;
use super::run;

/// Run a world that failed again, and tell what led to it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    run: run::Args,
}

/// Runs it, and says what failed.
pub(super) fn replay(args: Args) -> Result<(), Failure> {
    run::run_telling(args.run, true)
}
