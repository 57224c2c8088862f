//! What a worker counts in one second, and the message that carries closed seconds to the judge.
//!
//! Everything here is additive: the sum over workers, and over a second and its amendments, is
//! the truth whatever the order. Integers only.

use super::stream_sample::StreamSample;
use crate::asn::{DisagreeingSources, Origin};
use crate::attribution::PairKey;
use crate::attribution::scopes::ScopePlan;
use crate::discard::{Discard, DiscardCounts};
use crate::frame::InterfaceId;
use crate::stream::edge::StreamEdge;
use crate::stream::reports::voip_counts::VoipCounts;
use crate::stream::rtt::RttSample;
use crate::stream::rtt::method::RttMethod;
use crate::stream::silence::SilenceCounts;
use crate::stream::tally::{LossCounts, SequenceCounts, TrafficCounts};
use crate::units::occupancy::TableStates;
use crate::units::{Second, Timestamp};
use crate::voice::class::Class;
use crate::voice::signalling::CallCounts;
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What one pair did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PairCounts {
    /// By class.
    pub classes: [TrafficCounts; Class::ALL.len()],
    /// Of the RTP packets.
    pub continuity: SequenceCounts,
    /// What `dst`'s end reports about what `src` sent it.
    pub reports: LossCounts,
    /// Streams with a packet in the second.
    pub streams: u64,
    /// Their jitter at its end, of each that has one.
    pub jitter: Vec<ShortDuration>,
    /// RTP packets of streams that found no room: nobody looked for what is missing between them.
    pub unfollowed: u64,
    /// Packets of candidates that gave way in probation: they are in no other count here.
    pub displaced: u64,
    /// Of the streams from `src` that are quiet at its end; none: there is none.
    pub silence: Option<Box<SilenceCounts>>,
    /// What receivers at `dst`'s end hear of what `src` sent it; none: nobody said.
    pub voip_metrics: Option<Box<VoipCounts>>,
    /// What of `classes` somebody answered (MODEL §3.4).
    pub confirmed: [TrafficCounts; Class::ALL.len()],
}

impl PairCounts {
    /// A packet that belongs to no stream.
    pub fn packet(class: Class, ip: u32) -> Self {
        let mut usage = Self::default();
        usage.class_mut(class).add(&TrafficCounts::packet(ip));
        usage
    }

    /// Adds more.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.classes.iter_mut().zip(&other.classes) {
            mine.add(theirs);
        }
        self.continuity.add(&other.continuity);
        self.reports.add(other.reports);
        self.streams += other.streams;
        if let Some(silence) = &other.silence {
            self.silence.get_or_insert_default().add(silence);
        }
        if let Some(voip_metrics) = &other.voip_metrics {
            self.voip_metrics.get_or_insert_default().add(voip_metrics);
        }
        self.jitter.extend_from_slice(&other.jitter);
        self.unfollowed += other.unfollowed;
        self.displaced += other.displaced;
        for (mine, theirs) in self.confirmed.iter_mut().zip(&other.confirmed) {
            mine.add(theirs);
        }
    }

    /// Packets of a class that are counted already, and confirmed.
    pub fn confirmed(class: Class, traffic: TrafficCounts) -> Self {
        let mut usage = Self::default();
        let [rtp, rtcp, sip] = &mut usage.confirmed;
        *match class {
            Class::Rtp => rtp,
            Class::Rtcp => rtcp,
            Class::Sip => sip,
        } = traffic;
        usage
    }

    /// The octets of one class.
    pub fn class(&self, class: Class) -> &TrafficCounts {
        let [rtp, rtcp, sip] = &self.classes;
        match class {
            Class::Rtp => rtp,
            Class::Rtcp => rtcp,
            Class::Sip => sip,
        }
    }

    /// The octets of one class, to be added to.
    pub fn class_mut(&mut self, class: Class) -> &mut TrafficCounts {
        let [rtp, rtcp, sip] = &mut self.classes;
        match class {
            Class::Rtp => rtp,
            Class::Rtcp => rtcp,
            Class::Sip => sip,
        }
    }

    /// RTP packets that should have come, of streams that were followed, and those that did not. Less than
    /// none in an amendment that gives back.
    pub fn loss(&self) -> LossCounts {
        let followed = self.class(Class::Rtp).packets - self.unfollowed;
        self.continuity.loss(followed)
    }
}

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

/// A duration in nanoseconds, at most the 4.3 s that 32 bits hold: there may be one for each of a
/// hundred thousand streams, and a jitter beyond the last exported bucket, 1 s, is beyond it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct ShortDuration(u32);

impl From<Duration> for ShortDuration {
    fn from(duration: Duration) -> Self {
        Self(u32::try_from(duration.as_nanos()).unwrap_or(u32::MAX))
    }
}

impl From<ShortDuration> for Duration {
    fn from(ShortDuration(nanos): ShortDuration) -> Self {
        Self::from_nanos(nanos.into())
    }
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

    /// The counts of a pair that has none yet; beyond the bound those of nobody.
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

/// Seconds in a row that were not seen whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IncompleteRange {
    /// The first.
    pub first: Second,
    /// The last.
    pub last: Second,
    /// So many of their frames were not seen at most; none if nobody knows.
    pub at_most: Option<u64>,
}

/// Seconds from a worker to the judge: `second` with what was counted in it, then idle seconds up
/// to and with `through`.
#[derive(Clone, Debug)]
pub struct ClosedSecond {
    /// The second.
    pub second: Second,
    /// The last second of the idle time after it; `second` itself if there is none.
    pub through: Second,
    /// What was counted in `second`.
    pub counts: SecondCounts,
    /// What came for seconds already closed, oldest first.
    pub amendments: Vec<(Second, SecondCounts)>,
    /// Seconds not seen whole.
    pub incomplete: Vec<IncompleteRange>,
    /// The scopes that the masks refer to.
    pub scopes: Arc<ScopePlan>,
    /// The worker's own state.
    pub worker: WorkerState,
}

/// Octets of voice that ASN sources disagree about, by the place of the one that says otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DisputedBytes([u64; 16]);

impl DisputedBytes {
    /// Adds octets to each that dissents.
    #[inline]
    pub fn add(&mut self, disagreeing: DisagreeingSources, octets: u64) {
        if disagreeing != DisagreeingSources::default() {
            for (place, sum) in (0_u32..).zip(&mut self.0) {
                *sum += octets * u64::from(disagreeing.0 >> place & 1);
            }
        }
    }
}

/// Names of sources that a worker remembers octets for: four configurations that have nothing in
/// common. A guess.
const MAX_DISPUTED: usize = 64;

/// What a worker says of itself with each closed second: absolute values.
#[derive(Clone, Debug, Default)]
pub struct WorkerState {
    /// Names of its interfaces, by number.
    pub interfaces: Vec<Arc<str>>,
    /// Frames of closed seconds, by interface number.
    pub frames: Vec<u64>,
    /// Frames known to be dropped before it, by interface number.
    pub dropped: Vec<u64>,
    /// Frames that the kernel's filter did not know, by interface number.
    pub unknown: Vec<u64>,
    /// Earliest capture time.
    pub first: Option<Timestamp>,
    /// Latest capture time.
    pub last: Option<Timestamp>,
    /// Backward jumps of packet time.
    pub clock_steps: u64,
    /// Streams refused because the table was full.
    pub streams_refused: u64,
    /// RTCP report blocks that matched no stream.
    pub unmatched_reports: u64,
    /// Sender reports whose count of packets does not fit the numbers that came.
    pub contradicting_reports: u64,
    /// Questions that nobody answered, by method.
    pub round_trips_unanswered: [u64; RttMethod::ALL.len()],
    /// SIP dialogs that found no room.
    pub dialogs_refused: u64,
    /// Calls whose outcome is not counted, because they found no room.
    pub calls_refused: u64,
    /// Answers that cannot be round trips.
    pub round_trips_refused: u64,
    /// Session descriptions that did not reach another worker, once for each.
    pub announcements_missed: u64,
    /// Frames found to be a mirror port's copies of others, whatever was done with them.
    pub mirror_copies: u64,
    /// Some of the newest packets, to be found in other workers too.
    pub sample: StreamSample,
    /// Fragments of IP packets that found no room in their table.
    pub fragments_refused: u64,
    /// How full its tables are.
    pub tables: TableStates,
    /// Times that an interface was found gone or down, by interface number: ten a second.
    pub down: Vec<u64>,
    /// Octets of voice that an ASN source names another origin for than the one that decided, by
    /// the name of that source; `other` beyond a bound.
    pub disputed: BTreeMap<Arc<str>, u64>,
}

impl WorkerState {
    /// Adds what sources with these names disagree about.
    pub fn add_disputed<'a>(
        &mut self,
        disputed: DisputedBytes,
        names: impl Iterator<Item = &'a Arc<str>>,
    ) {
        for (name, octets) in names.zip(disputed.0) {
            let is_known = self.disputed.contains_key(name) || self.disputed.len() < MAX_DISPUTED;
            let name = if is_known {
                name.clone()
            } else {
                "other".into()
            };
            *self.disputed.entry(name).or_default() += octets;
        }
    }

    /// A frame of this time has come.
    #[inline]
    pub fn see(&mut self, time: Timestamp) {
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = self.last.max(Some(time));
    }
}

/// What goes from a worker to the judge.
#[derive(Clone, Debug)]
pub enum WorkerReport {
    /// The worker begins; nothing before this second will come from it.
    Opened(Second),
    /// Seconds closed.
    Closed(Box<ClosedSecond>),
    /// Packet time jumped back into this second: what was known of the windows is void.
    Stepped(Second),
}

impl WorkerReport {
    /// Pairs of origins in it.
    pub fn pairs(&self) -> usize {
        match self {
            Self::Opened(_) | Self::Stepped(_) => 0,
            Self::Closed(closed) => {
                let amendments = closed.amendments.iter().map(|(_, counts)| counts);
                let all = amendments.chain([&closed.counts]);
                all.map(|counts| counts.usage.len()).sum()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
