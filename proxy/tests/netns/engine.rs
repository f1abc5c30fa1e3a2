//! Our own multicast DNS engine on a host, with its real sockets and without a proxy.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use proxy::mdns::{Config, Engine, Event, Instance, Service};
use proxy::{MdnsSocket, MdnsUdp};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use crate::lab::Host;
use crate::{SOON, check, wait};

pub(crate) const TYPE: &str = "_ws._tcp";

type Command = Box<dyn FnOnce(&mut Engine, Instant) + Send>;

/// An engine that browses for our type. It is silent from the moment that it is dropped.
pub(crate) struct Peer {
    commands: UnboundedSender<Command>,
    events: Arc<Mutex<Vec<Event>>>,
}

/// A service of ours by this name.
pub(crate) fn service(instance: &str, host: &str, port: u16, probe: bool) -> Service {
    Service {
        instance: instance.to_owned(),
        service: TYPE.to_owned(),
        host: host.to_owned(),
        port,
        text: vec![b"path=/broadcast/chat".to_vec()],
        probe,
    }
}

impl Peer {
    pub(crate) fn on(host: &Host) -> Self {
        let (commands, given) = unbounded_channel();
        let events = Arc::default();
        let told = Arc::clone(&events);
        host.enter(|| {
            // A thread is where the one is that started it.
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(run(given, told));
            })
        });
        Self { commands, events }
    }

    /// Tells the engine something.
    pub(crate) fn tell(&self, command: impl FnOnce(&mut Engine, Instant) + Send + 'static) {
        assert!(self.commands.send(Box::new(command)).is_ok(), "it runs");
    }

    pub(crate) fn register(&self, service: &Service) {
        let service = service.clone();
        self.tell(move |engine, now| engine.register(now, &service).unwrap());
    }

    pub(crate) fn unregister(&self, instance: &'static str) {
        self.tell(move |engine, now| engine.unregister(now, instance, TYPE));
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// Waits until what was told last of an instance is that it is there, with this many addresses.
    pub(crate) fn wait_found(&self, instance: &str, addresses: usize) -> Instance {
        wait(&format!("{instance} is found"), SOON, || match self.last(instance) {
            Some(Event::Found(found)) if found.addresses.len() >= addresses => Ok(found),
            _ => Err(format!("{:#?}", self.events())),
        })
    }

    /// Waits until what was told last of an instance is that it is gone.
    pub(crate) fn wait_lost(&self, instance: &str, limit: Duration) {
        wait(&format!("{instance} is lost"), limit, || {
            let lost = matches!(self.last(instance), Some(Event::Lost { .. }));
            check(lost, || format!("{:#?}", self.events()))
        });
    }

    pub(crate) fn last(&self, of: &str) -> Option<Event> {
        let about = |event: &Event| match event {
            Event::Found(found) => found.instance == of,
            Event::Lost { instance, .. } => instance == of,
            Event::Renamed { .. } => false,
        };
        self.events().into_iter().rev().find(about)
    }
}

async fn run(mut commands: UnboundedReceiver<Command>, events: Arc<Mutex<Vec<Event>>>) {
    let socket = MdnsUdp::new().unwrap();
    let mut engine = Engine::new(Config::default(), ChaCha8Rng::seed_from_u64(1));
    let mut interfaces = socket.interfaces();
    interfaces.retain(|interface| !interface.address.is_loopback());
    engine.set_interfaces(Instant::now(), interfaces);
    engine.browse(Instant::now(), TYPE).unwrap();
    loop {
        while let Some(packet) = engine.poll_transmit() {
            socket.send(packet.interface, packet.to, &packet.bytes).await.unwrap();
        }
        events.lock().unwrap().extend(std::iter::from_fn(|| engine.poll_event()));
        let due = engine.next_timeout().expect("it browses");
        tokio::select! {
            biased;
            command = commands.recv() => match command {
                Some(command) => command(&mut engine, Instant::now()),
                None => return,
            },
            packet = socket.recv() => engine.handle_packet(Instant::now(), &packet),
            () = sleep_until(due) => engine.handle_timeout(Instant::now()),
        }
    }
}
