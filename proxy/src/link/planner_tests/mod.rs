//! The planner under any order of events, against a model of the network around it.
//!
//! The model knows which proxies there are and what they answer. A random history of adverts,
//! joins, leaves, dial results, losses and pauses is played; what must always hold is checked
//! after each step. Then the world stands still, and what must hold in the end is checked.

mod stories;
mod world;

use proptest::prelude::*;
use tokio::time::{Duration, Instant};

use super::planner::{Action, Input};
use crate::limits::DIALS_MAX;
use world::{CHANNELS, Step, World, channel, id, step};

proptest! {
    #[test]
    fn any_history_keeps_the_invariants_and_settles(
        seed: u64,
        // So few that dials wait for each other, or as many as there ever are.
        dials_max in prop_oneof![Just(1), Just(2), Just(DIALS_MAX)],
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut world = World::new(seed, Instant::now(), dials_max);
        for step in &steps {
            world.play(step);
        }
        world.settle();
        world.check_settled();
        for index in 0..CHANNELS.len() {
            world.set_interest(&channel(index), false);
        }
        prop_assert!(world.links.is_empty() && world.dials.is_empty() && world.adverts.is_empty());
    }
}

#[test]
fn a_lost_anonymous_link_is_called_back_under_a_fresh_name_unless_another_stands() {
    let mut world = World::new(1, Instant::now(), DIALS_MAX);
    let (old, alpha) = (2, channel(0));
    world.play(&Step::Interest { channel: 0, here: true });
    let first = world.adverts.keys().next().unwrap().clone();
    let accept = |world: &mut World| {
        world.give(Input::Accepted { channel: alpha.clone(), remote: id(old), two_way: false });
    };
    let lose = |world: &mut World, lost| {
        let gone =
            Input::AcceptedGone { channel: alpha.clone(), remote: id(old), two_way: false, lost };
        world.give(gone);
        world.wait(Duration::from_secs(10));
    };
    accept(&mut world);
    accept(&mut world);
    lose(&mut world, true);
    assert!(world.adverts.contains_key(&first), "one of its kind is linked still");
    lose(&mut world, false);
    assert!(world.adverts.contains_key(&first), "that one left in order");
    accept(&mut world);
    lose(&mut world, true);
    assert!(!world.adverts.contains_key(&first), "this one must be called back");
    assert_eq!(world.adverts.len(), 1);
}

#[test]
fn a_vanished_proxy_is_asked_for_again_ever_less_often() {
    let mut world = World::new(1, Instant::now(), DIALS_MAX);
    world.play(&Step::Interest { channel: 0, here: true });
    world.play(&Step::See { host: 0, channel: 0, number: 0 });
    let link = *world.dials.iter().find(|(_, tie)| tie.proxy == 0).unwrap().0;
    world.end_dial(link, false, false);
    let mut actions = Vec::new();
    // Lost, doubted, and gone for want of an answer.
    world.links.remove(&link);
    let lost = Input::Closed { link, clean: false };
    world.planner.handle(lost, world.now, &mut actions);
    let (name, _) = world.instance(0, 0, 0);
    assert!(actions.contains(&Action::Verify(name.clone())));
    world.planner.handle(Input::Gone(name), world.now, &mut actions);
    let mut asked = Vec::new();
    while let Some(next) = world.planner.next_timeout() {
        let mut actions = Vec::new();
        world.planner.handle(Input::Tick, next, &mut actions);
        if actions.contains(&Action::Refresh) {
            asked.push((next - world.now).as_secs());
        }
    }
    assert_eq!(asked[..4], [1, 3, 7, 15], "RFC 6762 section 5.2");
    assert!(asked.len() <= 13, "it ends after hours: {asked:?}");
}

#[test]
fn a_link_must_prove_itself_when_another_proxy_has_its_address() {
    let mut world = World::new(1, Instant::now(), DIALS_MAX);
    world.play(&Step::Interest { channel: 0, here: true });
    world.play(&Step::See { host: 0, channel: 0, number: 0 });
    let link = *world.dials.iter().find(|(_, tie)| tie.proxy == 0).unwrap().0;
    world.end_dial(link, false, false);
    let mut see = |host: String, number| {
        let (_, mut instance) = world.instance(0, 0, number);
        instance.host = host;
        let mut actions = Vec::new();
        world.planner.handle(Input::Seen(instance), world.now, &mut actions);
        actions
    };
    let same = format!("{}.local.", id(0).unwrap().host_label(9));
    assert_eq!(see(same, 1), [], "another advert of the same proxy");
    let reborn = format!("{}.local.", id(1).unwrap().host_label(1));
    assert_eq!(see(reborn.clone(), 2), [Action::Prove(link)]);
    assert_eq!(see(reborn, 2), [], "once for each advert");
}
