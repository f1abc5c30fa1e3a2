//! The program's arguments.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::error::Error;
use crate::scenario::fanout::READERS;
use crate::scenario::{Plan, Scenario};
use crate::servers::{Kind, Programs};

const EXAMPLES: &str = "\
Examples:
  cargo run --release -p benches                          the whole table, in some minutes
  cargo run --release -p benches -- fanout                one scenario
  cargo run --release -p benches -- --with ws --with nchan
                                                          other people's servers as well
  cargo run --release -p benches -- --short               shows that all works; measures little

Exit status:
  0  measured, whether or not the bars are met
  1  a message was lost, twice, out of order or changed, or a server failed
  2  wrong arguments";

/// Measures the proxy, the floor and a naive server in one run, by turns, and checks every message.
#[derive(Debug, Parser)]
#[command(name = "benches", after_help = EXAMPLES, subcommand_negates_reqs = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) measure: Measure,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs one of this program's own servers; it says where it listens.
    Serve {
        /// Which one.
        server: Kind,
    },
    /// Counts the instructions of the data path's pieces with valgrind, and compares them with
    /// instructions.txt.
    Instructions {
        /// Writes the table anew instead.
        #[arg(long)]
        update: bool,
    },
    /// Runs one piece, for valgrind.
    #[command(hide = true)]
    Piece {
        /// Which one.
        index: usize,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Measure {
    /// What to measure. By default all.
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,

    /// Another server to measure beside; may be repeated. `ws` and `nchan` are installed if they
    /// are not there.
    #[arg(long, value_enum, value_name = "SERVER")]
    with: Vec<Kind>,

    /// Without the naive server.
    #[arg(long)]
    no_naive: bool,

    /// Fan-out to so many readers only: 1, 10, 100, 1000 or 5000; may be repeated.
    #[arg(long, value_name = "NUMBER", value_parser = readers)]
    readers: Vec<usize>,

    /// Turns that each server has in one case; what is shown is the median.
    #[arg(long, default_value_t = 15)]
    turns: usize,

    /// Milliseconds of one turn.
    #[arg(long, default_value_t = 60)]
    turn_ms: u64,

    /// Few readers, few messages: shows that all works.
    #[arg(long)]
    short: bool,

    /// The proxy's program. By default this workspace's, built now.
    #[arg(long, value_name = "FILE")]
    proxy: Option<PathBuf>,

    /// Folder for report.json and report.html.
    #[arg(long, value_name = "FOLDER", default_value = "target/benches")]
    pub(crate) out: PathBuf,
}

impl Measure {
    /// What to measure, and how.
    pub(crate) fn plan(&self) -> Result<(Vec<Scenario>, Plan), Error> {
        let all = Scenario::value_variants();
        let scenarios =
            if self.scenarios.is_empty() { all.to_vec() } else { self.scenarios.clone() };
        let naive = (!self.no_naive).then_some(Kind::Naive);
        let (turns, turn_ms) = if self.short { (1, 1) } else { (self.turns, self.turn_ms) };
        let plan = Plan {
            programs: Programs::find(self.proxy.as_deref())?,
            others: naive.into_iter().chain(self.with.iter().copied()).collect(),
            readers: self.readers.clone(),
            turns,
            turn: Duration::from_millis(turn_ms),
            short: self.short,
        };
        Ok((scenarios, plan))
    }
}

fn readers(text: &str) -> Result<usize, String> {
    let known = text.parse().ok().filter(|number| READERS.contains(number));
    known.ok_or_else(|| format!("give one of {READERS:?}"))
}
