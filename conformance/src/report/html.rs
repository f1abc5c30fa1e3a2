//! One page for people: clauses by targets, each cell opening what its cases saw.
//!
//! The page is a template with a script, a style and the data in it, and needs nothing else: it
//! can be sent by mail and opened from a folder.

use serde::Serialize;

use super::Report;
use crate::case;
use crate::clause;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// What the script is given.
#[derive(Serialize)]
struct Data<'a> {
    clauses: Vec<Clause>,
    reports: &'a [Report],
}

#[derive(Serialize)]
struct Clause {
    id: &'static str,
    level: String,
    text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    cases: Vec<Case>,
}

#[derive(Serialize)]
struct Case {
    id: &'static str,
    what: &'static str,
}

/// The page for these reports, a column each.
#[must_use]
pub fn page(reports: &[Report]) -> String {
    // The data comes last, for a target may have said anything, also the name of a place.
    PAGE.replace("/*STYLE*/", STYLE)
        .replace("/*SCRIPT*/", SCRIPT)
        .replace("/*DATA*/", &data(reports))
}

/// The data as JSON that can stand in a script element: no `<` in it can end that element or begin
/// a comment.
#[must_use]
pub fn data(reports: &[Report]) -> String {
    let clauses = clause::all().iter().map(|clause| Clause {
        id: clause.id,
        level: clause.level.to_string(),
        text: &clause.text,
        why: clause.why.as_deref(),
        cases: case::all()
            .filter(|case| case.clause == clause.id)
            .map(|case| Case { id: case.id, what: case.what })
            .collect(),
    });
    let data = Data { clauses: clauses.collect(), reports };
    let json = serde_json::to_string(&data).expect("the form can be JSON");
    json.replace('<', "\\u003c")
}
