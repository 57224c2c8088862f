//! `/api/v1/history` and `/api/v1/streams`: asks whoever can answer, and waits for it, for a while.

use super::answer::{self, AnswerBody};
use super::rendered::RenderedOutputs;
use crate::export::questions::{
    Answer, Answerers, HistoryQuestion, MAX_STREAMS_ANSWERED, StreamOrder, StreamsQuestion,
    Unanswered,
};
use crate::units::{Asn, Second};
use hyper::{Response, StatusCode};
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::TrySendError;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// The path of the history.
pub(super) const HISTORY: &str = "/api/v1/history";

/// The path of the worst streams.
pub(super) const STREAMS: &str = "/api/v1/streams";

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Seconds that a history is of where nothing is said: an hour, in minutes.
const USUAL_LENGTH: u64 = 3600;
const USUAL_STEP: u64 = 60;

/// Streams of an answer where the request sets no limit.
const USUAL_STREAMS: usize = 50;

/// An answer that is still to come.
pub(super) type PendingAnswer = Pin<Box<dyn Future<Output = Response<AnswerBody>> + Send>>;

/// Asks what a path and its query say.
pub(super) fn ask(path: &str, query: Option<&str>, shown: &RenderedOutputs) -> PendingAnswer {
    let published = shown.published.borrow().clone();
    let query = Query::new(query.unwrap_or_default());
    let asked = if path == HISTORY {
        let judged = published.snapshot.judged.unwrap_or_default();
        query
            .history(judged)
            .and_then(|question| ask_history(&published.answerers, question))
    } else {
        let asked = query.streams();
        asked.and_then(|question| ask_streams(&published.answerers, question))
    };
    Box::pin(async move {
        let answer = match asked {
            Ok(receiver) => awaited(receiver).await,
            Err(refused) => Err(refused),
        };
        match answer {
            Ok(document) => answer::json(document),
            Err(Unanswered::Malformed(why)) => answer::refusal(StatusCode::BAD_REQUEST, why),
            Err(Unanswered::Unknown(why)) => answer::refusal(StatusCode::NOT_FOUND, why),
            Err(Unanswered::Failed(why)) => answer::refusal(StatusCode::SERVICE_UNAVAILABLE, why),
        }
    })
}

async fn awaited(receiver: oneshot::Receiver<Answer>) -> Answer {
    match timeout(PATIENCE, receiver).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(ended()),
        Err(_) => Err(Unanswered::Failed("no answer in time".into())),
    }
}

fn busy() -> Unanswered {
    Unanswered::Failed("too many questions at the same time".into())
}

fn ended() -> Unanswered {
    Unanswered::Failed("no answer: it ended".into())
}

fn ask_history(
    of: &Answerers,
    question: HistoryQuestion,
) -> Result<oneshot::Receiver<Answer>, Unanswered> {
    let Some(history) = &of.history else {
        return Err(Unanswered::Unknown("no ledger is kept".into()));
    };
    let (sender, receiver) = oneshot::channel();
    let sent = history.try_send((question, sender));
    sent.map_err(|error| match error {
        TrySendError::Full(_) => busy(),
        TrySendError::Disconnected(_) => ended(),
    })?;
    Ok(receiver)
}

fn ask_streams(
    of: &Answerers,
    question: StreamsQuestion,
) -> Result<oneshot::Receiver<Answer>, Unanswered> {
    let Some(streams) = &of.streams else {
        let why = "streams are not shown: export.streams is false";
        return Err(Unanswered::Unknown(why.into()));
    };
    let (sender, receiver) = oneshot::channel();
    let sent = streams.try_send((question, sender));
    sent.map_err(|error| match error {
        mpsc::error::TrySendError::Full(_) => busy(),
        mpsc::error::TrySendError::Closed(_) => ended(),
    })?;
    Ok(receiver)
}

/// The parameters of a question. One that is not known is refused, and so is one that stands twice.
struct Query(Vec<(String, String)>);

impl Query {
    fn new(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes());
        Self(pairs.into_owned().collect())
    }

    fn check(&self, known: &[&str]) -> Result<(), Unanswered> {
        for (place, (key, _)) in self.0.iter().enumerate() {
            if !known.contains(&key.as_str()) {
                let known = known.join(", ");
                return Err(malformed(key, &format!("is not known; there are: {known}")));
            }
            if self.0.iter().take(place).any(|(before, _)| before == key) {
                return Err(malformed(key, "stands twice"));
            }
        }
        Ok(())
    }

    fn text(&self, key: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        pairs.find_map(|(name, value)| (name == key).then_some(value.as_str()))
    }

    fn number<T: std::str::FromStr>(&self, key: &str, usual: Option<T>) -> Result<T, Unanswered> {
        match (self.text(key), usual) {
            (None, Some(usual)) => Ok(usual),
            (None, None) => Err(malformed(key, "is missing")),
            (Some(text), _) => {
                let number = text.parse();
                number.map_err(|_| malformed(key, &format!("{text:?} is no such number")))
            }
        }
    }

    fn second(&self, key: &str, usual: Second) -> Result<Second, Unanswered> {
        let Some(text) = self.text(key) else {
            return Ok(usual);
        };
        let wrong = || malformed(key, &format!("{text:?}: write it as 2026-11-25T21:17:00Z"));
        Second::from_rfc3339(text).ok_or_else(wrong)
    }

    fn history(&self, judged: Second) -> Result<HistoryQuestion, Unanswered> {
        self.check(&["commitment", "asn", "from", "until", "step"])?;
        let commitment = self.text("commitment");
        let commitment = commitment.ok_or_else(|| malformed("commitment", "is missing"))?;
        let step = self.number("step", Some(USUAL_STEP))?;
        let now = Second((judged.0 / USUAL_STEP + 1) * USUAL_STEP);
        let until = self.second("until", now)?;
        let from = self.second("from", Second(until.0.saturating_sub(USUAL_LENGTH)))?;
        Ok(HistoryQuestion {
            commitment: commitment.to_owned(),
            asn: Asn(self.number("asn", None)?),
            from,
            until,
            step,
        })
    }

    fn streams(&self) -> Result<StreamsQuestion, Unanswered> {
        self.check(&["asn", "by", "limit"])?;
        let by = match self.text("by") {
            None | Some("loss") => StreamOrder::Loss,
            Some("jitter") => StreamOrder::Jitter,
            Some(other) => return Err(malformed("by", &format!("{other:?}: loss or jitter"))),
        };
        let limit = self.number("limit", Some(USUAL_STREAMS))?;
        if !(1..=MAX_STREAMS_ANSWERED).contains(&limit) {
            let why = format!("{limit} is not 1 to {MAX_STREAMS_ANSWERED}");
            return Err(malformed("limit", &why));
        }
        Ok(StreamsQuestion {
            asn: Asn(self.number("asn", None)?),
            by,
            limit,
        })
    }
}

fn malformed(key: &str, why: &str) -> Unanswered {
    Unanswered::Malformed(format!("{key}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_without_more_is_the_last_hour_by_minutes() {
        let question = Query::new("commitment=a+b%2Fc&asn=3320").history(Second(7_325));
        let expected = HistoryQuestion {
            commitment: "a b/c".into(),
            asn: Asn(3320),
            from: Second(3_780),
            until: Second(7_380),
            step: 60,
        };
        assert_eq!(question, Ok(expected));
    }

    #[test]
    fn what_is_no_question_is_refused_with_key_and_value() {
        let refusals = [
            ("asn=1", "commitment: is missing"),
            ("commitment=a", "asn: is missing"),
            ("commitment=a&asn=AS1", "asn: \"AS1\" is no such number"),
            ("commitment=a&asn=1&asn=2", "asn: stands twice"),
            (
                "commitment=a&asn=1&from=now",
                "from: \"now\": write it as 2026-11-25T21:17:00Z",
            ),
        ];
        for (query, why) in refusals {
            let refused = Query::new(query).history(Second(0));
            assert_eq!(refused, Err(Unanswered::Malformed(why.into())), "{query}");
        }
        for (query, why) in [
            ("asn=1&by=name", "by: \"name\": loss or jitter"),
            ("asn=1&limit=0", "limit: 0 is not 1 to 100"),
            ("asn=1&limit=101", "limit: 101 is not 1 to 100"),
            ("asn=1&x=1", "x: is not known; there are: asn, by, limit"),
        ] {
            let refused = Query::new(query).streams();
            assert_eq!(refused, Err(Unanswered::Malformed(why.into())), "{query}");
        }
    }
}
