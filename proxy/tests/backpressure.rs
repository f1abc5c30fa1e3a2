//! Readers that are slow or take nothing: nobody loses a message, memory stays bounded, and only
//! who shares the channel waits (PROTOCOL.md section 6).

#![expect(clippy::disallowed_methods, reason = "tests live in real time")]

mod support;

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use support::flood::{Flood, Reader};
use support::wire::{self, FIN, PING, Wire};
use support::{PATIENCE, Proxy, until};

const CHANNEL: &str = "/local/x";
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// `--queue-size` in all tests here, and what may lie above it: one read of a sender, with the
/// message that it ended within, and the cost of an entry.
const QUEUE: &str = "1MiB";
const QUEUE_BYTES: u64 = 1024 * KIB;
const BATCH_BYTES: u64 = 256 * KIB + 2 * LEN as u64 + 128;

/// Bytes in most messages: small against all buffers, and no divisor of any.
const LEN: usize = 3001;

fn proxy_with(stall_time: &str) -> Proxy {
    Proxy::with(&["--queue-size", QUEUE, "--stall-time", stall_time])
}

/// What waits in the proxy for the members of the channel.
fn queued(proxy: &Proxy) -> u64 {
    proxy.of_channel(CHANNEL, "queued_bytes")
}

#[test]
fn a_slow_reader_slows_its_sender_down_and_loses_nothing() {
    let proxy = proxy_with("10s");
    let mut reader = Reader::join(proxy.address(), CHANNEL, LEN);
    let flood = Flood::start(proxy.address(), CHANNEL, LEN);
    let held_at = flood.until_held();
    assert!(queued(&proxy) >= QUEUE_BYTES, "held before its queue was full");
    assert!(queued(&proxy) <= QUEUE_BYTES + BATCH_BYTES, "{} wait", queued(&proxy));
    // What the kernels hold, theirs and ours, is the rest; the proxy has read no more.
    let received = proxy.counter("bytes_received");
    assert!(received <= held_at, "{received} of {held_at}");
    // Slower than the sender would like; the queue is as full as it may be, and no fuller.
    for step in 1..=16 {
        while reader.wire.taken < step * MIB {
            reader.read_one();
            if reader.next.is_multiple_of(32) {
                thread::sleep(Duration::from_millis(1));
            }
        }
        let queued = queued(&proxy);
        assert!(queued <= QUEUE_BYTES + BATCH_BYTES, "{queued} wait after {step} MiB");
    }
    flood.stop();
    reader.read_to_end();
    assert_eq!(reader.next, flood.sent());
    // The last word of the flood is one message more.
    assert_eq!(proxy.counter("messages_received"), reader.next + 1);
    reader.leave();
    assert_eq!(proxy.counter("clients_stalled"), 0);
}

#[test]
fn a_stalled_reader_is_closed_and_its_channel_moves_on() {
    let proxy = proxy_with("2s");
    let mut stalled = Reader::join(proxy.address(), CHANNEL, LEN);
    let mut good = Reader::join(proxy.address(), CHANNEL, LEN);
    let started = Instant::now();
    let flood = Flood::start(proxy.address(), CHANNEL, LEN);
    let reading = thread::spawn(move || {
        good.read_to_end();
        good
    });
    flood.until_held();
    assert_eq!(proxy.counter("clients_stalled"), 0);
    let mut received = 0;
    until("the cut", || {
        let counters = &proxy.status()["counters"];
        if counters["clients_stalled"] == 0 {
            received = counters["messages_received"].as_u64().expect("a number");
        }
        counters["clients_stalled"] == 1
    });
    assert!(started.elapsed() >= Duration::from_secs(2), "cut before its time");
    // Out of the channel at once, though it has read nothing of that.
    assert_eq!(proxy.of_channel(CHANNEL, "clients"), 2);
    flood.until_accepted(16 * MIB);
    flood.stop();
    let good = reading.join().expect("a reader that keeps up is not disturbed");
    let sent = flood.sent();
    assert_eq!(good.next, sent);
    good.leave();
    // It wakes up, finds whole messages from the first on, and then the word that there were more.
    let (code, reason) = stalled.read_until_close();
    assert_eq!(code, 1008);
    assert!(reason.len() > 10, "{reason:?}");
    // Without what waited in its queue, all but the frame under way.
    assert!(received < sent, "{received} of {sent}");
    let lost = received - stalled.next;
    assert!(lost * LEN as u64 > QUEUE_BYTES - BATCH_BYTES, "only {lost} messages were dropped");
    assert!(stalled.next > 0);
    stalled.wire.send(&wire::close(1008));
    stalled.wire.ended();
    assert_eq!(proxy.counter("clients_stalled"), 1);
}

#[test]
fn a_stalled_reader_costs_other_channels_nothing() {
    let proxy = proxy_with("10m");
    let mut stalled = Reader::join(proxy.address(), CHANNEL, LEN);
    let flood = Flood::start(proxy.address(), CHANNEL, LEN);
    let held_at = flood.until_held();
    for path in ["/local/y", "/broadcast/x"] {
        let (mut a, mut b) = (proxy.join(path), proxy.join(path));
        for number in 0..500 {
            a.send(format!("{number} there"));
            b.hears(format!("{number} there"));
            b.send(format!("{number} back"));
            a.hears(format!("{number} back"));
        }
        // And more than a queue holds, in one go.
        thread::scope(|scope| {
            scope.spawn(|| (0..100).for_each(|n| a.send(support::flood::payload(n, 20_000))));
            (0..100).for_each(|n| b.hears(support::flood::payload(n, 20_000)));
        });
    }
    // All that passed while the other channel stood, and stands.
    assert_eq!(flood.accepted(), held_at, "the other channel was not held all the time");
    assert!(queued(&proxy) >= QUEUE_BYTES);
    assert_eq!(proxy.counter("clients_stalled"), 0);
    flood.stop();
    stalled.read_to_end();
    assert_eq!(stalled.next, flood.sent());
    stalled.leave();
}

#[test]
fn memory_is_bounded_however_hard_they_push() {
    const SENDERS: u64 = 8;
    let proxy = proxy_with("2s");
    let stalled = Reader::join(proxy.address(), CHANNEL, LEN);
    let before = proxy.memory("VmRSS");
    let floods: Vec<Flood> =
        (0..SENDERS).map(|_| Flood::start(proxy.address(), CHANNEL, 20_000)).collect();
    let mut most_queued = 0;
    until("the cut", || {
        most_queued = most_queued.max(queued(&proxy));
        proxy.counter("clients_stalled") == 1
    });
    // They were pushing all the time, and now that nobody holds them they get on.
    for flood in &floods {
        flood.until_accepted(MIB);
    }
    // Each member's queue holds its limit and one read of each sender; senders are members too,
    // and what several queues hold is in memory once. Twice that, for the allocator's sake.
    let bound = 2 * (SENDERS + 1) * (QUEUE_BYTES + SENDERS * 96 * KIB);
    assert!(most_queued <= bound, "{most_queued} bytes waited");
    assert!(most_queued >= QUEUE_BYTES, "nobody was held back: {most_queued}");
    // The peak, not what it is now.
    if let (Some(before), Some(peak)) = (before, proxy.memory("VmHWM")) {
        let grown = peak - before;
        assert!(grown <= bound, "memory grew by {} KiB of {} KiB", grown / KIB, bound / KIB);
    }
    drop(stalled);
    for flood in floods {
        flood.sent();
    }
    until("all to have left", || proxy.of_channel(CHANNEL, "clients") == 0);
}

#[test]
fn who_is_held_is_not_taken_for_dead() {
    let proxy = Proxy::with(&["--queue-size", QUEUE, "--stall-time", "10m", "--keep-alive", "1s"]);
    let mut reader = Reader::join(proxy.address(), CHANNEL, LEN);
    // The reader says that it lives, though it reads nothing: it is not the subject here.
    let (mut speaker, done) = (reader.wire.stream.try_clone().unwrap(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(SeqCst) {
                speaker.write_all(&wire::frame(FIN | wire::PONG, b"")).expect("it is open");
                thread::sleep(Duration::from_millis(100));
            }
        });
        let flood = Flood::start(proxy.address(), CHANNEL, LEN);
        let held_at = flood.until_held();
        // Three keep-alive times by the proxy's own clock; after two a silent one is dropped.
        let mut clock = proxy.join_bare("/local/clock");
        for _ in 0..3 {
            let ping = clock.frame();
            clock.send(&wire::frame(FIN | wire::PONG, &ping.payload));
        }
        let accepted = flood.accepted();
        done.store(true, SeqCst);
        assert_eq!(accepted, held_at, "it was not held all the time");
        flood.stop();
        reader.read_to_end();
        assert_eq!(reader.next, flood.sent());
    });
    assert_eq!(proxy.counter("connections_dead"), 0);
}

#[test]
fn a_reader_that_takes_a_little_all_the_time_is_not_cut() {
    let stall_time = Duration::from_secs(2);
    let proxy = proxy_with("2s");
    // So narrow that what it takes shows at the proxy's side soon: TCP opens its window in steps.
    let mut reader = Wire::open_narrow(proxy.address(), 4096);
    reader.upgrade(CHANNEL);
    let flood = Flood::start(proxy.address(), CHANNEL, LEN);
    // Byte by byte, some 20 KiB in a second: 40 KiB in each stall time, three of them from when
    // its queue is full.
    let (started, mut taken, mut full) = (Instant::now(), 0, None::<Instant>);
    while full.is_none_or(|since| since.elapsed() < 3 * stall_time) {
        let due = started.elapsed().as_millis() as usize * 20;
        while taken < due {
            reader.stream.read_exact(&mut [0]).expect("there is more");
            taken += 1;
        }
        if full.is_none() && queued(&proxy) >= QUEUE_BYTES {
            full = Some(Instant::now());
        }
        assert!(started.elapsed() < PATIENCE, "its queue was never full");
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(proxy.counter("clients_stalled"), 0, "cut after {taken} bytes taken in 6 s");
    assert!(queued(&proxy) >= QUEUE_BYTES, "its queue was not full all the time");
    drop(reader);
    flood.sent();
}

#[test]
fn who_pings_and_reads_no_answer_costs_no_memory() {
    let proxy = proxy_with("1s");
    let before = proxy.memory("VmRSS");
    let mut wire = Wire::open_narrow(proxy.address(), 4096);
    wire.upgrade(CHANNEL);
    wire.stream.set_write_timeout(Some(Duration::from_millis(100))).expect("a socket option");
    let pings = wire::frame(FIN | PING, &[7; 125]).repeat(1000);
    let (mut sent, started) = (0_u64, Instant::now());
    // Until the proxy cuts it; to be held back means that only some MiB get out until then.
    until("the cut", || {
        // On from within the ping that was cut.
        let rest = &pings[sent as usize % (pings.len() / 1000)..];
        sent += wire.stream.write(rest).unwrap_or_default() as u64;
        assert!(sent < 200 * MIB, "nothing holds it back");
        proxy.counter("clients_stalled") == 1
    });
    assert!(started.elapsed() >= Duration::from_secs(1));
    if let (Some(before), Some(peak)) = (before, proxy.memory("VmHWM")) {
        let grown = (peak - before) / KIB;
        assert!(grown < 4096, "memory grew by {grown} KiB");
    }
    let close = loop {
        let frame = wire.frame();
        if frame.first != FIN | wire::PONG {
            break frame.close_code();
        }
    };
    assert_eq!(close.0, 1008);
}

#[test]
fn who_reads_nothing_may_ping_and_is_heard() {
    let proxy = proxy_with("10m");
    let mut reader = Reader::join(proxy.address(), CHANNEL, LEN);
    let flood = Flood::start(proxy.address(), CHANNEL, LEN);
    flood.until_held();
    let (received, waiting) = (proxy.counter("messages_received"), queued(&proxy));
    // Were it held back for its own pong, which waits behind what it does not read, nobody would
    // hear it; two proxies at the ends of a link that is full both ways would wait for each other.
    reader.wire.send(&wire::frame(FIN | PING, b"a"));
    until("the pong in the queue", || queued(&proxy) > waiting);
    reader.wire.send(&wire::text("one"));
    until("one word", || proxy.counter("messages_received") == received + 1);
    let more = [&b"b"[..], b"c", b"d"].map(|payload| wire::frame(FIN | PING, payload)).concat();
    reader.wire.send(&[more, wire::text("two")].concat());
    until("both words", || proxy.counter("messages_received") == received + 2);
    assert!(queued(&proxy) <= QUEUE_BYTES + BATCH_BYTES, "{} wait", queued(&proxy));
    flood.stop();
    reader.read_to_end();
    assert_eq!(reader.next, flood.sent());
    if reader.pongs.len() == 1 {
        // It is queued when the first is written, and the flood's end may be queued before that.
        let frame = reader.wire.frame();
        assert_eq!(frame.first, FIN | wire::PONG);
        reader.pongs.push(frame.payload);
    }
    assert_eq!(reader.pongs, [b"a", b"d"], "the first, and of those behind it the newest");
    reader.leave();
}

#[test]
fn a_slow_reader_hears_its_ping_in_time() {
    // Small, so that the sender, which answers no pings, is held nearly to the end.
    let args = ["--queue-size", "256KiB", "--stall-time", "10m", "--keep-alive", "2s"];
    let proxy = Proxy::with(&args);
    let mut wire = Wire::open_narrow(proxy.address(), 4096);
    wire.upgrade(CHANNEL);
    let mut sender = proxy.join(CHANNEL);
    let message = support::noise(7, 20_000);
    // 2 MB, of which the proxy keeps a part and the kernels the rest.
    thread::scope(|scope| {
        scope.spawn(|| (0..100).for_each(|_| sender.send(message.clone())));
        let (started, mut taken, mut heard) = (Instant::now(), 0, 0);
        // 100 KB a second. Were megabytes of it in the kernels' hands, the ping that comes when
        // the proxy has written all would be answered long after the 4 s that a reader has.
        while heard < 100 {
            while taken > started.elapsed().as_millis() as usize * 100 {
                thread::sleep(Duration::from_millis(5));
            }
            let frame = wire.frame();
            taken += frame.payload.len();
            match frame.first & 0xf {
                PING => wire.send(&wire::frame(FIN | wire::PONG, &frame.payload)),
                _ => {
                    assert!(frame.payload == message, "message {heard} is not intact");
                    heard += 1;
                }
            }
        }
    });
    assert_eq!(proxy.counter("connections_dead"), 0);
    assert_eq!(proxy.of_channel(CHANNEL, "clients"), 2);
}
