//! A column of a table over another, as an SVG that is legible on any ground.
//!
//! The drawing brings its own ground, light or dark as its reader's system is, so it can stand in
//! a README. Lines are told apart by their dashes as well as by their colour.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::axis::{Axis, label};
use super::{Table, Value};

/// What to draw.
#[derive(Clone, Debug)]
pub struct Plot<'a> {
    /// Above the drawing.
    pub title: &'a str,
    /// The parameter along x; its values must be numbers.
    pub x: &'a str,
    /// The figure along y.
    pub y: &'a str,
    /// A parameter of which each value has a line of its own. The line is the mean of the runs
    /// that differ in other parameters, such as the seed, and the band behind it their range.
    pub line_for_each: Option<&'a str>,
}

/// Why there is nothing to draw.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlotError {
    /// No column has this name.
    #[error("{found:?} is no {kind} of this study; there are {}", .allowed.join(", "))]
    UnknownColumn {
        /// What was asked for.
        found: String,
        /// Whether a parameter or a figure was.
        kind: &'static str,
        /// The names that there are.
        allowed: Vec<String>,
    },
    /// No run has numbers for both axes.
    #[error("no run has a number for both {x:?} and {y:?}")]
    Nothing {
        /// The parameter along x.
        x: String,
        /// The figure along y.
        y: String,
    },
}

/// What a line is for. Numbers come before text, each in their order.
#[derive(Debug)]
struct Name(Value);

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Value::Number(a), Value::Number(b)) => a.total_cmp(b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::Number(_), Value::Text(_)) => Ordering::Less,
            (Value::Text(_), Value::Number(_)) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Name {}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

/// The runs at one place of x.
#[derive(Clone, Copy, Debug)]
struct Point {
    x: f64,
    min: f64,
    mean: f64,
    max: f64,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 66.0;
const BOTTOM: f64 = 58.0;
const MARKS_Y: f64 = 5.0;

/// More lines than styles begin again with the first.
const STYLES: [(&str, &str); 5] =
    [("a", ""), ("b", "9 4"), ("c", "2 4"), ("d", "9 4 2 4"), ("e", "4 4")];

const STYLE: &str = "
  svg { --ground: #ffffff; --ink: #1b1f24; --quiet: #57606a; --grid: #d8dce1;
    --a: #0b57b0; --b: #a85a00; --c: #17693a; --d: #8a3ea8; --e: #a8231b }
  @media (prefers-color-scheme: dark) {
    svg { --ground: #1a1e23; --ink: #e6e9ec; --quiet: #a1a9b2; --grid: #31373e;
      --a: #8ab8f2; --b: #e5a03c; --c: #7bd39b; --d: #d59bec; --e: #ff9d94 }
  }
  text { font: 13px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: var(--quiet) }
  .title { font-size: 16px; font-weight: 600; fill: var(--ink) }
  .name { fill: var(--ink) }
  .grid { stroke: var(--grid) }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
  .band { opacity: .22 }
";

impl Plot<'_> {
    /// The drawing of this table.
    ///
    /// # Errors
    /// Says which column is not there, or that no run has what is asked for.
    pub fn svg(&self, table: &Table) -> Result<String, PlotError> {
        let lines = self.lines(table)?;
        let points = || lines.iter().flat_map(|(_, points)| points);
        let mut places: Vec<f64> = points().map(|point| point.x).collect();
        places.sort_unstable_by(f64::total_cmp);
        places.dedup();
        let most = points().map(|point| point.max).fold(0.0, f64::max);
        let axes = (Axis::of_values(&places), Axis::from_zero(most, MARKS_Y));

        let mut svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">
<title>{}</title>
<style>{STYLE}</style>
<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="var(--ground)"/>
<text class="title" x="20" y="30">{}</text>
"#,
            escape(self.title),
            escape(self.title),
        );
        svg += &self.frame(&axes);
        for (n, (name, line)) in lines.iter().enumerate() {
            svg += &drawn(line, STYLES[n % STYLES.len()], &axes);
            if self.line_for_each.is_some() {
                svg += &key(n, name);
            }
        }
        svg += "</svg>\n";
        Ok(svg)
    }

    /// The points of each line, by its name.
    fn lines(&self, table: &Table) -> Result<Vec<(String, Vec<Point>)>, PlotError> {
        let x = column(&table.parameters, self.x, "parameter")?;
        let y = column(&table.figures, self.y, "figure")?;
        let by = self.line_for_each.map(|by| column(&table.parameters, by, "parameter"));
        let by = by.transpose()?;
        let mut found = BTreeMap::<Name, Vec<(f64, f64)>>::new();
        for run in &table.runs {
            let (Value::Number(x), Some(y)) = (&run.parameters[x], run.figures[y]) else {
                continue;
            };
            let name = by.map_or(Value::Text(String::new()), |by| run.parameters[by].clone());
            found.entry(Name(name)).or_default().push((*x, y));
        }
        if found.is_empty() {
            return Err(PlotError::Nothing { x: self.x.to_owned(), y: self.y.to_owned() });
        }
        Ok(found.into_iter().map(|(name, runs)| (name.0.to_text(), points(runs))).collect())
    }

    /// The grid, the marks and what the axes show.
    fn frame(&self, (x, y): &(Axis, Axis)) -> String {
        let mut svg = String::new();
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        for mark in &y.marks {
            let at = down(y, *mark);
            let (text_at, text) = (at + 4.5, label(*mark));
            let _ = writeln!(
                svg,
                r#"<path class="grid" d="M{LEFT} {at:.1}H{right}"/><text x="{}" y="{text_at:.1}" text-anchor="end">{text}</text>"#,
                LEFT - 8.0,
            );
        }
        for mark in &x.marks {
            let (at, text) = (across(x, *mark), label(*mark));
            let _ = writeln!(
                svg,
                r#"<path class="grid" d="M{at:.1} {bottom}v5"/><text x="{at:.1}" y="{}" text-anchor="middle">{text}</text>"#,
                bottom + 20.0,
            );
        }
        let middle = (LEFT + right) / 2.0;
        let (x, y) = (escape(self.x), escape(self.y));
        let _ = writeln!(
            svg,
            r#"<text class="name" x="{middle}" y="{}" text-anchor="middle">{x}</text><text class="name" x="20" y="{}">{y}</text>"#,
            HEIGHT - 14.0,
            TOP - 14.0,
        );
        svg
    }
}

fn column(names: &[String], name: &str, kind: &'static str) -> Result<usize, PlotError> {
    names.iter().position(|found| found == name).ok_or_else(|| PlotError::UnknownColumn {
        found: name.to_owned(),
        kind,
        allowed: names.to_vec(),
    })
}

/// Runs at the same place of x as one point, in order.
fn points(mut runs: Vec<(f64, f64)>) -> Vec<Point> {
    runs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let same = |a: &(f64, f64), b: &(f64, f64)| a.0.total_cmp(&b.0).is_eq();
    let point = |runs: &[(f64, f64)]| {
        let mean = runs.iter().map(|(_, y)| y).sum::<f64>() / runs.len() as f64;
        Point { x: runs[0].0, min: runs[0].1, mean, max: runs[runs.len() - 1].1 }
    };
    runs.chunk_by(same).map(point).collect()
}

/// A line with its band and its marks.
fn drawn(points: &[Point], (paint, dashes): (&str, &str), (x, y): &(Axis, Axis)) -> String {
    let at = |point: &Point, value: f64| format!("{:.1} {:.1}", across(x, point.x), down(y, value));
    let path = |places: Vec<String>| format!("M{}", places.join("L"));
    let upper = points.iter().map(|point| at(point, point.max));
    let lower = points.iter().rev().map(|point| at(point, point.min));
    let band = path(upper.chain(lower).collect());
    let line = path(points.iter().map(|point| at(point, point.mean)).collect());
    let mut svg = format!(
        "<path class=\"band\" fill=\"var(--{paint})\" d=\"{band}Z\"/>\n\
         <path class=\"line\" stroke=\"var(--{paint})\" stroke-dasharray=\"{dashes}\" d=\"{line}\"/>\n"
    );
    for point in points {
        let (across, down) = (across(x, point.x), down(y, point.mean));
        let _ = writeln!(
            svg,
            r#"<circle cx="{across:.1}" cy="{down:.1}" r="4" fill="var(--{paint})"/>"#
        );
    }
    svg
}

/// The name of the `n`th line, within the frame.
fn key(n: usize, name: &str) -> String {
    let (paint, dashes) = STYLES[n % STYLES.len()];
    let (left, at) = (LEFT + 16.0, TOP + 18.0 + n as f64 * 22.0);
    format!(
        "<path class=\"line\" stroke=\"var(--{paint})\" stroke-dasharray=\"{dashes}\" d=\"M{left} {at}h34\"/>\
         <text class=\"name\" x=\"{}\" y=\"{}\">{}</text>\n",
        left + 44.0,
        at + 4.5,
        escape(name),
    )
}

fn across(axis: &Axis, value: f64) -> f64 {
    LEFT + axis.place(value) * (WIDTH - LEFT - RIGHT)
}

fn down(axis: &Axis, value: f64) -> f64 {
    HEIGHT - BOTTOM - axis.place(value) * (HEIGHT - TOP - BOTTOM)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use roxmltree::Document;

    fn table() -> Table {
        let mut table = Table::new(&["proxies", "seed", "network"], &["packets/s", "never"]);
        for proxies in [10_u32, 50, 100, 200] {
            for seed in 1..=3_u32 {
                let packets = f64::from(proxies * proxies) / 100.0 + f64::from(seed * 5);
                let cells = |network: &str| vec![proxies.into(), seed.into(), network.into()];
                table.push(cells("wired"), vec![Some(packets), None]);
                table.push(cells("wireless <slow>"), vec![Some(packets / 2.0), None]);
            }
        }
        table
    }

    const PLOT: Plot<'_> = Plot {
        title: "How \"much\" & <what>",
        x: "proxies",
        y: "packets/s",
        line_for_each: Some("network"),
    };

    /// The places of a path.
    fn places(document: &Document<'_>, class: &str, n: usize) -> Vec<(f64, f64)> {
        let of_class = |node: &roxmltree::Node<'_, '_>| node.attribute("class") == Some(class);
        let path = document.descendants().filter(of_class).nth(n).unwrap().attribute("d").unwrap();
        let pairs = path.trim_matches(['M', 'Z']).split('L');
        pairs
            .map(|pair| {
                let (x, y) = pair.split_once(' ').unwrap();
                (x.parse().unwrap(), y.parse().unwrap())
            })
            .collect()
    }

    #[test]
    fn a_line_is_the_mean_over_seeds_and_its_band_their_range() {
        let svg = PLOT.svg(&table()).unwrap();
        let document = Document::parse(&svg).unwrap();
        let line = places(&document, "line", 0);
        let band = places(&document, "band", 0);
        assert_eq!((line.len(), band.len()), (4, 8));
        // 200 proxies: 405, 410 and 415 packets, on an axis from 0 to 500; x from 0 to 200.
        let (height, width) = (HEIGHT - TOP - BOTTOM, WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - value / 500.0 * height;
        let close =
            |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).abs() < 0.06 && (a.1 - b.1).abs() < 0.06;
        assert!(close(line[3], (LEFT + width, y(410.0))), "{:?}", line[3]);
        assert!(close(line[1], (LEFT + width / 4.0, y(35.0))), "{:?}", line[1]);
        assert!(close(band[3], (LEFT + width, y(415.0))), "{:?}", band[3]);
        assert!(close(band[4], (LEFT + width, y(405.0))), "{:?}", band[4]);
    }

    #[test]
    fn names_and_units_are_there_and_are_text() {
        let svg = PLOT.svg(&table()).unwrap();
        let document = Document::parse(&svg).unwrap();
        let texts: Vec<_> =
            document.descendants().filter(|node| node.has_tag_name("text")).collect();
        let texts: Vec<_> = texts.iter().filter_map(|node| node.text()).collect();
        for text in [PLOT.title, "proxies", "packets/s", "wired", "wireless <slow>", "500", "200"] {
            assert!(texts.contains(&text), "{text} is not in {texts:?}");
        }
        assert!(!texts.contains(&"never"));
    }

    #[test]
    fn lines_are_in_the_order_of_their_values() {
        let mut table = Table::new(&["x", "by"], &["y"]);
        for by in [Value::from("text"), Value::from(10), Value::from(2)] {
            table.push(vec![1.into(), by], vec![Some(1.0)]);
        }
        let plot = Plot { x: "x", y: "y", line_for_each: Some("by"), ..PLOT };
        let lines = plot.lines(&table).unwrap();
        assert_eq!(lines.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["2", "10", "text"]);
    }

    #[test]
    fn without_lines_by_a_parameter_there_is_one_and_no_key() {
        let svg = Plot { line_for_each: None, ..PLOT }.svg(&table()).unwrap();
        let document = Document::parse(&svg).unwrap();
        let lines = document.descendants().filter(|node| node.attribute("class") == Some("line"));
        assert_eq!(lines.count(), 1);
    }

    #[test]
    fn what_is_not_there_is_told() {
        let told = |plot: Plot<'_>| plot.svg(&table()).unwrap_err().to_string();
        assert_eq!(
            told(Plot { x: "hosts", ..PLOT }),
            "\"hosts\" is no parameter of this study; there are proxies, seed, network"
        );
        assert_eq!(
            told(Plot { y: "seed", ..PLOT }),
            "\"seed\" is no figure of this study; there are packets/s, never"
        );
        let nothing = "no run has a number for both \"proxies\" and \"never\"";
        assert_eq!(told(Plot { y: "never", ..PLOT }), nothing);
    }
}
