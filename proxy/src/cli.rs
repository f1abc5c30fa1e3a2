//! The program's arguments.
#![allow(
    rustdoc::invalid_html_tags,
    rustdoc::bare_urls,
    reason = "what documents the arguments is shown by --help, as plain text"
)]

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Parser, ValueEnum};
use proxy::{Access, Config, DEFAULT_PORT, Limits, Peer};

const EXAMPLES: &str = "\
Examples:
  namedwebsockets                              serve this machine and its local network
  namedwebsockets --no-discovery               keep broadcast channels on this machine
  namedwebsockets --peer 10.8.0.2              link with a proxy across a VPN, without multicast
  namedwebsockets --port 9010                  a second proxy on the same machine
  namedwebsockets --log-level debug            say what happens, and why

Exit status:
  0  stopped by SIGINT or SIGTERM
  1  could not start, such as when the port is taken
  2  wrong arguments";

/// Relays WebSocket messages between everyone who opens the same channel name, on this machine
/// (ws://localhost:9009/local/<name>) or across the local network (/broadcast/<name>).
#[derive(Debug, Parser)]
#[command(name = "namedwebsockets", version, after_help = EXAMPLES, help_expected = true)]
pub(crate) struct Args {
    /// TCP port to listen on; 0 for any free one. Web pages have 9009 built in, so choose another
    /// only for tests and for a second proxy on one machine.
    #[arg(long, value_name = "PORT", default_value_t = DEFAULT_PORT)]
    port: u16,

    /// Address to listen on; may be repeated. By default all, IPv4 and IPv6. With 127.0.0.1 no
    /// other host can link with this proxy.
    #[arg(long, value_name = "ADDRESS")]
    bind: Vec<IpAddr>,

    /// Proxy to link with on every broadcast channel that has a client here, without any advert;
    /// may be repeated. For networks without multicast: VPNs, containers, clouds. One side's
    /// setting is enough, also through NAT. The port is 9009 if not given.
    #[arg(long = "peer", value_name = "HOST[:PORT]")]
    peers: Vec<Peer>,

    /// Neither advertise broadcast channels on the local network nor look for others. They then
    /// reach this machine and the proxies given by --peer. By default discovery is on.
    #[arg(long)]
    no_discovery: bool,

    /// What finds proxies on the local network. Both speak multicast DNS and understand each
    /// other; `builtin` is the engine that the simulator runs too.
    #[arg(long, value_enum, default_value_t = Mdns::MdnsSd)]
    mdns: Mdns,

    /// Let clients on other hosts open /broadcast channels here; /local stays for this machine.
    /// For devices that cannot run a proxy. By default only proxies may connect from outside.
    #[arg(long)]
    allow_network_clients: bool,

    /// Origin whose pages may open channels, such as https://example.org; may be repeated. By
    /// default any page may. Programs that send no Origin are not affected.
    #[arg(long = "allow-origin", value_name = "ORIGIN", value_parser = origin)]
    allowed_origins: Vec<String>,

    /// WebSockets that others may have open here, clients and links together; half of them from
    /// other machines. Who comes beyond that is refused with 503. Never more than half of the
    /// files that the system allows, which leaves the other half to links that this proxy dials.
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = connections)]
    max_connections: usize,

    /// Largest message; a client that sends a larger one is closed with code 1009. Raise it for
    /// large files in one piece; each connection may need that much memory.
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = message_size)]
    max_message_size: usize,

    /// What may wait for one connection before those who send to it are slowed down. Raise it for
    /// readers that pause often, at the cost of memory for each connection.
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = queue_size)]
    queue_size: usize,

    /// Time that a reader may take nothing while something waits for it; then it is closed with
    /// code 1008, so that it does not hold up its channel for ever.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    stall_time: Duration,

    /// Silence after which a connection is pinged; after twice as long it is taken for dead.
    /// Lower it where a router forgets idle connections sooner.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    keep_alive: Duration,

    /// Threads that channels are spread over; each channel is on one. One serves a local network
    /// many times over and answers soonest; more help where several channels are very busy.
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = workers)]
    workers: NonZeroUsize,

    /// Form of the log on standard error. JSON is for log collectors.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,

    /// How much to log: error, warn, info, debug or trace. The environment variable RUST_LOG, if
    /// set, decides instead and can tell modules apart, such as RUST_LOG=info,proxy::link=debug.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: tracing::Level,
}

/// The implementation of multicast DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mdns {
    /// The library mdns-sd, in a thread of its own.
    MdnsSd,
    /// The proxy's own engine, in the proxy's thread.
    Builtin,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for a person.
    Text,
    /// A JSON object on each line.
    Json,
}

impl Args {
    pub(crate) fn config(&self) -> Config {
        let default = Config::default();
        Config {
            port: self.port,
            bind: if self.bind.is_empty() { default.bind } else { self.bind.clone() },
            peers: self.peers.clone(),
            access: Access {
                allow_network_clients: self.allow_network_clients,
                allowed_origins: self.allowed_origins.clone(),
            },
            limits: Limits {
                connections: self.max_connections,
                message_bytes: self.max_message_size,
                queue_bytes: self.queue_size,
                stall_time: self.stall_time,
                keep_alive: self.keep_alive,
            },
        }
    }

    /// How many threads serve.
    pub(crate) fn workers(&self) -> NonZeroUsize {
        self.workers
    }

    /// Whether to look for others, and under which addresses to be found: those chosen, or with
    /// none all that the machine has.
    pub(crate) fn discovery(&self) -> Option<Vec<IpAddr>> {
        let all = self.bind.iter().any(IpAddr::is_unspecified);
        let chosen = if all { Vec::new() } else { self.bind.clone() };
        (!self.no_discovery).then_some(chosen)
    }

    pub(crate) fn mdns(&self) -> Mdns {
        self.mdns
    }

    pub(crate) fn log(&self) -> (LogFormat, tracing::Level) {
        (self.log_format, self.log_level)
    }
}

fn size(text: &str, min: ByteSize, max: ByteSize) -> Result<usize, String> {
    let hint = "give a number of bytes, or one with a unit, such as 512KiB or 16MiB";
    let size: ByteSize = text.parse().map_err(|_| hint.to_owned())?;
    if (min..=max).contains(&size) {
        usize::try_from(size.as_u64()).map_err(|error| error.to_string())
    } else {
        Err(format!("{size} is out of range; allowed is {min} to {max}"))
    }
}

fn connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=1_000_000) => Ok(number),
        _ => Err("give a number from 1 to 1000000".to_owned()),
    }
}

fn workers(text: &str) -> Result<NonZeroUsize, String> {
    match text.parse::<NonZeroUsize>() {
        Ok(number) if number.get() <= 64 => Ok(number),
        _ => Err("give a number from 1 to 64".to_owned()),
    }
}

fn message_size(text: &str) -> Result<usize, String> {
    size(text, ByteSize::b(1), ByteSize::gib(1))
}

fn queue_size(text: &str) -> Result<usize, String> {
    size(text, ByteSize::kib(1), ByteSize::gib(1))
}

fn time(text: &str) -> Result<Duration, String> {
    let hint = "give a time with its unit, such as 500ms, 10s or 2m";
    let time = humantime::parse_duration(text).map_err(|_| hint.to_owned())?;
    let (min, max) = (Duration::from_millis(100), Duration::from_secs(24 * 3600));
    if (min..=max).contains(&time) {
        Ok(time)
    } else {
        Err("the time is out of range; allowed is 100ms to 24h".to_owned())
    }
}

fn origin(text: &str) -> Result<String, String> {
    // RFC 6454 section 6.2: no path, not even a slash, which a browser would never send.
    let host = text.split_once("://").map(|(scheme, host)| (!scheme.is_empty()).then_some(host));
    match host {
        _ if text == "null" => Ok(text.to_owned()),
        Some(Some(host)) if !host.is_empty() && !host.contains('/') => Ok(text.to_owned()),
        _ => {
            Err("give scheme, host and port as browsers do, such as https://example.org".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_defaults_are_the_librarys() {
        let args = Args::try_parse_from(["namedwebsockets"]).unwrap();
        assert_eq!(args.config(), Config::default());
        assert_eq!(args.discovery(), Some(vec![]));
    }

    #[test]
    fn wrong_values_are_told_what_is_allowed() {
        Args::command().debug_assert();
        for (args, advice) in [
            (["--max-connections", "0"], "a number from 1 to 1000000"),
            (["--workers", "0"], "a number from 1 to 64"),
            (["--max-message-size", "2GiB"], "allowed is 1 B to 1.0 GiB"),
            (["--max-message-size", "big"], "such as 512KiB"),
            (["--queue-size", "1B"], "allowed is 1.0 KiB"),
            (["--stall-time", "10"], "such as 500ms"),
            (["--keep-alive", "0s"], "allowed is 100ms"),
            (["--allow-origin", "https://example.org/"], "such as https://example.org"),
            (["--peer", "http://box"], "such as 10.0.0.2"),
            (["--port", "70000"], "0..=65535"),
        ] {
            let error = Args::try_parse_from(["namedwebsockets"].into_iter().chain(args));
            let error = error.unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(advice), "{args:?}: {error}");
        }
    }

    #[test]
    fn chosen_addresses_are_the_ones_advertised() {
        let bind = |address| {
            let args = Args::try_parse_from(["namedwebsockets", "--bind", address]).unwrap();
            args.discovery().unwrap()
        };
        assert_eq!(bind("10.0.0.1"), ["10.0.0.1".parse::<IpAddr>().unwrap()]);
        assert!(bind("0.0.0.0").is_empty());
    }
}
