//! Servers of other people, installed from registries when they are asked for.
//!
//! | server | from | set up by |
//! | --- | --- | --- |
//! | Node's `ws` | npm, into `benches/foreign/node_modules` | `benches/foreign/ws.mjs` |
//! | nginx's nchan | Debian's `libnginx-mod-nchan` | a configuration in a folder of its own |

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Kind;
use crate::clock::{now, pause};
use crate::error::{Context, Error};

/// Time for a server to start.
const START_TIME: Duration = Duration::from_secs(10);

/// A folder of a server's files, removed with the value.
pub(crate) struct Files(Option<PathBuf>);

impl Drop for Files {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// The command that starts a foreign server, and where it listens if it does not say so.
pub(super) fn prepare(kind: Kind) -> Result<(Command, Option<SocketAddr>, Files), Error> {
    match kind {
        Kind::Ws => ws().map(|command| (command, None, Files(None))),
        _ => nchan().map(|(command, address, files)| (command, Some(address), files)),
    }
}

fn run(what: &str, command: &mut Command) -> Result<(), Error> {
    eprintln!("installing {what}: {command:?}");
    let done = command.stdout(Stdio::null()).status().with(|| format!("installing {what}"))?;
    if done.success() { Ok(()) } else { Err(Error(format!("{what} could not be installed"))) }
}

fn ws() -> Result<Command, Error> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/foreign"));
    if !folder.join("node_modules/ws").exists() {
        let mut npm = Command::new("npm");
        run(
            "Node's ws",
            npm.args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(folder),
        )?;
    }
    let mut command = Command::new("node");
    command.arg(folder.join("ws.mjs"));
    Ok(command)
}

fn nchan() -> Result<(Command, SocketAddr, Files), Error> {
    const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";
    if !Path::new(MODULE).exists() {
        let mut apt = Command::new("apt-get");
        apt.args([
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            "nginx",
            "libnginx-mod-nchan",
        ]);
        run("nginx's nchan", apt.env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    // Free a moment ago: nginx cannot tell which port it was given.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("finding a port")?;
    let address = listener.local_addr().context("finding a port")?;
    drop(listener);
    let folder = std::env::temp_dir().join(format!("benches-nginx-{}", address.port()));
    fs::create_dir_all(&folder).context("making a folder")?;
    let files = Files(Some(folder.clone()));
    let config = format!(
        "load_module {MODULE};\ndaemon off;\nmaster_process off;\nerror_log stderr error;\n\
         pid nginx.pid;\nworker_rlimit_nofile 60000;\nevents {{ worker_connections 50000; }}\n\
         http {{ access_log off; nchan_max_reserved_memory 512M; server {{ listen {address}; \
         location ~ /local/(.*)$ {{ nchan_subscriber websocket; nchan_channel_id $1; \
         nchan_subscriber_first_message newest; }} location ~ /publish/(.*)$ {{ \
         nchan_publisher websocket; nchan_channel_id $1; nchan_message_buffer_length 4096; }} }} }}\n"
    );
    fs::write(folder.join("nginx.conf"), config).context("writing nginx.conf")?;
    let mut command = Command::new("/usr/sbin/nginx");
    command.args(["-p"]).arg(&folder).args(["-c", "nginx.conf", "-e", "stderr"]);
    Ok((command, address, files))
}

/// Waits until a server that says nothing listens.
pub(super) fn until_listening(address: SocketAddr) -> Result<(), Error> {
    let started = now();
    while TcpStream::connect(address).is_err() {
        if started.elapsed() > START_TIME {
            return Err(Error(format!("nobody listens on {address} after {START_TIME:?}")));
        }
        pause(Duration::from_millis(20));
    }
    Ok(())
}
