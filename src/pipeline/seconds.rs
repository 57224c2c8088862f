//! How a worker's seconds end: at a boundary of packet time, at a step of the clock, and with the source.

use super::packet_clock::Boundary;
use super::{Worker, WorkerSink};
use crate::meter::DueSeconds;
use crate::meter::second::{ClosedSecond, IncompleteRange, MAX_PAIRS, SecondCounts, WorkerReport};
use crate::stream::booking::Booking;
use crate::stream::record::Stream;
use crate::stream::sequence::SequenceStep;
use crate::units::Second;
use crate::units::occupancy::{BoundedTable, Occupancy};
use std::time::Duration;

/// How long a capture gap is remembered, to excuse sequence gaps.
const GAP_MEMORY: Duration = Duration::from_secs(600);

/// Why seconds end; it says what becomes of the streams.
#[derive(Clone, Copy)]
pub(super) enum EndCause {
    /// Streams go on, but for those that have timed out.
    TimePassed,
    /// Packet time stepped back into this second: streams go on, without what they waited for.
    ClockStepped(Second),
    /// Nothing more comes: all streams end.
    SourceEnded,
}

impl<O: WorkerSink> Worker<O> {
    pub(super) fn on_boundary(&mut self, boundary: Boundary) {
        match boundary {
            Boundary::Opened(second) => {
                self.meter.restart(second);
                self.sink.report(WorkerReport::Opened(second));
            }
            Boundary::Closed(through) => {
                self.end_seconds(through, EndCause::TimePassed);
                self.sink.second_closed(&self.streams);
            }
            Boundary::Stepped { from, to } => self.on_clock_step(from, to),
            Boundary::Ended(last) => self.end_seconds(last, EndCause::SourceEnded),
        }
        if let Some(policy) = self.sink.new_policy() {
            self.adopt(&policy);
        }
    }

    /// Ends the seconds up to and including `through`: counts what was open in them, which is later
    /// fragments, each stream's jitter and the streams that end with them, and sends them.
    pub(super) fn end_seconds(&mut self, through: Second, cause: EndCause) {
        // What ends now, and not by time, belongs to the last of these seconds.
        let newest = match cause {
            EndCause::TimePassed => through.next(),
            EndCause::ClockStepped(_) | EndCause::SourceEnded => through,
        };
        if self.meter.newest() < newest {
            self.meter.begin_second(newest, &mut self.streams);
        }
        self.settle_fragments(through.end());
        self.note_refused_fragments(through);
        self.meter.sample_streams(through, &mut self.streams);
        let (meter, sink) = (&mut self.meter, &mut self.sink);
        let mut given_up = Vec::new();
        let end_stream = |mut stream: Stream, step: &SequenceStep, bookings: &mut Vec<Booking>| {
            meter.ended(&mut stream, step, bookings);
            sink.ended(&stream);
        };
        match cause {
            EndCause::TimePassed => self
                .streams
                .expire(through.next(), &mut given_up, end_stream),
            EndCause::ClockStepped(second) => {
                let settle = |stream: &mut Stream, step: &SequenceStep, bookings: &mut Vec<_>| {
                    meter.ended(stream, step, bookings);
                };
                self.streams.step(second.start(), &mut given_up, settle);
            }
            EndCause::SourceEnded => self.streams.finish(&mut given_up, end_stream),
        }
        self.meter.discard_pending(given_up);
        self.count_calls();
        self.streams.forget_gaps(through.start().minus(GAP_MEMORY));
        self.send(through);
    }

    fn send(&mut self, through: Second) {
        let Some(closed) = self.meter.closed() else {
            return;
        };
        let mut closing = self.meter.close(through, &mut self.streams);
        self.note_refused_pairs(&closing);
        self.state.streams_refused = self.streams.refused();
        self.state.dialogs_refused = self.streams.signalling().dialogs_refused();
        self.state.calls_refused = self.streams.signalling().calls_refused();
        self.state.unmatched_reports = self.streams.unmatched_reports();
        self.state.contradicting_reports = self.streams.contradicting_reports();
        self.state.round_trips_unanswered = self.streams.round_trips_unanswered();
        self.state.round_trips_refused = self.streams.round_trips_refused();
        self.state.mirror_copies = self.meter.mirror_copies();
        let fragments = (BoundedTable::Fragments, self.fragments.occupancy());
        for (table, occupancy) in self.streams.occupancy().chain([fragments]) {
            if let Some(state) = self.state.tables.get_mut(table as usize) {
                *state = occupancy;
            }
        }
        if let Some(sample) = self.meter.stream_sample() {
            self.state.sample.clone_from(sample);
        }
        let disputed = self.meter.take_disputed();
        self.state
            .add_disputed(disputed, self.attribution.sources());
        let seconds = closing.open.iter().chain(&closing.amendments);
        for (_, counts) in seconds {
            add_each(&mut self.state.frames, &counts.frames.interfaces);
        }
        if closing
            .open
            .first()
            .is_none_or(|(second, _)| *second > closed.next())
        {
            closing
                .open
                .insert(0, (closed.next(), SecondCounts::default()));
        }
        let ends = closing
            .open
            .iter()
            .skip(1)
            .map(|(second, _)| second.previous());
        let ends: Vec<_> = ends.chain([through]).collect();
        for ((second, counts), through) in closing.open.into_iter().zip(ends) {
            let closed = ClosedSecond {
                second,
                through,
                counts,
                amendments: std::mem::take(&mut closing.amendments),
                incomplete: std::mem::take(&mut self.incomplete),
                scopes: self.attribution.scopes().clone(),
                worker: self.state.clone(),
            };
            self.sink.report(WorkerReport::Closed(Box::new(closed)));
        }
    }

    /// Pairs that found no room may have been any ASN's: nobody knows how much of it these seconds lack.
    fn note_refused_pairs(&mut self, closing: &DueSeconds) {
        let (mut most, mut refused) = (0, 0);
        for (second, counts) in closing.open.iter().chain(&closing.amendments) {
            most = counts.usage.len().max(most);
            refused += counts.refused;
            if counts.refused > 0 {
                self.incomplete.push(IncompleteRange {
                    first: *second,
                    last: *second,
                    at_most: None,
                });
            }
        }
        if let Some(pairs) = self.state.tables.get_mut(BoundedTable::Pairs as usize) {
            *pairs = Occupancy::new(most, MAX_PAIRS, pairs.refused + refused);
        }
    }

    /// Packet time stepped back: ends all open seconds, and begins again at `second`. What is still open
    /// of streams belongs to the last second of packet time, whether this worker counted a frame of it
    /// or another one did.
    fn on_clock_step(&mut self, last: Second, second: Second) {
        self.state.clock_steps += 1;
        self.end_seconds(last, EndCause::ClockStepped(second));
        self.fragments.clear();
        self.meter.restart(second);
        self.sink.report(WorkerReport::Stepped(second));
    }
}

fn add_each(sums: &mut Vec<u64>, more: &[u64]) {
    if sums.len() < more.len() {
        sums.resize(more.len(), 0);
    }
    sums.iter_mut()
        .zip(more)
        .for_each(|(sum, more)| *sum += more);
}
