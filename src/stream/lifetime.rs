//! How streams end: without a packet for too long, at a step of the clock, and when nothing more comes.

use super::record::Stream;
use super::sequence::SequenceStep;
use super::{Streams, booking::Booking};
use crate::units::{Second, Timestamp};
use crate::voice::kind::StreamKind;

impl Streams {
    /// Ends streams without a packet since the timeout, each handed to `ended` with what is still to
    /// be booked of it, and gives up candidates; the capture times of their packets go to `given_up`.
    pub fn expire(
        &mut self,
        now: Second,
        given_up: &mut Vec<Timestamp>,
        mut ended: impl FnMut(Stream, &SequenceStep, &mut Vec<Booking>),
    ) {
        self.probation.expire(now, given_up);
        self.round_trips.expire(now.start());
        self.signalling.expire(now);
        for index in self.expiry_queue.take_due(now) {
            let Some(stream) = self.get(index) else {
                continue;
            };
            let last = self.opposite_last(index, stream).max(stream.last);
            let due = Second(last.second().0 + self.limits.timeout.as_secs());
            if due > now {
                self.expiry_queue.set(due, index);
            } else {
                self.end(index, &mut ended);
            }
        }
    }

    /// The last packet of the stream that goes the opposite way, if this one is the last of its own way:
    /// a call is not over while one side still sends.
    pub(super) fn opposite_last(&self, index: u32, stream: &Stream) -> Timestamp {
        let is_latest = self.flows.latest(&stream.key) == Some(index);
        let opposite = self.opposite(&stream.key).filter(|_| is_latest);
        opposite.map_or(Timestamp::default(), |opposite| opposite.last)
    }

    /// Ends everything: nothing more will come. Each stream is handed to `ended` as it leaves, so
    /// that there is never a second one of all of them.
    pub fn finish(
        &mut self,
        given_up: &mut Vec<Timestamp>,
        mut ended: impl FnMut(Stream, &SequenceStep, &mut Vec<Booking>),
    ) {
        self.probation.clear(given_up);
        self.expiry_queue.take_all();
        for index in self.table.numbers() {
            self.end(index, &mut ended);
        }
    }

    /// Packet time has jumped back: what was due counts from now, and no missing number is waited
    /// for. What is still to be booked of a stream is handed to `settled`.
    pub fn step(
        &mut self,
        now: Timestamp,
        given_up: &mut Vec<Timestamp>,
        mut settled: impl FnMut(&mut Stream, &SequenceStep, &mut Vec<Booking>),
    ) {
        self.probation.clear(given_up);
        let due = Second(now.second().0 + self.limits.timeout.as_secs());
        for index in self.expiry_queue.take_all() {
            let Some(step) = self.conclude(index) else {
                continue;
            };
            if let Some(stream) = self.table.get_mut(index) {
                settled(stream, &step, &mut self.bookings);
                stream.forget_missing();
                // A second of this number comes a second time, and is a new one.
                stream.forget_second();
                stream.last = now;
                self.expiry_queue.set(due, index);
            }
        }
        self.unseen.clear();
        self.quiet.clear();
        self.flows.clear_gaps();
        self.signals.clear();
        self.round_trips.clear();
        self.signalling.forget_calls();
    }

    /// Decides what of a stream is still open; what is to be booked of it lies in `bookings`.
    pub(super) fn conclude(&mut self, index: u32) -> Option<SequenceStep> {
        self.bookings.clear();
        let stream = self.table.get_mut(index)?;
        let step = stream.finish(&mut self.bookings);
        self.weigh(index);
        Some(step)
    }

    pub(super) fn end(
        &mut self,
        index: u32,
        ended: &mut impl FnMut(Stream, &SequenceStep, &mut Vec<Booking>),
    ) {
        let Some(step) = self.conclude(index) else {
            return;
        };
        if let Some(stream) = self.table.remove(index) {
            if stream.kind == StreamKind::Audio {
                self.transports.remove(&stream.key);
                if stream.is_proven() {
                    self.flows.remove(&stream.key);
                }
            }
            ended(stream, &step, &mut self.bookings);
        }
    }
}
