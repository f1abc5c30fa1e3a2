//! The program `namedwebsockets`: see `--help`.

mod cli;

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use proxy::{
    BindError, Builtin, Config, Discovery, MdnsSd, MdnsUdp, NoDiscovery, Proxy, TokioNet, Workers,
};
use rand::SeedableRng;
use rand::rngs::SysRng;
use rand_chacha::ChaCha8Rng;
use tokio::runtime::LocalOptions;
use tracing_subscriber::EnvFilter;

use cli::{Args, LogFormat, Mdns};

fn main() -> ExitCode {
    let args = Args::parse();
    start_log(&args);
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), String> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build_local(LocalOptions::default());
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    let served = runtime.block_on(serve(args));
    // Not waiting for the system's resolver, which may be busy with the name of a peer.
    runtime.shutdown_background();
    served
}

/// The configuration, with no more connections than the system allows. Each is a file, and many
/// systems allow a program 1024 at first.
fn config(args: &Args) -> Config {
    let mut config = args.config();
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => {
            let most = usize::try_from(files / 2).unwrap_or(usize::MAX);
            if cfg!(unix) && config.limits.connections > most {
                tracing::warn!(
                    files,
                    "the system allows so many files, so half as many connections"
                );
                config.limits.connections = most;
            }
        }
        Err(error) => {
            tracing::warn!(%error, "cannot raise the number of files that the system allows");
        }
    }
    config
}

async fn serve(args: &Args) -> Result<(), String> {
    let mut rng = ChaCha8Rng::try_from_rng(&mut SysRng)
        .map_err(|error| format!("the system gives no random numbers: {error}"))?;
    let mdns_rng = ChaCha8Rng::from_rng(&mut rng);
    // First of all, so that a signal is obeyed from the first line of output on.
    let stopped = stopped().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let server = Server::bind(args, rng).await.map_err(|error| advice(&error))?;
    match (args.discovery(), args.mdns()) {
        (Some(addresses), Mdns::MdnsSd) => server.start(MdnsSd::new(addresses), stopped).await,
        (Some(addresses), Mdns::Builtin) => {
            let builtin = MdnsUdp::new().map(|socket| Builtin::new(socket, addresses, mdns_rng));
            server.start(builtin, stopped).await
        }
        (None, _) => server.start(Ok::<_, String>(NoDiscovery), stopped).await,
    }
}

/// A proxy of one worker, in this thread, or of several.
enum Server {
    One(Box<Proxy<TokioNet>>),
    Several(Box<Workers>),
}

impl Server {
    async fn bind(args: &Args, rng: ChaCha8Rng) -> Result<Self, BindError> {
        Ok(match args.workers().get() {
            1 => Self::One(Proxy::bind(TokioNet, config(args), rng).await?.into()),
            _ => Self::Several(Workers::bind(args.workers(), config(args), rng).await?.into()),
        })
    }

    fn addresses(&self) -> &[SocketAddr] {
        match self {
            Self::One(proxy) => proxy.addresses(),
            Self::Several(workers) => workers.addresses(),
        }
    }

    /// Runs, without discovery if there is an error instead of one.
    async fn start<D: Discovery>(
        self,
        discovery: Result<D, impl Display>,
        stopped: impl Future<Output = ()>,
    ) -> Result<(), String> {
        match discovery {
            Ok(discovery) => {
                greet(self.addresses(), discovery.advertises());
                self.run(discovery, stopped).await
            }
            Err(error) => {
                tracing::warn!(%error, "no multicast DNS; broadcast channels reach this machine and --peer only");
                greet(self.addresses(), false);
                self.run(NoDiscovery, stopped).await
            }
        }
    }

    async fn run<D: Discovery>(
        self,
        discovery: D,
        stopped: impl Future<Output = ()>,
    ) -> Result<(), String> {
        match self {
            Self::One(proxy) => {
                proxy.run(discovery, stopped).await;
                Ok(())
            }
            Self::Several(workers) => {
                let ran = workers.run(discovery, stopped).await;
                ran.map_err(|error| format!("cannot start the workers: {error}"))
            }
        }
    }
}

fn greet(addresses: &[SocketAddr], discovery: bool) {
    let port = addresses.first().map_or(0, SocketAddr::port);
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let version = env!("CARGO_PKG_VERSION");
    let reach = if discovery { "this machine and its local network" } else { "this machine" };
    // Nobody may be reading; that is no reason to fail.
    let _ = writeln!(
        io::stdout(),
        "namedwebsockets {version} listening on {}\n\
         ws://localhost:{port}/local/<name> for this machine, /broadcast/<name> for {reach}; \
         console: http://localhost:{port}/console",
        addresses.join(" and "),
    );
}

fn advice(error: &BindError) -> String {
    let port = error.address.port();
    match error.source.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{error}\n  \
             a proxy may already run there: see http://localhost:{port}/console\n  \
             or choose another port: namedwebsockets --port {}",
            port.checked_add(1).unwrap_or(9010)
        ),
        io::ErrorKind::PermissionDenied => format!(
            "{error}\n  ports below 1024 are often for the administrator; choose a higher one with --port"
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("{error}\n  --bind must name an address that this machine has")
        }
        _ => error.to_string(),
    }
}

fn start_log(args: &Args) {
    let (format, level) = args.log();
    // mdns-sd reports each packet that some interface will not carry; that is of use to few.
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(format!("{level},mdns_sd=off")));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Ready when the system asks the program to stop.
#[cfg(unix)]
fn stopped() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
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

/// Ready when the system asks the program to stop.
#[cfg(windows)]
fn stopped() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::windows::{ctrl_c, ctrl_close, ctrl_shutdown};
    let (mut interrupt, mut close, mut shutdown) = (ctrl_c()?, ctrl_close()?, ctrl_shutdown()?);
    Ok(async move {
        tokio::select! {
            biased;
            _ = interrupt.recv() => {}
            _ = close.recv() => {}
            _ = shutdown.recv() => {}
        }
    })
}
