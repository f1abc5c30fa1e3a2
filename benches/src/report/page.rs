//! The report as one page that needs nothing else.

use std::fmt::Write;

use super::table::number;
use super::{Report, plot};
use crate::error::Error;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:64em;margin:2em auto;\
padding:0 1em;color:#222}table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .7em;\
border-bottom:1px solid #ddd;text-align:right}td:first-child,th:first-child,td:nth-child(2),\
th:nth-child(2){text-align:left}.no{color:#b00020;font-weight:600}.yes{color:#1b6e3c}\
svg{max-width:100%;height:auto}";

/// The page.
pub(super) fn html(report: &Report) -> Result<String, Error> {
    let mut out = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Named WebSockets: benchmarks\
         </title><style>{STYLE}</style><h1>Named WebSockets: benchmarks</h1><p>{}</p><p>CPU is \
         that of the server, from the system's own accounting, for each delivery; each figure is \
         the median of turns that the servers had by turns. Rates and latencies are by the wall \
         clock: what else the machine did shows in them.</p>",
        escape(&report.machine)
    );
    bars(report, &mut out);
    for figure in plot::all(report)? {
        out.push_str(&figure);
    }
    rows(report, &mut out);
    figures(report, &mut out);
    out.push_str("</html>\n");
    Ok(out)
}

fn bars(report: &Report, out: &mut String) {
    out.push_str("<h2>Bars</h2><table><tr><th>bar<th>verdict<th>measured<th>limit");
    for bar in &report.bars {
        let (class, verdict) = if bar.met { ("yes", "met") } else { ("no", "not met") };
        let word = if bar.at_least { "≥" } else { "≤" };
        let _ = write!(
            out,
            "<tr><td>{}<td class={class}>{verdict}<td>{}<td>{word} {}",
            escape(&bar.what),
            number(bar.measured),
            number(bar.limit)
        );
    }
    out.push_str("</table>");
}

fn rows(report: &Report, out: &mut String) {
    out.push_str(
        "<h2>All cases</h2><table><tr><th>case<th>server<th>CPU ns<th>deliveries/s<th>50 % µs\
         <th>99 % µs<th>99.9 % µs<th>times a send a turn<th>times a send a message<th>load",
    );
    for row in &report.rows {
        let ratio = |ratio: Option<f64>| ratio.map_or(String::new(), |r| format!("{r:.2}"));
        let _ = write!(
            out,
            "<tr><td>{}<td>{}<td>{:.0}<td>{:.0}<td>{:.0}<td>{:.0}<td>{:.0}<td>{}<td>{}<td>{:.2}",
            escape(&row.case.to_string()),
            row.server.name(),
            row.cpu_ns,
            row.deliveries_per_second,
            row.latency.p50,
            row.latency.p99,
            row.latency.p999,
            ratio(row.to_turn),
            ratio(row.to_message),
            row.load
        );
    }
    out.push_str("</table>");
}

fn figures(report: &Report, out: &mut String) {
    out.push_str("<h2>Other figures</h2><table><tr><th>what<th>unit<th>value");
    for figure in &report.figures {
        let (what, value) = (escape(&figure.what), number(figure.value));
        let _ = write!(out, "<tr><td>{what}<td>{}<td>{value}", figure.unit);
    }
    out.push_str("</table>");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
