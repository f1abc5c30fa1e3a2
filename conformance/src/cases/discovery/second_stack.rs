//! The same through another implementation of DNS-SD: Avahi, on a host of its own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use super::goodbyes::withdrawn;
use crate::case::{Step, Stop, expect};
use crate::cases::scene::{Scene, accept_link};
use crate::lan::Host;
use crate::log::{Direction, Log};
use crate::wire::{Acceptor, PATIENCE};
use crate::world::World;

/// Runs a message bus and Avahi's daemon where only they see `/run`, then a program of Avahi's.
const SCRIPT: &str = r#"set -e
PATH=$PATH:/usr/sbin:/sbin
mount -t tmpfs none /run
mkdir /run/dbus /run/avahi-daemon
# Whoever is root only here has no other user to give Avahi's folder to.
for kind in passwd group; do
  printf 'root:x:0:0::/:/bin/sh\navahi:x:0:0::/:/bin/sh\n' >/run/$kind
  mount --bind /run/$kind /etc/$kind
done
cat >/run/bus.conf <<'END'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
END
printf '[server]\nuse-ipv6=no\n' >/run/avahi.conf
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/dbus/system_bus_socket
dbus-daemon --nofork --nopidfile --config-file /run/bus.conf &
until [ -S /run/dbus/system_bus_socket ]; do sleep 0.01; done
avahi-daemon --no-drop-root --no-chroot --no-rlimits --file /run/avahi.conf &
until avahi-browse --terminate --all >/dev/null 2>&1; do kill -0 $!; sleep 0.05; done
echo ready
exec "$@""#;

/// Programs of Avahi on a host; they end with it.
struct Avahi {
    child: Child,
    lines: Receiver<String>,
    name: String,
    log: Log,
}

impl Avahi {
    /// Starts one of its programs beside its daemon.
    fn run(host: &Host, words: &[&str], log: &Log) -> Step<Self> {
        for program in ["dbus-daemon", "avahi-daemon", words[0], "mount"] {
            let search = "PATH=$PATH:/usr/sbin:/sbin; command -v \"$0\"";
            let found = Command::new("sh").args(["-c", search, program]).output();
            if !found.is_ok_and(|output| output.status.success()) {
                return Err(Stop::skip(format!(
                    "needs a second DNS-SD implementation, but `{program}` is not installed: \
                     install avahi-daemon and avahi-utils"
                )));
            }
        }
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", SCRIPT, "avahi"]).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = host
            .spawn(&mut command)
            .map_err(|error| Stop::skip(format!("Avahi does not start: {error}")))?;
        let (sender, lines) = channel();
        pass_lines(child.stdout.take(), sender.clone());
        pass_lines(child.stderr.take(), sender);
        let this = Self { child, lines, name: format!("{} avahi", host.name()), log: log.clone() };
        match this.line("ready", |line| line == "ready") {
            Ok(_) => Ok(this),
            Err(stop) => Err(Stop::skip(format!("Avahi does not start: {stop}"))),
        }
    }

    /// Waits for a line.
    fn line(&self, expected: &str, wanted: impl Fn(&str) -> bool) -> Step<String> {
        let (started, mut last) = (Instant::now(), "nothing".to_owned());
        loop {
            let left = PATIENCE.saturating_sub(started.elapsed());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.log.add(&self.name, Direction::Received, &line);
                    if wanted(&line) {
                        return Ok(line);
                    }
                    last = line;
                }
                Err(error) => {
                    return Err(Stop::fail(expected, format!("{error}; Avahi said last: {last}")));
                }
            }
        }
    }
}

impl Drop for Avahi {
    fn drop(&mut self) {
        // What it started ends with its host.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pass_lines(from: Option<impl Read + Send + 'static>, to: Sender<String>) {
    thread::spawn(move || {
        let lines = from.into_iter().flat_map(|from| BufReader::new(from).lines());
        // Whoever listened may be gone.
        let _ = lines.map_while(Result::ok).try_for_each(|line| to.send(line));
    });
}

/// A browser that runs before the proxy does, and prints what comes and goes over IPv4.
fn browse(scene: &Scene) -> Step<(Host, Avahi)> {
    let host = scene.lan.host("browser")?;
    let words = ["avahi-browse", "--parsable", "--resolve", "--no-db-lookup", "_ws._tcp"];
    let avahi = Avahi::run(&host, &words, scene.log())?;
    Ok((host, avahi))
}

/// How lines about a channel begin: `+` for new, `=` for resolved, `-` for gone. The bracket is
/// escaped.
fn line_of(sign: char, channel: &str) -> String {
    format!("{sign};eth0;IPv4;{channel}\\091")
}

pub(super) fn resolves(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let (_host, avahi) = browse(&scene)?;
    let channel = world.name();
    let _client = scene.join(&channel)?;
    let start = line_of('=', &channel);
    let line = avahi.line("that Avahi resolves the instance", |line| line.starts_with(&start))?;
    let (address, port) = (scene.home()?.v4(), scene.proxy.port());
    let end = format!(";{address};{port};\"path=/broadcast/{channel}\"");
    expect(line.ends_with(&end), format!("a resolved instance with {end}"), line)
}

pub(super) fn hears_goodbye(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let (_host, avahi) = browse(&scene)?;
    let channel = world.name();
    let (client, seen) = scene.advertised(&channel)?;
    let (new, gone) = (line_of('+', &channel), line_of('-', &channel));
    avahi.line("that Avahi finds the instance", |line| line.starts_with(&new))?;
    client.leave()?;
    withdrawn(&scene, &seen)?;
    avahi.line("that Avahi sees the instance go", |line| line.starts_with(&gone)).map(drop)
}

pub(super) fn is_followed(world: &mut World) -> Step {
    let scene = Scene::new(world)?;
    let channel = world.name();
    let _client = scene.join(&channel)?;
    let host = scene.lan.host("publisher")?;
    let acceptor = Acceptor::on(&host, "link by Avahi's advert", scene.log())?;
    let (instance, port) = (format!("{channel}[7]"), acceptor.port().to_string());
    let text = format!("path=/broadcast/{channel}");
    let words = ["avahi-publish", "--service", &instance, "_ws._tcp", &port, &text];
    let _avahi = Avahi::run(&host, &words, scene.log())?;
    accept_link(&acceptor, &channel).map(drop)
}
