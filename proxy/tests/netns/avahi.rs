//! What another implementation of DNS-SD sees of our adverts: Avahi, with a message bus of its
//! own, on a host of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::lab::{Host, Lab, has_program};
use crate::program::Proxy;
use crate::{SOON, check, wait};

/// From the last client's leaving to the goodbye's effect, which RFC 6762 section 10.1 delays by
/// a second.
const GOODBYE_MAX: Duration = Duration::from_secs(3);

/// A line of `avahi-browse --parsable`.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) at: Instant,
    /// `+` for new, `=` for resolved, `-` for gone.
    pub(crate) sign: char,
    /// `IPv4` or `IPv6`, the protocol that carried it.
    protocol: String,
    pub(crate) instance: String,
    /// Of resolved ones: host name, address, port and TXT strings.
    pub(crate) rest: Vec<String>,
}

/// The programs that run, and what the browser printed.
pub(crate) struct Avahi {
    directory: PathBuf,
    children: Vec<Child>,
    lines: Arc<Mutex<Vec<Line>>>,
}

impl Avahi {
    /// One that publishes nothing of its own.
    pub(crate) fn browse(host: &Host) -> Option<Self> {
        Self::start(host, &DAEMON.replace("PUBLISHING", "disable-publishing=yes"))
    }

    /// One that publishes what it is told to, and its host's name, `browser.local`.
    pub(crate) fn publish(host: &Host) -> Option<Self> {
        Self::start(host, &DAEMON.replace("PUBLISHING", "publish-workstation=no\npublish-hinfo=no"))
    }

    /// Publishes a service of our type, until what is given back is killed.
    pub(crate) fn service(&self, host: &Host, instance: &str, port: u16, text: &str) -> Child {
        let mut command = Command::new("avahi-publish-service");
        // It waits for the daemon.
        command.args(["--no-fail", instance, "_ws._tcp", &port.to_string(), text]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.bus());
        host.enter(|| command.spawn()).unwrap()
    }

    fn bus(&self) -> String {
        format!("unix:path={}", self.directory.join("bus").display())
    }

    fn start(host: &Host, daemon: &str) -> Option<Self> {
        if !["dbus-daemon", "avahi-daemon", "avahi-browse", "unshare"].into_iter().all(has_program)
        {
            return None;
        }
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(host.name());
        fs::create_dir_all(&directory).unwrap();
        let mut this = Self { directory, children: Vec::new(), lines: Arc::default() };
        let bus = this.directory.join("bus");
        let config = this.write("bus.conf", &BUS.replace("SOCKET", bus.to_str().unwrap()));
        this.run(host, &["dbus-daemon", "--nofork", "--nopidfile", "--config-file", &config]);
        wait("the bus", SOON, || check(bus.exists(), || format!("{}", bus.display())));
        let config = this.write("avahi.conf", daemon);
        // A process id file of its own, so that there may be others on this machine.
        let daemon = "mount -t tmpfs none /run && mkdir /run/avahi-daemon && exec avahi-daemon \
                      --no-drop-root --no-chroot --no-rlimits --file \"$0\"";
        this.run(host, &["unshare", "--mount", "sh", "-c", daemon, &config]);
        // It waits for the daemon.
        let arguments = ["--resolve", "--parsable", "--no-db-lookup", "--no-fail", "_ws._tcp"];
        this.run(host, &[&["avahi-browse"], &arguments[..]].concat());
        this.read_lines();
        Some(this)
    }

    fn write(&self, name: &str, content: &str) -> String {
        let path = self.directory.join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn run(&mut self, host: &Host, words: &[&str]) {
        let log = fs::File::create(self.directory.join(words[0])).unwrap();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.bus());
        self.children.push(host.enter(|| command.spawn()).unwrap());
    }

    fn read_lines(&mut self) {
        let browser = self.children.last_mut().unwrap();
        let output = BufReader::new(browser.stdout.take().expect("it is piped"));
        let lines = Arc::clone(&self.lines);
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                lines.lock().unwrap().extend(Line::parse(&line));
            }
        });
    }

    /// Waits for a line of this sign and protocol about a channel's instance, from the
    /// `skip`-th line on.
    pub(crate) fn line(&self, sign: char, name: &str, skip: usize) -> Line {
        let wanted = |line: &&Line| {
            line.sign == sign && line.protocol == "IPv4" && line.instance.starts_with(name)
        };
        wait(&format!("Avahi's {sign} for {name}"), SOON, || {
            let lines = self.lines.lock().unwrap();
            let found = lines.iter().skip(skip).find(wanted).cloned();
            found.ok_or_else(|| format!("{lines:#?}"))
        })
    }

    pub(crate) fn line_count(&self) -> usize {
        self.lines.lock().unwrap().len()
    }
}

impl Drop for Avahi {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if thread::panicking() {
            eprintln!("see {}", self.directory.display());
        } else {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(';');
        let sign = fields.next()?.chars().next()?;
        let mut fields = fields.skip(1).map(str::to_owned);
        let (protocol, instance) = (fields.next()?, unescape(&fields.next()?));
        let rest = fields.skip(2).collect();
        Some(Self { at: Instant::now(), sign, protocol, instance, rest })
    }
}

/// Undoes `\123`, decimal, and `\.`.
fn unescape(text: &str) -> String {
    let (mut plain, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('\\') {
        plain += before;
        let code = after.get(..3).and_then(|digits| digits.parse::<u8>().ok());
        let length = if code.is_some() { 3 } else { 1 };
        match code {
            Some(code) => plain.push(code.into()),
            None => plain += &after[..length],
        }
        rest = &after[length..];
    }
    plain + rest
}

const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC
 "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=SOCKET</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"#;

const DAEMON: &str = "[server]\nhost-name=browser\nuse-ipv4=yes\nuse-ipv6=yes\nenable-dbus=yes\n\
                      [publish]\nPUBLISHING\n";

fn number(instance: &str, name: &str) -> u32 {
    let number = instance.strip_prefix(name).and_then(|rest| rest.strip_prefix('['));
    let number = number.and_then(|rest| rest.strip_suffix(']')).unwrap_or_else(|| {
        panic!("{instance} is not {name}[number]");
    });
    number.parse().unwrap()
}

#[test]
fn the_last_client_takes_the_advert_along() {
    let Some(lab) = Lab::new() else { return };
    let (host, watcher) = (lab.host(), lab.host());
    let Some(avahi) = Avahi::browse(&watcher) else { return };
    let proxy = Proxy::start(&host);

    let (alice, bob) = (proxy.join("/broadcast/chat"), proxy.join("/broadcast/chat"));
    let advert = avahi.line('=', "chat[", 0);
    let first = number(&advert.instance, "chat");
    let host_name = &advert.rest[0];
    assert!(host_name.starts_with(&format!("nws-{}", proxy.id)), "{host_name}");
    let address = host.v4().to_string();
    assert_eq!(advert.rest[1..], [&address, "9009", "\"path=/broadcast/chat\""]);
    assert_eq!(proxy.status().channel("chat").unwrap().advert, Some(advert.instance));

    alice.leave();
    // Another channel's advert would come after a goodbye of this one.
    let carol = proxy.join("/broadcast/other");
    avahi.line('=', "other[", 0);
    assert!(!avahi.lines.lock().unwrap().iter().any(|line| line.sign == '-'), "bob is there");

    let left = Instant::now();
    bob.leave();
    let goodbye = avahi.line('-', "chat[", 0);
    let took = goodbye.at - left;
    println!("gone for Avahi {took:?} after the last client");
    assert!(took <= GOODBYE_MAX, "{took:?}");
    assert_eq!(number(&goodbye.instance, "chat"), first);

    let before = avahi.line_count();
    let _dave = proxy.join("/broadcast/chat");
    let again = avahi.line('=', "chat[", before);
    assert_ne!(number(&again.instance, "chat"), first, "each advert has a fresh number");

    let stopped = Instant::now();
    proxy.stop();
    for name in ["chat[", "other["] {
        let took = avahi.line('-', name, before).at - stopped;
        assert!(took <= GOODBYE_MAX, "{name} {took:?}");
    }
    drop(carol);
}

#[test]
fn names_stand_in_the_path_as_they_are() {
    let Some(lab) = Lab::new() else { return };
    let (host, watcher) = (lab.host(), lab.host());
    let Some(avahi) = Avahi::browse(&watcher) else { return };
    let proxy = Proxy::start(&host);
    let long: String = "Long.name-".chars().cycle().take(239).collect();
    for name in ["com.example.chat", "-._", &long] {
        let _client = proxy.join(&format!("/broadcast/{name}"));
        let label: String = name.replace('.', "-").chars().take(51).collect();
        let advert = avahi.line('=', &label, 0);
        assert!(advert.instance.len() <= 63, "{}", advert.instance);
        assert_eq!(advert.rest[3..], [format!("\"path=/broadcast/{name}\"")]);
    }
    let _local = proxy.join("/local/secret");
    let _client = proxy.join("/broadcast/last");
    avahi.line('=', "last[", 0);
    let names: Vec<_> = avahi.lines.lock().unwrap().iter().map(|l| l.instance.clone()).collect();
    assert!(!names.iter().any(|name| name.contains("secret")), "{names:?}");
}
