//! The cases against the document: nothing that it asks for is left out.

use std::collections::BTreeSet;

use conformance::case;
use conformance::clause;
use conformance::runner;

#[test]
fn every_clause_has_a_case() {
    let judged: BTreeSet<_> = case::all().map(|case| case.clause).collect();
    let missing: Vec<_> =
        clause::all().iter().map(|clause| clause.id).filter(|id| !judged.contains(id)).collect();
    assert!(missing.is_empty(), "no case judges {}", missing.join(", "));
}

#[test]
fn every_case_cites_a_clause_of_its_area() {
    for case in case::all() {
        let clause = clause::find(case.clause);
        let clause = clause.unwrap_or_else(|| panic!("{} cites {}", case.id, case.clause));
        let area = case.id.split_once('/').map(|(area, _)| area);
        assert_eq!(area, Some(clause.area()), "{} judges {}", case.id, clause.id);
    }
}

#[test]
fn ids_are_words_and_each_is_given_once() {
    let mut seen = BTreeSet::new();
    for case in case::all() {
        assert!(seen.insert(case.id), "{} is given twice", case.id);
        let words = case.id.split_once('/').map_or("", |(_, words)| words);
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        assert!(!words.is_empty() && words.chars().all(allowed), "{:?}", case.id);
        assert!(case.what.ends_with('.'), "{} says what in a sentence: {:?}", case.id, case.what);
    }
}

#[test]
fn the_longest_cases_are_cases() {
    for id in runner::LONGEST {
        assert!(case::all().any(|case| case.id == *id), "{id} is no case any more");
    }
}

#[test]
fn areas_stand_in_the_order_of_the_document() {
    fn areas<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let mut areas: Vec<_> = all.collect();
        areas.dedup();
        areas
    }
    let document = areas(clause::all().iter().map(|clause| clause.area()));
    let cases = areas(case::all().map(|case| case.clause().area()));
    assert_eq!(cases, document);
}
