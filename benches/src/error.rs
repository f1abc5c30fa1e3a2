//! What went wrong, in words for whoever ran the program.

use std::fmt;

/// A failure: what was tried, and what came of it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Error(pub(crate) String);

/// Says what was tried.
pub(crate) trait Context<T> {
    fn context(self, doing: &str) -> Result<T, Error>;
    fn with(self, doing: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T, E: fmt::Display> Context<T> for Result<T, E> {
    fn context(self, doing: &str) -> Result<T, Error> {
        self.map_err(|error| Error(format!("{doing}: {error}")))
    }

    fn with(self, doing: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|error| Error(format!("{}: {error}", doing())))
    }
}
