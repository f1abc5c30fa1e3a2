//! Clients that know what each should hear.
//!
//! Every message says who sent it and the how-manieth it is, and all the rest of it follows from
//! these two. So each [`Ear`] can tell by itself whether what it hears is whole, unchanged, in
//! order and new.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

use crate::SOON;
use crate::program::Proxy;
use crate::wire;

/// One WebSocket that speaks and listens.
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) ear: Ear,
    said: AtomicU64,
    mouth: Mutex<WebSocket<TcpStream>>,
    stream: TcpStream,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By a close frame with this code; 1005 if it had none.
    Closed(u16),
    /// Without.
    Lost,
}

/// What was heard over one or more connections.
#[derive(Clone, Default)]
pub(crate) struct Ear(Arc<(Mutex<Heard>, Condvar)>);

#[derive(Default)]
struct Heard {
    /// The numbers of each sender's messages, and when they came.
    messages: BTreeMap<String, Vec<(u64, Instant)>>,
    ends: Vec<End>,
    wrong: Vec<String>,
}

impl Client {
    /// Opens `path` at a proxy, from its own host.
    pub(crate) fn join(proxy: &Proxy<'_>, path: &str) -> Self {
        let to = (proxy.host.loopback(), proxy.port).into();
        let answer = wire::ask(proxy.host, to, path, &[]).unwrap();
        let (socket, stream) = answer.websocket();
        Self::new(socket, stream)
    }

    pub(crate) fn new(socket: WebSocket<TcpStream>, stream: TcpStream) -> Self {
        static CLIENTS: AtomicU32 = AtomicU32::new(1);
        let ear = Ear::default();
        ear.listen(socket);
        let mouth = WebSocket::from_raw_socket(stream.try_clone().unwrap(), Role::Client, None);
        Self {
            name: format!("c{}", CLIENTS.fetch_add(1, Ordering::Relaxed)),
            ear,
            said: AtomicU64::new(0),
            mouth: Mutex::new(mouth),
            stream,
        }
    }

    /// Sends the next so many messages; text and binary take turns.
    pub(crate) fn say(&self, count: u64) {
        for _ in 0..count {
            self.try_say().unwrap();
        }
    }

    /// Sends the next message.
    pub(crate) fn try_say(&self) -> Result<(), tungstenite::Error> {
        let number = self.said.fetch_add(1, Ordering::Relaxed);
        self.mouth.lock().unwrap().send(message(&self.name, number))
    }

    /// How many messages it sent.
    pub(crate) fn said(&self) -> u64 {
        self.said.load(Ordering::Relaxed)
    }

    /// Closes in order.
    pub(crate) fn leave(&self) {
        let mut mouth = self.mouth.lock().unwrap();
        mouth.close(None).unwrap();
        mouth.flush().unwrap();
        drop(mouth);
        self.ear.wait_end();
    }

    /// Waits for the message with this number of `sender`.
    pub(crate) fn hears(&self, sender: &Self, number: u64, limit: Duration) -> Instant {
        self.ear.hears(&self.name, &sender.name, number, limit)
    }

    /// Panics unless it heard exactly all messages of `sender` from `first` on.
    pub(crate) fn heard_all(&self, sender: &Self, first: u64) {
        let heard = self.ear.numbers(&sender.name);
        let heard: Vec<u64> = heard.into_iter().filter(|number| *number >= first).collect();
        let all: Vec<u64> = (first..sender.said()).collect();
        assert_eq!(heard, all, "{} heard of {}", self.name, sender.name);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

impl Ear {
    /// Listens to `socket` on a thread, until it ends.
    pub(crate) fn listen(&self, mut socket: WebSocket<TcpStream>) {
        let ear = self.clone();
        thread::spawn(move || {
            let mut end = End::Lost;
            while let Ok(message) = socket.read() {
                if let Message::Close(frame) = &message {
                    end = End::Closed(frame.as_ref().map_or(1005, |frame| frame.code.into()));
                }
                ear.take(&message);
            }
            ear.heard().ends.push(end);
            ear.0.1.notify_all();
        });
    }

    /// Also after a test has failed over it.
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, message: &Message) {
        if !(message.is_text() || message.is_binary()) {
            return;
        }
        let mut heard = self.heard();
        match origin(message) {
            Some((sender, number)) => {
                let numbers = heard.messages.entry(sender.clone()).or_default();
                let last = numbers.last().map(|(last, _)| *last);
                numbers.push((number, Instant::now()));
                if last.is_some_and(|last| last >= number) {
                    let wrong = format!("message {number} of {sender} came after {last:?}");
                    heard.wrong.push(wrong);
                }
            }
            None => heard.wrong.push(format!("nobody said {message:?}")),
        }
        drop(heard);
        self.0.1.notify_all();
    }

    /// Waits until `ready` gives something; whatever went wrong until then, panics.
    fn wait<T>(
        &self,
        limit: Duration,
        ready: impl Fn(&Heard) -> Option<T>,
        complaint: impl FnOnce(&Heard) -> String,
    ) -> T {
        let until = Instant::now() + limit;
        let mut heard = self.heard();
        loop {
            assert!(heard.wrong.is_empty(), "{:?}", heard.wrong);
            if let Some(value) = ready(&heard) {
                return value;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not within {limit:?}: {}", complaint(&heard));
            heard = self.0.1.wait_timeout(heard, left).unwrap().0;
        }
    }

    /// Waits for the message with this number of `sender`; `who` is who listens.
    pub(crate) fn hears(&self, who: &str, sender: &str, number: u64, limit: Duration) -> Instant {
        let of = |heard: &Heard| heard.messages.get(sender).cloned().unwrap_or_default();
        self.wait(
            limit,
            |heard| Some(of(heard).iter().rev().find(|(found, _)| *found == number)?.1),
            |heard| {
                let (last, end) = (of(heard).last().copied(), &heard.ends);
                format!("{who} wants message {number} of {sender}, has {last:?}, ended {end:?}")
            },
        )
    }

    /// Waits for the first message of `sender`, whichever it is.
    pub(crate) fn first_of(&self, sender: &str, limit: Duration) -> Instant {
        let first = |heard: &Heard| Some(heard.messages.get(sender)?.first()?.1);
        self.wait(limit, first, |_| format!("nothing of {sender}"))
    }

    /// Waits for the end of one connection, and gives that of the first.
    pub(crate) fn wait_end(&self) -> End {
        self.wait(SOON, |heard| heard.ends.first().copied(), |_| "it goes on".into())
    }

    /// Waits until so many connections have ended, and says how.
    pub(crate) fn wait_ends(&self, count: usize) -> Vec<End> {
        let ends = |heard: &Heard| (heard.ends.len() >= count).then(|| heard.ends.clone());
        self.wait(SOON, ends, |heard| format!("only these ended: {:?}", heard.ends))
    }

    /// The numbers heard of `sender`, as they came.
    pub(crate) fn numbers(&self, sender: &str) -> Vec<u64> {
        let heard = self.heard();
        let messages = heard.messages.get(sender);
        messages.into_iter().flatten().map(|(number, _)| *number).collect()
    }

    /// Everybody who was heard.
    pub(crate) fn senders(&self) -> Vec<String> {
        self.heard().messages.keys().cloned().collect()
    }
}

/// The message of this number of a sender.
pub(crate) fn message(sender: &str, number: u64) -> Message {
    let length = usize::try_from(number % 60).unwrap();
    let text = format!("{sender} {number} {}", "é".repeat(length));
    if number.is_multiple_of(2) {
        Message::text(text)
    } else {
        // No text: it must not become any on the way.
        Message::binary([text.as_bytes(), b"\xff\0"].concat())
    }
}

/// Whose message it is, and which, if it is just as it was sent.
fn origin(heard: &Message) -> Option<(String, u64)> {
    let bytes = heard.clone().into_data();
    let mut words = bytes.split(|byte| *byte == b' ').map(std::str::from_utf8);
    let sender = words.next()?.ok()?.to_owned();
    let number = words.next()?.ok()?.parse().ok()?;
    (message(&sender, number) == *heard).then_some((sender, number))
}

/// Everybody, all of them on one channel, sends so many messages at once, and everybody else
/// hears each once and in order, and nobody themselves.
pub(crate) fn exchange(clients: &[&Client], each: u64) {
    exchange_within(clients, each, SOON);
}

/// [`exchange`], where the first messages may take `limit`.
pub(crate) fn exchange_within(clients: &[&Client], each: u64, limit: Duration) {
    let first: Vec<u64> = clients.iter().map(|client| client.said()).collect();
    thread::scope(|scope| {
        for client in clients {
            scope.spawn(|| client.say(each));
        }
    });
    all_hear_all(clients, limit);
    // What comes twice has come before this one.
    clients.iter().for_each(|client| client.say(1));
    all_hear_all(clients, SOON);
    for listener in clients {
        assert_eq!(listener.ear.numbers(&listener.name), [0; 0], "{} hears itself", listener.name);
        for (sender, first) in clients.iter().zip(&first) {
            if listener.name != sender.name {
                listener.heard_all(sender, *first);
            }
        }
    }
}

fn all_hear_all(clients: &[&Client], limit: Duration) {
    for listener in clients {
        for sender in clients.iter().filter(|sender| sender.name != listener.name) {
            listener.hears(sender, sender.said() - 1, limit);
        }
    }
}
