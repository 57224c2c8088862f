//! Asks the workers for their worst streams. A worker looks once a second whether somebody asks, and walks
//! through its streams only then: at most once a second, and never for a packet.

use crate::asn::Origin;
use crate::export::json::streams::worst_streams;
use crate::export::questions::{Answer, PendingQuestion, StreamOrder, StreamsQuestion, Unanswered};
use crate::snapshot::WorstStream;
use crate::stream::Streams;
use crate::stream::record::Stream;
use crate::stream::tally::ShownLoss;
use std::cmp::Reverse;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Questions that wait at most; a further one is refused.
const MAX_QUESTIONS: usize = 8;

/// Longest wait for the workers: each looks once a second.
const PATIENCE: Duration = Duration::from_secs(4);

/// The worst streams of one worker, and which question they answer.
type WorkerAnswer = (u64, Vec<WorstStream>);

/// Where the question stands.
#[derive(Debug)]
struct SharedQuestion {
    /// Its number; 0: none yet. Written after the question.
    number: AtomicU64,
    question: Mutex<Option<StreamsQuestion>>,
}

/// A worker's end of the question.
#[derive(Debug)]
pub(super) struct StreamsReader {
    shared: Arc<SharedQuestion>,
    answered: u64,
    answers: mpsc::Sender<WorkerAnswer>,
    /// There are other workers, which may have the opposite stream.
    is_one_of_several: bool,
}

/// The asking end.
#[derive(Debug)]
pub(super) struct StreamsCollector {
    shared: Arc<SharedQuestion>,
    answers: mpsc::Receiver<WorkerAnswer>,
    workers: usize,
    questions: mpsc::Receiver<PendingQuestion<StreamsQuestion>>,
}

/// For so many workers: where questions go, who collects the answers, and what each worker gets.
pub(super) fn channels(
    workers: usize,
) -> (
    mpsc::Sender<PendingQuestion<StreamsQuestion>>,
    StreamsCollector,
    Vec<StreamsReader>,
) {
    let (asking, questions) = mpsc::channel(MAX_QUESTIONS);
    // Twice, so that a late answer to the question before takes nobody's room.
    let (sender, answers) = mpsc::channel(2 * workers.max(1));
    let shared = Arc::new(SharedQuestion {
        number: AtomicU64::new(0),
        question: Mutex::new(None),
    });
    let reader = |_| StreamsReader {
        shared: shared.clone(),
        answered: 0,
        answers: sender.clone(),
        is_one_of_several: workers > 1,
    };
    let readers = (0..workers).map(reader).collect();
    let collector = StreamsCollector {
        shared,
        answers,
        workers,
        questions,
    };
    (asking, collector, readers)
}

impl StreamsCollector {
    /// Answers until nobody can ask any more. One question at a time.
    pub(super) async fn run(mut self) {
        while let Some((question, answer)) = self.questions.recv().await {
            let answered = self.ask(question).await;
            // Whoever asked may be gone.
            let _ = answer.send(answered);
        }
    }

    async fn ask(&mut self, question: StreamsQuestion) -> Answer {
        let place = &self.shared.question;
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(question);
        let number = self.shared.number.fetch_add(1, Ordering::Release) + 1;
        let Ok(Some(mut worst)) = timeout(PATIENCE, self.collect(number)).await else {
            return Err(Unanswered::Failed("the capture does not answer".into()));
        };
        worst.sort_by_key(|one| (Reverse(badness(question.by, one)), one.row.order()));
        worst.truncate(question.limit);
        worst_streams(&question, &worst).map_err(|error| Unanswered::Failed(error.to_string()))
    }

    /// What every worker answers to a question; none where one of them has ended.
    async fn collect(&mut self, number: u64) -> Option<Vec<WorstStream>> {
        let (mut worst, mut workers) = (Vec::new(), 0);
        while workers < self.workers {
            let (of, streams) = self.answers.recv().await?;
            // Another number: an answer to the question before.
            if of == number {
                worst.extend(streams);
                workers += 1;
            }
        }
        Some(worst)
    }
}

impl StreamsReader {
    /// Answers a question that waits; called once a second.
    pub(super) fn answer(&mut self, streams: &Streams) {
        let number = self.shared.number.load(Ordering::Acquire);
        if number == self.answered {
            return;
        }
        self.answered = number;
        let question = *self
            .shared
            .question
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(question) = question {
            let worst = self.worst(&question, streams);
            // Fails only where the daemon ends.
            let _ = self.answers.try_send((number, worst));
        }
    }

    fn worst(&self, question: &StreamsQuestion, streams: &Streams) -> Vec<WorstStream> {
        let origin = Origin::As(question.asn);
        let of_asn = streams.iter().filter(|stream| {
            let pair = stream.pair();
            pair.src == origin || pair.dst == origin
        });
        let mut ranked: Vec<_> = of_asn
            .map(|stream| (stream_badness(question.by, stream), stream))
            .collect();
        ranked.sort_by_key(|(bad, stream)| (Reverse(*bad), stream.first(), stream.key.ssrc()));
        ranked.truncate(question.limit);
        let shown = |(_, stream): (_, &Stream)| {
            let has_opposite = streams.has_opposite(&stream.key);
            WorstStream {
                row: super::stream_row::row(stream),
                jitter_nanos: jitter(stream),
                is_one_way: match (has_opposite, self.is_one_of_several) {
                    (true, _) => Some(false),
                    (false, false) => Some(true),
                    (false, true) => None,
                },
            }
        };
        ranked.into_iter().map(shown).collect()
    }
}

fn jitter(stream: &Stream) -> Option<u64> {
    let nanos = stream.jitter().current()?.as_nanos();
    u64::try_from(nanos).ok()
}

/// How bad a stream is: greater is worse. Parts of a loss are in millionths of what was expected.
fn stream_badness(by: StreamOrder, stream: &Stream) -> (u64, u64) {
    match by {
        StreamOrder::Jitter => (jitter(stream).unwrap_or(0), 0),
        StreamOrder::Loss => loss_badness(stream.continuity().loss(stream.packets()).shown()),
    }
}

fn badness(by: StreamOrder, one: &WorstStream) -> (u64, u64) {
    match by {
        StreamOrder::Jitter => (one.jitter_nanos.unwrap_or(0), 0),
        StreamOrder::Loss => loss_badness(one.row.loss),
    }
}

fn loss_badness(loss: ShownLoss) -> (u64, u64) {
    let part = |packets: u64| packets.saturating_mul(1_000_000) / loss.expected.max(1);
    (part(loss.lost), part(loss.maybe_lost))
}
