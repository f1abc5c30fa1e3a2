//! What a proxy counts of itself, for `/status` and `/metrics`.

use std::cell::Cell;

use serde::Serialize;

/// Declares the counters once: the live ones, their snapshot, and their description.
macro_rules! counters {
    ($($name:ident: $help:literal,)*) => {
        /// Live counters; the proxy is one thread, so plain cells do.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        /// The counters at one moment. They only grow, and start from 0 with the proxy.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
        pub(crate) struct CountersSnapshot {
            $(#[doc = $help] pub(crate) $name: u64,)*
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> CountersSnapshot {
                CountersSnapshot { $($name: self.$name.get(),)* }
            }
        }

        impl CountersSnapshot {
            /// Adds what another worker counted.
            pub(crate) fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// Name, description and value of each.
            pub(crate) fn each(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$((stringify!($name), $help, self.$name)),*].into_iter()
            }
        }
    };
}

counters! {
    connections_accepted: "TCP connections accepted",
    connections_refused: "WebSockets refused because there were as many as may be",
    connections_displaced: "TCP connections that asked for nothing and made room for newer ones",
    requests_refused: "HTTP requests answered with an error",
    messages_received: "Messages received from clients and links",
    messages_delivered: "Deliveries: each message once for each connection that it was handed to",
    messages_discarded: "Messages that came over a link against its direction",
    bytes_received: "Bytes of payload received from clients and links",
    bytes_delivered: "Bytes handed to connections, framing included",
    clients_stalled: "Connections closed because they took nothing for the stall time",
    connections_dead: "Connections ended because nothing was heard from them any more",
    protocol_errors: "Connections closed for a violation of the WebSocket protocol or a limit",
    links_dialled: "Links to other proxies that were dialled and stood",
    links_accepted: "Links from other proxies that were accepted",
    dials_failed: "Dials to other proxies that led to no link",
    adverts_ignored: "Adverts that were malformed or led where none may lead",
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(Cell<u64>);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.set(self.0.get() + n);
    }

    pub(crate) fn increment(&self) {
        self.add(1);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.get()
    }
}
