//! What a person said about the target: flags or environment.

use super::file::{TargetError, TargetFile, from_shell};
use super::launch::{Target, build_reference};

/// How the target is named: by a command, a URL or a file. A file may go with either of the
/// others, which then says how it is started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Starts it.
    pub command: Option<String>,
    /// Where it runs already.
    pub url: Option<String>,
    /// Its file.
    pub file: Option<String>,
}

/// The environment's name for each part, and the flag's.
const NAMES: [(&str, &str); 3] =
    [("NWS_TARGET_CMD", "--command"), ("NWS_TARGET_URL", "--url"), ("NWS_TARGET_FILE", "--target")];

impl Source {
    /// What the environment says.
    #[must_use]
    pub fn from_environment() -> Self {
        let [command, url, file] = NAMES
            .map(|(name, _)| std::env::var(name).ok().filter(|value| !value.trim().is_empty()));
        Self { command, url, file }
    }

    /// Whether nothing is said: then it is our own proxy.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        *self == Self::default()
    }

    /// As assignments before a command of the shell.
    #[must_use]
    pub fn shell(&self) -> String {
        self.parts()
            .map(|((name, _), value)| format!("{name}={} ", shell_words::quote(value)))
            .collect()
    }

    /// As flags behind a command of the shell.
    #[must_use]
    pub fn flags(&self) -> String {
        self.parts()
            .map(|((_, flag), value)| format!(" {flag} {}", shell_words::quote(value)))
            .collect()
    }

    fn parts(&self) -> impl Iterator<Item = ((&'static str, &'static str), &str)> {
        let values = [&self.command, &self.url, &self.file];
        NAMES.into_iter().zip(values).filter_map(|(names, value)| Some((names, value.as_deref()?)))
    }

    /// The target. Our own proxy is built.
    ///
    /// # Errors
    ///
    /// It cannot be understood.
    pub fn target(&self) -> Result<Target, TargetError> {
        if self.is_silent() {
            return Target::reference(&build_reference()?);
        }
        let mut target = match &self.file {
            Some(path) => TargetFile::read(&from_shell(path))?,
            None => TargetFile {
                name: self.command.clone().or_else(|| self.url.clone()).unwrap_or_default(),
                ..TargetFile::default()
            },
        };
        if self.command.is_some() || self.url.is_some() {
            (target.command, target.url) = (self.command.clone(), self.url.clone());
        }
        if target.command.is_some() && target.url.is_some() {
            return Err(TargetError(
                "a target has either a command that starts it or a URL where it runs; leave one \
                 of them out"
                    .to_owned(),
            ));
        }
        Target::new(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rerun_names_the_same_target() {
        let source = Source {
            command: Some("./proxy --port {port}".into()),
            file: Some("my.toml".into()),
            ..Source::default()
        };
        assert_eq!(
            source.shell(),
            "NWS_TARGET_CMD='./proxy --port {port}' NWS_TARGET_FILE=my.toml "
        );
        assert_eq!(source.flags(), " --command './proxy --port {port}' --target my.toml");
        assert_eq!(Source::default().flags(), "");
    }

    #[test]
    fn a_target_is_started_or_runs() {
        let source = Source {
            command: Some("proxy".into()),
            url: Some("ws://localhost".into()),
            ..Source::default()
        };
        assert!(source.target().unwrap_err().to_string().contains("leave one"));
    }
}
