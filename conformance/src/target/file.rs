//! The file that describes a target: how it is started and told things, and where it is known to
//! deviate.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::options::OptionForms;
use crate::case::{self, Case};
use crate::run::Verdict;

/// A target could not be understood.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(pub String);

/// A target's file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TargetFile {
    /// What reports call it.
    pub name: String,
    /// Starts it; `{port}` is filled in, and `{here}`, the folder of this file. Split as a shell
    /// would, but no shell runs it.
    #[serde(default)]
    pub command: Option<String>,
    /// Starts it without saying a port, for the clause on the port that it has by default.
    #[serde(default)]
    pub default_command: Option<String>,
    /// Where it runs already.
    #[serde(default)]
    pub url: Option<String>,
    /// Its only port, if it cannot be told one. 9009 if the command has no `{port}`.
    #[serde(default)]
    pub port: Option<u16>,
    /// How it is told what cases ask for.
    #[serde(default)]
    pub options: OptionForms,
    /// What it does not have at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<Lack>,
    /// Where it is known to do otherwise.
    #[serde(default, rename = "expect", skip_serializing_if = "Vec::is_empty")]
    pub deviations: Vec<Deviation>,
}

/// A case that does not pass, and is known not to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// Which case.
    pub case: String,
    /// What it gives: `fail`, `not-strict` or `skipped`.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
}

/// Something that a target does not have. Its cases are skipped: they would all fail, and most
/// only after a long wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lack {
    /// How the ids of its cases, or of their clauses, begin.
    pub cases: Vec<String>,
    /// Why.
    pub reason: String,
}

impl TargetFile {
    /// Why the target does not have what this case is about, if it does not.
    #[must_use]
    pub fn lacks(&self, case: &Case) -> Option<&str> {
        let is_of = |lack: &&Lack| lack.cases.iter().any(|start| begins(case, start));
        self.lacks.iter().find(is_of).map(|lack| lack.reason.as_str())
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, is not TOML of this form, or names a case that there is not.
    pub fn read(path: &Path) -> Result<Self, TargetError> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| TargetError(format!("cannot read {shown}: {error}")))?;
        let mut file = Self::parse(&text)
            .map_err(|TargetError(error)| TargetError(format!("{shown}: {error}")))?;
        let here = path.parent().unwrap_or(Path::new(".")).to_string_lossy();
        for command in [&mut file.command, &mut file.default_command].into_iter().flatten() {
            *command = command.replace("{here}", &shell_words::quote(&here));
        }
        Ok(file)
    }

    /// Parses and checks the text of a file.
    ///
    /// # Errors
    ///
    /// As of [`read`](Self::read).
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let file: Self = toml::from_str(text).map_err(|error| TargetError(error.to_string()))?;
        for (n, deviation) in file.deviations.iter().enumerate() {
            let Deviation { case, verdict, reason } = deviation;
            if case::all().all(|known| known.id != case) {
                return Err(TargetError(format!(
                    "[[expect]] names the case {case:?}, which there is not; \
                     `conformance list` shows them all"
                )));
            }
            if *verdict == Verdict::Pass {
                return Err(TargetError(format!(
                    "[[expect]] of {case}: a pass needs no mention; \
                     allowed are \"fail\", \"not-strict\" and \"skipped\""
                )));
            }
            if reason.trim().is_empty() {
                return Err(TargetError(format!("[[expect]] of {case} gives no reason")));
            }
            if file.deviations[..n].iter().any(|other| other.case == *case) {
                return Err(TargetError(format!("[[expect]] names {case} twice")));
            }
        }
        for lack in &file.lacks {
            if let Some(start) =
                lack.cases.iter().find(|start| !case::all().any(|case| begins(case, start)))
            {
                return Err(TargetError(format!(
                    "[[lacks]] names {start:?}, but no case or clause begins so; \
                     `conformance list` shows them all"
                )));
            }
        }
        Ok(file)
    }
}

fn begins(case: &Case, start: &str) -> bool {
    case.id.starts_with(start) || case.clause.starts_with(start)
}

/// A path that the person gave, seen from where the person is: `cargo test` changes the folder, but
/// leaves `PWD` as the shell set it.
#[must_use]
pub fn from_shell(path: &str) -> PathBuf {
    let path = Path::new(path);
    let shell = std::env::var_os("PWD").map(PathBuf::from);
    let here = std::env::current_dir().ok();
    let mut places = [shell, here].into_iter().flatten().map(|folder| folder.join(path));
    let first = places.next();
    // What is not there yet will be made where the person is.
    let found = first.iter().cloned().chain(places).find(|path| path.exists());
    found.or(first).unwrap_or_else(|| path.to_owned())
}

/// A program by its path, or by its bare name to be looked for.
pub(super) fn program(name: &str) -> PathBuf {
    if name.contains('/') { from_shell(name) } else { PathBuf::from(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, found) in [
            ("", "missing field `name`"),
            ("name = \"x\"\nnaem = 1", "unknown field `naem`"),
            (
                "name = \"x\"\n[[lacks]]\ncases = [\"lnk\"]\nreason = \"r\"",
                "[[lacks]] names \"lnk\", but no case",
            ),
            (
                "name = \"x\"\n[[expect]]\ncase = \"no/such\"\nverdict = \"fail\"\nreason = \"r\"",
                "\"no/such\", which there is not",
            ),
        ] {
            let error = TargetFile::parse(text).unwrap_err().to_string();
            assert!(error.contains(found), "{error}");
        }
    }

    #[test]
    fn a_program_on_the_path_stays_so() {
        assert_eq!(program("python3"), Path::new("python3"));
        assert_eq!(program("/bin/x"), Path::new("/bin/x"));
        assert!(program("src/lib.rs").is_absolute(), "found from where the tests run");
    }
}
