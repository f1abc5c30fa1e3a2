//! A program that the suite started, and what it said on standard error.

use std::io::{self, BufRead, BufReader};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Lines of standard error that are kept.
const LINES_KEPT: usize = 20;

/// How often to look whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Ends with its owner.
#[derive(Debug)]
pub(super) struct Process {
    child: Mutex<Child>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Watches a child whose standard error is piped.
    pub(super) fn watch(mut child: Child) -> Self {
        let said = Arc::<Mutex<Vec<String>>>::default();
        if let Some(stderr) = child.stderr.take() {
            let said = Arc::clone(&said);
            thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                    if said.len() == LINES_KEPT {
                        said.remove(0);
                    }
                    said.push(line);
                }
            });
        }
        Self { child: Mutex::new(child), said }
    }

    pub(super) fn pid(&self) -> u32 {
        self.lock().id()
    }

    /// How it ended, if it has.
    pub(super) fn ended(&self) -> Option<ExitStatus> {
        self.lock().try_wait().ok().flatten()
    }

    /// The last that it said.
    pub(super) fn last_words(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_empty() { "nothing".to_owned() } else { said.join("\n") }
    }

    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        match i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
            Some(pid) if self.ended().is_none() => kill_process(pid, signal).map_err(Into::into),
            _ => Ok(()),
        }
    }

    /// Waits for its end, or until the limit.
    pub(super) fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        let started = Instant::now();
        loop {
            let ended = self.ended();
            if ended.is_some() || started.elapsed() > limit {
                return ended;
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = self.lock();
        let _ = child.kill();
        let _ = child.wait();
    }
}
