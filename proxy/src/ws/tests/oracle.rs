//! Streams of all kinds for the judge: valid, faulty, mutated, arbitrary.

use std::mem::discriminant;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::judge::assert_same_judgement;
use super::strategies::{any_role, cuts, faulty_stream, mutations, valid_stream};
use super::support::{ours, theirs, wire_for};

const LIMIT: usize = 1 << 20;

proptest! {
    #[test]
    fn valid_streams_show_what_tungstenite_shows(
        role in any_role(),
        frames in valid_stream(),
        cuts in cuts(),
    ) {
        let stream = wire_for(role, frames);
        let chunks = cuts.apply(&stream);
        let (ours, theirs) = (ours(role, LIMIT, &chunks), theirs(role, LIMIT, &chunks));
        prop_assert_eq!(ours.failure, None);
        prop_assert_eq!(theirs.failure, None);
        prop_assert_eq!(ours.events, theirs.events);
    }

    #[test]
    fn faulty_and_mutated_streams_are_judged_as_by_tungstenite(
        role in any_role(),
        frames in faulty_stream(),
        mutations in mutations(),
        limit in prop_oneof![Just(LIMIT), 0_usize..400],
        cuts in cuts(),
    ) {
        let mut stream = wire_for(role, frames);
        for mutation in &mutations {
            mutation.apply(&mut stream);
        }
        assert_same_judgement(role, limit, &stream, &cuts.apply(&stream));
    }

    #[test]
    fn arbitrary_bytes_are_judged_as_by_tungstenite(
        role in any_role(),
        stream in proptest::collection::vec(any::<u8>(), 0..200),
        cuts in cuts(),
    ) {
        assert_same_judgement(role, 1000, &stream, &cuts.apply(&stream));
    }
}

/// Without this, the properties above could hold because nothing interesting ever happens.
#[test]
fn the_streams_reach_every_violation_and_many_are_accepted() {
    let mut runner = TestRunner::deterministic();
    let streams =
        (any_role(), faulty_stream(), mutations(), prop_oneof![Just(LIMIT), 0_usize..400]);
    let (mut tried, mut accepted, mut found) = (0, 0, Vec::new());
    while found.len() < 15 {
        let (role, frames, mutations, limit) = streams.new_tree(&mut runner).unwrap().current();
        let mut stream = wire_for(role, frames);
        for mutation in &mutations {
            mutation.apply(&mut stream);
        }
        match ours(role, limit, &[&stream]).failure {
            Some(violation) if !found.contains(&discriminant(&violation)) => {
                found.push(discriminant(&violation));
            }
            Some(_) => {}
            None => accepted += 1,
        }
        tried += 1;
        assert!(tried < 4000, "only {} of 15 violations reached", found.len());
    }
    assert!(accepted > tried / 4, "{accepted} of {tried} accepted");
}
