use super::*;
use crate::event::{ProxyNo, Stop};
use crate::fabric::packet::Cause;
use crate::trace::testing::{
    advertised, connection, datagram, heard, interface, joined, joining, link_up, record, seen,
    send, sent, started,
};

fn figures(events: impl IntoIterator<Item = (u64, Event)>) -> Figures {
    let mut measure = Measure::default();
    events.into_iter().for_each(|(ms, event)| measure.record(&record(ms, event)));
    measure.figures()
}

/// Count, shortest and longest of some times, in milliseconds.
fn range(spread: Option<Spread>) -> Option<(u64, u128, u128)> {
    spread.map(|spread| (spread.count, spread.min.as_millis(), spread.max.as_millis()))
}

#[test]
fn discovery_is_from_the_advert_to_the_first_sight_of_each_other_proxy() {
    let figures = figures([
        (0, started(0)),
        (0, started(1)),
        (100, advertised(0)),
        (101, seen(0, 0)),
        (130, seen(1, 0)),
        (140, seen(1, 0)),
        // The third starts later, and sees it 30 ms after that.
        (1000, started(2)),
        (1030, seen(2, 0)),
        // It stops, and its next run takes 50 ms.
        (2000, Event::ProxyStopped { proxy: ProxyNo(2), how: Stop::Killed }),
        (3000, started(2)),
        (3050, seen(2, 0)),
        // A stranger's, and one that is gone with its proxy.
        (3060, seen(2, 77)),
        (4000, Event::ProxyStopped { proxy: ProxyNo(0), how: Stop::PowerLost }),
        (5000, started(0)),
        (5001, seen(0, 0)),
    ]);
    assert_eq!(range(figures.discovery), Some((3, 30, 50)));
}

#[test]
fn links_are_timed_from_sight_and_from_the_client_that_waits() {
    let down = |proxy, number| Event::LinkDown { proxy: ProxyNo(proxy), number };
    let figures = figures([
        (0, started(0)),
        (0, started(1)),
        (10, joining(0, 0)),
        (11, joined(0)),
        (12, advertised(0)),
        (20, joining(1, 1)),
        (21, joined(1)),
        (22, advertised(1)),
        (52, seen(0, 1)),
        (57, link_up(0, 1, 1, true)),
        // The other end is dialled before it sees: no time of its own.
        (58, link_up(1, 0, 1, false)),
        (60, seen(1, 0)),
        // Who joins a proxy that is linked does not wait.
        (70, joining(2, 0)),
        (71, joined(2)),
        // Down, and up again without having been gone: no discovery, no sight.
        (100, down(0, 1)),
        (150, link_up(0, 1, 2, true)),
        // A dial that became no link, and one that failed.
        (160, Event::Dialled { proxy: ProxyNo(0), dial: 1, error: None }),
        (160, Event::Dialled { proxy: ProxyNo(0), dial: 2, error: None }),
        (160, Event::Dialled { proxy: ProxyNo(0), dial: 3, error: None }),
        (160, Event::Dialled { proxy: ProxyNo(0), dial: 4, error: Some("refused".into()) }),
    ]);
    assert_eq!(range(figures.seen_to_link), Some((1, 5, 5)));
    assert_eq!(range(figures.joined_to_link), Some((2, 37, 46)));
    assert_eq!((figures.links, figures.dials_without_link, figures.dials_failed), (2, 1, 1));
    assert_eq!(figures.sessions, 3);
}

#[test]
fn what_is_seen_before_it_is_wanted_is_timed_from_then() {
    let withdrawn = |proxy: u32| Event::Withdrawn {
        proxy: ProxyNo(proxy),
        instance: format!("demo-{proxy}").into(),
    };
    let figures = figures([
        (0, started(0)),
        (0, started(1)),
        (1, advertised(1)),
        (2, seen(0, 1)),
        // Wanted in vain, and then for good.
        (10, advertised(0)),
        (20, withdrawn(0)),
        (5000, advertised(0)),
        (5003, link_up(0, 1, 1, true)),
    ]);
    assert_eq!(range(figures.seen_to_link), Some((1, 3, 3)));
}

#[test]
fn delivery_is_told_apart_by_whether_it_crosses_a_link() {
    let sent = |number| sent(0, number);
    let heard = |by, number| heard(by, 0, number);
    let figures = figures([
        (0, joining(0, 0)),
        (0, joining(1, 0)),
        (0, joining(2, 1)),
        (10, sent(0)),
        (12, heard(1, 0)),
        (13, sent(1)),
        (14, heard(1, 1)),
        (30, heard(2, 0)),
        (63, heard(2, 1)),
        (64, heard(2, 2)),
    ]);
    assert_eq!(range(figures.delivery_local), Some((2, 1, 2)));
    assert_eq!(range(figures.delivery_linked), Some((2, 20, 50)));
    assert_eq!((figures.sent, figures.heard), (2, 5), "also what nobody sent");
    assert_eq!((figures.multicast, figures.unicast), (None, None), "nobody told of packets");
}

#[test]
fn packets_are_counted_by_where_they_go() {
    let mut measure = Measure::default();
    // A query with three known answers, and a response with as many.
    let query = [0, 0, 0, 0, 0, 1, 0, 3, 0, 0, 0, 0];
    let response = [0, 0, 0x84, 0, 0, 0, 0, 3, 0, 0, 0, 0];
    for (n, payload) in (0..).zip([query, response]) {
        let packet = datagram("[fe80::1]:5353", "[ff02::fb]:5353", &payload);
        send(&mut measure, Duration::from_millis(n), n, interface(0), &packet);
    }
    for (at, number, from, packet) in connection() {
        send(&mut measure, at, number, from, &packet);
        measure.fate(at, number, Fate::Lost(None, Cause::Cut));
    }
    measure.record(&record(2000, joined(0)));
    let figures = measure.figures();
    let multicast = figures.multicast.unwrap();
    assert_eq!(multicast.total, Amount { packets: 2, bytes: 2 * (40 + 8 + 12) });
    assert_eq!((multicast.packets_a_second, multicast.bytes_a_second), (1.0, 60.0));
    let data = 2 * 32 + 26;
    assert_eq!(figures.unicast.unwrap().total, Amount { packets: 10, bytes: 10 * 40 + data });
    assert_eq!((figures.answers_suppressed, figures.lost), (3, 10));
}

#[test]
fn the_table_is_aligned_and_leaves_out_what_was_not_measured() {
    let mut figures = figures([(1500, joined(0))]);
    let ms = Duration::from_millis;
    let spread = |n| Spread {
        count: n,
        min: ms(1),
        p50: ms(2),
        p90: ms(30),
        p99: ms(400),
        p99_9: ms(5000),
        max: ms(60_000),
    };
    figures.discovery = Some(spread(39_800));
    figures.delivery_linked = Some(spread(1));
    insta::assert_snapshot!(figures.to_string(), @r"
                                   count        min       50 %       90 %       99 %     99.9 %        max
    advert to seen                 39800    1.00 ms    2.00 ms    30.0 ms     400 ms     5.00 s     60.0 s
    seen to link
    joined to link
    sent to heard, one proxy
    sent to heard, over links          1    1.00 ms    2.00 ms    30.0 ms     400 ms     5.00 s     60.0 s

    messages: 0 sent, 0 heard; sessions: 1; faults: 0
    links: 0; dials that failed: 0, that became no link: 0
    simulated time: 1s 500ms
    ");
    let total = Amount { packets: 1000, bytes: 123_456 };
    let traffic =
        Traffic { total, packets_a_second: 666.66, bytes_a_second: 82_304.0, peak_second: total };
    (figures.multicast, figures.unicast) = (Some(traffic), Some(Traffic::default()));
    let table = figures.to_string();
    let rows: Vec<_> = table.lines().filter(|line| line.contains("cast ")).collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
    multicast                       1000      666.7       1000     123456      82304     123456
    unicast                            0        0.0          0          0          0          0
    ");
}

/// Some hours of a world in which something goes on in each second cost as much as the first.
#[test]
fn what_is_over_is_not_kept() {
    let mut measure = Measure::default();
    measure.record(&record(0, started(0)));
    for second in 0..10_000_u32 {
        let at = u64::from(second) * 1000;
        measure.record(&record(at, started(1)));
        measure.record(&record(at, advertised(1)));
        measure.record(&record(at + 1, seen(0, 1)));
        measure.record(&record(at + 2, link_up(0, 1, second.into(), true)));
        measure.record(&record(at + 2, link_up(1, 0, 1, false)));
        measure
            .record(&record(at + 8, Event::LinkDown { proxy: ProxyNo(0), number: second.into() }));
        let stopped = Event::ProxyStopped { proxy: ProxyNo(1), how: Stop::Killed };
        measure.record(&record(at + 9, stopped));
    }
    let held = measure.meetings.held();
    assert!(held < 5, "{held} things are still held");
    assert_eq!(range(measure.figures().seen_to_link), Some((10_000, 1, 1)));
}
