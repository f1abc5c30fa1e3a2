//! The baseline that a Rust programmer would write: tokio-tungstenite, a task for each client, and
//! `tokio::sync::broadcast`, as in the tutorials.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "it is the program that one writes without this project's rules"
)]

use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use tokio::sync::broadcast;
use tokio_tungstenite::accept_hdr_async;
use tungstenite::Message;
use tungstenite::handshake::server::{Request, Response};

/// Messages that a reader may be behind.
const BEHIND_MAX: usize = 4096;

type Channels = Arc<Mutex<HashMap<String, broadcast::Sender<(u64, Message)>>>>;

/// Serves until it is killed, on two threads.
pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build()?.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let channels = Channels::default();
        for id in 0.. {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(client(id, stream, Arc::clone(&channels)));
        }
        Ok(())
    })
}

#[expect(clippy::result_large_err, reason = "tungstenite's own type")]
async fn client(id: u64, stream: tokio::net::TcpStream, channels: Channels) {
    let mut path = String::new();
    let note = |request: &Request, response: Response| {
        request.uri().path().clone_into(&mut path);
        Ok(response)
    };
    let Ok(mut socket) = accept_hdr_async(stream, note).await else { return };
    let sender = {
        let mut channels = channels.lock().expect("nobody panics with the lock");
        channels.entry(path).or_insert_with(|| broadcast::channel(BEHIND_MAX).0).clone()
    };
    let mut receiver = sender.subscribe();
    loop {
        tokio::select! {
            biased;
            message = socket.next() => match message {
                Some(Ok(message)) if message.is_binary() || message.is_text() => {
                    // The sender itself receives, so there is somebody.
                    let _ = sender.send((id, message));
                }
                Some(Ok(message)) if !message.is_close() => {}
                _ => return,
            },
            message = receiver.recv() => match message {
                Ok((from, message)) if from != id => {
                    if socket.send(message).await.is_err() {
                        return;
                    }
                }
                Ok(_) => {}
                Err(_) => return,
            },
        }
    }
}
