//! One discovery for all workers: each tells the front what to do, and hears what concerns it.

use tokio::sync::mpsc;

use super::crew::owner;
use crate::discovery::{Advert, Discovery, Event};
use crate::name::{ChannelId, Scope};

/// What a worker wants of the discovery.
#[derive(Debug)]
pub(super) enum Order {
    Advertise(Advert),
    Withdraw(String),
    Verify(String),
    Refresh,
}

/// The discovery as a worker has it.
pub(super) struct Shared {
    name: &'static str,
    advertises: bool,
    orders: mpsc::UnboundedSender<Order>,
    events: mpsc::UnboundedReceiver<Event>,
}

/// The front's ends.
pub(super) struct Hub {
    pub(super) orders: mpsc::UnboundedReceiver<Order>,
    workers: Vec<mpsc::UnboundedSender<Event>>,
}

/// A discovery for each of `number` workers, and the other ends.
pub(super) fn pair(number: usize, name: &'static str, advertises: bool) -> (Vec<Shared>, Hub) {
    let (sender, orders) = mpsc::unbounded_channel();
    let (mut handles, mut workers) = (Vec::new(), Vec::new());
    for _ in 0..number {
        let (worker, events) = mpsc::unbounded_channel();
        workers.push(worker);
        handles.push(Shared { name, advertises, orders: sender.clone(), events });
    }
    (handles, Hub { orders, workers })
}

impl Hub {
    /// Tells an event to whom it concerns.
    pub(super) fn tell(&self, event: &Event) {
        let number = self.workers.len();
        let owner = match event {
            Event::Seen(sighting) => sighting
                .channel()
                .map_or(0, |name| owner(&ChannelId { scope: Scope::Broadcast, name }, number)),
            // Whose it was: nobody else knows it.
            Event::Gone(_) => number,
        };
        for (index, worker) in self.workers.iter().enumerate() {
            let told = match event {
                _ if index == owner => event.clone(),
                // What one sees as its own now may have been another's.
                Event::Seen(sighting) => Event::Gone(sighting.instance.clone()),
                Event::Gone(_) => event.clone(),
            };
            // A worker that has ended needs none.
            let _ = worker.send(told);
        }
    }
}

/// Does what a worker wants.
pub(super) fn obey(discovery: &mut impl Discovery, order: Order) {
    match order {
        Order::Advertise(advert) => discovery.advertise(&advert),
        Order::Withdraw(instance) => discovery.withdraw(&instance),
        Order::Verify(instance) => discovery.verify(&instance),
        Order::Refresh => discovery.refresh(),
    }
}

impl Shared {
    fn order(&self, order: Order) {
        // The front ends last.
        let _ = self.orders.send(order);
    }
}

impl Discovery for Shared {
    fn name(&self) -> &'static str {
        self.name
    }

    fn advertises(&self) -> bool {
        self.advertises
    }

    fn advertise(&mut self, advert: &Advert) {
        self.order(Order::Advertise(advert.clone()));
    }

    fn withdraw(&mut self, instance: &str) {
        self.order(Order::Withdraw(instance.to_owned()));
    }

    fn verify(&mut self, instance: &str) {
        self.order(Order::Verify(instance.to_owned()));
    }

    fn refresh(&mut self) {
        self.order(Order::Refresh);
    }

    async fn next(&mut self) -> Event {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    /// The front says goodbye for all.
    async fn shutdown(self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::Sighting;

    #[test]
    fn an_advert_is_its_channels_workers_and_a_goodbye_is_everybodys() {
        let (mut workers, hub) = pair(4, "test", true);
        let name = |path: Option<&str>| Sighting {
            instance: "x[1]".into(),
            host: "h.local.".into(),
            port: 9009,
            path: path.map(Into::into),
            addresses: Vec::new(),
        };
        let gone = Event::Gone("x[1]".into());
        let mut told = || -> Vec<Event> {
            workers.iter_mut().map(|worker| worker.events.try_recv().unwrap()).collect()
        };
        for channel in ["a", "b", "c", "d", "e", "f"] {
            let sighting = name(Some(&format!("/broadcast/{channel}")));
            hub.tell(&Event::Seen(sighting.clone()));
            let id = ChannelId { scope: Scope::Broadcast, name: channel.parse().unwrap() };
            let mut expected = vec![gone.clone(); 4];
            expected[owner(&id, 4)] = Event::Seen(sighting);
            assert_eq!(told(), expected);
        }
        // What leads nowhere is one worker's to judge and to count.
        hub.tell(&Event::Seen(name(None)));
        assert_eq!(told(), [Event::Seen(name(None)), gone.clone(), gone.clone(), gone.clone()]);
        hub.tell(&gone);
        assert_eq!(told(), vec![gone; 4]);
    }

    #[test]
    fn what_a_worker_orders_is_done() {
        let (mut workers, mut hub) = pair(2, "test", true);
        workers[1].withdraw("a[1]");
        workers[0].verify("b[2]");
        workers[1].refresh();
        let orders: Vec<String> =
            std::iter::from_fn(|| hub.orders.try_recv().ok()).map(|o| format!("{o:?}")).collect();
        assert_eq!(orders, [r#"Withdraw("a[1]")"#, r#"Verify("b[2]")"#, "Refresh"]);
    }
}
