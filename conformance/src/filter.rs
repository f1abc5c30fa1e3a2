//! Which cases a person means.

use crate::case::{self, Case};
use crate::clause;

/// How alike a word must be to be proposed, from 0 to 1.
const ALIKE: f64 = 0.75;

/// Words that are proposed at most.
const PROPOSED: usize = 3;

/// A filter matches nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoMatch(String);

/// The cases that one of the filters matches, in the order of the document; all without a filter.
/// A filter is part of the id of a case or of its clause; with `exact` it is the whole.
///
/// # Errors
///
/// A filter matches nothing; the message names what is near.
pub fn choose<S: AsRef<str>>(filters: &[S], exact: bool) -> Result<Vec<&'static Case>, NoMatch> {
    let matches = |filter: &str, case: &Case| match exact {
        true => case.id == filter || case.clause == filter,
        false => case.id.contains(filter) || case.clause.contains(filter),
    };
    for filter in filters.iter().map(AsRef::as_ref) {
        if !case::all().any(|case| matches(filter, case)) {
            return Err(no_match("case or clause", filter));
        }
    }
    let chosen = |case: &&Case| {
        filters.is_empty() || filters.iter().any(|filter| matches(filter.as_ref(), case))
    };
    Ok(case::all().filter(chosen).collect())
}

/// Says that nothing is called so, and what is called almost so.
#[must_use]
pub fn no_match(kind: &str, word: &str) -> NoMatch {
    let known = case::all().map(|case| case.id).chain(clause::all().iter().map(|clause| clause.id));
    let areas = clause::all().iter().map(clause::Clause::area);
    let mut near: Vec<_> = known
        .chain(areas)
        .map(|known| {
            (strsim::jaro_winkler(&known.replace('/', "."), &word.replace('/', ".")), known)
        })
        .filter(|(alike, _)| *alike >= ALIKE)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.dedup();
    let near: Vec<_> = near.into_iter().take(PROPOSED).map(|(_, known)| known).collect();
    let hint = match near.is_empty() {
        true => String::new(),
        false => format!("near: {}; ", near.join(", ")),
    };
    NoMatch(format!("no {kind} matches {word:?}; {hint}`conformance list` shows them all"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_wholes_are_told_apart() {
        let ids = |filters: &[&str], exact| -> Vec<_> {
            choose(filters, exact).unwrap().iter().map(|case| case.id).collect()
        };
        assert_eq!(ids(&["name/empty-refused"], true), ["name/empty-refused"]);
        assert!(ids(&["name.invalid-refused"], true).len() > 3, "a clause has several");
        assert!(ids(&["name/empty", "name/too-long"], false).len() == 2);
        assert_eq!(ids(&[], false).len(), case::all().count());
        assert!(choose(&["name/empty"], true).is_err());
    }

    #[test]
    fn what_matches_nothing_is_near_something() {
        let error = choose(&["name", "name/emty-refused"], false).unwrap_err().to_string();
        assert!(error.contains("\"name/emty-refused\"; near: name/empty-refused"), "{error}");
        let error = choose(&["relai"], false).unwrap_err().to_string();
        assert!(error.contains("near: relay"), "{error}");
        let error = choose(&["0815"], false).unwrap_err().to_string();
        assert!(error.contains("\"0815\"; `conformance list`"), "{error}");
    }
}
