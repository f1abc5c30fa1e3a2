//! A second handle of a connection, to speak while its owner listens, or does not even that.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::case::Step;

/// Speaks for a connection whose owner is busy.
#[derive(Debug)]
pub struct Voice {
    pub(super) stream: TcpStream,
    pub(super) pong: Vec<u8>,
}

impl Voice {
    /// Sends a pong that nobody asked for, again and again until `done`.
    ///
    /// # Errors
    ///
    /// Never: if the connection is gone, its owner will see.
    pub fn speak(mut self, every: Duration, done: &AtomicBool) -> Step {
        while !done.load(Ordering::SeqCst) {
            let _ = self.stream.write_all(&self.pong);
            thread::sleep(every);
        }
        Ok(())
    }

    /// Sends bytes until all are taken, or the target has ended the connection: both are its right.
    pub fn send_what_is_taken(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }
}
