//! The other side of links that does not say who it is: a mere acceptor, and the 2014 proxy.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tungstenite::WebSocket;
use tungstenite::protocol::Role;

use crate::client::{Ear, message};
use crate::lab::Host;
use crate::multicast::{Advert, Multicast, Seen};
use crate::wire::{self, AS_LINK};

/// Pause between looks at what is new.
const TICK: Duration = Duration::from_millis(2);

/// A link that somebody dialled.
pub(crate) struct Inbound {
    /// The request.
    pub(crate) head: String,
    /// How it goes; nothing should be heard.
    pub(crate) ear: Ear,
    mouth: WebSocket<TcpStream>,
    stream: TcpStream,
}

/// Accepts every link.
pub(crate) struct Acceptor {
    connections: Arc<AtomicU64>,
    links: Arc<Mutex<Vec<Inbound>>>,
}

impl Acceptor {
    pub(crate) fn on(host: &Host, at: SocketAddr) -> Self {
        let listener = host.enter(|| TcpListener::bind(at)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let this = Self { connections: Arc::default(), links: Arc::default() };
        let (connections, links) = (Arc::clone(&this.connections), Arc::clone(&this.links));
        thread::spawn(move || {
            // It ends with the acceptor.
            while Arc::strong_count(&links) > 1 {
                let Ok((stream, _)) = listener.accept() else {
                    thread::sleep(TICK);
                    continue;
                };
                connections.fetch_add(1, Ordering::Relaxed);
                stream.set_nonblocking(false).unwrap();
                if let Ok((head, socket, stream)) = wire::accept(stream) {
                    links.lock().unwrap().push(Inbound::new(head, socket, stream));
                }
            }
        });
        this
    }

    /// How often somebody connected.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// The requests of all links so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.links.lock().unwrap().iter().map(|link| link.head.clone()).collect()
    }

    /// The ears of all links so far.
    pub(crate) fn ears(&self) -> Vec<Ear> {
        self.links.lock().unwrap().iter().map(|link| link.ear.clone()).collect()
    }

    /// Sends the message to whoever dialled and is still there.
    fn say(&self, sender: &str, number: u64) {
        for link in &mut *self.links.lock().unwrap() {
            let _ = link.mouth.send(message(sender, number));
        }
    }
}

impl Inbound {
    fn new(head: String, socket: WebSocket<TcpStream>, stream: TcpStream) -> Self {
        let ear = Ear::default();
        ear.listen(socket);
        let mouth = WebSocket::from_raw_socket(stream.try_clone().unwrap(), Role::Server, None);
        Self { head, ear, mouth, stream }
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// A proxy as they were in 2014, with one channel, which it advertises, and on it one client.
///
/// It dials whatever it sees, each instance name once and never again, and says nothing of
/// itself.
pub(crate) struct OldProxy {
    pub(crate) name: &'static str,
    /// What its client hears.
    pub(crate) ear: Ear,
    pub(crate) acceptor: Acceptor,
    pub(crate) multicast: Arc<Multicast>,
    dialled: Arc<Mutex<Vec<TcpStream>>>,
    said: AtomicU64,
}

impl OldProxy {
    pub(crate) fn start(host: &Arc<Host>, channel: &str, name: &'static str) -> Self {
        let port = 9009;
        let acceptor = Acceptor::on(host, (Ipv4Addr::UNSPECIFIED, port).into());
        let multicast = Arc::new(Multicast::on(host));
        multicast.announce(&Advert {
            instance: format!("{channel}[{}]", host.v4().to_bits()),
            host: format!("{name}.local"),
            address: host.v4(),
            port,
            texts: vec![format!("path=/broadcast/{channel}")],
        });
        multicast.ask();
        let dialled = Arc::default();
        let ear = Ear::default();
        let this = Self { name, ear, acceptor, multicast, dialled, said: AtomicU64::new(0) };
        this.dial_all(Arc::clone(host));
        this
    }

    fn dial_all(&self, host: Arc<Host>) {
        let (ear, links) = (self.ear.clone(), Arc::clone(&self.dialled));
        let multicast = Arc::downgrade(&self.multicast);
        thread::spawn(move || {
            let mut known = BTreeSet::new();
            while let Some(multicast) = multicast.upgrade() {
                for seen in multicast.seen() {
                    let Seen::Announced { instance, at: Some(at), path: Some(path) } = seen else {
                        continue;
                    };
                    if !known.insert(instance) {
                        continue;
                    }
                    if let Ok(answer) = wire::ask(&host, at.into(), &path, AS_LINK) {
                        let (socket, stream) = answer.websocket();
                        ear.listen(socket);
                        links.lock().unwrap().push(stream);
                    }
                }
                drop(multicast);
                thread::sleep(TICK);
            }
        });
    }

    /// Its client sends the next so many messages.
    pub(crate) fn say(&self, count: u64) {
        for _ in 0..count {
            self.acceptor.say(self.name, self.said.fetch_add(1, Ordering::Relaxed));
        }
    }

    pub(crate) fn said(&self) -> u64 {
        self.said.load(Ordering::Relaxed)
    }

    /// How many links it has dialled.
    pub(crate) fn links(&self) -> usize {
        self.dialled.lock().unwrap().len()
    }

    /// Its latest link to `host` breaks, without a word.
    pub(crate) fn lose_link(&self, host: &Host) {
        let links = self.dialled.lock().unwrap();
        let leads_there = |link: &&TcpStream| link.peer_addr().unwrap().ip() == host.v4();
        links.iter().rfind(leads_there).unwrap().shutdown(Shutdown::Both).unwrap();
    }
}

impl Drop for OldProxy {
    fn drop(&mut self) {
        for link in &*self.dialled.lock().unwrap() {
            let _ = link.shutdown(Shutdown::Both);
        }
    }
}
