//! What a worker counts in one second; `worker_report` carries it to the judge.
//!
//! Everything here is additive: the sum over workers, and over a second and its amendments, is
//! the truth whatever the order. Integers only.

mod pair_counts;
mod worker_report;

use crate::asn::Origin;
use crate::attribution::PairKey;
use crate::discard::{Discard, DiscardCounts};
use crate::frame::InterfaceId;
use crate::stream::edge::StreamEdge;
use crate::stream::rtt::RttSample;
use crate::stream::rtt::method::RttMethod;
use crate::stream::tally::TrafficCounts;
use crate::voice::signalling::CallCounts;
use hashbrown::HashMap;
pub use pair_counts::{PairCounts, ShortDuration};
use std::collections::BTreeMap;
use std::time::Duration;
pub use worker_report::{ClosedSecond, DisputedBytes, IncompleteRange, WorkerReport, WorkerState};

/// What became of the frames of a second.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FrameCounts {
    /// Frames by interface.
    pub interfaces: Vec<u64>,
    /// Original lengths of all of them.
    pub bytes: u64,
    /// Voice packets.
    pub voice: TrafficCounts,
    /// Not voice.
    pub discards: DiscardCounts,
    /// Frames held in probation: a later amendment takes them off again.
    pub pending: i64,
    /// Frames that came after this second was closed.
    pub late: u64,
    /// Packets beyond the first of frames that held several.
    pub merged: u64,
    /// Frames that held several packets, of which not all could be told apart.
    pub unsplit: u64,
}

impl FrameCounts {
    /// All frames.
    pub fn frames(&self) -> u64 {
        self.interfaces.iter().sum()
    }

    /// Counts frames that came in, by interface and length; how many. Most come from where the one
    /// before came from.
    #[inline]
    pub fn count_arrivals(&mut self, frames: impl IntoIterator<Item = (InterfaceId, u32)>) -> u64 {
        let (mut all, mut bytes) = (0, 0);
        let (mut from, mut same) = (InterfaceId(0), 0);
        for (interface, length) in frames {
            if interface != from {
                self.count_arrivals_from(from, same);
                (all, from, same) = (all + same, interface, 0);
            }
            same += 1;
            bytes += u64::from(length);
        }
        self.count_arrivals_from(from, same);
        self.bytes += bytes;
        all + same
    }

    fn count_arrivals_from(&mut self, interface: InterfaceId, more: u64) {
        let place = usize::from(interface.0);
        if place >= self.interfaces.len() {
            self.interfaces.resize(place + 1, 0);
        }
        if let Some(frames) = self.interfaces.get_mut(place) {
            *frames += more;
        }
    }

    /// Counts a frame as not voice.
    pub fn discard(&mut self, reason: Discard) {
        self.discards.add(reason, 1);
    }

    /// Adds more.
    pub fn add(&mut self, other: &Self) {
        if self.interfaces.len() < other.interfaces.len() {
            self.interfaces.resize(other.interfaces.len(), 0);
        }
        for (mine, theirs) in self.interfaces.iter_mut().zip(&other.interfaces) {
            *mine += theirs;
        }
        self.bytes += other.bytes;
        self.voice.add(&other.voice);
        self.discards.merge(&other.discards);
        self.pending += other.pending;
        self.late += other.late;
        self.merged += other.merged;
        self.unsplit += other.unsplit;
    }
}

/// One measured round trip from the tap to an endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoundTrip {
    /// That of the answering packet: its source is the endpoint.
    pub pair: PairKey,
    /// How it was measured.
    pub method: RttMethod,
    /// At least so long.
    pub shortest: Duration,
    /// At most so long: more than `shortest` where it was asked again before the answer.
    pub longest: Duration,
}

impl RoundTrip {
    /// A sample of a pair.
    pub const fn new(pair: PairKey, sample: RttSample) -> Self {
        Self {
            pair,
            method: sample.method,
            shortest: sample.shortest,
            longest: sample.longest,
        }
    }

    /// How long it was, if it was asked once.
    pub fn exact(&self) -> Option<Duration> {
        (self.shortest == self.longest).then_some(self.shortest)
    }

    /// Whether it was longer than a limit, whichever question was answered.
    pub fn is_over(&self, limit: Duration) -> bool {
        self.shortest > limit
    }

    /// Whether it was longer if the first question was answered, and not if the last one was.
    pub fn is_maybe_over(&self, limit: Duration) -> bool {
        self.longest > limit && !self.is_over(limit)
    }
}

/// Pairs that a worker tells apart in one second, some 450 octets each: four for each network of the
/// Internet. What others do is counted for nobody.
pub const MAX_PAIRS: usize = 1 << 18;

/// Everything counted in one second by one worker: either while it was open, or as an amendment.
#[derive(Clone, Debug, Default)]
pub struct SecondCounts {
    /// What became of its frames.
    pub frames: FrameCounts,
    /// Voice by pair.
    pub usage: HashMap<PairKey, PairCounts>,
    /// Times that a pair found no room there: it was counted without origins, and whose it was nobody knows.
    pub refused: u64,
    /// Round trips that ended in it.
    pub round_trips: Vec<RoundTrip>,
    /// Calls, by the origins of the host that set them up and of the one that was asked; and one-way
    /// streams, by those of their ends.
    pub calls: BTreeMap<(Origin, Origin), CallUsage>,
    /// Streams that were found in it.
    pub begun: Vec<StreamEdge>,
    /// Streams that have been quiet for three seconds with it.
    pub stopped: Vec<StreamEdge>,
}

/// What one origin's calls to another did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CallUsage {
    /// Session requests and what became of them.
    pub counts: CallCounts,
    /// Streams at the second's end that nothing goes opposite to while their dialog stands.
    pub one_way: u64,
}

impl CallUsage {
    /// Adds more.
    pub fn add(&mut self, other: &Self) {
        self.counts.add(&other.counts);
        self.one_way += other.one_way;
    }
}

impl SecondCounts {
    /// Adds to a pair.
    pub fn add(&mut self, pair: &PairKey, usage: &PairCounts) {
        match self.usage.get_mut(pair) {
            Some(known) => known.add(usage),
            None => self.new_pair(pair).add(usage),
        }
    }

    /// Adds a stream with a packet in the second, and its jitter.
    pub fn add_stream(&mut self, pair: &PairKey, jitter: Option<Duration>) {
        let add = |usage: &mut PairCounts| {
            usage.streams += 1;
            usage.jitter.extend(jitter.map(ShortDuration::from));
        };
        if let Some(known) = self.usage.get_mut(pair) {
            add(known);
        } else {
            add(self.new_pair(pair));
        }
    }

    /// The counts of a pair that has none yet; beyond the bound those of the unknown pair.
    fn new_pair(&mut self, pair: &PairKey) -> &mut PairCounts {
        if self.usage.len() < MAX_PAIRS {
            return self.usage.entry(pair.clone()).or_default();
        }
        self.refused += 1;
        self.usage.entry(PairKey::UNKNOWN).or_default()
    }

    /// Adds other counts of the same second.
    pub fn merge(&mut self, other: Self) {
        self.frames.add(&other.frames);
        self.refused += other.refused;
        for (pair, usage) in other.usage {
            self.add(&pair, &usage);
        }
        self.round_trips.extend(other.round_trips);
        for (pair, calls) in &other.calls {
            self.calls.entry(*pair).or_default().add(calls);
        }
        self.begun.extend(other.begun);
        self.stopped.extend(other.stopped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::class::Class;

    #[test]
    fn beyond_so_many_pairs_what_comes_is_counted_for_nobody_and_nothing_is_lost() {
        let mut counts = SecondCounts::default();
        let packet = PairCounts::packet(Class::Sip, 100);
        let pair = |number: usize| PairKey {
            src: Origin::As(crate::units::Asn(u32::try_from(number).unwrap())),
            ..PairKey::UNKNOWN
        };
        for number in 1..=MAX_PAIRS + 3 {
            counts.add(&pair(number), &packet);
        }
        counts.add(&pair(7), &packet);
        assert_eq!(counts.refused, 3);
        assert_eq!(counts.usage.len(), MAX_PAIRS + 1);
        assert_eq!(counts.usage[&PairKey::UNKNOWN].class(Class::Sip).packets, 3);
        let all: u64 = counts
            .usage
            .values()
            .map(|usage| usage.class(Class::Sip).packets)
            .sum();
        assert_eq!(all, MAX_PAIRS as u64 + 4);
    }

    #[test]
    fn a_round_trip_is_over_by_its_shortest_and_maybe_over_by_its_longest() {
        let trip = |shortest, longest| RoundTrip {
            pair: PairKey::UNKNOWN,
            method: RttMethod::Stun,
            shortest: Duration::from_millis(shortest),
            longest: Duration::from_millis(longest),
        };
        let limit = Duration::from_millis(150);
        let said = |trip: RoundTrip| (trip.is_over(limit), trip.is_maybe_over(limit));
        let cases = [
            (trip(40, 40), (false, false)),
            (trip(150, 150), (false, false)),
            (trip(151, 151), (true, false)),
            (trip(120, 620), (false, true)),
            (trip(200, 700), (true, false)),
            (trip(10, 150), (false, false)),
        ];
        for (trip, right) in cases {
            assert_eq!(said(trip.clone()), right, "{trip:?}");
        }
    }
}
