//! What is known of each instance, put together from records as they come and go.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use tokio::time::Instant;

use super::cache::{Cache, prefix};
use super::name::{self, Name};
use super::querier::{BROWSE_MIN, Querier};
use super::record::{Data, kind};
use super::{Event, Instance};

/// Questions for what an instance's advert did not tell, at growing intervals. After that it must
/// be advertised again.
const RESOLVE_TRIES: u32 = 4;

/// An instance that is known by a PTR record.
pub(super) struct Known {
    name: Name,
    /// Interfaces that the PTR record was heard on.
    pub(super) seen_on: BTreeSet<u32>,
    told: Option<Instance>,
    tries: u32,
    pub(super) retry: Option<Instant>,
}

impl Querier {
    /// A PTR record leads to this instance.
    pub(super) fn heard_of(&mut self, wire: &[u8], key: &[u8], interface: u32) {
        if let Some(known) = self.instances.get_mut(key) {
            let new = known.seen_on.insert(interface);
            if new || (known.told.is_none() && known.retry.is_none()) {
                known.tries = 0;
                self.dirty.insert(Bytes::copy_from_slice(key));
            }
            return;
        }
        let name = Name::from_wire(wire);
        let key = name.key().clone();
        let seen_on = BTreeSet::from([interface]);
        let known = Known { name, seen_on, told: None, tries: 0, retry: None };
        self.instances.insert(key.clone(), known);
        self.dirty.insert(key);
    }

    /// Tells what became of the instances of which something changed.
    pub(super) fn settle(&mut self, now: Instant, events: &mut VecDeque<Event>) {
        while let Some(key) = self.dirty.pop_first() {
            let Some(mut known) = self.instances.remove(&key) else { continue };
            if known.seen_on.is_empty() {
                known.retry.take().map(|at| self.retries.remove(&(at, key.clone())));
                events.extend(
                    known
                        .told
                        .take()
                        .map(|told| Event::Lost { instance: told.instance, service: told.service }),
                );
                continue;
            }
            match self.resolve(&known.name) {
                Ok(found) => {
                    if known.told.as_ref() != Some(&found) {
                        events.push_back(Event::Found(found.clone()));
                        known.told = Some(found);
                    }
                    known.tries = 0;
                    known.retry.take().map(|at| self.retries.remove(&(at, key.clone())));
                }
                Err(missing) => {
                    // Without its text it is still where it was.
                    let gone = missing.iter().any(|(_, kind)| *kind != kind::TXT);
                    if gone && let Some(told) = known.told.take() {
                        let Instance { instance, service, .. } = told;
                        events.push_back(Event::Lost { instance, service });
                    }
                    if known.retry.is_none() && known.tries < RESOLVE_TRIES {
                        for (name, kind) in missing {
                            self.ask(now, name, kind);
                        }
                        let at = now + BROWSE_MIN * (1 << known.tries);
                        (known.tries, known.retry) = (known.tries + 1, Some(at));
                        self.retries.insert((at, key.clone()));
                    }
                }
            }
            self.instances.insert(key, known);
        }
    }

    /// All that is known of an instance, or what is missing.
    fn resolve(&mut self, name: &Name) -> Result<Instance, Vec<(Name, u16)>> {
        let newest = |cache: &Cache, prefix: &[u8]| {
            cache.set(prefix).max_by_key(|entry| entry.received).map(|e| e.record.data.clone())
        };
        prefix(&mut self.key, name.key(), kind::SRV, None);
        let srv = newest(&self.cache, &self.key);
        prefix(&mut self.key, name.key(), kind::TXT, None);
        let txt = newest(&self.cache, &self.key);
        let mut missing = Vec::new();
        if !matches!(txt, Some(Data::Txt(_))) {
            missing.push((name.clone(), kind::TXT));
        }
        let Some(Data::Srv { port, target, .. }) = srv else {
            missing.push((name.clone(), kind::SRV));
            return Err(missing);
        };
        let mut addresses = Vec::new();
        for kind in [kind::A, kind::AAAA] {
            prefix(&mut self.key, target.key(), kind, None);
            addresses.extend(self.cache.set(&self.key).filter_map(
                |entry| match entry.record.data {
                    Data::Address(address) => Some((address, entry.interface)),
                    _ => None,
                },
            ));
        }
        if addresses.is_empty() {
            missing.extend([kind::A, kind::AAAA].map(|kind| (target.clone(), kind)));
        }
        match txt {
            Some(Data::Txt(text)) if missing.is_empty() => Ok(Instance {
                instance: name.first_label().unwrap_or_default().to_owned(),
                service: Name::from_wire(name::parent(name.wire())).to_string(),
                host: target.to_string(),
                port,
                text,
                addresses,
            }),
            _ => Err(missing),
        }
    }

    /// Nobody answers for an instance any more, so what leads to it is worth nothing.
    pub(super) fn forget_instance(&mut self, instance: &Bytes) {
        let Some(known) = self.instances.get_mut(instance) else { return };
        for interface in std::mem::take(&mut known.seen_on) {
            prefix(&mut self.key, name::parent(instance), kind::PTR, Some(interface));
            self.key.extend_from_slice(instance);
            self.cache.remove(&self.key);
        }
        prefix(&mut self.key, instance, kind::TXT, None);
        for key in self.cache.keys(&self.key) {
            self.cache.remove(&key);
        }
    }
}
