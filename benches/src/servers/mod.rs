//! The servers that are compared, each a child process on a port of its own.

pub(crate) mod account;
pub(crate) mod floor;
mod foreign;
pub(crate) mod naive;

use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use clap::ValueEnum;
use serde::Serialize;

use self::floor::Unit;
use crate::error::{Context, Error};

/// A server that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// The floor with one send for each reader and turn.
    FloorTurn,
    /// The floor with one send for each message and reader.
    FloorMessage,
    /// The floor with one sendfile from memory for each reader and turn.
    FloorFile,
    /// This project's proxy.
    Proxy,
    /// tokio-tungstenite, a task for each client, tokio's broadcast channel.
    Naive,
    /// Node's ws.
    Ws,
    /// nginx with the nchan module.
    Nchan,
}

impl Kind {
    /// What tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FloorTurn => "floor, a send a turn",
            Self::FloorMessage => "floor, a send a message",
            Self::FloorFile => "floor, a sendfile a turn",
            Self::Proxy => "proxy",
            Self::Naive => "naive Rust",
            Self::Ws => "Node ws",
            Self::Nchan => "nginx nchan",
        }
    }

    /// Runs the server in this process, if it is one of this crate's.
    pub(crate) fn serve(self) -> Result<(), Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("listening")?;
        println!("listening on {}", listener.local_addr().context("listening")?);
        match self {
            Self::FloorTurn => floor::serve(Unit::Turn, &listener),
            Self::FloorMessage => floor::serve(Unit::Message, &listener),
            Self::FloorFile => floor::serve(Unit::File, &listener),
            Self::Naive => naive::serve(listener),
            Self::Proxy | Self::Ws | Self::Nchan => Err(io::Error::other("a program of its own")),
        }
        .context("serving")
    }
}

/// Where the programs are.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// The proxy's.
    pub(crate) proxy: PathBuf,
}

/// A server that runs, and ends with the value.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    child: Child,
    /// What it was started from and needs to the end.
    _files: Option<foreign::Files>,
}

impl Programs {
    /// This workspace's proxy, built now as it is released, unless `proxy` is one.
    pub(crate) fn find(proxy: Option<&Path>) -> Result<Self, Error> {
        if let Some(proxy) = proxy {
            return Ok(Self { proxy: proxy.to_owned() });
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--release", "--locked", "--quiet", "--package", "proxy"]);
        build.args(["--message-format", "json"]).stderr(Stdio::inherit());
        build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let built = build.output().context("running cargo")?;
        let text = String::from_utf8_lossy(&built.stdout);
        let programs = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        let path = |message: serde_json::Value| message["executable"].as_str().map(PathBuf::from);
        let proxy = programs.filter_map(path).next_back();
        proxy.map(|proxy| Self { proxy }).ok_or_else(|| {
            Error("`cargo build --release -p proxy` gave no program; name one by --proxy".into())
        })
    }

    /// Starts a server.
    pub(crate) fn start(&self, kind: Kind) -> Result<Server, Error> {
        match kind {
            Kind::Proxy => self.start_proxy(&[]),
            Kind::Ws | Kind::Nchan => {
                let (command, address, files) = foreign::prepare(kind)?;
                Server::run(kind, command, address, Some(files))
            }
            Kind::FloorTurn | Kind::FloorMessage | Kind::FloorFile | Kind::Naive => {
                let own = std::env::current_exe().context("finding this program")?;
                let name = kind.to_possible_value().expect("each has a name");
                let mut command = Command::new(own);
                command.args(["serve", name.get_name()]);
                Server::run(kind, command, None, None)
            }
        }
    }

    /// Starts the proxy with these arguments as well. It pings nobody: the others do not, and the
    /// load would take that for a message that nobody sent.
    pub(crate) fn start_proxy(&self, args: &[&str]) -> Result<Server, Error> {
        let mut command = Command::new(&self.proxy);
        command.args(["--keep-alive", "1h"]);
        command.args(["--port", "0", "--bind", "127.0.0.1", "--no-discovery"]);
        command.args(["--max-connections", "100000", "--log-level", "error"]).args(args);
        Server::run(Kind::Proxy, command, None, None)
    }
}

impl Server {
    /// Starts `command`, which says on its first line where it listens, unless it is known.
    fn run(
        kind: Kind,
        mut command: Command,
        known: Option<SocketAddr>,
        files: Option<foreign::Files>,
    ) -> Result<Self, Error> {
        let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let child = started.with(|| format!("starting {command:?}"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut server = Self { kind, address, child, _files: files };
        server.address = match known {
            Some(address) => {
                foreign::until_listening(address)?;
                address
            }
            None => server.greeting()?,
        };
        Ok(server)
    }

    fn greeting(&mut self) -> Result<SocketAddr, Error> {
        let stdout = self.child.stdout.as_mut().expect("it is piped");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).context("reading where a server listens")?;
        let address = line.trim_end().rsplit(' ').next().and_then(|word| word.parse().ok());
        address.ok_or_else(|| {
            Error(format!("{} did not say where it listens: {line:?}", self.kind.name()))
        })
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
