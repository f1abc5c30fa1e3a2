//! A network and a discovery that tell what a proxy does with them, and do it.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use proxy::discovery::{Advert, Event as Found};
use proxy::observe::{LinkInfo, Observer};
use proxy::{Discovery, Interface, Net};

use super::recorder::Recorder;
use crate::event::{Event, Link, ProxyNo};

/// Tells what one proxy of a world does.
#[derive(Clone)]
pub(crate) struct Watcher {
    pub(crate) recorder: Recorder,
    pub(crate) proxy: ProxyNo,
}

impl Observer for Watcher {
    fn link_up(&self, link: &LinkInfo) {
        let link = Link {
            number: link.number,
            channel: link.channel.as_str().into(),
            remote: link.remote.map(|id| id.to_string().into()),
            address: link.address,
            dialled: link.dialled,
            two_way: link.two_way,
        };
        self.recorder.record(Event::LinkUp { proxy: self.proxy, link });
    }

    fn link_down(&self, number: u64) {
        self.recorder.record(Event::LinkDown { proxy: self.proxy, number });
    }
}

/// A network that tells of dials.
#[derive(Clone)]
pub(crate) struct WatchedNet<N> {
    net: N,
    host_name: String,
    watcher: Watcher,
    dials: Rc<Cell<u64>>,
}

impl<N> WatchedNet<N> {
    /// `host_name` is what the host calls itself, which may not be what others call it.
    pub(crate) fn new(net: N, host_name: String, watcher: Watcher) -> Self {
        Self { net, host_name, watcher, dials: Rc::default() }
    }
}

impl<N: Net> Net for WatchedNet<N> {
    type Stream = N::Stream;
    type Listener = N::Listener;

    async fn listen(&self, address: SocketAddr) -> io::Result<N::Listener> {
        self.net.listen(address).await
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<N::Stream> {
        let (proxy, dial) = (self.watcher.proxy, self.dials.get());
        self.dials.set(dial + 1);
        self.watcher.recorder.record(Event::Dialling { proxy, dial, to: address });
        let result = self.net.connect(address).await;
        let error = result.as_ref().err().map(|error| Arc::from(error.to_string()));
        self.watcher.recorder.record(Event::Dialled { proxy, dial, error });
        result
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.net.resolve(host, port).await
    }

    fn interfaces(&self) -> Vec<Interface> {
        self.net.interfaces()
    }

    fn host_name(&self) -> String {
        self.host_name.clone()
    }
}

/// A discovery that tells of adverts.
pub(crate) struct WatchedDiscovery<D> {
    discovery: D,
    watcher: Watcher,
}

impl<D> WatchedDiscovery<D> {
    pub(crate) fn new(discovery: D, watcher: Watcher) -> Self {
        Self { discovery, watcher }
    }

    fn tell(&self, event: impl FnOnce(ProxyNo) -> Event) {
        self.watcher.recorder.record(event(self.watcher.proxy));
    }
}

impl<D: Discovery> Discovery for WatchedDiscovery<D> {
    fn name(&self) -> &'static str {
        self.discovery.name()
    }

    fn advertises(&self) -> bool {
        self.discovery.advertises()
    }

    fn advertise(&mut self, advert: &Advert) {
        let (instance, channel) = (advert.instance.as_str().into(), advert.channel.as_str().into());
        self.tell(|proxy| Event::Advertised { proxy, instance, channel });
        self.discovery.advertise(advert);
    }

    fn withdraw(&mut self, instance: &str) {
        self.tell(|proxy| Event::Withdrawn { proxy, instance: instance.into() });
        self.discovery.withdraw(instance);
    }

    fn verify(&mut self, instance: &str) {
        self.discovery.verify(instance);
    }

    fn refresh(&mut self) {
        self.discovery.refresh();
    }

    async fn next(&mut self) -> Found {
        let found = self.discovery.next().await;
        match &found {
            Found::Seen(sighting) => {
                let instance = sighting.instance.as_str().into();
                self.tell(|proxy| Event::Seen { proxy, instance });
            }
            Found::Gone(instance) => {
                self.tell(|proxy| Event::Gone { proxy, instance: instance.as_str().into() });
            }
        }
        found
    }

    async fn shutdown(self) {
        self.discovery.shutdown().await;
    }
}
