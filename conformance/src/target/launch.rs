//! Starts instances of a target.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::file::{TargetError, TargetFile, from_shell, program};
use super::instance::{Instance, loopback};
use super::options::Options;
use super::process::Process;
use crate::case::{Step, Stop};
use crate::lan::{self, Host};
use crate::log::{Direction, Log};

/// Our own proxy, as a target like any other.
const REFERENCE: &str = include_str!("../../targets/reference.toml");

/// The port of the protocol.
const PORT: u16 = 9009;

/// The port that targets in hosts of their own are told. Not the default, so that one which does
/// not listen fails to start.
const TOLD_PORT: u16 = 9010;

/// What is tested.
#[derive(Clone, Debug)]
pub struct Target {
    file: TargetFile,
    launch: Launch,
}

/// How instances come to be.
#[derive(Clone, Debug)]
pub(super) enum Launch {
    /// By this command, for each instance.
    Command(Vec<String>),
    /// There is one: at this address, called so in `Host`.
    Running(SocketAddr, String),
}

impl Target {
    /// A target by its file.
    ///
    /// # Errors
    ///
    /// The file has neither a command nor a URL, or both, or one that cannot be understood.
    pub fn new(file: TargetFile) -> Result<Self, TargetError> {
        let launch = match (&file.command, &file.url) {
            (Some(command), None) => Launch::Command(split(command)?),
            (None, Some(url)) => running(url)?,
            _ => return Err(TargetError("a target has either a command or a URL".to_owned())),
        };
        Ok(Self { file, launch })
    }

    /// Our own proxy, at this path.
    ///
    /// # Errors
    ///
    /// Never, unless the file in the tree is wrong.
    pub fn reference(binary: &std::path::Path) -> Result<Self, TargetError> {
        let mut file = TargetFile::parse(REFERENCE)?;
        let binary = binary.to_string_lossy();
        let binary = shell_words::quote(&binary).into_owned();
        for command in [&mut file.command, &mut file.default_command].into_iter().flatten() {
            *command = command.replace("namedwebsockets", &binary);
        }
        Self::new(file)
    }

    /// Its file.
    #[must_use]
    pub fn file(&self) -> &TargetFile {
        &self.file
    }

    /// Whether the suite starts it.
    #[must_use]
    pub fn is_started(&self) -> bool {
        matches!(self.launch, Launch::Command(_))
    }

    /// How and where it runs, in words.
    #[must_use]
    pub fn how(&self) -> String {
        match (&self.launch, lan::unavailable()) {
            (Launch::Running(_, name), _) => format!("ws://{name}, which runs already"),
            (Launch::Command(words), None) => {
                format!("`{}`, each instance on a host of its own", shell_words::join(words))
            }
            (Launch::Command(words), Some(why)) => format!(
                "`{}`, on this machine's loopback, because hosts cannot be had: {why}",
                shell_words::join(words)
            ),
        }
    }

    /// The one that runs already.
    #[must_use]
    pub fn running(&self) -> Option<Instance> {
        let Launch::Running(address, name) = &self.launch else { return None };
        let timing = self.file.options.arguments(&Options::default()).ok()?.1;
        Some(Instance {
            process: None,
            host: None,
            address: *address,
            host_header: name.clone(),
            timing,
        })
    }

    /// Starts an instance on `host`, or on this machine, and waits until it listens.
    ///
    /// # Errors
    ///
    /// It does not start, or cannot be told what it must be.
    pub fn start(&self, host: Option<Arc<Host>>, options: &Options, log: &Log) -> Step<Instance> {
        let Launch::Command(command) = &self.launch else {
            return Err(Stop::skip("needs a target that the suite starts; this one runs already"));
        };
        let port = self.port(command, host.is_some())?;
        let (arguments, timing) = self.file.options.arguments(options)?;
        let mut words: Vec<_> =
            command.iter().map(|word| word.replace("{port}", &port.to_string())).collect();
        words.extend(arguments);
        let host_header = format!("localhost:{port}");
        let process = launch(host.as_deref(), &words, log)?;
        let address = loopback(port);
        let instance = Instance { process: Some(process), host, address, host_header, timing };
        instance.is_ready(log)?;
        Ok(instance)
    }

    /// Starts an instance that is told no port.
    ///
    /// # Errors
    ///
    /// It does not listen on port 9009. Skips the case if the command is not known.
    pub fn start_by_default(&self, host: Arc<Host>, log: &Log) -> Step<Instance> {
        let command = match (&self.file.default_command, &self.launch) {
            (Some(command), _) => split(command).map_err(|TargetError(error)| Stop::skip(error))?,
            (None, Launch::Command(command)) if !has_port(command) => command.clone(),
            _ => {
                return Err(Stop::skip(
                    "needs the command that starts the target without a port; give it as \
                     `default-command` in the target's file",
                ));
            }
        };
        let timing = self.file.options.arguments(&Options::default())?.1;
        let process = launch(Some(&host), &command, log)?;
        let instance = Instance {
            process: Some(process),
            host: Some(host),
            address: loopback(PORT),
            host_header: format!("localhost:{PORT}"),
            timing,
        };
        instance.is_ready(log)?;
        Ok(instance)
    }

    fn port(&self, command: &[String], has_host: bool) -> Step<u16> {
        if !has_port(command) {
            return if has_host {
                Ok(self.file.port.unwrap_or(PORT))
            } else {
                let why = lan::unavailable().unwrap_or("it has none");
                Err(Stop::skip(format!(
                    "the target cannot be told a port, so each instance needs a host of its own: \
                     {why}"
                )))
            };
        }
        if has_host {
            return Ok(TOLD_PORT);
        }
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|socket| socket.local_addr());
        free.map(|address| address.port())
            .map_err(|error| Stop::skip(format!("there is no free port: {error}")))
    }
}

fn has_port(command: &[String]) -> bool {
    command.iter().any(|word| word.contains("{port}"))
}

fn launch(host: Option<&Host>, words: &[String], log: &Log) -> Step<Process> {
    let (name, arguments) = words.split_first().expect("a command has a word; split() checks");
    let mut command = Command::new(program(name));
    // Other words may be paths as well.
    command.current_dir(from_shell("."));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    log.add("target", Direction::Note, format!("started: {}", shell_words::join(words)));
    let child = match host {
        Some(host) => host.spawn(&mut command),
        None => command.spawn(),
    };
    child.map(Process::watch).map_err(|error| {
        Stop::fail(format!("that {name:?} starts"), format!("{error}; is the path right?"))
    })
}

fn split(command: &str) -> Result<Vec<String>, TargetError> {
    let words = shell_words::split(command)
        .map_err(|error| TargetError(format!("the command {command:?}: {error}")))?;
    if words.is_empty() {
        return Err(TargetError("the command is empty".to_owned()));
    }
    Ok(words)
}

fn running(url: &str) -> Result<Launch, TargetError> {
    let wrong = |why: &str| {
        TargetError(format!("the URL {url:?} {why}; it should look like ws://localhost:9009"))
    };
    let rest = url.strip_prefix("ws://").ok_or_else(|| wrong("does not begin with ws://"))?;
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#', '@']) {
        return Err(wrong("has more than a host and a port"));
    }
    let ends_in_port = authority.rsplit_once(':').is_some_and(|(_, port)| {
        !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    // A port without a number in the URL is that of the protocol, not that of HTTP.
    let with_port = if ends_in_port { authority.to_owned() } else { format!("{authority}:{PORT}") };
    let mut addresses = with_port
        .to_socket_addrs()
        .map_err(|error| wrong(&format!("leads nowhere ({error})")))?
        .collect::<Vec<_>>();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    let address = *addresses.first().ok_or_else(|| wrong("leads nowhere"))?;
    Ok(Launch::Running(address, with_port))
}

/// Builds our own proxy and says where it is.
///
/// # Errors
///
/// It cannot be built.
pub fn build_reference() -> Result<PathBuf, TargetError> {
    build("proxy", "namedwebsockets")
}

/// Builds a program of this workspace as `cargo build` does, and says where it is.
///
/// # Errors
///
/// It cannot be built.
pub fn build(package: &str, program: &str) -> Result<PathBuf, TargetError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--locked", "--message-format", "json-render-diagnostics"])
        .args(["--manifest-path", manifest, "--package", package, "--bin", program])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| TargetError(format!("cannot run cargo: {error}")))?;
    let messages = String::from_utf8_lossy(&built.stdout);
    let mut executables = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = message["target"]["name"] == program;
        is_it.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
    });
    executables.next_back().filter(|_| built.status.success()).ok_or_else(|| {
        TargetError(format!("cannot build {program}: `cargo build -p {package}` failed"))
    })
}
