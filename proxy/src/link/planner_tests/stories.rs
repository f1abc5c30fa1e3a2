//! Single stories, told step by step.

use tokio::time::{Duration, Instant};

use super::world::{PEER, Step, World, channel, id};
use crate::limits::{ADVERTISE_PAUSE, DIALS_MAX};
use crate::link::planner::{Action, Input, LinkId, Outcome, State};

fn world() -> World {
    let mut world = World::new(1, Instant::now(), DIALS_MAX);
    world.play(&Step::Interest { channel: 0, here: true });
    world
}

fn dial_to(world: &World, proxy: usize, two_way: bool) -> LinkId {
    let is_it = |tie: &super::world::Tie| (tie.proxy, tie.two_way) == (proxy, two_way);
    *world.dials.iter().find(|(_, tie)| is_it(tie)).expect("it is dialled").0
}

/// What the planner does within `time`, if nothing happens.
fn actions_within(world: &mut World, time: Duration) -> Vec<(Duration, Action)> {
    let (start, mut all) = (world.now, Vec::new());
    while let Some(next) = world.planner.next_timeout().filter(|next| *next <= start + time) {
        let mut actions = Vec::new();
        world.planner.handle(Input::Tick, next, &mut actions);
        all.extend(actions.into_iter().map(|action| (next - start, action)));
    }
    all
}

/// A world in which the peer's advert was followed first, with the dial to it as a peer under way.
fn linked_one_way() -> (World, LinkId, LinkId) {
    let mut world = world();
    world.play(&Step::See { host: 6, channel: 0, number: 0 });
    let (as_peer, advertised) = (dial_to(&world, PEER, true), dial_to(&world, PEER, false));
    world.end_dial(advertised, false, false);
    assert!(!world.links[&advertised].two_way);
    (world, advertised, as_peer)
}

#[test]
fn a_link_that_carries_both_ways_takes_the_place_of_a_one_way_link() {
    for advert_goes in [false, true] {
        let (mut world, one_way, both_ways) = linked_one_way();
        if advert_goes {
            world.play(&Step::Lose { host: 6, channel: 0, number: 0 });
        }
        assert!(world.links.contains_key(&one_way), "a link outlives its advert");
        world.end_dial(both_ways, false, false);
        assert_eq!(world.links.keys().collect::<Vec<_>>(), [&both_ways]);
        assert!(world.links[&both_ways].two_way);
        // The other candidate is linked otherwise, or nothing holds it.
        let states: Vec<_> = world.planner.candidates().map(|c| c.state.name()).collect();
        let expected = ["linked", "linked otherwise"];
        assert_eq!(states, expected[..if advert_goes { 1 } else { 2 }]);
    }
}

#[test]
fn a_peer_that_refuses_both_ways_is_asked_ever_less_often() {
    let (mut world, one_way, first) = linked_one_way();
    let refused = |link| Input::Dialled { link, outcome: Outcome::Duplicate(id(PEER).unwrap()) };
    let mut actions = Vec::new();
    world.planner.handle(refused(first), world.now, &mut actions);
    let (start, mut asked) = (world.now, Vec::new());
    while let Some(next) = world.planner.next_timeout().filter(|at| *at < start + HOUR) {
        let mut actions = Vec::new();
        world.planner.handle(Input::Tick, next, &mut actions);
        for action in actions {
            if let Action::Dial { link, two_way: true, .. } = action {
                asked.push((next - start).as_secs());
                world.planner.handle(refused(link), next, &mut Vec::new());
            }
        }
    }
    assert!(asked[0] <= 2, "{asked:?}");
    // Every 15 to 30 s in the end.
    assert!((120..=250).contains(&asked.len()), "{} times in an hour", asked.len());
    assert!(world.links.contains_key(&one_way), "and heard all the time");
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn who_answers_when_doubted_and_says_goodbye_later_is_not_asked_for() {
    for (later, asks) in [(0, true), (3, true), (30, false)] {
        let mut world = world();
        world.play(&Step::See { host: 0, channel: 0, number: 0 });
        let dial = dial_to(&world, 0, false);
        world.end_dial(dial, true, false);
        // Doubted since the dial failed. Meanwhile it is dialled again, and answers.
        for _ in 0..100 {
            world.wait(Duration::from_millis(20));
            let again = world.dials.iter().find(|(_, tie)| tie.proxy == 0).map(|(id, _)| *id);
            if let Some(again) = again {
                world.end_dial(again, false, false);
            }
        }
        world.wait(Duration::from_secs(later));
        world.play(&Step::Lose { host: 0, channel: 0, number: 0 });
        let actions = actions_within(&mut world, HOUR);
        let refreshed = actions.iter().any(|(_, action)| *action == Action::Refresh);
        assert_eq!(refreshed, asks, "gone {later} s after it was linked");
    }
}

#[test]
fn who_links_to_us_and_was_not_seen_is_asked_for() {
    let refreshes = |world: &mut World| {
        let all = actions_within(world, Duration::from_secs(20));
        let only = all.iter().filter(|(_, action)| *action == Action::Refresh);
        only.map(|(at, _)| at.as_secs()).collect::<Vec<_>>()
    };
    let accept = Step::Accept { proxy: 0, channel: 0, two_way: false };
    let mut unseen = world();
    unseen.play(&accept);
    assert_eq!(refreshes(&mut unseen), [1, 3, 7, 15], "RFC 6762 section 5.2");
    let mut late = World::new(1, Instant::now(), DIALS_MAX);
    late.play(&accept);
    late.play(&Step::Interest { channel: 0, here: true });
    assert_eq!(refreshes(&mut late)[..2], [1, 3], "it was there before our client");
    let mut seen = world();
    seen.play(&accept);
    seen.play(&Step::See { host: 0, channel: 0, number: 0 });
    let mut gone = world();
    gone.play(&accept);
    gone.play(&Step::LoseAccepted { pick: 0, lost: false });
    for mut world in [seen, gone] {
        assert_eq!(refreshes(&mut world), [0; 0]);
    }
}

#[test]
fn one_more_is_asked_for_soon_though_others_have_been_missed_for_long() {
    let mut world = world();
    world.play(&Step::Accept { proxy: 0, channel: 0, two_way: false });
    world.wait(HOUR / 2);
    world.play(&Step::Accept { proxy: 1, channel: 0, two_way: false });
    let actions = actions_within(&mut world, Duration::from_secs(2));
    assert!(actions.iter().any(|(_, action)| *action == Action::Refresh), "{actions:?}");
}

#[test]
fn a_page_that_is_loaded_again_is_advertised_afresh_and_not_too_often() {
    let mut world = world();
    let mut seen = vec![world.adverts.keys().next().unwrap().clone()];
    let reload = |world: &mut World| {
        world.play(&Step::Interest { channel: 0, here: false });
        assert!(world.adverts.is_empty(), "withdrawn at once");
        world.play(&Step::Interest { channel: 0, here: true });
    };
    world.wait(ADVERTISE_PAUSE);
    reload(&mut world);
    seen.extend(world.adverts.keys().cloned());
    assert!(seen.len() == 2 && seen[0] != seen[1], "{seen:?}: at once, and a fresh number");
    // A hundred times in the next second.
    for _ in 0..100 {
        reload(&mut world);
        assert!(world.adverts.is_empty(), "so soon after the last advert");
        world.wait(ADVERTISE_PAUSE / 101);
    }
    world.wait(ADVERTISE_PAUSE / 50);
    seen.extend(world.adverts.keys().cloned());
    assert!(seen.len() == 3 && seen[1] != seen[2], "{seen:?}");
    // Nothing is kept of a channel that is not used any more.
    world.play(&Step::Interest { channel: 0, here: false });
    world.wait(ADVERTISE_PAUSE);
    assert!(world.planner.next_timeout().is_none(), "{:?}", world.planner.next_timeout());
    assert!(!world.planner.knows(&channel(0)));
}

#[test]
fn dials_beyond_the_limit_wait_for_their_turn() {
    let mut world = World::new(1, Instant::now(), 1);
    world.play(&Step::Interest { channel: 0, here: true });
    for host in [0, 1, 2] {
        world.play(&Step::See { host, channel: 0, number: 0 });
    }
    let mut ended = Vec::new();
    while let Some((link, tie)) = world.dials.iter().next().map(|(l, t)| (*l, t.proxy)) {
        assert_eq!(world.dials.len(), 1);
        ended.push(tie);
        world.end_dial(link, false, false);
    }
    assert_eq!(ended, [PEER, 0, 1, 2], "in the order in which they came");
    let rest = |state| matches!(state, State::Linked { .. });
    assert!(world.planner.candidates().all(|candidate| rest(candidate.state)));
}
