//! What a run says, in the forms that people and programs read.

pub mod html;
pub mod junit;
pub mod terminal;

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::run::{Record, Verdict};
use crate::target::Target;

/// The version of the JSON form. It rises when a reader of the older form would misread the newer.
pub const FORMAT: u32 = 1;

/// All that one run found out about one target. As JSON it is the form in which results are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// The version of the suite.
    pub suite: String,
    /// What the target is called.
    pub target: String,
    /// How and where it ran.
    pub how: String,
    /// When the run began, as RFC 3339 has it, in UTC.
    pub started: String,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// The command that runs one case against the same target; `{case}` stands for the case.
    pub rerun: String,
    /// What is wrong beyond the cases; each fails the run.
    pub troubles: Vec<String>,
    /// What the cases say, in the order of the document.
    pub records: Vec<Record>,
}

/// A report could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReportError(String);

impl Report {
    /// A run that begins now, with nothing in it yet.
    #[must_use]
    pub fn begin(target: &Target, rerun: String) -> Self {
        Self {
            format: FORMAT,
            suite: env!("CARGO_PKG_VERSION").to_owned(),
            target: target.file().name.clone(),
            how: target.how(),
            started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            elapsed_ms: 0,
            rerun,
            troubles: Vec::new(),
            records: Vec::new(),
        }
    }

    /// Notes how long it took.
    pub fn took(&mut self, elapsed: Duration) {
        self.elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    }

    /// Whether all is as expected.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.troubles.is_empty() && !self.records.iter().any(Record::fails_the_run)
    }

    /// The command that runs just this case against the same target.
    #[must_use]
    pub fn rerun(&self, case: &str) -> String {
        self.rerun.replace("{case}", case)
    }

    /// As JSON.
    ///
    /// # Panics
    ///
    /// Never: the form has no map with keys that JSON does not know.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("the form can be JSON") + "\n"
    }

    /// Reads a report that [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or holds something else.
    pub fn read(path: &Path) -> Result<Self, ReportError> {
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ReportError(format!("cannot read {shown}: {error}")))?;
        let no_report = |error: serde_json::Error| {
            ReportError(format!(
                "{shown} is not a report: {error}; `conformance run --json FILE` writes one"
            ))
        };
        let Form { format } = serde_json::from_str(&text).map_err(no_report)?;
        if format != FORMAT {
            return Err(ReportError(format!(
                "{shown} has form {format} of a report, but this suite reads form {FORMAT}; run \
                 the suite again"
            )));
        }
        serde_json::from_str(&text).map_err(no_report)
    }
}

/// Writes a file, and the folder that it is in.
///
/// # Errors
///
/// It cannot be written.
pub fn write(path: &Path, text: &str) -> Result<(), ReportError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(path, text))
        .map_err(|error| ReportError(format!("cannot write {}: {error}", path.display())))
}

/// How many cases of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// They pass.
    pub pass: usize,
    /// They fail the run.
    pub unexpected: usize,
    /// They deviate, as the target's file says.
    pub known: usize,
    /// A SHOULD is not met.
    pub not_strict: usize,
    /// They were not tried.
    pub skipped: usize,
}

impl Counts {
    /// Of these records.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut counts = Self::default();
        for record in records {
            *match (record.fails_the_run(), &record.deviation, record.verdict) {
                (true, ..) => &mut counts.unexpected,
                (false, _, Verdict::Pass) => &mut counts.pass,
                (false, _, Verdict::Skipped) => &mut counts.skipped,
                (false, None, _) => &mut counts.not_strict,
                (false, Some(_), _) => &mut counts.known,
            } += 1;
        }
        counts
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> usize {
        self.pass + self.unexpected + self.known + self.not_strict + self.skipped
    }
}
