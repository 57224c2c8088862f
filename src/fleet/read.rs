//! Reads the messages of a fleet from the stream, each probe's apart: a probe that is ahead waits in the
//! stream for those behind.

use super::feed::{FeedNotice, ProbeFeed};
use super::nats::{MessageReader, NatsConnection, NatsError, ReadFrom, StoredMessage};
use super::seconds::Fleet;
use super::totals::FleetTotals;
use super::{Subject, Subjects, totals};
use crate::snapshot::evidence::JudgementObserver;
use std::time::Duration;
use tokio::time::timeout;

/// How long a message is waited for before it is looked whether one is missing.
const LOOK: Duration = Duration::from_secs(1);

/// What an operator wants to know; with the probe's name.
pub type ReportFeed = fn(&str, &FeedNotice);

/// Hands a message to the probe that it is of.
pub fn take(feed: &mut ProbeFeed, subject: Subject<'_>, message: &StoredMessage) {
    match subject {
        Subject::Leaf(_) => {
            if let Some(first) = message.first {
                feed.take_leaves(first, &message.text);
            }
        }
        Subject::Head(_) => feed.take_head(&message.text),
        Subject::Totals(_) | Subject::Closed => {}
    }
}

/// The messages of one subject.
struct SubjectReading {
    subject: String,
    reading: Option<MessageReader>,
    /// The place of the last one.
    last: u64,
}

impl SubjectReading {
    const fn new(subject: String) -> Self {
        Self {
            subject,
            reading: None,
            last: 0,
        }
    }

    /// The next message, if there is one soon; begins anew behind the last one where that has failed.
    async fn next(&mut self, link: &NatsConnection) -> Result<Option<StoredMessage>, NatsError> {
        let from = if self.last == 0 {
            ReadFrom::First
        } else {
            ReadFrom::Behind(self.last)
        };
        let reading = match &mut self.reading {
            Some(reading) => reading,
            none => none.insert(link.read(&self.subject, from).await?),
        };
        match timeout(LOOK, reading.next()).await {
            Ok(Ok(message)) => {
                self.last = self.last.max(message.sequence);
                Ok(Some(message))
            }
            Ok(Err(error)) => {
                self.reading = None;
                Err(error)
            }
            Err(_) => Ok(None),
        }
    }
}

/// The messages of one probe: a head, then the leaves up to it.
struct ProbeReading {
    heads: SubjectReading,
    leaves: SubjectReading,
}

impl ProbeReading {
    fn new(subjects: &Subjects, probe: &str) -> Self {
        Self {
            heads: SubjectReading::new(subjects.head(probe)),
            leaves: SubjectReading::new(subjects.leaf(probe)),
        }
    }

    async fn next(
        &mut self,
        feed: &ProbeFeed,
        link: &NatsConnection,
    ) -> Result<Option<StoredMessage>, NatsError> {
        if feed.first_missing().is_some() || feed.needs_day() {
            self.leaves.next(link).await
        } else {
            self.heads.next(link).await
        }
    }
}

/// Octets of the totals of a probe at most: some 100,000 ASNs.
const MAX_TOTALS: usize = 256 << 20;

/// What a probe counted in all, where it has said so: the lines whose hash its last head has.
///
/// # Errors
/// [`NatsError`]: they cannot be read.
async fn totals_of(
    link: &NatsConnection,
    feed: &ProbeFeed,
) -> Result<Option<Vec<String>>, NatsError> {
    let Some(wanted) = feed.totals() else {
        return Ok(None);
    };
    let subject = link.subjects().totals(feed.name());
    let last = link.last(&subject).await?.map_or(0, |last| last.sequence);
    let mut reading = SubjectReading::new(subject);
    let (mut lines, mut octets) = (Vec::new(), 0);
    while reading.last < last {
        let Some(message) = reading.next(link).await? else {
            continue;
        };
        if message.first == Some(0) {
            (lines, octets) = (Vec::new(), 0);
        }
        octets += message.text.len();
        if octets > MAX_TOTALS {
            return Ok(None);
        }
        lines.extend(message.text.lines().map(str::to_owned));
    }
    Ok((totals::hash(&lines) == wanted).then_some(lines))
}

/// What all probes counted in all, as far as they have said so.
///
/// # Errors
/// [`NatsError`]: it cannot be read.
pub async fn totals(link: &NatsConnection, fleet: &Fleet) -> Result<FleetTotals, NatsError> {
    let mut sums = FleetTotals::default();
    for feed in &fleet.feeds {
        if let Some(lines) = totals_of(link, feed).await? {
            sums.add(&lines);
        }
    }
    Ok(sums)
}

/// Reads and judges until all probes have stopped. It waits as long as that takes.
pub async fn judge_once(
    link: &NatsConnection,
    fleet: &mut Fleet,
    evidence: &mut (dyn JudgementObserver + Send),
    report: ReportFeed,
) {
    let subjects = link.subjects().clone();
    let names: Vec<_> = fleet.feeds.iter().map(|feed| feed.name().clone()).collect();
    let mut readings: Vec<_> = names
        .iter()
        .map(|name| ProbeReading::new(&subjects, name))
        .collect();
    let mut is_over = vec![false; readings.len()];
    loop {
        let over = |place: usize| is_over.get(place).copied().unwrap_or(true);
        if let Some(last) = fleet.passed(over) {
            fleet.close(last, evidence);
        }
        let Some(place) = fleet.slowest(over) else {
            return;
        };
        let (Some(reading), Some(feed)) = (readings.get_mut(place), fleet.feeds.get_mut(place))
        else {
            return;
        };
        if feed.is_stopped() || feed.has_fault() {
            // unless it has begun again
            let last = link.last(&subjects.leaf(feed.name())).await;
            let is_end = |last: Option<StoredMessage>| {
                last.is_none_or(|last| last.sequence <= reading.leaves.last)
            };
            if feed.has_fault() || last.is_ok_and(is_end) {
                if let Some(is_over) = is_over.get_mut(place) {
                    *is_over = true;
                }
                continue;
            }
        }
        match reading.next(feed, link).await {
            Ok(Some(message)) => {
                if let Some(subject) = subjects.parse(&message.subject) {
                    take(feed, subject, &message);
                }
                for notice in feed.take_notices() {
                    report(feed.name(), &notice);
                }
            }
            // it begins anew
            Err(_) => tokio::time::sleep(LOOK).await,
            Ok(None) => {
                let wanted = feed.first_missing();
                if wanted.is_some() || feed.needs_day() {
                    // whether it has come shows
                    let _ = link.request_leaves(feed.name(), wanted).await;
                }
            }
        }
    }
}
