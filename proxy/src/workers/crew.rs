//! The workers as one of them sees them: which channels are whose, and what the others have.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::sync::{mpsc, oneshot};

use crate::name::ChannelId;
use crate::status::Status;

/// A question for a worker's status, and where the answer goes.
type Question = oneshot::Sender<Status>;

/// The workers of one proxy. By default there is one.
#[derive(Default)]
pub(crate) struct Crew {
    /// Which of them this is.
    index: usize,
    others: Vec<mpsc::UnboundedSender<Question>>,
    asked: RefCell<Option<mpsc::UnboundedReceiver<Question>>>,
}

impl Crew {
    /// A crew of so many, each as one of them sees it.
    pub(super) fn of(number: usize) -> Vec<Self> {
        let channels: Vec<_> = (0..number).map(|_| mpsc::unbounded_channel()).collect();
        let (askers, asked): (Vec<_>, Vec<_>) = channels.into_iter().unzip();
        let of = |(index, asked)| {
            let mut others = askers.clone();
            others.remove(index);
            Self { index, others, asked: RefCell::new(Some(asked)) }
        };
        asked.into_iter().enumerate().map(of).collect()
    }

    /// How many there are.
    pub(crate) fn number(&self) -> usize {
        self.others.len() + 1
    }

    /// Whether a channel is this worker's.
    pub(crate) fn owns(&self, channel: &ChannelId) -> bool {
        owner(channel, self.number()) == self.index
    }

    /// What each of the others has now.
    pub(crate) async fn ask(&self) -> Vec<Status> {
        let ask = |other: &mpsc::UnboundedSender<Question>| {
            let (question, answer) = oneshot::channel();
            other.send(question).ok().map(|()| answer)
        };
        // All at once, and then one after the other.
        let answers: Vec<_> = self.others.iter().filter_map(ask).collect();
        let mut all = Vec::new();
        for answer in answers {
            // One that is ending has nothing any more.
            all.extend(answer.await);
        }
        all
    }

    /// Answers what others ask, for as long as it is polled.
    pub(crate) async fn answer(&self, status: impl Fn() -> Status) {
        while let Some(question) = self.next_question().await {
            // Who asked may have gone.
            let _ = question.send(status());
        }
        pending::<()>().await;
    }

    async fn next_question(&self) -> Option<Question> {
        poll_fn(|cx| match &mut *self.asked.borrow_mut() {
            Some(asked) => asked.poll_recv(cx),
            None => std::task::Poll::Ready(None),
        })
        .await
    }
}

/// Which of `number` workers a channel belongs to: always the same one, in every run.
pub(super) fn owner(channel: &ChannelId, number: usize) -> usize {
    if number == 1 {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    channel.hash(&mut hasher);
    // Less than `number`, so it fits.
    (hasher.finish() % number as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Scope;

    #[test]
    fn each_channel_is_one_workers_and_each_worker_has_its_share() {
        let crew = Crew::of(4);
        let mut shares = [0; 4];
        for number in 0..1000 {
            for scope in [Scope::Local, Scope::Broadcast] {
                let name = format!("channel-{number}").parse().unwrap();
                let id = ChannelId { scope, name };
                let owners: Vec<_> = (0..4).filter(|index| crew[*index].owns(&id)).collect();
                assert_eq!(owners.len(), 1, "{id}");
                shares[owners[0]] += 1;
            }
        }
        assert!(shares.iter().all(|share| (400..600).contains(share)), "{shares:?}");
        assert!(
            Crew::default().owns(&ChannelId { scope: Scope::Local, name: "x".parse().unwrap() })
        );
    }
}
