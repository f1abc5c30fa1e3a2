//! Many runs with different parameters, as a table: for a spreadsheet, or as a plot.
//!
//! ```text
//!   proxies  seed │ multicast packets/s          ┌──────────────────────┐
//!        10     1 │                12.5   ──▶    │            ___---▒▒▒▒│
//!        10     2 │                11.9          │   ___---▒▒▒▒▒        │
//!        50     1 │               160.2          └──────────────────────┘
//! ```
//!
//! Columns say their units in their names. A figure that a run did not have (nothing was
//! delivered, say) is an empty cell, and no point of a plot.

mod axis;
mod plot;

use std::io;

pub use plot::{Plot, PlotError};

/// A cell of a parameter's column.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number, such as how many proxies there are.
    Number(f64),
    /// Anything else, such as a scenario's name.
    Text(String),
}

impl Value {
    fn to_text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// The runs of a study: what each was given, and what it came to.
#[derive(Clone, Debug)]
pub struct Table {
    parameters: Vec<String>,
    figures: Vec<String>,
    runs: Vec<Run>,
}

#[derive(Clone, Debug)]
struct Run {
    parameters: Vec<Value>,
    figures: Vec<Option<f64>>,
}

impl Table {
    /// One without runs, and with these columns.
    #[must_use]
    pub fn new(parameters: &[&str], figures: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self { parameters: owned(parameters), figures: owned(figures), runs: Vec::new() }
    }

    /// Adds a run.
    ///
    /// # Panics
    /// If it has not one value for each column.
    pub fn push(&mut self, parameters: Vec<Value>, figures: Vec<Option<f64>>) {
        assert_eq!(parameters.len(), self.parameters.len(), "a value for each parameter");
        assert_eq!(figures.len(), self.figures.len(), "a value for each figure");
        self.runs.push(Run { parameters, figures });
    }

    /// Writes it as CSV (RFC 4180), with a line of names.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn write_csv(&self, to: impl io::Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(to);
        writer.write_record(self.parameters.iter().chain(&self.figures))?;
        for Run { parameters, figures } in &self.runs {
            let number = |figure: &Option<f64>| figure.map_or_else(String::new, |f| f.to_string());
            let parameters = parameters.iter().map(Value::to_text);
            writer.write_record(parameters.chain(figures.iter().map(number)))?;
        }
        writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_a_line_of_names_and_a_line_for_each_run() {
        let mut table = Table::new(&["scenario", "proxies"], &["packets/s", "discovery (ms)"]);
        table.push(vec!["full-office".into(), 50.into()], vec![Some(12.5), Some(0.1)]);
        table.push(vec!["so, \"so\"".into(), 2.5.into()], vec![Some(1e6), None]);
        let mut csv = Vec::new();
        table.write_csv(&mut csv).unwrap();
        assert_eq!(
            String::from_utf8(csv).unwrap(),
            "scenario,proxies,packets/s,discovery (ms)\n\
             full-office,50,12.5,0.1\n\
             \"so, \"\"so\"\"\",2.5,1000000,\n"
        );
    }
}
