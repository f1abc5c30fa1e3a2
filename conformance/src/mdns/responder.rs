//! A responder and listener on one host.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use simple_dns::{CLASS, Packet, PacketFlag, QCLASS, QTYPE, Question, TYPE};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::{Advert, GROUP, Heard, PORT, SERVICE, Seen, name, words};
use crate::case::{Step, Stop};
use crate::lan::Host;
use crate::log::{Direction, Log};
use crate::wire::PATIENCE;

/// Largest packet (RFC 6762 section 17).
const PACKET_BYTES_MAX: usize = 9000;

/// How often the thread looks whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Pause before a question is asked again (RFC 6762 section 5.2).
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Speaks and hears for a host. Ends without a goodbye, like a machine that is switched off.
#[derive(Debug)]
pub struct Responder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    socket: UdpSocket,
    /// The host's own address.
    address: IpAddr,
    name: String,
    log: Log,
    adverts: Mutex<Vec<Advert>>,
    /// Sent, and not yet heard: whoever multicasts hears it too.
    echoes: Mutex<Vec<Vec<u8>>>,
    heard: Mutex<Heard>,
    more: Condvar,
    over: AtomicBool,
}

impl Responder {
    /// On a host, beside the responders that it may have already.
    ///
    /// # Errors
    ///
    /// A skip, if the host cannot multicast.
    pub fn on(host: &Host, log: &Log) -> Step<Self> {
        let socket = host.enter(|| open(host));
        let socket = socket.map_err(|error| Stop::skip(format!("no multicast here: {error}")))?;
        let shared = Arc::new(Shared {
            socket,
            address: host.v4().into(),
            name: format!("{} mdns", host.name()),
            log: log.clone(),
            adverts: Mutex::default(),
            echoes: Mutex::default(),
            heard: Mutex::default(),
            more: Condvar::new(),
            over: AtomicBool::new(false),
        });
        let listener = Arc::clone(&shared);
        thread::spawn(move || listener.listen());
        Ok(Self { shared })
    }

    /// Answers questions for an advert from now on, without an announcement.
    pub fn answer_for(&self, advert: &Advert) {
        lock(&self.shared.adverts).push(advert.clone());
    }

    /// Announces, and answers questions from now on.
    pub fn publish(&self, advert: &Advert) {
        self.answer_for(advert);
        advert.packets().iter().for_each(|packet| self.shared.send(packet));
    }

    /// Takes an advert back: a goodbye, and no answers any more.
    pub fn withdraw(&self, advert: &Advert) {
        self.forget(advert);
        advert.goodbye().iter().for_each(|packet| self.shared.send(packet));
    }

    /// Answers for an advert no more, without a goodbye.
    pub fn forget(&self, advert: &Advert) {
        lock(&self.shared.adverts).retain(|other| other.name() != advert.name());
    }

    /// Sends just these bytes.
    pub fn send_raw(&self, packet: &[u8]) {
        self.shared.send(packet);
    }

    /// Asks for all instances.
    pub fn ask(&self) {
        self.shared.ask(("", SERVICE), TYPE::PTR);
    }

    /// All instances that were ever named, of whatever service.
    #[must_use]
    pub fn instances(&self) -> Vec<Seen> {
        lock(&self.shared.heard).instances().collect()
    }

    /// The instances that came (true) and went (false), in the order in which others said so.
    #[must_use]
    pub fn history(&self) -> Vec<(String, bool)> {
        lock(&self.shared.heard).history().to_vec()
    }

    /// All questions that were asked, in words: `PTR of _ws._tcp.local`.
    #[must_use]
    pub fn questions(&self) -> Vec<String> {
        lock(&self.shared.heard).questions().to_vec()
    }

    /// Waits for the instance of a channel, with all records that it takes to connect. Asks for
    /// what is missing, as a browser would.
    ///
    /// # Errors
    ///
    /// There is none in time.
    pub fn expect_instance(&self, channel: &str) -> Step<Seen> {
        let expected = format!("an instance of {SERVICE} for the channel {channel}, complete");
        self.wait_for(&expected, PATIENCE, |heard| {
            heard.instance(channel).ok_or_else(|| heard.describe())
        })
    }

    /// Waits for the goodbye of an instance.
    ///
    /// # Errors
    ///
    /// There is none in time.
    pub fn expect_goodbye(&self, instance: &str) -> Step {
        let expected = format!("a goodbye for {instance:?}: its PTR record with no time to live");
        self.wait_for(&expected, PATIENCE, |heard| {
            let there = heard.instances().any(|seen| seen.instance == instance && seen.there);
            if there { Err(heard.describe()) } else { Ok(()) }
        })
    }

    /// Waits until what was heard will do; `ready` says what is there instead. Asks now and then
    /// for all instances, and for what is missing of them.
    ///
    /// # Errors
    ///
    /// It will not do in time.
    pub fn wait_for<T>(
        &self,
        expected: &str,
        limit: Duration,
        ready: impl Fn(&Heard) -> Result<T, String>,
    ) -> Step<T> {
        let started = Instant::now();
        let mut ask_at = started + ASK_EVERY;
        let mut heard = lock(&self.shared.heard);
        loop {
            let instead = match ready(&heard) {
                Ok(value) => return Ok(value),
                Err(instead) => instead,
            };
            if started.elapsed() > limit {
                let after = format!("{instead}, after {:.1} s", limit.as_secs_f64());
                return Err(Stop::fail(expected, after));
            }
            if Instant::now() >= ask_at {
                ask_at = Instant::now() + ASK_EVERY;
                let incomplete: Vec<_> = heard.instances().filter(|seen| seen.there).collect();
                drop(heard);
                self.ask_for_rest(&incomplete);
                heard = lock(&self.shared.heard);
            }
            let waited = self.shared.more.wait_timeout(heard, LOOK_EVERY);
            heard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn ask_for_rest(&self, instances: &[Seen]) {
        self.ask();
        for Seen { instance, service, host, port, texts, addresses, .. } in instances {
            if port.is_none() {
                self.shared.ask((instance, service), TYPE::SRV);
            }
            if texts.is_none() {
                self.shared.ask((instance, service), TYPE::TXT);
            }
            if let (Some(host), true) = (host, addresses.is_empty()) {
                self.shared.ask(("", host), TYPE::A);
            }
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn listen(&self) {
        let mut buffer = [0; PACKET_BYTES_MAX];
        while !self.over.load(Ordering::Relaxed) {
            let Ok((length, from)) = self.socket.recv_from(&mut buffer) else { continue };
            let bytes = &buffer[..length];
            if self.over.load(Ordering::Relaxed) || self.is_echo(from, bytes) {
                continue;
            }
            let what = format!("from {}: {}", from.ip(), words::describe(bytes));
            self.log.add(&self.name, Direction::Received, what);
            let Ok(packet) = Packet::parse(bytes) else { continue };
            lock(&self.heard).take(&packet);
            self.more.notify_all();
            if !packet.has_flags(PacketFlag::RESPONSE) {
                self.answer(&packet);
            }
        }
    }

    fn answer(&self, packet: &Packet<'_>) {
        let adverts = lock(&self.adverts).clone();
        for advert in adverts {
            let asked = packet.questions.iter().any(|question| advert.answers(question));
            if asked && !advert.is_known(packet) {
                advert.packets().iter().for_each(|packet| self.send(packet));
            }
        }
    }

    fn is_echo(&self, from: SocketAddr, bytes: &[u8]) -> bool {
        let mut echoes = lock(&self.echoes);
        match echoes.iter().position(|sent| sent == bytes) {
            Some(at) if from.ip() == self.address => {
                echoes.remove(at);
                true
            }
            _ => false,
        }
    }

    fn ask(&self, (first, rest): (&str, &str), kind: TYPE) {
        let mut packet = Packet::new_query(0);
        let class = QCLASS::CLASS(CLASS::IN);
        packet.questions.push(Question::new(name(first, rest), QTYPE::TYPE(kind), class, false));
        // A name that came over the wire goes back over it.
        if let Ok(bytes) = packet.build_bytes_vec() {
            self.send(&bytes);
        }
    }

    fn send(&self, packet: &[u8]) {
        self.log.add(&self.name, Direction::Sent, words::describe(packet));
        lock(&self.echoes).push(packet.to_vec());
        if let Err(error) = self.socket.send_to(packet, (GROUP, PORT)) {
            self.log.add(&self.name, Direction::Note, format!("not sent: {error}"));
        }
    }
}

fn open(host: &Host) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    let any = std::net::SocketAddrV4::new(std::net::Ipv4Addr::UNSPECIFIED, PORT);
    socket.bind(&any.into())?;
    let socket = UdpSocket::from(socket);
    socket.join_multicast_v4(&GROUP, &host.v4())?;
    socket.set_multicast_ttl_v4(255)?;
    socket.set_multicast_loop_v4(true)?;
    socket.set_read_timeout(Some(LOOK_EVERY))?;
    SockRef::from(&socket).set_multicast_if_v4(&host.v4())?;
    Ok(socket)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
