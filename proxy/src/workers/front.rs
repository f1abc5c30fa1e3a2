//! The front of several workers: accepts, looks at the request line, hands over; and discovers.

use std::net::SocketAddr;

use hyper::Uri;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::crew::owner;
use super::handed::Arrival;
use super::shared::{Hub, obey};
use crate::clock::{sleep, timeout};
use crate::discovery::Discovery;
use crate::http::Route;
use crate::limits::{ACCEPT_RETRY, PEEK_AGAIN, PEEK_BYTES, REQUEST_TIME, SHUTDOWN_TIME};
use crate::net::Listener;
use crate::newcomers::Newcomers;
use crate::stop::{Stop, Stopper};

type Doors = Vec<mpsc::UnboundedSender<Arrival>>;

/// Serves until `stopped`, or until a worker has ended; then stops the workers, says goodbye, and
/// waits for them.
pub(super) async fn run<D: Discovery>(
    listeners: Vec<TcpListener>,
    doors: Doors,
    (mut shared, mut discovery): (Hub, D),
    stop: Stop,
    stopped: impl Future<Output = ()>,
    stopper: Stopper,
    mut ended: mpsc::UnboundedReceiver<()>,
) {
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn_local(accept(listener, doors.clone(), stop.clone()));
    }
    let mut stopped = std::pin::pin!(stopped);
    loop {
        tokio::select! {
            biased;
            () = &mut stopped => break,
            _ = ended.recv() => break,
            Some(order) = shared.orders.recv() => obey(&mut discovery, order),
            event = discovery.next() => shared.tell(&event),
        }
    }
    stopper.stop();
    drop(accepting);
    discovery.shutdown().await;
    // Each sees to it by itself that it ends in time.
    let all = async { while ended.recv().await.is_some() {} };
    let _ = timeout(SHUTDOWN_TIME * 2, all).await;
}

async fn accept(listener: TcpListener, doors: Doors, mut stop: Stop) {
    let mut newcomers = Newcomers::default();
    loop {
        tokio::select! {
            biased;
            () = stop.wait() => return,
            Some((worker, arrival)) = newcomers.next() => hand_over(&doors[worker], arrival),
            accepted = Listener::accept(&listener) => match accepted {
                Ok((stream, peer)) => {
                    newcomers.add(look(stream, peer, doors.len()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection; trying again");
                    sleep(ACCEPT_RETRY).await;
                }
            },
        }
    }
}

fn hand_over(door: &mpsc::UnboundedSender<Arrival>, (stream, peer): (TcpStream, SocketAddr)) {
    match stream.into_std() {
        // A worker that has ended takes the whole program along.
        Ok(stream) => drop(door.send((stream, peer))),
        Err(error) => tracing::debug!(%peer, %error, "a connection cannot be handed over"),
    }
}

/// Looks whose a connection is, without reading from it.
async fn look(
    stream: TcpStream,
    peer: SocketAddr,
    workers: usize,
) -> Option<(usize, (TcpStream, SocketAddr))> {
    let looked = timeout(REQUEST_TIME, async {
        let mut buffer = [0; PEEK_BYTES];
        loop {
            let seen = stream.peek(&mut buffer).await.ok()?;
            if let Some(worker) = worker_of(&buffer[..seen], workers) {
                return Some(worker);
            }
            if seen == 0 || seen == PEEK_BYTES {
                // The end, or no request that anybody sends: a worker knows what to say.
                return Some(0);
            }
            // What is there stays there, so nobody tells when there is more.
            sleep(PEEK_AGAIN).await;
        }
    });
    let worker = looked.await.ok()??;
    Some((worker, (stream, peer)))
}

/// Whose a request is that starts with `bytes`; `None` if its first line is not all there.
fn worker_of(bytes: &[u8], workers: usize) -> Option<usize> {
    // RFC 9112 section 2.2: empty lines before it are to be ignored.
    let line = bytes.trim_ascii_start();
    let end = line.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&line[..end]).unwrap_or_default();
    let target: Option<Uri> = line.split(' ').nth(1).and_then(|target| target.parse().ok());
    match target.map(|target| Route::of(target.path())) {
        Some(Ok(Route::Channel(channel))) => Some(owner(&channel, workers)),
        // Pages, and whatever is wrong.
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{ChannelId, Scope};

    #[test]
    fn a_connection_goes_to_its_channels_worker_once_its_first_line_is_there() {
        let chat = ChannelId { scope: Scope::Local, name: "chat".parse().unwrap() };
        let whose = Some(owner(&chat, 1000));
        assert_ne!(whose, Some(0), "it can be told from what is nobody's");
        for line in [
            "GET /local/chat HTTP/1.1\r\n",
            "\r\n\r\nGET /local/%63hat?x=1 HTTP/1.1\r\nHost: x",
            "GET http://localhost/local/chat HTTP/1.1\n",
        ] {
            assert_eq!(worker_of(line.as_bytes(), 1000), whose, "{line:?}");
        }
        assert_eq!(worker_of(b"GET /local/chat HTTP/1.1", 1000), None);
        assert_eq!(worker_of(b"", 1000), None);
        for line in ["GET /status HTTP/1.1\r\n", "\x16\x03\x01\n", "GET /local/a/b HTTP/1.1\r\n"] {
            assert_eq!(worker_of(line.as_bytes(), 1000), Some(0), "{line:?}");
        }
    }
}
