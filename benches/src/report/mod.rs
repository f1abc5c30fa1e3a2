//! What was measured: rows and bars, as a table, JSON and a page.

mod page;
mod plot;
mod table;

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::error::{Context, Error};
use crate::load::Shape;
use crate::servers::Kind;

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Case {
    pub(crate) scenario: &'static str,
    pub(crate) readers: usize,
    pub(crate) senders: usize,
    pub(crate) size: usize,
    pub(crate) outstanding: usize,
    /// Milliseconds from one message to the next, if not as fast as it goes.
    pub(crate) pace_ms: Option<u128>,
}

/// Microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

/// One server in one case: medians over its turns.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) case: Case,
    pub(crate) server: Kind,
    /// CPU of the server for each delivery.
    pub(crate) cpu_ns: f64,
    /// By the wall clock: what else the machine does shows in it.
    pub(crate) deliveries_per_second: f64,
    pub(crate) latency: Latency,
    /// The part of the time in which the load itself computed. Near 1 it is what is measured, in
    /// rates and latencies; CPU of the server stays what it is.
    pub(crate) load: f64,
    /// CPU as a ratio to each floor, and the 99 % latency likewise.
    pub(crate) to_turn: Option<f64>,
    pub(crate) to_message: Option<f64>,
    pub(crate) p99_to_message: Option<f64>,
}

/// Anything else that was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
}

/// What the project wants of itself, and what is.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bar {
    pub(crate) what: String,
    pub(crate) limit: f64,
    /// Whether the limit is the least allowed, not the most.
    pub(crate) at_least: bool,
    pub(crate) measured: f64,
    pub(crate) met: bool,
}

/// All of one run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) figures: Vec<Figure>,
    pub(crate) bars: Vec<Bar>,
}

impl Case {
    pub(crate) fn new(
        scenario: &'static str,
        readers: usize,
        senders: usize,
        shape: Shape,
    ) -> Self {
        let pace_ms = shape.pace.as_ref().map(Duration::as_millis);
        let Shape { size, outstanding, .. } = shape;
        Self { scenario, readers, senders, size, outstanding, pace_ms }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = match self.size {
            kib if kib >= 1024 => format!("{} KiB", kib / 1024),
            bytes => format!("{bytes} B"),
        };
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        write!(f, "{}, {size}, {} reader{}", self.scenario, self.readers, plural(self.readers))?;
        match self.pace_ms {
            Some(ms) => write!(f, ", a message each {ms} ms")?,
            None => write!(f, ", {} outstanding", self.outstanding)?,
        }
        if self.senders > 1 { write!(f, ", {} senders", self.senders) } else { Ok(()) }
    }
}

impl Bar {
    pub(crate) fn at_most(what: &str, limit: f64, measured: f64) -> Self {
        let met = measured <= limit;
        Self { what: what.to_owned(), limit, at_least: false, measured, met }
    }

    pub(crate) fn at_least(what: &str, limit: f64, measured: f64) -> Self {
        let met = measured >= limit;
        Self { what: what.to_owned(), limit, at_least: true, measured, met }
    }
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { machine: machine(), ..Self::default() }
    }

    /// Adds rows, and shows them at once.
    pub(crate) fn add(&mut self, rows: Vec<Row>) {
        print!("{}", table::rows(&rows));
        self.rows.extend(rows);
    }

    /// Adds a figure, and shows it at once.
    pub(crate) fn note(&mut self, what: impl Into<String>, value: f64, unit: &'static str) {
        let figure = Figure { what: what.into(), value, unit };
        println!("{}", table::figure(&figure));
        self.figures.push(figure);
    }

    pub(crate) fn judge(&mut self, bar: Bar) {
        self.bars.push(bar);
    }

    /// The bars, for the end of the output.
    pub(crate) fn verdicts(&self) -> String {
        table::bars(&self.bars)
    }

    /// Writes `report.json` and `report.html` into `folder`.
    pub(crate) fn save(&self, folder: &Path) -> Result<(), Error> {
        fs::create_dir_all(folder).with(|| format!("making {}", folder.display()))?;
        let json = serde_json::to_string_pretty(self).context("writing JSON")?;
        for (name, text) in [("report.json", json), ("report.html", page::html(self)?)] {
            let path = folder.join(name);
            fs::write(&path, text).with(|| format!("writing {}", path.display()))?;
        }
        Ok(())
    }
}

/// The processor and the system, as far as they say what they are.
fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let number = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let system = rustix::system::uname();
    format!(
        "{number} × {}, {} {}",
        model.unwrap_or("unknown processor"),
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy()
    )
}
