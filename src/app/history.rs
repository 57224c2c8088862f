//! Answers questions about the past: a thread of its own reads the ledger that is being kept, minute by
//! minute, and keeps an index of it, so that neither the main thread nor the judge waits for a file.
//!
//! It ends when nobody can ask any more. What it cannot read it says in its answers.

use super::AppError;
use crate::clock;
use crate::events;
use crate::export::questions::{Answer, HistoryQuestion, PendingQuestion, Unanswered};
use crate::report::history::{HistoryError, HistoryIndex, HistoryRequest};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

/// Questions that wait at most; a further one is refused.
const MAX_QUESTIONS: usize = 8;

/// Between two looks for a minute that has been sealed.
const INTERVAL: Duration = Duration::from_secs(1);

/// Starts to read a ledger. Questions go to what is returned.
///
/// # Errors
/// [`AppError::System`]: no thread.
pub(super) fn answer_from(
    directory: &Path,
) -> Result<SyncSender<PendingQuestion<HistoryQuestion>>, AppError> {
    let (sender, receiver) = sync_channel(MAX_QUESTIONS);
    let directory = directory.to_owned();
    let thread = std::thread::Builder::new().name("history".into());
    let started = thread.spawn(move || run(&directory, &receiver));
    started.map_err(|source| AppError::System {
        what: "starting a thread",
        source,
    })?;
    Ok(sender)
}

fn run(directory: &Path, questions: &Receiver<PendingQuestion<HistoryQuestion>>) {
    let error = match HistoryIndex::open(directory, clock::now().second()) {
        Ok(mut index) => match follow(&mut index, questions) {
            Ok(()) => return,
            Err(error) => error,
        },
        Err(error) => error,
    };
    events::history_failed(&error);
    let why = error.to_string();
    for (_, answer) in questions {
        let _ = answer.send(Err(Unanswered::Failed(why.clone())));
    }
}

/// Reads what is sealed, a minute at a time, and answers in between.
fn follow(
    index: &mut HistoryIndex,
    questions: &Receiver<PendingQuestion<HistoryQuestion>>,
) -> Result<(), HistoryError> {
    loop {
        let asked = if index.advance()? {
            match questions.try_recv() {
                Err(TryRecvError::Empty) => continue,
                Err(TryRecvError::Disconnected) => return Ok(()),
                Ok(asked) => asked,
            }
        } else {
            match questions.recv_timeout(INTERVAL) {
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(asked) => asked,
            }
        };
        let (question, answer) = asked;
        // Whoever asked may be gone.
        let _ = answer.send(answered(index, question));
    }
}

fn answered(index: &mut HistoryIndex, question: HistoryQuestion) -> Answer {
    let request = HistoryRequest {
        commitment: question.commitment,
        asn: question.asn.0,
        from: question.from,
        until: question.until,
        step: question.step,
    };
    index.answer(&request).map_err(|error| match error {
        HistoryError::Request(why) => Unanswered::Malformed(why),
        HistoryError::Commitment { .. } => Unanswered::Malformed(error.to_string()),
        HistoryError::Ledger(_) | HistoryError::Leaf { .. } => {
            Unanswered::Failed(error.to_string())
        }
    })
}
