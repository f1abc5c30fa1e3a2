//! `conformance list` and `conformance explain`.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use conformance::case;
use conformance::clause;
use conformance::filter::{choose, no_match};
use conformance::report::terminal;
use serde_json::json;

use super::Trouble;

pub(super) fn list(filters: &[String], as_json: bool) -> Result<ExitCode, Trouble> {
    let cases = choose(filters, false)?;
    let width = cases.iter().map(|case| case.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    for case in &cases {
        let clause = case.clause();
        let level = clause.level;
        text += &if as_json {
            let level = level.to_string();
            json!({ "case": case.id, "clause": clause.id, "level": level, "what": case.what })
                .to_string()
        } else {
            format!("{:<width$}  {level:<6}  {}", case.id, clause.id)
        };
        text.push('\n');
    }
    print(&text)
}

pub(super) fn explain(id: &str) -> Result<ExitCode, Trouble> {
    let of_case = case::all().find(|case| case.id == id).map(case::Case::clause);
    let clause = clause::find(id).or(of_case).ok_or_else(|| no_match("clause or case", id))?;
    print(&terminal::explanation(clause))
}

/// Who reads only the beginning, as `head` does, has had enough.
fn print(text: &str) -> Result<ExitCode, Trouble> {
    match anstream::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
