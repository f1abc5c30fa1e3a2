use serde_json::Value;

use super::*;
use crate::event::Stop;
use crate::trace::testing::{heard, joining, link_up, picture, record, sent, started};

/// The data in a page, as the script reads it.
fn data_of(page: &str) -> Value {
    let begin = r#"<script type="application/json" id="data">"#;
    let (_, rest) = page.split_once(begin).unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

fn page(picture: WorldPicture, events: impl IntoIterator<Item = (u64, Event)>) -> String {
    let (mut report, mut measure) = (Report::new(Rc::new(picture)), Measure::default());
    for (ms, event) in events {
        report.record(&record(ms, event.clone()));
        measure.record(&record(ms, event));
    }
    report.page(&measure, None, &[])
}

fn down(proxy: u32, number: u64) -> Event {
    Event::LinkDown { proxy: ProxyNo(proxy), number }
}

#[test]
fn the_page_is_whole_and_no_name_in_it_is_markup_or_a_place() {
    let evil = "</script><script>alert(1)</script><!--/*STYLE*/";
    let page = page(WorldPicture { scenario: evil.into(), ..picture(2) }, []);
    assert!(!page.contains("alert(1)</script>"));
    assert_eq!(data_of(&page)["picture"]["scenario"], evil);
    for place in ["/*SCRIPT*/", "/*DATA*/"] {
        assert!(!page.contains(place), "{place} was not filled");
    }
    for part in ["--accent: #0b57b0", "#lanes-frame", "\"use strict\"", "function drawNetwork"] {
        assert!(page.contains(part), "{part} is missing");
    }
    for other in ["http://", "https://", "src="] {
        assert!(!page.contains(other), "{other}: the page would ask somebody for something");
    }
}

#[test]
fn an_end_of_a_link_stands_until_its_last_link_is_down_or_its_proxy() {
    let stopped = Event::ProxyStopped { proxy: ProxyNo(1), how: Stop::Killed };
    let page = page(
        picture(3),
        [
            (0, started(0)),
            (0, started(1)),
            (10, link_up(0, 1, 1, true)),
            (11, link_up(1, 0, 1, false)),
            (20, link_up(0, 1, 2, false)),
            (25, down(0, 1)),
            (30, down(0, 2)),
            (31, down(0, 2)),
            (35, link_up(0, 77, 3, false)),
            (40, stopped),
            (50, started(1)),
        ],
    );
    let data = data_of(&page);
    let ends = [[0, 1, 0, 10, 30], [1, 0, 0, 11, 40], [0, -1, 0, 35, 50]];
    assert_eq!(data["links"], serde_json::json!(ends.concat()));
    assert_eq!(data["channels"], serde_json::json!(["demo"]));
    assert_eq!(data["up"], serde_json::json!([[1, 0, 40], [0, 0, 50], [1, 50, 50]].concat()));
}

#[test]
fn faults_and_phases_keep_their_times_and_words() {
    let fault = FaultNo(4);
    let began = Event::FaultBegan { fault, what: "a <cut>".into() };
    let phase = Event::Phase { phase: Phase::RollCall };
    let page = page(
        picture(1),
        [(5, began.clone()), (9, Event::FaultEnded { fault }), (11, began), (12, phase)],
    );
    let data = data_of(&page);
    let span =
        |from, to| serde_json::json!({"number": 4, "what": "a <cut>", "from": from, "to": to});
    assert_eq!(data["faults"], serde_json::json!([span(5, 9), span(11, 12)]));
    assert_eq!(data["phases"], serde_json::json!([["roll-call", 12]]));
}

/// 200 proxies that send all the time, and links that come and go, for as long as one likes.
#[test]
fn the_worst_run_makes_a_page_of_less_than_5_mb_that_says_what_is_not_there() {
    let proxies = 200_u32;
    let mut events: Vec<(u64, Event)> = Vec::new();
    for n in 0..proxies {
        events.push((0, started(n)));
        events.push((0, joining(n, n)));
    }
    for step in 0..700_u32 {
        // Just below a doubling, so with nearly all the pieces of time that there can be.
        let ms = u64::from(step) * 112_200;
        for n in 0..proxies {
            let to = (n + 1 + step % (proxies - 1)) % proxies;
            let number = u64::from(step);
            events.push((ms, link_up(n, to, number, true)));
            events.push((ms, sent(n, step)));
            events.push((ms, heard(to, n, step)));
            events.push((ms, heard((to + 1) % proxies, n, step)));
            events.push((ms + 5000, down(n, number)));
        }
    }
    let page = page(picture(proxies), events);
    assert!(page.len() < 5_000_000, "{} bytes", page.len());
    let data = data_of(&page);
    assert!(data["sent"].as_array().unwrap().len() > 590);
    let links = 700 * proxies as usize;
    let [late, unseen] = &data["left_out"].as_array().unwrap()[..] else {
        panic!("not two things are left out: {}", data["left_out"]);
    };
    let late_count = links - LINK_SPANS_MAX;
    assert_eq!(*late, format!("{late_count} ends of links that were taken down late in the run"));
    assert!(unseen.as_str().unwrap().contains("deliveries between proxies"), "{unseen}");
    let counted: u64 = data["heard"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|piece| piece.as_array().unwrap().chunks(2))
        .map(|pair| pair[1].as_u64().unwrap())
        .sum();
    assert_eq!(counted, 2 * u64::from(700 * proxies), "the lanes have them all");
}
