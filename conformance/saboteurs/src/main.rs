//! `saboteur`: our proxy with one fault, for the conformance suite to catch.
//!
//! Who tests proxies must be tested. Each fault breaks one clause of PROTOCOL.md and leaves the rest
//! as sound as it can; a suite that does not fail it at that clause proves nothing when it passes
//! others. The proxy itself knows nothing of this: it takes its world from outside, and a fault is
//! something wrong with that world.
//!
//! | kind | how | where |
//! | --- | --- | --- |
//! | settings | other limits, origins, ports | `faults` |
//! | heads | requests and answers are rewritten on their way | `head`, `line` |
//! | frames | dropped, doubled, changed, swapped, put between others | `frame`, `line` |
//! | flow | read or written when it should wait, or the other way round | `flow`, `stream` |
//! | discovery | adverts, sightings and goodbyes changed or lost | `discovery` |

// The very options of the program that it stands in for. It runs on one worker, and is found by
// mdns-sd, whatever they say.
#[expect(dead_code, reason = "the program needs more of them")]
#[path = "../../../proxy/src/cli.rs"]
mod cli;
mod discovery;
mod fault;
mod faults;
mod flow;
mod frame;
mod head;
mod line;
mod net;
mod shared;
mod stream;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use proxy::{MdnsSd, NoDiscovery, Proxy};
use rand::SeedableRng;
use rand::rngs::SysRng;
use rand_chacha::ChaCha8Rng;
use tokio::runtime::LocalOptions;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::discovery::SabotagedDiscovery;
use crate::fault::Fault;
use crate::net::SabotagedNet;
use crate::shared::Shared;

/// Our proxy with one fault, for the conformance suite to catch.
///
/// The other options are those of `namedwebsockets`.
#[derive(Parser)]
#[command(name = "saboteur", version, after_help = "")]
struct Cli {
    /// What is wrong with the proxy; `none` is nothing. See --list.
    #[arg(long, value_name = "NAME", value_parser = find, default_value = "none")]
    fault: &'static Fault,

    /// Print all faults, each with the clause that it breaks, and exit.
    #[arg(long)]
    list: bool,

    /// With --list, print a JSON object on each line.
    #[arg(long, requires = "list")]
    json: bool,

    #[command(flatten)]
    proxy: cli::Args,
}

fn find(name: &str) -> Result<&'static Fault, String> {
    let mut all = std::iter::once(&faults::NONE).chain(faults::all());
    all.find(|fault| fault.name == name).ok_or_else(|| "no such fault; see --list".to_owned())
}

fn main() -> ExitCode {
    let args = Cli::parse();
    if args.list {
        // Nobody may be reading any more.
        let _ = list(args.json);
        return ExitCode::SUCCESS;
    }
    let (_, level) = args.proxy.log();
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(format!("{level},mdns_sd=off")));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn list(json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for Fault { name, clause, what, .. } in faults::all() {
        if json {
            let row = serde_json::json!({ "name": name, "clause": clause, "what": what });
            writeln!(out, "{row}")?;
        } else {
            writeln!(out, "{name:28} {clause:36} {what}")?;
        }
    }
    Ok(())
}

fn run(args: &Cli) -> Result<(), String> {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "cannot raise the number of connections that the system allows");
    }
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build_local(LocalOptions::default());
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    let served = runtime.block_on(serve(args));
    runtime.shutdown_background();
    served
}

async fn serve(args: &Cli) -> Result<(), String> {
    let fault = args.fault;
    let stopped = stopped().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let mut config = args.proxy.config();
    if let Some(change) = fault.config {
        change(&mut config);
    }
    let addresses = args.proxy.discovery();
    let needs_responder = fault.advert.is_some() || fault.joined.is_some();
    let responder = addresses.as_ref().filter(|_| needs_responder);
    let shared = Shared::new(config.clone(), responder.and_then(|_| discovery::responder()));
    let shared = Arc::new(shared);
    let net = SabotagedNet { fault, shared: Arc::clone(&shared) };
    let rng = ChaCha8Rng::try_from_rng(&mut SysRng)
        .map_err(|error| format!("the system gives no random numbers: {error}"))?;
    let proxy = Proxy::bind(net, config, rng).await.map_err(|error| error.to_string())?;
    shared.id.set(proxy.id().to_string()).expect("it is set once");
    let discovery = addresses.map(MdnsSd::new).transpose()?;
    let listening: Vec<String> = proxy.addresses().iter().map(ToString::to_string).collect();
    println!("saboteur {} listening on {}", fault.name, listening.join(" and "));
    match discovery {
        Some(mdns) => proxy.run(SabotagedDiscovery::new(mdns, fault, &shared), stopped).await,
        None => proxy.run(NoDiscovery, stopped).await,
    }
    Ok(())
}

/// Ready when the system asks the program to stop.
fn stopped() -> io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            biased;
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_options_are_the_proxys_and_three_more() {
        Cli::command().debug_assert();
        let cli = Cli::try_parse_from(["saboteur", "--fault", "echoes", "--port", "9010"]).unwrap();
        assert_eq!((cli.fault.name, cli.proxy.config().port), ("echoes", 9010));
        let error = Cli::try_parse_from(["saboteur", "--fault", "all"]).err().unwrap();
        assert!(error.to_string().contains("see --list"), "{error}");
    }
}
