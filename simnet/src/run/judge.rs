//! Checkers, and what happened before each failure that they find.

use std::io;
use std::rc::Rc;

use crate::check::{About, Checkers};
use crate::event::Record;
use crate::scenario::Plan;
use crate::trace::{Failure, Last, Sink, Subject, WorldPicture};

/// How many records are told before a failure.
const BEFORE: usize = 20;

/// Judges a run. Once a failure is found, what came before it is kept with it.
pub(super) struct Judge {
    checkers: Checkers,
    last: Option<Last>,
    failures: Vec<Failure>,
}

impl Judge {
    /// For a run of this plan. What happened before failures is kept if there is a picture to
    /// tell it by.
    pub(super) fn new(plan: &Plan, picture: Option<Rc<WorldPicture>>) -> Self {
        let last = picture.map(Last::new);
        Self { checkers: Checkers::new(plan), last, failures: Vec::new() }
    }

    /// What was found, and how much more was counted.
    pub(super) fn verdict(&mut self) -> (Vec<Failure>, usize) {
        let counted: usize = self.checkers.counts().values().sum();
        let failures = std::mem::take(&mut self.failures);
        let more = counted - failures.len();
        (failures, more)
    }

    fn gather(&mut self) {
        for violation in &self.checkers.violations()[self.failures.len()..] {
            let before = match &self.last {
                Some(last) => last.about(&subjects(&violation.about), BEFORE),
                None => Vec::new(),
            };
            self.failures.push(Failure {
                at: violation.at,
                check: violation.check.to_owned(),
                text: violation.text.clone(),
                before,
            });
        }
    }
}

impl Sink for Judge {
    fn record(&mut self, record: &Record) {
        if let Some(last) = &mut self.last {
            last.record(record);
        }
        self.checkers.record(record);
        if self.checkers.violations().len() > self.failures.len() {
            self.gather();
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.checkers.finish();
        self.gather();
        Ok(())
    }
}

fn subjects(about: &About) -> Vec<Subject> {
    let messages = about.message.map(|message| Subject::Message(message.from, message.number));
    let proxies = about.proxies.iter().map(|proxy| Subject::Proxy(*proxy));
    let sessions = about.sessions.iter().map(|session| Subject::Session(*session));
    match messages {
        // What else its sender and hearer did would drown it.
        Some(message) => vec![message].into_iter().chain(proxies).collect(),
        None => proxies.chain(sessions).collect(),
    }
}
