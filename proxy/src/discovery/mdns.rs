//! Discovery on real networks: multicast DNS (RFC 6762) by the crate `mdns-sd`.
//!
//! What this module knows of that crate's ways:
//! - Its command queue is short, so commands wait here and are given again ([`COMMAND_RETRY`]).
//! - Its event channel closes silently when it overflows; then we browse anew, and what is not
//!   seen again within [`RECHECK`] is taken for gone.
//! - Our names are random, so probing for conflicts (RFC 6762 section 8.1) would cost most of a
//!   second and find nothing.
//! - It takes a dot inside an instance name for the end of a label, and reports a live instance of
//!   that kind as gone when asked to verify it. Ours have no dots; others' are never verified.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;

use mdns_sd::{Error, Receiver, ScopedIp, ServiceDaemon, ServiceEvent, ServiceInfo};
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};

use super::{Advert, Discovery, Event, IpAddrScoped, SERVICE_TYPE, Sighting};
use crate::limits::VERIFY_TIME;

/// Pause before a command is given again that the daemon had no room for, or that came too soon.
const COMMAND_RETRY: Duration = Duration::from_millis(2);

/// Time between two adverts, each of which is some packets: sent faster, hundreds of them overrun
/// the buffers of those who listen, whose daemon needs most of a millisecond for one.
const ADVERT_PACE: Duration = Duration::from_millis(2);

/// Time for instances to be seen again after events were lost.
const RECHECK: Duration = Duration::from_secs(3);

/// How long goodbyes may take; the daemon sends them at once.
const GOODBYE_TIME: Duration = Duration::from_millis(500);

/// Discovery by multicast DNS.
pub struct MdnsSd {
    daemon: ServiceDaemon,
    /// The addresses to advertise; empty for all of this machine.
    addresses: Vec<IpAddr>,
    /// Newest last. An older one is read until the daemon closes it, so that no event is lost.
    browsers: VecDeque<Receiver<ServiceEvent>>,
    commands: VecDeque<Command>,
    /// When the next advert may be announced or withdrawn.
    paced_until: Instant,
    /// Instances told as seen and not as gone.
    known: BTreeSet<String>,
    /// Those of them to be seen again by a time, after events were lost.
    recheck: Option<(Instant, BTreeSet<String>)>,
}

/// What waits for room in the daemon's queue.
enum Command {
    Register(Box<ServiceInfo>),
    Unregister(String),
    Verify(String),
    Browse,
}

impl MdnsSd {
    /// Starts browsing. `addresses` are those to advertise; with none, all that this machine has,
    /// as they come and go.
    ///
    /// # Errors
    ///
    /// In words: no socket for multicast DNS could be had.
    pub fn new(addresses: Vec<IpAddr>) -> Result<Self, String> {
        let daemon = ServiceDaemon::new().map_err(|error| error.to_string())?;
        let mut this = Self {
            daemon,
            addresses,
            browsers: VecDeque::new(),
            commands: VecDeque::new(),
            paced_until: Instant::now(),
            known: BTreeSet::new(),
            recheck: None,
        };
        this.give(Command::Browse);
        Ok(this)
    }

    fn give(&mut self, command: Command) {
        self.commands.push_back(command);
        self.give_all();
    }

    /// Gives commands to the daemon, in order, while it takes them and their time has come.
    fn give_all(&mut self) {
        while let Some(command) = self.commands.front() {
            if matches!(command, Command::Register(_) | Command::Unregister(_)) {
                let now = Instant::now();
                if now < self.paced_until {
                    return;
                }
                self.paced_until = now + ADVERT_PACE;
            }
            let given = match command {
                Command::Register(info) => self.daemon.register((**info).clone()),
                Command::Unregister(name) => self.daemon.unregister(name).map(drop),
                Command::Verify(name) => self.daemon.verify(name.clone(), VERIFY_TIME),
                Command::Browse => self
                    .daemon
                    .browse(&service_type())
                    .map(|browser| self.browsers.push_back(browser)),
            };
            match given {
                Err(Error::Again) => return,
                Err(error) => tracing::warn!(%error, "multicast DNS refused a command"),
                Ok(()) => {}
            }
            self.commands.pop_front();
        }
    }

    fn info(&self, advert: &Advert) -> Result<ServiceInfo, Error> {
        let path = advert.path();
        let properties = [("path", path.as_str())];
        let host = format!("{}.local.", advert.host);
        let mut info = ServiceInfo::new(
            &service_type(),
            &advert.instance,
            &host,
            &self.addresses[..],
            advert.port,
            &properties[..],
        )?;
        if self.addresses.is_empty() {
            info = info.enable_addr_auto();
        }
        info.set_requires_probe(false);
        Ok(info)
    }

    fn event(&mut self, event: ServiceEvent) -> Option<Event> {
        match event {
            ServiceEvent::ServiceResolved(service) => {
                let instance = instance_of(&service.fullname)?;
                if let Some((_, missing)) = &mut self.recheck {
                    missing.remove(&instance);
                }
                let mut addresses: Vec<_> = service.addresses.iter().flat_map(scoped).collect();
                addresses.sort_unstable();
                let path = service.txt_properties.get_property_val("path").flatten();
                self.known.insert(instance.clone());
                Some(Event::Seen(Sighting {
                    instance,
                    host: service.host,
                    port: service.port,
                    path: path.map(<[u8]>::to_vec),
                    addresses,
                }))
            }
            ServiceEvent::ServiceRemoved(_, fullname) => self.gone(instance_of(&fullname)?),
            _ => None,
        }
    }

    fn gone(&mut self, instance: String) -> Option<Event> {
        if let Some((_, missing)) = &mut self.recheck {
            missing.remove(&instance);
        }
        self.known.remove(&instance).then_some(Event::Gone(instance))
    }

    /// The next instance that was not seen again in time after events were lost.
    fn next_missing(&mut self) -> Option<Event> {
        let (_, missing) = self.recheck.as_mut()?;
        match missing.pop_first() {
            Some(instance) => self.gone(instance),
            None => {
                self.recheck = None;
                None
            }
        }
    }

    /// A browser's channel closed: an older one as it should, the newest because it overflowed.
    fn browser_closed(&mut self) {
        self.browsers.pop_front();
        if self.browsers.is_empty() {
            tracing::warn!("multicast DNS events came faster than they were read; browsing anew");
            self.recheck = Some((Instant::now() + RECHECK, self.known.clone()));
            self.give(Command::Browse);
        }
    }
}

impl Drop for MdnsSd {
    /// Its daemon is a thread of its own, which would go on advertising.
    fn drop(&mut self) {
        // It may be shut down already.
        let _ = self.daemon.shutdown();
    }
}

impl Discovery for MdnsSd {
    fn name(&self) -> &'static str {
        "mdns-sd"
    }

    fn advertise(&mut self, advert: &Advert) {
        match self.info(advert) {
            Ok(info) => self.give(Command::Register(Box::new(info))),
            Err(error) => tracing::warn!(%error, channel = %advert.channel, "cannot advertise"),
        }
    }

    fn withdraw(&mut self, instance: &str) {
        self.give(Command::Unregister(full_name(instance)));
    }

    fn verify(&mut self, instance: &str) {
        if !instance.contains('.') {
            self.give(Command::Verify(full_name(instance)));
        }
    }

    fn refresh(&mut self) {
        self.give(Command::Browse);
    }

    async fn next(&mut self) -> Event {
        loop {
            self.give_all();
            let late = self.recheck.as_ref().map(|(until, _)| *until);
            tokio::select! {
                biased;
                event = next_of(&self.browsers) => match event {
                    Some(event) => if let Some(event) = self.event(event) {
                        return event;
                    },
                    None => self.browser_closed(),
                },
                () = sleep(COMMAND_RETRY), if !self.commands.is_empty() => {}
                () = sleep_until(late.unwrap_or_else(Instant::now)), if late.is_some() => {
                    if let Some(event) = self.next_missing() {
                        return event;
                    }
                }
            }
        }
    }

    async fn shutdown(mut self) {
        // What waits here is an advert that nobody has seen, or a goodbye that is said anyway.
        self.commands.clear();
        let all = async {
            loop {
                // Goodbyes for all that is still registered go out before the answer comes.
                match self.daemon.shutdown() {
                    Ok(done) => return drop(done.recv_async().await),
                    Err(Error::Again) => sleep(COMMAND_RETRY).await,
                    Err(_) => return,
                }
            }
        };
        if timeout(GOODBYE_TIME, all).await.is_err() {
            tracing::warn!("multicast DNS took too long to say goodbye");
        }
    }
}

/// The next event of the oldest browser; none if its channel closed.
async fn next_of(browsers: &VecDeque<Receiver<ServiceEvent>>) -> Option<ServiceEvent> {
    match browsers.front() {
        Some(browser) => browser.recv_async().await.ok(),
        None => std::future::pending().await,
    }
}

/// An address, once for each interface that it was seen on.
fn scoped(address: &ScopedIp) -> Vec<IpAddrScoped> {
    let seen_on = |index| (address.to_ip_addr(), index);
    match address {
        ScopedIp::V4(v4) => v4.interface_ids().iter().map(|id| seen_on(id.index)).collect(),
        ScopedIp::V6(v6) => vec![seen_on(v6.scope_id().index)],
        _ => vec![seen_on(0)],
    }
}

fn service_type() -> String {
    format!("{SERVICE_TYPE}.local.")
}

fn full_name(instance: &str) -> String {
    format!("{instance}.{}", service_type())
}

/// The instance's label, of a full name.
fn instance_of(full_name: &str) -> Option<String> {
    let label = full_name.strip_suffix(&service_type())?.strip_suffix('.')?;
    // Presentation form escapes dots (RFC 4343 section 2.1); a label as such does not.
    Some(label.replace("\\.", "."))
}
