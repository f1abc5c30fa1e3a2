//! Plots of a report, as SVG: cost against readers, cost against size, latency.

use std::collections::BTreeMap;

use plotters::prelude::*;

use super::{Report, Row};
use crate::error::{Context, Error};
use crate::servers::Kind;

const SIZE: (u32, u32) = (760, 420);

/// The points of each server.
type Lines = BTreeMap<Kind, Vec<(f64, f64)>>;

/// All plots for which there are points.
pub(super) fn all(report: &Report) -> Result<Vec<String>, Error> {
    let lines = |of: &dyn Fn(&Row) -> bool, point: &dyn Fn(&Row) -> (f64, f64)| {
        let mut lines = Lines::new();
        for row in report.rows.iter().filter(|row| row.case.scenario == "fanout" && of(row)) {
            lines.entry(row.server).or_default().push(point(row));
        }
        lines
    };
    let readers = |row: &Row| row.case.readers as f64;
    let cpu = |row: &Row| row.cpu_ns / 1e3;
    let mut plots = Vec::new();
    for outstanding in [1, 64] {
        plots.push((
            format!("CPU for each delivery by readers: 64 B, {outstanding} outstanding"),
            ("readers", "µs"),
            lines(&|row| row.case.size == 64 && row.case.outstanding == outstanding, &|row| {
                (readers(row), cpu(row))
            }),
        ));
        plots.push((
            format!("CPU for each delivery by size: 100 readers, {outstanding} outstanding"),
            ("bytes", "µs"),
            lines(&|row| row.case.readers == 100 && row.case.outstanding == outstanding, &|row| {
                (row.case.size as f64, cpu(row))
            }),
        ));
    }
    plots.push((
        "99 % latency by readers: 64 B, one message at a time".to_owned(),
        ("readers", "µs"),
        lines(&|row| row.case.size == 64 && row.case.outstanding == 1, &|row| {
            (readers(row), row.latency.p99)
        }),
    ));
    let drawn = plots.into_iter().filter(|(_, _, lines)| lines.values().any(|l| l.len() > 1));
    drawn.map(|(title, axes, lines)| draw(&title, axes, &lines)).collect()
}

fn draw(title: &str, axes: (&str, &str), lines: &Lines) -> Result<String, Error> {
    let mut svg = String::new();
    drawn(&mut svg, title, axes, lines).with(|| format!("drawing {title}"))?;
    Ok(svg)
}

fn drawn(
    svg: &mut String,
    title: &str,
    (x_name, y_name): (&str, &str),
    lines: &Lines,
) -> Result<(), Box<dyn std::error::Error>> {
    let points = || lines.values().flatten();
    let bounds = |of: fn(&(f64, f64)) -> f64| {
        let low = points().map(of).fold(f64::INFINITY, f64::min);
        let high = points().map(of).fold(0.0, f64::max);
        low * 0.8..high * 1.25
    };
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(bounds(|p| p.0).log_scale(), bounds(|p| p.1).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(x_name)
        .y_desc(y_name)
        .x_label_formatter(&|value| format!("{value:.0}"))
        .y_label_formatter(&|value| super::table::number(*value))
        .light_line_style(WHITE)
        .draw()?;
    for (index, (server, points)) in lines.iter().enumerate() {
        let colour = Palette99::pick(index).to_rgba();
        let line = LineSeries::new(points.iter().copied(), colour.stroke_width(2)).point_size(3);
        chart
            .draw_series(line)?
            .label(server.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.2))
        .draw()?;
    area.present()?;
    Ok(())
}
