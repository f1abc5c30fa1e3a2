//! Adverts without packets: whoever looks at the board sees them.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
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
    /// A proxy's view of the board, for the host with this address.
    #[must_use]
    pub fn discovery(&self, address: IpAddr) -> BoardDiscovery {
        let mut state = self.0.borrow_mut();
        let events = state.adverts.values().cloned().map(Event::Seen).collect();
        state.readers.push(Reader { events, waker: None });
        BoardDiscovery { board: self.clone(), address, reader: state.readers.len() - 1 }
    }
}

/// [`Discovery`] by a [`Board`].
pub struct BoardDiscovery {
    board: Board,
    address: IpAddr,
    reader: usize,
}

impl BoardDiscovery {
    fn take(&self, instance: &str) {
        let mut state = self.board.0.borrow_mut();
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
            addresses: vec![(self.address, 0)],
        };
        let mut state = self.board.0.borrow_mut();
        state.adverts.insert(advert.instance.clone(), sighting.clone());
        state.tell(&Event::Seen(sighting));
    }

    fn withdraw(&mut self, instance: &str) {
        self.take(instance);
    }

    fn verify(&mut self, _: &str) {
        // What is on the board is there.
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

    async fn shutdown(self) {
        let own: Vec<String> = {
            let state = self.board.0.borrow();
            let of_mine = |s: &&Sighting| s.addresses == [(self.address, 0)];
            state.adverts.values().filter(of_mine).map(|s| s.instance.clone()).collect()
        };
        for instance in own {
            self.take(&instance);
        }
    }
}
