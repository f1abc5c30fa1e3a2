//! Adverts without packets: whoever looks at the board sees them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::net::IpAddr;
use std::rc::Rc;
use std::task::{Poll, Waker};

use proxy::Discovery;
use proxy::discovery::{Advert, Event, Sighting};

/// Shared by all proxies of one simulation, which runs on one thread.
///
/// It knows no distance: a partition of the network does not hide adverts. So it stands for a
/// network whose multicast always works, the kindest one to discovery and the harshest to
/// dialling, because adverts lead to proxies that cannot be reached.
#[derive(Clone, Default)]
pub struct Board(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    adverts: BTreeMap<String, Sighting>,
    /// Those of them whose proxies are gone.
    orphans: BTreeSet<String>,
    readers: Vec<Reader>,
}

#[derive(Default)]
struct Reader {
    events: VecDeque<Event>,
    waker: Option<Waker>,
}

impl State {
    fn tell(&mut self, event: &Event) {
        for reader in &mut self.readers {
            reader.events.push_back(event.clone());
            reader.waker.iter().for_each(Waker::wake_by_ref);
        }
    }
}

impl Board {
    /// A proxy's view of the board, for the host with this address, on the interface with this
    /// index.
    #[must_use]
    pub fn discovery(&self, address: IpAddr, interface: u32) -> BoardDiscovery {
        let mut state = self.0.borrow_mut();
        let events = state.adverts.values().cloned().map(Event::Seen).collect();
        state.readers.push(Reader { events, waker: None });
        let reader = state.readers.len() - 1;
        BoardDiscovery { board: self.clone(), address, interface, own: BTreeSet::new(), reader }
    }
}

/// [`Discovery`] by a [`Board`].
pub struct BoardDiscovery {
    board: Board,
    address: IpAddr,
    interface: u32,
    own: BTreeSet<String>,
    reader: usize,
}

impl BoardDiscovery {
    fn take(&self, instance: &str) {
        let mut state = self.board.0.borrow_mut();
        state.orphans.remove(instance);
        if state.adverts.remove(instance).is_some() {
            state.tell(&Event::Gone(instance.to_owned()));
        }
    }
}

impl Discovery for BoardDiscovery {
    fn name(&self) -> &'static str {
        "board"
    }

    fn advertise(&mut self, advert: &Advert) {
        let sighting = Sighting {
            instance: advert.instance.clone(),
            host: format!("{}.local.", advert.host),
            port: advert.port,
            path: Some(advert.path().into_bytes()),
            addresses: vec![(self.address, self.interface)],
        };
        self.own.insert(advert.instance.clone());
        let mut state = self.board.0.borrow_mut();
        state.adverts.insert(advert.instance.clone(), sighting.clone());
        state.tell(&Event::Seen(sighting));
    }

    fn withdraw(&mut self, instance: &str) {
        self.own.remove(instance);
        self.take(instance);
    }

    fn verify(&mut self, instance: &str) {
        if self.board.0.borrow().orphans.contains(instance) {
            self.take(instance);
        }
    }

    fn refresh(&mut self) {}

    async fn next(&mut self) -> Event {
        poll_fn(|cx| {
            let mut state = self.board.0.borrow_mut();
            let reader = &mut state.readers[self.reader];
            if let Some(event) = reader.events.pop_front() {
                return Poll::Ready(event);
            }
            reader.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    async fn shutdown(mut self) {
        for instance in std::mem::take(&mut self.own) {
            self.take(&instance);
        }
    }
}

impl Drop for BoardDiscovery {
    /// Who is killed says no goodbye: its adverts stay until somebody asks for them.
    fn drop(&mut self) {
        self.board.0.borrow_mut().orphans.append(&mut self.own);
    }
}
