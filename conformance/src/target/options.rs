//! What a case asks of an instance, and how a target is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::case::{Step, Stop};

/// The keep-alive time of a target that was told no other (PROTOCOL.md section 15).
pub const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Its stall time.
pub const STALL_TIME: Duration = Duration::from_secs(10);
/// Its limit on the size of a message, in bytes.
pub const MESSAGE_BYTES: usize = 16 << 20;
/// Its limit on what waits for one reader, in bytes.
pub const QUEUE_BYTES: usize = 1 << 20;

/// What an instance is to be started with. What is not said stays at the target's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Neither advertise nor look for others.
    pub no_discovery: bool,
    /// Wish for a keep-alive time; whole milliseconds.
    pub keep_alive: Option<Duration>,
    /// Wish for a stall time; whole milliseconds.
    pub stall_time: Option<Duration>,
    /// Wish for a queue, in bytes.
    pub queue_bytes: Option<usize>,
    /// Wish for a limit on messages, in bytes.
    pub message_bytes: Option<usize>,
    /// Configured peers. A need, not a wish.
    pub peers: Vec<SocketAddr>,
    /// Clients of the network may open broadcast channels. A need.
    pub network_clients: bool,
    /// Origins whose pages may open channels; any if empty. A need.
    pub origins: Vec<String>,
}

/// The times and sizes that an instance has, whether by our wish or by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Silence before a ping.
    pub keep_alive: Duration,
    /// Time that a reader may take nothing.
    pub stall_time: Duration,
    /// What may wait for a reader.
    pub queue_bytes: usize,
    /// Largest message.
    pub message_bytes: usize,
}

/// How a target is told each option: arguments, in which `{…}` is filled in. What is absent cannot
/// be told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct OptionForms {
    /// Discovery off.
    pub no_discovery: Option<String>,
    /// `{seconds}`, a decimal number, or `{milliseconds}`.
    pub keep_alive: Option<String>,
    /// `{seconds}`, a decimal number, or `{milliseconds}`.
    pub stall_time: Option<String>,
    /// `{bytes}`.
    pub queue_size: Option<String>,
    /// `{bytes}`.
    pub max_message_size: Option<String>,
    /// `{address}`, as in `10.0.0.1:9009`; repeated for each peer.
    pub peer: Option<String>,
    /// Clients of the network may open broadcast channels.
    pub allow_network_clients: Option<String>,
    /// `{origin}`; repeated for each origin.
    pub allow_origin: Option<String>,
}

impl OptionForms {
    /// The arguments for `options`, and what the instance then has.
    ///
    /// # Errors
    ///
    /// Skips the case if the target cannot be told what the case needs.
    pub fn arguments(&self, options: &Options) -> Step<(Vec<String>, Timing)> {
        let mut arguments = Vec::new();
        let mut timing = Timing {
            keep_alive: KEEP_ALIVE,
            stall_time: STALL_TIME,
            queue_bytes: QUEUE_BYTES,
            message_bytes: MESSAGE_BYTES,
        };
        let mut add = |form: &str, values: &[(&str, String)]| fill(&mut arguments, form, values);
        if let (true, Some(form)) = (options.no_discovery, &self.no_discovery) {
            add(form, &[])?;
        }
        if let (Some(time), Some(form)) = (options.keep_alive, &self.keep_alive) {
            timing.keep_alive = time;
            add(form, &times(time))?;
        }
        if let (Some(time), Some(form)) = (options.stall_time, &self.stall_time) {
            timing.stall_time = time;
            add(form, &times(time))?;
        }
        if let (Some(bytes), Some(form)) = (options.queue_bytes, &self.queue_size) {
            timing.queue_bytes = bytes;
            add(form, &[("bytes", bytes.to_string())])?;
        }
        if let (Some(bytes), Some(form)) = (options.message_bytes, &self.max_message_size) {
            timing.message_bytes = bytes;
            add(form, &[("bytes", bytes.to_string())])?;
        }
        for peer in &options.peers {
            add(need(&self.peer, "peer")?, &[("address", peer.to_string())])?;
        }
        if options.network_clients {
            add(need(&self.allow_network_clients, "allow-network-clients")?, &[])?;
        }
        for origin in &options.origins {
            add(need(&self.allow_origin, "allow-origin")?, &[("origin", origin.clone())])?;
        }
        Ok((arguments, timing))
    }
}

fn times(time: Duration) -> [(&'static str, String); 2] {
    [("seconds", time.as_secs_f64().to_string()), ("milliseconds", time.as_millis().to_string())]
}

fn need<'a>(form: &'a Option<String>, option: &str) -> Step<&'a str> {
    form.as_deref().ok_or_else(|| {
        Stop::skip(format!(
            "needs an option that the target is not known to have; if it has one, give its form \
             as `{option}` under [options] in the target's file"
        ))
    })
}

/// Splits `form` as a shell would and fills in the values.
fn fill(arguments: &mut Vec<String>, form: &str, values: &[(&str, String)]) -> Step {
    let words = shell_words::split(form)
        .map_err(|error| Stop::skip(format!("the option {form:?} cannot be split: {error}")))?;
    let values: BTreeMap<_, _> = values.iter().map(|(name, value)| (*name, value)).collect();
    arguments.extend(words.into_iter().map(|word| {
        values.iter().fold(word, |word, (name, value)| word.replace(&format!("{{{name}}}"), value))
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_told_where_they_can_be() {
        let forms = OptionForms {
            keep_alive: Some("--ka {seconds}".into()),
            stall_time: Some("--stall={milliseconds}ms".into()),
            ..OptionForms::default()
        };
        let options = Options {
            keep_alive: Some(Duration::from_millis(1500)),
            stall_time: Some(Duration::from_millis(700)),
            queue_bytes: Some(5),
            no_discovery: true,
            ..Options::default()
        };
        let (arguments, timing) = forms.arguments(&options).unwrap();
        assert_eq!(arguments, ["--ka", "1.5", "--stall=700ms"]);
        assert_eq!(timing.keep_alive, Duration::from_millis(1500));
        assert_eq!(timing.queue_bytes, QUEUE_BYTES, "it could not be told");
    }

    #[test]
    fn needs_that_cannot_be_told_skip_the_case() {
        let options = Options { network_clients: true, ..Options::default() };
        let stop = OptionForms::default().arguments(&options).unwrap_err();
        assert!(matches!(stop, Stop::Skip(why) if why.contains("allow-network-clients")));
    }
}
