//! `simnet study`: a grid of parameters, each with several seeds, as a table and a plot.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::PathBuf;

use serde_json::Value as Json;
use simnet::run::{Keep, run};
use simnet::scenario::Scenario;
use simnet::trace::study::{Plot, Table, Value};
use simnet::world;

use super::out::{self, Words, cannot_write, create};
use super::progress::Steps;
use super::{Engine, Failure};

/// Run a scenario for each value of a parameter, and plot a figure.
///
/// "How does mDNS traffic grow with proxies?" is
/// `simnet study conference --vary proxies:hosts.0.count=10,50,100,200 --plot
/// multicast.packets_a_second`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A built-in scenario, or a scenario's .toml file.
    target: String,

    /// A key of the scenario and the values that it takes in turn, such as `hosts.0.count=10,20` or
    /// `hosts.0.quality.duplicate=0,0.1`; with what to call it, if not by its key, in front:
    /// `proxies:hosts.0.count=10,20`. Repeated, every combination is run.
    #[arg(long, value_name = "[NAME:]KEY=VALUE,…", required = true)]
    vary: Vec<String>,

    /// How many seeds for each combination, from 1 on.
    #[arg(long, value_name = "NUMBER", default_value = "3")]
    seeds: NonZero<u64>,

    /// The figure to plot, by its place in the JSON of `simnet run --json`.
    #[arg(long, value_name = "FIGURE", default_value = "multicast.packets_a_second")]
    plot: String,

    /// What to run it on.
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,

    /// Where to write all figures of all runs.
    #[arg(long, value_name = "FILE", default_value = "study.csv")]
    csv: PathBuf,

    /// What to write above the plot. By default what the scenario shows.
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,

    /// Where to write the plot, over the first key that varies.
    #[arg(long, value_name = "FILE", default_value = "study.svg")]
    svg: PathBuf,
}

/// One key and its values.
struct Vary {
    name: String,
    key: String,
    values: Vec<toml::Value>,
}

/// One run: the values of what varies, the seed, and its figures, each with its place.
struct Row {
    values: Vec<toml::Value>,
    seed: u64,
    figures: Vec<(String, f64)>,
}

/// Runs them all and writes both files.
pub(super) fn study(args: &Args) -> Result<(), Failure> {
    let scenario = Scenario::find(&args.target).map_err(Failure::wrong)?;
    let vary = args.vary.iter().map(|text| parse(text)).collect::<Result<Vec<_>, _>>()?;
    let names: BTreeSet<_> = vary.iter().map(|vary| &vary.name).collect();
    if names.len() < vary.len() {
        return Err(Failure::wrong("--vary: two have the same name; put another one in front"));
    }
    let grid = combinations(&vary).into_iter().map(|values| {
        let scenario = with_values(&scenario, &vary, &values)?;
        Ok((values, scenario))
    });
    let grid = grid.collect::<Result<Vec<_>, Failure>>()?;
    let (mut csv, mut svg) = (create(&args.csv)?, create(&args.svg)?);
    let words = Words::beside([Some(args.csv.as_path()), Some(&args.svg)]);
    let rows = run_all(args, &vary, &grid)?;
    let table = table(&vary, &rows);
    table.write_csv(&mut csv).map_err(|error| cannot_write(&args.csv, &error))?;
    let title = args.title.as_ref().unwrap_or(&scenario.title);
    let line_for_each = vary.get(1).map(|vary| vary.name.as_str());
    let plot = Plot { title, x: &vary[0].name, y: &args.plot, line_for_each };
    let plot = plot.svg(&table).map_err(Failure::wrong)?;
    out::write(&args.svg, &mut svg, &plot)?;
    words.say(&format!("{} runs: {} and {}", rows.len(), args.csv.display(), args.svg.display()))
}

fn run_all(
    args: &Args,
    vary: &[Vary],
    grid: &[(Vec<toml::Value>, Scenario)],
) -> Result<Vec<Row>, Failure> {
    let seeds = args.seeds.get();
    let steps = Steps::new((grid.len() as u64).saturating_mul(seeds), &args.target);
    let mut rows = Vec::new();
    for (values, scenario) in grid {
        for seed in 1..=seeds {
            let figures = figures(scenario, seed, args.engine.into()).map_err(|failure| {
                Failure::Failed(format!("{}, seed {seed}: {failure}", with(vary, values)))
            })?;
            steps.tried(rows.len() + 1, &format!("seed {seed}"));
            rows.push(Row { values: values.clone(), seed, figures });
        }
    }
    steps.done();
    Ok(rows)
}

/// Such as `with hosts.0.count=10 and length=1m`.
fn with(vary: &[Vary], values: &[toml::Value]) -> String {
    let each = vary.iter().zip(values).map(|(Vary { key, .. }, value)| format!("{key}={value}"));
    format!("with {}", each.collect::<Vec<_>>().join(" and "))
}

/// All rows, with a column for each figure that any of them has.
fn table(vary: &[Vary], rows: &[Row]) -> Table {
    let names = rows.iter().flat_map(|row| row.figures.iter().map(|(name, _)| name.as_str()));
    let mut columns: Vec<&str> = Vec::new();
    for name in names {
        if !columns.contains(&name) {
            columns.push(name);
        }
    }
    let mut parameters: Vec<&str> = vary.iter().map(|vary| vary.name.as_str()).collect();
    parameters.push("seed");
    let mut table = Table::new(&parameters, &columns);
    for Row { values, seed, figures } in rows {
        let mut cells: Vec<Value> = values.iter().map(cell).collect();
        cells.push((*seed as f64).into());
        let of = |name: &&str| figures.iter().find(|(n, _)| n == name).map(|(_, value)| *value);
        table.push(cells, columns.iter().map(of).collect());
    }
    table
}

fn parse(text: &str) -> Result<Vary, Failure> {
    let Some((key, values)) = text.split_once('=') else {
        return Err(Failure::Wrong(format!(
            "{text:?} is no KEY=VALUE,…, such as hosts.0.count=10,20"
        )));
    };
    if values.split(',').any(str::is_empty) {
        return Err(Failure::Wrong(format!("{text:?}: a value is missing")));
    }
    let value = |text: &str| {
        let parsed = format!("v = {text}").parse::<toml::Table>().ok();
        parsed.and_then(|mut t| t.remove("v")).unwrap_or_else(|| text.into())
    };
    let (name, key) = key.split_once(':').unwrap_or((key, key));
    let values = values.split(',').map(value).collect();
    Ok(Vary { name: name.to_owned(), key: key.to_owned(), values })
}

fn combinations(vary: &[Vary]) -> Vec<Vec<toml::Value>> {
    vary.iter().fold(vec![Vec::new()], |grid, vary| {
        let longer = |row: Vec<toml::Value>| {
            vary.values.iter().map(move |value| {
                let mut row = row.clone();
                row.push(value.clone());
                row
            })
        };
        grid.into_iter().flat_map(longer).collect()
    })
}

fn with_values(
    scenario: &Scenario,
    vary: &[Vary],
    values: &[toml::Value],
) -> Result<Scenario, Failure> {
    let mut text = toml::Value::Table(scenario.to_toml().parse().map_err(Failure::failed)?);
    for (Vary { key, .. }, value) in vary.iter().zip(values) {
        set(&mut text, key, value.clone())?;
    }
    let text = toml::to_string(&text).map_err(Failure::failed)?;
    let varied = Scenario::from_toml(&scenario.name, &text);
    let sound = varied.and_then(|varied| varied.plan(1).map(|_| varied));
    sound.map_err(|error| Failure::Wrong(format!("{}: {error}", with(vary, values))))
}

/// Sets what `key` leads to; numbers in it are places in lists, from 0.
fn set(root: &mut toml::Value, key: &str, value: toml::Value) -> Result<(), Failure> {
    let mut place = root;
    for part in key.split('.') {
        let missing = || Failure::Wrong(format!("the scenario has no {key}: nothing at {part:?}"));
        place = match place {
            toml::Value::Array(list) => {
                let index = part.parse::<usize>().map_err(|_| missing())?;
                list.get_mut(index).ok_or_else(missing)?
            }
            toml::Value::Table(table) => {
                table.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()))
            }
            _ => return Err(missing()),
        };
    }
    *place = value;
    Ok(())
}

fn cell(value: &toml::Value) -> Value {
    match value {
        toml::Value::Integer(n) => (*n as f64).into(),
        toml::Value::Float(x) => (*x).into(),
        toml::Value::String(text) => text.as_str().into(),
        other => other.to_string().as_str().into(),
    }
}

/// Every number among the figures of one run, with its place.
fn figures(
    scenario: &Scenario,
    seed: u64,
    engine: world::Engine,
) -> Result<Vec<(String, f64)>, Failure> {
    let plan = scenario.plan(seed).map_err(Failure::wrong)?;
    let keep = Keep { figures: true, ..Keep::default() };
    let outcome = run(&plan, engine, "", keep).map_err(Failure::wrong)?;
    if let Some(failure) = outcome.failures.first() {
        return Err(Failure::Failed(format!("{}: {}", failure.check, failure.text)));
    }
    let json = serde_json::to_value(&outcome.figures).map_err(Failure::failed)?;
    let mut found = Vec::new();
    leaves(&json, String::new(), &mut found);
    Ok(found)
}

fn leaves(json: &Json, place: String, found: &mut Vec<(String, f64)>) {
    match json {
        Json::Number(number) => found.extend(number.as_f64().map(|number| (place, number))),
        Json::Object(fields) => {
            for (name, value) in fields {
                let dot = if place.is_empty() { "" } else { "." };
                leaves(value, format!("{place}{dot}{name}"), found);
            }
        }
        _ => {}
    }
}
