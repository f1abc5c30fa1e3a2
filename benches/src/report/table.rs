//! The report as text.

use std::fmt::Write;

use super::{Bar, Figure, Row};

/// A load that computes for more than this part of the time may be what is measured.
const SATURATED: f64 = 0.95;

/// The rows of one case.
pub(super) fn rows(rows: &[Row]) -> String {
    let mut out = String::new();
    let Some(first) = rows.first() else { return out };
    let _ = writeln!(out, "\n{}", first.case);
    let _ = writeln!(
        out,
        "  {:<24} {:>9} {:>11} {:>9} {:>9} {:>9} {:>8} {:>8} {:>5}",
        "server",
        "CPU ns",
        "deliver./s",
        "50 % µs",
        "99 % µs",
        "99.9 % µs",
        "/turn",
        "/message",
        "load"
    );
    for row in rows {
        let ratio = |ratio: Option<f64>| ratio.map_or("-".to_owned(), |r| format!("{r:.2}"));
        let _ = writeln!(
            out,
            "  {:<24} {:>9.0} {:>11.0} {:>9.0} {:>9.0} {:>9.0} {:>8} {:>8} {:>5.2}{}",
            row.server.name(),
            row.cpu_ns,
            row.deliveries_per_second,
            row.latency.p50,
            row.latency.p99,
            row.latency.p999,
            ratio(row.to_turn),
            ratio(row.to_message),
            row.load,
            if row.load > SATURATED { "  the load is at its limit" } else { "" },
        );
    }
    out
}

/// One figure.
pub(super) fn figure(figure: &Figure) -> String {
    format!("  {}: {} {}", figure.what, number(figure.value), figure.unit)
}

/// A number with three digits or more.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The bars, and whether they are met.
pub(super) fn bars(bars: &[Bar]) -> String {
    let mut out = String::new();
    for bar in bars {
        let verdict = if bar.met { "met    " } else { "NOT MET" };
        let (measured, limit) = (number(bar.measured), number(bar.limit));
        let word = if bar.at_least { "at least" } else { "at most" };
        let _ = writeln!(out, "{verdict}  {measured:>7} ({word} {limit})  {}", bar.what);
    }
    out
}
