//! What is wrong with a scenario: where, what was found, what is allowed.

use std::fmt;
use std::path::Path;

/// What is wrong with a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScenarioError(String);

/// A file's name and content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) file: String,
    pub(super) text: String,
}

/// Something wrong in a scenario, at a place such as `faults[2].hosts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    place: Vec<Step>,
    text: String,
}

/// A step on the way to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(&'static str),
    Index(usize),
}

/// A place in a scenario, for errors.
#[derive(Clone, Debug, Default)]
pub(super) struct Place(Vec<Step>);

impl Place {
    /// The entry `index` of the list `key` in this place.
    pub(super) fn entry(&self, key: &'static str, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.extend([Step::Key(key), Step::Index(index)]);
        Self(steps)
    }

    /// The value of `key` in this place.
    pub(super) fn key(&self, key: &'static str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key));
        Self(steps)
    }

    /// That this place is wrong.
    pub(super) fn wrong(&self, text: impl Into<String>) -> Wrong {
        Wrong { place: self.0.clone(), text: text.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if nth == 0 => write!(f, "{key}")?,
                Step::Key(key) => write!(f, ".{key}")?,
                // People count from one.
                Step::Index(index) => write!(f, "[{}]", index + 1)?,
            }
        }
        Ok(())
    }
}

impl Wrong {
    /// Names the file and line, as far as the place is in the file.
    pub(super) fn locate(&self, source: Option<&Source>, name: &str) -> ScenarioError {
        let place = Place(self.place.clone());
        let colon = if self.place.is_empty() { "" } else { ": " };
        ScenarioError(match source {
            Some(source) => {
                let line = source.line_of(&self.place);
                format!("{}:{line}: {place}{colon}{}", source.file, self.text)
            }
            None => format!("{name}: {place}{colon}{}", self.text),
        })
    }
}

impl ScenarioError {
    pub(super) fn file(path: &Path, error: &std::io::Error) -> Self {
        Self(format!("cannot read {}: {error}", path.display()))
    }

    pub(super) fn unknown(name: &str) -> Self {
        let names: Vec<&str> = super::builtin().iter().map(|builtin| builtin.name).collect();
        Self(format!(
            "there is no scenario {name:?}{}; give the path of a TOML file, or one of: {}",
            did_you_mean(name, names.iter().copied()),
            names.join(", ")
        ))
    }
}

impl Source {
    /// What TOML or serde says, with the line and what may have been meant.
    pub(super) fn toml(&self, error: &toml::de::Error) -> ScenarioError {
        let line = error.span().map_or(1, |span| self.line_at(span.start));
        let message = error.message();
        let mut hint = String::new();
        if let Some(rest) = message.strip_prefix("unknown ") {
            let mut quoted = rest.split('`').skip(1).step_by(2);
            if let Some(found) = quoted.next() {
                hint = did_you_mean(found, quoted);
            }
        }
        ScenarioError(format!("{}:{line}: {message}{hint}", self.file))
    }

    fn line_at(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    }

    /// The line of the innermost part of `place` that the file has.
    fn line_of(&self, place: &[Step]) -> usize {
        use toml::de::{DeTable, DeValue};

        let Ok(table) = DeTable::parse(&self.text) else { return 1 };
        let mut line = 1;
        let root = DeValue::Table(table.into_inner());
        let mut value = &root;
        for step in place {
            let next = match (value, step) {
                (DeValue::Table(table), Step::Key(key)) => table.get(*key),
                (DeValue::Array(array), Step::Index(index)) => array.get(*index),
                _ => None,
            };
            let Some(next) = next else { break };
            line = self.line_at(next.span().start);
            value = next.get_ref();
        }
        line
    }
}

/// `; did you mean …?` if one of the names is close.
pub(super) fn did_you_mean<'a>(found: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let close = names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(found, name), name))
        .filter(|(distance, name)| *distance <= 2.max(name.len() / 3))
        .min();
    close.map_or_else(String::new, |(_, name)| format!("; did you mean {name:?}?"))
}
