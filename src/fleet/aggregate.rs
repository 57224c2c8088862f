//! The live aggregator: reads the stream in its order, appends the messages that close seconds, and
//! judges by these and nothing else, so that two aggregators side by side judge the same.
//!
//! A second is closed when all probes have passed it; or when most of them have, and the rest has not come in
//! the time that it is given: then as it is, and what comes later is an amendment.

use super::closed::{ClosedSeconds, MAX_SECONDS};
use super::feed::ProbeFeed;
use super::nats::{MessageReader, NatsConnection, NatsError, ReadFrom, StoredMessage};
use super::read::{ReportFeed, take};
use super::seconds::{Fleet, ProbePosition};
use super::{Subject, Subjects};
use crate::snapshot::evidence::JudgementObserver;
use crate::units::Second;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How often it is looked whether a second can be closed, while nothing comes.
const LOOK: Duration = Duration::from_millis(100);

/// Leaves are asked for once they have been missing for so long.
const WANT_AFTER: Duration = Duration::from_millis(300);

/// Between two requests for the same probe's leaves.
const WANT_PAUSE: Duration = Duration::from_secs(2);

/// Messages that close seconds and wait for leaves at most.
const MAX_PENDING: usize = 1024;

/// A probe that is ahead of our own clock by more is not to be relied on.
const MAX_AHEAD: u64 = 2;

/// Where most probes are missing, the others wait so many times longer.
const FEW: u32 = 3;

/// When it was first seen how far most probes were, or any.
#[derive(Debug, Default)]
struct SeenAt(VecDeque<(Instant, Second)>);

impl SeenAt {
    fn note(&mut self, now: Instant, second: Option<Second>) {
        let Some(second) = second else { return };
        if self.0.back().is_none_or(|(_, known)| *known < second) {
            self.0.push_back((now, second));
        }
    }

    /// The last second that had been passed so long ago.
    fn before(&mut self, now: Instant, patience: Duration) -> Option<Second> {
        let is_due = |(at, _): &(Instant, Second)| now.duration_since(*at) >= patience;
        while self.0.len() > 1 && self.0.get(1).is_some_and(is_due) {
            self.0.pop_front();
        }
        let first = self.0.front().filter(|first| is_due(first));
        first.map(|(_, second)| *second)
    }
}

/// How an aggregator goes on.
#[derive(Clone, Copy, Debug)]
pub struct AggregateSettings {
    /// How long the last probes are waited for.
    pub patience: Duration,
    /// Our own clock.
    pub now: fn() -> Second,
    /// Where in the stream to begin.
    pub start: ReadFrom,
    /// Takes the notices about what does not hold.
    pub report: ReportFeed,
}

/// The state of a run.
struct Aggregator<'a> {
    link: &'a NatsConnection,
    subjects: Subjects,
    settings: AggregateSettings,
    /// The place of the last message that was read.
    position: u64,
    /// The place of the last message that closes seconds, as far as we know.
    last_closed: u64,
    /// The last second that any of them closes.
    closed_until: Option<Second>,
    pending: VecDeque<ClosedSeconds>,
    most: SeenAt,
    any: SeenAt,
    /// When leaves of each probe may be asked for; none: nothing is missing.
    want_at: Vec<Option<Instant>>,
}

/// Runs as long as it is not dropped. Tells of each judged second, and now and then besides.
pub async fn aggregate(
    link: &NatsConnection,
    fleet: &mut Fleet,
    settings: AggregateSettings,
    evidence: &mut (dyn JudgementObserver + Send),
    mut shown: impl FnMut(&mut Fleet),
) {
    let mut state = Aggregator {
        link,
        subjects: link.subjects().clone(),
        settings,
        position: 0,
        last_closed: 0,
        closed_until: None,
        pending: VecDeque::new(),
        most: SeenAt::default(),
        any: SeenAt::default(),
        want_at: vec![None; fleet.feeds.len()],
    };
    loop {
        // what goes wrong with the servers goes on behind the last message
        let _ = state.read(fleet, evidence, &mut shown).await;
        shown(fleet);
        sleep(Duration::from_secs(1)).await;
    }
}

impl Aggregator<'_> {
    async fn read(
        &mut self,
        fleet: &mut Fleet,
        evidence: &mut (dyn JudgementObserver + Send),
        shown: &mut impl FnMut(&mut Fleet),
    ) -> Result<(), NatsError> {
        self.link.make_stream().await?;
        if let Some(last) = self.link.last(&self.subjects.closed()).await? {
            self.last_closed = self.last_closed.max(last.sequence);
            let closed = ClosedSeconds::from_text(&last.text);
            self.closed_until = self.closed_until.max(closed.map(|it| it.second));
        }
        let from = if self.position == 0 {
            self.settings.start
        } else {
            ReadFrom::Behind(self.position)
        };
        let mut reading = self.link.read("", from).await?;
        let mut looked = Instant::now();
        loop {
            let is_idle = self.take_next(&mut reading, fleet).await?;
            while self.apply(fleet, evidence) {
                shown(fleet);
            }
            if is_idle || looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.consider(fleet).await?;
                self.request_missing(fleet).await?;
                shown(fleet);
            }
        }
    }

    /// Takes the next message; true where there is none now.
    async fn take_next(
        &mut self,
        reading: &mut MessageReader,
        fleet: &mut Fleet,
    ) -> Result<bool, NatsError> {
        let Ok(message) = timeout(LOOK, reading.next()).await else {
            return Ok(true);
        };
        let message = message?;
        self.position = self.position.max(message.sequence);
        match self.subjects.parse(&message.subject) {
            Some(Subject::Closed) => self.take_closed(&message),
            Some(subject) => {
                let (Subject::Leaf(name) | Subject::Head(name) | Subject::Totals(name)) = subject
                else {
                    return Ok(false);
                };
                let feed = fleet.feeds.iter_mut().find(|feed| **feed.name() == *name);
                if let Some(feed) = feed {
                    take(feed, subject, &message);
                    for notice in feed.take_notices() {
                        (self.settings.report)(feed.name(), &notice);
                    }
                }
            }
            None => {}
        }
        Ok(message.pending == 0)
    }

    fn take_closed(&mut self, message: &StoredMessage) {
        self.last_closed = self.last_closed.max(message.sequence);
        let closed = ClosedSeconds::from_text(&message.text);
        // seconds are closed in their order, each once
        let closed = closed.filter(|closed| {
            let last = self.pending.back().map(|last| last.second);
            last.is_none_or(|last| closed.from > last)
        });
        let Some(closed) = closed else { return };
        self.closed_until = self.closed_until.max(Some(closed.second));
        self.pending.push_back(closed);
        if self.pending.len() > MAX_PENDING {
            self.pending.pop_front();
        }
    }

    /// Judges what the next message closes, if all of its leaves are here.
    fn apply(&mut self, fleet: &mut Fleet, evidence: &mut (dyn JudgementObserver + Send)) -> bool {
        let Some(closed) = self.pending.front() else {
            return false;
        };
        let judged = fleet.judge.judged();
        if judged.is_some_and(|judged| closed.second <= judged) {
            self.pending.pop_front();
            return false;
        }
        let mark = |feed: &ProbeFeed| closed.probes.get(feed.name()).copied().unwrap_or_default();
        let is_here = |feed: &ProbeFeed| {
            let mark = mark(feed);
            mark.leaves <= feed.verified() || feed.has_fault()
        };
        if !fleet.feeds.iter().all(is_here) {
            // One that begins has not to wait for what was before.
            if judged.is_none() && !Self::begins_with(closed, fleet) {
                self.pending.pop_front();
            }
            return false;
        }
        let marks: Vec<ProbePosition> = fleet.feeds.iter().map(mark).collect();
        let (from, second) = (closed.from, closed.second);
        self.pending.pop_front();
        fleet.close_marked((from, second), &marks, evidence);
        true
    }

    /// Whether the leaves of a second may still come where nothing is judged yet: each probe that has any in
    /// it has begun.
    fn begins_with(closed: &ClosedSeconds, fleet: &Fleet) -> bool {
        fleet.feeds.iter().all(|feed| {
            let mark = closed.probes.get(feed.name()).copied().unwrap_or_default();
            mark.leaves == 0 || feed.has_begun()
        })
    }

    /// Closes what can be closed.
    async fn consider(&mut self, fleet: &mut Fleet) -> Result<(), NatsError> {
        // Only behind all that is closed already.
        if !self.pending.is_empty() || self.position < self.last_closed {
            return Ok(());
        }
        let ours = (self.settings.now)();
        let is_ahead = |feed: &ProbeFeed| {
            let most = Second(ours.0 + MAX_AHEAD);
            feed.through().is_some_and(|through| through > most)
        };
        let Some(next) = fleet.next_after(self.closed_until) else {
            return Ok(());
        };
        let mut passed: Vec<Option<Second>> = fleet
            .feeds
            .iter()
            .filter(|feed| !(is_ahead(feed) || feed.is_stopped() && feed.front().is_none()))
            .map(ProbeFeed::through)
            .collect();
        passed.sort_unstable();
        let waits_for_ahead = fleet.feeds.iter().any(is_ahead);
        let all = passed
            .first()
            .copied()
            .flatten()
            .filter(|_| !waits_for_ahead);
        let all = match all {
            // all of them have stopped
            None if passed.is_empty() && !waits_for_ahead => {
                fleet.feeds.iter().filter_map(ProbeFeed::through).max()
            }
            all => all,
        };
        let now = Instant::now();
        self.most
            .note(now, passed.get(passed.len() / 2).copied().flatten());
        self.any.note(now, passed.last().copied().flatten());
        let patience = self.settings.patience;
        let late = self.most.before(now, patience);
        let late = late.max(self.any.before(now, patience * FEW));
        let Some(last) = all.max(late).filter(|last| *last >= next) else {
            return Ok(());
        };
        if all < Some(last) && self.link.end().await? > self.position {
            // what has come meanwhile is read first
            return Ok(());
        }
        let last = last.min(Second(next.0 + MAX_SECONDS - 1));
        let mark = |feed: &ProbeFeed| {
            let mark = ProbePosition {
                leaves: feed.end_of(last),
                through: feed.through(),
                is_ahead: is_ahead(feed),
            };
            (feed.name().clone(), mark)
        };
        let closed = ClosedSeconds {
            from: next,
            second: last,
            probes: fleet.feeds.iter().map(mark).collect(),
        };
        let subject = self.subjects.closed();
        let behind = (None, Some(self.last_closed));
        match self.link.append(&subject, behind, closed.to_text()).await {
            // it is judged when it is read
            Ok(sequence) => self.last_closed = sequence,
            Err(NatsError::NotLast(_)) => {
                if let Some(last) = self.link.last(&subject).await? {
                    self.last_closed = self.last_closed.max(last.sequence);
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Asks for leaves that are missing.
    async fn request_missing(&mut self, fleet: &Fleet) -> Result<(), NatsError> {
        let needed = |feed: &ProbeFeed| {
            let closed = self.pending.front();
            let mark = closed.and_then(|closed| closed.probes.get(feed.name()));
            mark.is_some_and(|mark| mark.leaves > feed.verified())
        };
        let now = Instant::now();
        for (feed, at) in fleet.feeds.iter().zip(&mut self.want_at) {
            let wanted = feed.first_missing();
            if wanted.is_none() && !feed.needs_day() && !needed(feed) {
                *at = None;
                continue;
            }
            // what is on its way is not missing
            if now >= *at.get_or_insert(now + WANT_AFTER) {
                *at = Some(now + WANT_PAUSE);
                let from = wanted.or_else(|| feed.has_begun().then(|| feed.verified()));
                self.link.request_leaves(feed.name(), from).await?;
            }
        }
        Ok(())
    }
}
