//! One run of a plan, with what is to be kept of it.
//!
//! ```text
//!   Plan ──▶ world ──┬──▶ checkers ─────▶ failures, with what happened before each
//!                    ├──▶ hash, figures
//!                    └──▶ trace (JSON lines), packets (pcapng), report (HTML)
//! ```

mod alarm;
mod judge;
mod picture;

use std::cell::RefCell;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;

pub(crate) use self::alarm::Alarm;
use self::judge::Judge;
pub use self::picture::picture;
use crate::event::Phase;
use crate::fabric::packet::Tap;
use crate::fabric::panic_text;
use crate::scenario::Plan;
use crate::trace::{
    Digest, Failure, Fanout, Figures, Hash, JsonLines, Measure, Pcapng, Report, Sink, WorldPicture,
};
use crate::world::{self, Engine, WorldError};

/// The check that nothing in a proxy failed: it logged no error.
pub const NO_ERRORS: &str = "no-errors";

/// The check that nothing panicked.
pub const NO_PANIC: &str = "no-panic";

/// Bytes of the largest IP packet in the packets kept.
const MTU: u16 = 1500;

/// What to keep of a run, beside the failures.
#[derive(Default)]
pub struct Keep {
    /// A digest of all that happened.
    pub digest: bool,
    /// Times, counts and traffic.
    pub figures: bool,
    /// What happened before each failure.
    pub before: bool,
    /// Every record, as JSON lines.
    pub trace: Option<Box<dyn Write>>,
    /// Every packet, as pcapng.
    pub packets: Option<Box<dyn Write>>,
    /// A page that shows it all.
    pub report: Option<Box<dyn Write>>,
}

/// What came of a run.
#[derive(Debug, Default, Serialize)]
pub struct Outcome {
    /// What must not happen and did, in order of time.
    pub failures: Vec<Failure>,
    /// Failures that were counted but not kept.
    pub more_failures: usize,
    /// How long the world was, in its own time.
    #[serde(skip)]
    pub simulated: Duration,
    /// If it was to be kept.
    pub digest: Option<Digest>,
    /// If they were to be kept.
    pub figures: Option<Figures>,
    /// What could not be written.
    pub unwritten: Vec<String>,
}

type Shared<T> = Rc<RefCell<T>>;

type Output = Box<dyn Write>;

/// All that listens to a run.
struct Collectors {
    judge: Shared<Judge>,
    hash: Option<Shared<Hash>>,
    measure: Option<Shared<Measure>>,
    trace: Option<Shared<JsonLines<Output>>>,
    packets: Option<Shared<Pcapng<Output>>>,
    report: Option<(Shared<Report>, Output)>,
}

fn shared<T>(value: T) -> Shared<T> {
    Rc::new(RefCell::new(value))
}

impl Collectors {
    fn new(plan: &Plan, picture: &Rc<WorldPicture>, keep: Keep) -> Self {
        Self {
            judge: shared(Judge::new(plan, keep.before.then(|| Rc::clone(picture)))),
            hash: keep.digest.then(|| shared(Hash::default())),
            measure: (keep.figures || keep.report.is_some()).then(|| shared(Measure::default())),
            trace: keep.trace.map(|to| shared(JsonLines::new(to))),
            packets: keep.packets.map(|to| shared(Pcapng::new(to, picture, MTU))),
            report: keep.report.map(|to| (shared(Report::new(Rc::clone(picture))), to)),
        }
    }

    fn sinks(&self) -> Vec<Shared<dyn Sink>> {
        let mut sinks: Vec<Shared<dyn Sink>> = vec![Rc::clone(&self.judge) as _];
        sinks.extend(self.hash.clone().map(|sink| sink as _));
        sinks.extend(self.measure.clone().map(|sink| sink as _));
        sinks.extend(self.trace.clone().map(|sink| sink as _));
        sinks.extend(self.report.iter().map(|(report, _)| Rc::clone(report) as _));
        sinks
    }

    fn tap(&self) -> Option<Shared<dyn Tap>> {
        let mut taps = Fanout::<dyn Tap>::default();
        self.hash.iter().for_each(|tap| taps.add(Rc::clone(tap) as _));
        self.measure.iter().for_each(|tap| taps.add(Rc::clone(tap) as _));
        self.packets.iter().for_each(|tap| taps.add(Rc::clone(tap) as _));
        (!taps.is_empty()).then(|| shared(taps) as _)
    }

    /// What all of them have to say in the end.
    fn gather(mut self, outcome: &mut Outcome) {
        let packets = self.packets.iter().map(|packets| packets.borrow_mut().finish());
        let sinks = self.sinks();
        let all = sinks.iter().map(|sink| sink.borrow_mut().finish()).chain(packets);
        outcome.unwritten = all.filter_map(Result::err).map(|error| error.to_string()).collect();
        let (failures, more) = self.judge.borrow_mut().verdict();
        outcome.failures.extend(failures);
        outcome.failures.sort_by_key(|failure| failure.at);
        outcome.more_failures = more;
        outcome.digest = self.hash.as_ref().map(|hash| hash.borrow().digest());
        outcome.figures = self.measure.as_ref().map(|measure| measure.borrow().figures());
        if let (Some((report, to)), Some(measure)) = (&mut self.report, &self.measure) {
            let measure = measure.borrow();
            let page = report.borrow().page(&measure, outcome.digest, &outcome.failures);
            let written = to.write_all(page.as_bytes()).and_then(|()| to.flush());
            outcome.unwritten.extend(written.err().map(|error| error.to_string()));
        }
    }
}

/// Runs `plan` on `engine`. `replay` is the command that does so again.
///
/// # Errors
///
/// What the engine cannot do.
pub fn run(plan: &Plan, engine: Engine, replay: &str, keep: Keep) -> Result<Outcome, WorldError> {
    let picture = Rc::new(picture(plan, engine, replay));
    let (collectors, alarm) = (Collectors::new(plan, &picture, keep), Alarm::default());
    let (sinks, tap) = (collectors.sinks(), collectors.tap());
    let ran = tracing::subscriber::with_default(alarm.clone(), || {
        catch_unwind(AssertUnwindSafe(|| world::run(plan, engine, sinks, tap)))
    });
    let mut outcome = Outcome { simulated: plan.start_of(Phase::Ended), ..Outcome::default() };
    match ran {
        Ok(result) => result?,
        Err(panic) => outcome.fail(NO_PANIC, panic_text(&*panic)),
    }
    for error in alarm.take() {
        outcome.fail(NO_ERRORS, error);
    }
    collectors.gather(&mut outcome);
    Ok(outcome)
}

impl Outcome {
    /// Whether everything that must hold held.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.failures.is_empty()
    }

    /// Adds a failure, at the end of the run.
    pub fn fail(&mut self, check: &str, text: String) {
        let (at, check, before) = (self.simulated, check.to_owned(), Vec::new());
        self.failures.push(Failure { at, check, text, before });
    }
}
