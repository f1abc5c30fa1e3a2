//! What the proxy costs, beside the floor and a naive server: see `--help` and README.md.
//!
//! ```text
//!   load (this process) ──▶ server (a child) ──▶ load       every byte is checked (load/)
//!                             │ CPU, memory                 from the system's accounting (servers/)
//!   scenario/: what is sent, to how many; by turns, so that the floor is of the same run
//!   report/: the table, JSON, a page with plots, and the bars
//! ```

mod cli;
mod clock;
mod error;
mod frame;
mod instructions;
mod load;
mod place;
mod poll;
mod report;
mod scenario;
mod servers;

use std::process::ExitCode;

use clap::Parser;

use cli::{Arguments, Command, Measure};
use error::{Context, Error};
use report::Report;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Some(Command::Serve { server }) => serve(server),
        Some(Command::Instructions { update }) => instructions::check(update),
        Some(Command::Piece { index }) => instructions::run_piece(index),
        None => measure(&arguments.measure),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(server: servers::Kind) -> Result<(), Error> {
    rlimit::increase_nofile_limit(u64::MAX).context("raising the limit on files")?;
    server.serve()
}

fn measure(measure: &Measure) -> Result<(), Error> {
    raise_file_limit()?;
    let (scenarios, plan) = measure.plan()?;
    let mut report = Report::new();
    println!("{}", report.machine);
    for scenario in scenarios {
        scenario.run(&plan, &mut report)?;
    }
    if plan.short {
        println!("\nAll that was sent arrived. Nothing was measured that says much.");
        return Ok(());
    }
    println!("\n{}", report.verdicts());
    report.save(&measure.out)?;
    println!("{}", measure.out.join("report.html").display());
    Ok(())
}

/// Lets this process and its servers have a socket for each client, beyond the hard limit where
/// this user may.
fn raise_file_limit() -> Result<(), Error> {
    const WANTED: u64 = 200_000;
    let wanted = |_| rlimit::setrlimit(rlimit::Resource::NOFILE, WANTED, WANTED);
    let raised = rlimit::getrlimit(rlimit::Resource::NOFILE).and_then(wanted);
    raised
        .or_else(|_| rlimit::increase_nofile_limit(WANTED).map(drop))
        .context("raising the limit on files")
}
