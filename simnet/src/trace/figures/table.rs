//! Figures as a table for a terminal.

use std::fmt;

use super::{Figures, Short, Spread, Traffic};

/// What the five spreads of times are called.
pub(super) const NAMES: [&str; 5] = [
    "advert to seen",
    "seen to link",
    "joined to link",
    "sent to heard, one proxy",
    "sent to heard, over links",
];

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quantiles = ["count", "min", "50 %", "90 %", "99 %", "99.9 %", "max"];
        write_row(f, "", quantiles.map(str::to_owned))?;
        for (name, spread) in self.spreads() {
            write_row(f, name, spread.map_or_else(|| [const { String::new() }; 7], cells))?;
        }
        if let (Some(multicast), Some(unicast)) = (&self.multicast, &self.unicast) {
            writeln!(f)?;
            let rates = ["packets", "packets/s", "in 1 s", "bytes", "bytes/s", "in 1 s"];
            write_row(f, "", rates.map(str::to_owned))?;
            write_row(f, "multicast", rates_of(multicast))?;
            write_row(f, "unicast", rates_of(unicast))?;
            writeln!(
                f,
                "packets lost: {}; mDNS answers suppressed because they were known: {}",
                self.lost, self.answers_suppressed
            )?;
        }
        writeln!(f)?;
        let Self { sent, heard, sessions, faults, .. } = self;
        writeln!(
            f,
            "messages: {sent} sent, {heard} heard; sessions: {sessions}; faults: {faults}"
        )?;
        let Self { links, dials_failed, dials_without_link, .. } = self;
        writeln!(
            f,
            "links: {links}; dials that failed: {dials_failed}, that became no link: {dials_without_link}"
        )?;
        write!(f, "simulated time: {}", humantime::format_duration(self.run))
    }
}

impl Figures {
    /// The spreads of times with their names.
    fn spreads(&self) -> [(&'static str, Option<&Spread>); 5] {
        let [discovery, seen, joined, local, linked] = NAMES;
        [
            (discovery, self.discovery.as_ref()),
            (seen, self.seen_to_link.as_ref()),
            (joined, self.joined_to_link.as_ref()),
            (local, self.delivery_local.as_ref()),
            (linked, self.delivery_linked.as_ref()),
        ]
    }
}

fn cells(spread: &Spread) -> [String; 7] {
    let Spread { count, min, p50, p90, p99, p99_9, max } = *spread;
    let [a, b, c, d, e, f] = [min, p50, p90, p99, p99_9, max].map(|time| Short(time).to_string());
    [count.to_string(), a, b, c, d, e, f]
}

fn rates_of(traffic: &Traffic) -> [String; 6] {
    let Traffic { total, packets_a_second, bytes_a_second, peak_second } = traffic;
    [
        total.packets.to_string(),
        format!("{packets_a_second:.1}"),
        peak_second.packets.to_string(),
        total.bytes.to_string(),
        format!("{bytes_a_second:.0}"),
        peak_second.bytes.to_string(),
    ]
}

fn write_row<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    cells: [String; N],
) -> fmt::Result {
    let mut row = format!("{name:<25}");
    for cell in cells {
        row += &format!(" {cell:>10}");
    }
    writeln!(f, "{}", row.trim_end())
}
