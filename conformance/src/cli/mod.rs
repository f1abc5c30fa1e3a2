//! What the program is asked for.
#![allow(rustdoc::invalid_html_tags, reason = "what documents the arguments is shown by --help")]

mod run;
mod tell;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use conformance::report::{Report, html, write};

const EXAMPLES: &str = "\
Examples:
  conformance run --command 'path/to/proxy --port {port}'
        test a proxy that the suite starts
  conformance run --url ws://localhost:9009 relay
        relay cases only, with a proxy that runs already
  conformance run --target my-proxy.toml --html report.html
        with options and known deviations from a file, and a page of results
  conformance explain relay.sender-hears-nothing
        a clause, its reason and its cases
  conformance report ours.json theirs.json --html both.html
        compare implementations

Exit status:
  0  all as expected
  1  something is not as expected
  2  wrong arguments, or a target that cannot be tested";

/// Tells whether a Named WebSockets proxy is right, clause by clause.
#[derive(Debug, Parser)]
#[command(name = "conformance", version, after_help = EXAMPLES, help_expected = true)]
struct Arguments {
    /// What to do.
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Lists cases with the clauses that they judge.
    List(List),
    /// Runs cases against a target; our own proxy if none is given.
    Run(Run),
    /// Shows a clause, or that of a case: its text, its reason, its cases.
    Explain(Explain),
    /// Makes one page of several runs, a column for each.
    Report(Merge),
}

#[derive(Debug, Args)]
struct List {
    /// Part of the id of a case or of a clause, such as `relay`; all without any.
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Without --target, --command and --url the environment says what to test:
NWS_TARGET_FILE, NWS_TARGET_CMD, NWS_TARGET_URL. Without these it is the proxy of
this source tree, which is built.")]
struct Run {
    /// Part of the id of a case or of a clause, such as `relay`; all without any.
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// The filters are whole ids.
    #[arg(long, requires = "filters")]
    exact: bool,
    /// The target's file: how it is started and told options, and its known deviations.
    #[arg(long, value_name = "FILE")]
    target: Option<String>,
    /// The command that starts the target; `{port}` in it is filled in. Without `{port}` it listens
    /// on port 9009, and needs network namespaces.
    #[arg(long, value_name = "COMMAND", conflicts_with = "url")]
    command: Option<String>,
    /// Where the target runs already, such as ws://localhost:9009.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Cases that run side by side.
    #[arg(long, value_name = "NUMBER", default_value_t = conformance::runner::JOBS, value_parser = jobs)]
    jobs: usize,
    /// Write the results as JSON, which `conformance report` reads.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the results as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the results as a page that needs nothing else.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Explain {
    /// The id of a clause or a case, such as relay.same-type or name/empty-refused.
    #[arg(value_name = "CLAUSE|CASE")]
    id: String,
}

#[derive(Debug, Args)]
struct Merge {
    /// Results that `conformance run --json` wrote.
    #[arg(value_name = "JSON", required = true)]
    results: Vec<PathBuf>,
    /// The page to write.
    #[arg(long, value_name = "FILE")]
    html: PathBuf,
}

fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=256) => Ok(number),
        _ => Err("it should be a number from 1 to 256".to_owned()),
    }
}

/// What ends the program before it has an answer.
type Trouble = Box<dyn std::error::Error>;

/// Does what the arguments ask for.
pub(crate) fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::List(list) => tell::list(&list.filters, list.json),
        Task::Run(task) => run::run(&task),
        Task::Explain(explain) => tell::explain(&explain.id),
        Task::Report(task) => merge(&task),
    };
    done.unwrap_or_else(|error| {
        anstream::eprintln!("error: {error}");
        ExitCode::from(2)
    })
}

fn merge(task: &Merge) -> Result<ExitCode, Trouble> {
    let reports: Result<Vec<_>, _> = task.results.iter().map(|path| Report::read(path)).collect();
    write(&task.html, &html::page(&reports?))?;
    Ok(ExitCode::SUCCESS)
}
