//! Discovery as the proxy sees it: real, but for the fault.

use std::collections::BTreeMap;
use std::sync::Arc;

use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};
use proxy::Discovery;
use proxy::discovery::{Advert, Event, SERVICE_TYPE};

use crate::fault::Fault;
use crate::shared::Shared;

/// What stands on the network in place of an advert.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// An advert in the proxy's own form.
    Advert(Advert),
    /// Records that the proxy has no form for.
    Records(Records),
}

/// One instance, told by a responder of the fault's own.
#[derive(Clone, Debug)]
pub(crate) struct Records {
    pub(crate) instance: String,
    pub(crate) port: u16,
    /// Key and value of each string of the TXT record.
    pub(crate) txt: Vec<(&'static str, String)>,
}

/// The discovery of a wrong proxy.
pub(crate) struct SabotagedDiscovery<D> {
    inner: D,
    fault: &'static Fault,
    shared: Arc<Shared>,
    /// What was told for each of the proxy's adverts.
    told: BTreeMap<String, Vec<Told>>,
    /// A responder for each advert, if they are to end without a goodbye.
    alone: BTreeMap<String, ServiceDaemon>,
}

impl<D: Discovery> SabotagedDiscovery<D> {
    pub(crate) fn new(inner: D, fault: &'static Fault, shared: &Arc<Shared>) -> Self {
        Self {
            inner,
            fault,
            shared: Arc::clone(shared),
            told: BTreeMap::new(),
            alone: BTreeMap::new(),
        }
    }
}

impl<D: Discovery> Discovery for SabotagedDiscovery<D> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn advertises(&self) -> bool {
        self.inner.advertises()
    }

    fn advertise(&mut self, advert: &Advert) {
        if self.fault.ends_silently {
            let (instance, port) = (advert.instance.clone(), advert.port);
            let records = Records { instance, port, txt: vec![("path", advert.path())] };
            if let Some(responder) = responder() {
                records.register(&responder);
                self.alone.insert(advert.instance.clone(), responder);
            }
            return;
        }
        let told = match self.fault.advert {
            Some(change) => change(advert.clone(), &self.shared),
            None => vec![Told::Advert(advert.clone())],
        };
        for told in &told {
            match told {
                Told::Advert(advert) => self.inner.advertise(advert),
                Told::Records(records) => self.shared.announce(records),
            }
        }
        self.told.insert(advert.instance.clone(), told);
    }

    fn withdraw(&mut self, instance: &str) {
        if self.fault.keeps_adverts {
            return;
        }
        if let Some(responder) = self.alone.remove(instance) {
            responder.disable_interface(IfKind::All).expect("the responder has room for a command");
            // Its thread goes on without a network: an end of it would be said.
        }
        for told in self.told.remove(instance).unwrap_or_default() {
            match told {
                Told::Advert(advert) => self.inner.withdraw(&advert.instance),
                Told::Records(records) => self.shared.withdraw(&records.instance),
            }
        }
    }

    fn verify(&mut self, instance: &str) {
        self.inner.verify(instance);
    }

    fn refresh(&mut self) {
        self.inner.refresh();
    }

    async fn next(&mut self) -> Event {
        loop {
            match self.inner.next().await {
                Event::Seen(sighting) => {
                    let seen = match self.fault.sighting {
                        Some(change) => change(sighting, &self.shared),
                        None => Some(sighting),
                    };
                    if let Some(seen) = seen {
                        return Event::Seen(seen);
                    }
                }
                Event::Gone(_) if self.fault.misses_goodbyes => {}
                gone @ Event::Gone(_) => return gone,
            }
        }
    }

    async fn shutdown(self) {
        if self.fault.leaves_silently {
            // Dropped it would say goodbye; its thread ends with the program.
            std::mem::forget(self.inner);
            return;
        }
        self.inner.shutdown().await;
        if let Some(done) = self.shared.responder.as_ref().and_then(|r| r.shutdown().ok()) {
            // The answer comes when the goodbyes are out; without one there is nothing to wait for.
            let _ = done.recv_async().await;
        }
    }
}

impl Records {
    fn register(&self, responder: &ServiceDaemon) {
        let host = format!("saboteur-{}.local.", self.port);
        let service = format!("{SERVICE_TYPE}.local.");
        let info = ServiceInfo::new(&service, &self.instance, &host, "", self.port, &self.txt[..]);
        let mut info = info.expect("faults announce what can be announced").enable_addr_auto();
        info.set_requires_probe(false);
        responder.register(info).expect("the responder has room for a few adverts");
    }
}

impl Shared {
    /// Announces an instance of the fault's own.
    pub(crate) fn announce(&self, records: &Records) {
        if let Some(responder) = &self.responder {
            records.register(responder);
        }
    }

    fn withdraw(&self, instance: &str) {
        if let Some(responder) = &self.responder {
            let name = format!("{instance}.{SERVICE_TYPE}.local.");
            responder.unregister(&name).expect("the responder has room for a few adverts");
        }
    }
}

/// A responder, for a fault that may need one.
pub(crate) fn responder() -> Option<ServiceDaemon> {
    let started = ServiceDaemon::new();
    started.inspect_err(|error| tracing::error!(%error, "no multicast DNS")).ok()
}
