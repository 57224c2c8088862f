//! The lines of a probe's totals: how they are written, read, checked and added.

use crate::asn::Origin;
use crate::discard::Discard;
use crate::snapshot::distribution::DurationSamples;
use crate::snapshot::{CallTotals, Count, DirectionTotals};
use crate::stream::booking::LossReason;
use crate::stream::rtt::method::RttMethod;
use crate::stream::tally::LossCounts;
use crate::voice::class::Class;
use crate::voice::signalling::{CallCounts, CallDurations, CallOutcome};
use serde::{Deserialize, Serialize};

/// The largest number in totals: no sum over all probes overflows.
const MAX_NUMBER: u64 = 1 << 52;

/// The first line: what the probe captured.
#[derive(Serialize, Deserialize, Default)]
pub(super) struct CaptureLine {
    pub(super) frames: u64,
    pub(super) bytes: u64,
    pub(super) first: Option<u64>,
    pub(super) last: Option<u64>,
    pub(super) voice: [u64; 2],
    pub(super) mirror_copies: u64,
    pub(super) merged_packets: u64,
    pub(super) unsplit_frames: u64,
    pub(super) discards: Vec<u64>,
}

/// A line of an origin, or of a transit ASN.
#[derive(Serialize, Deserialize)]
pub(super) struct AsnLine {
    /// A number; none: `local`.
    pub(super) asn: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) transit: Option<[[u64; 2]; 2]>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) directions: Vec<DirectionLine>,
    #[serde(default)]
    pub(super) reported: [i64; 3],
    #[serde(default)]
    pub(super) received: [i64; 3],
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) calls: Vec<CallsLine>,
    /// What receivers hear of what it sent, and of what was sent to it ([`VoipCounts::numbers`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) voip_metrics: Vec<Vec<u64>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) round_trips: Vec<Option<SamplesLine>>,
}

/// Calls in one direction.
#[derive(Serialize, Deserialize)]
pub(super) struct CallsLine {
    attempts: u64,
    outcomes: Vec<u64>,
    request_delay: CallDurationsLine,
    session_duration: CallDurationsLine,
    one_way: [u64; 2],
}

#[derive(Serialize, Deserialize)]
pub(super) struct CallDurationsLine {
    count: u64,
    sum_millis: u64,
    buckets: Vec<u64>,
}

impl From<&CallDurations> for CallDurationsLine {
    fn from(of: &CallDurations) -> Self {
        Self {
            count: of.count,
            sum_millis: of.sum_millis,
            buckets: of.buckets.to_vec(),
        }
    }
}

impl CallDurationsLine {
    fn durations(&self) -> CallDurations {
        let mut durations = CallDurations {
            count: self.count,
            sum_millis: self.sum_millis,
            ..CallDurations::default()
        };
        for (bucket, count) in durations.buckets.iter_mut().zip(&self.buckets) {
            *bucket = *count;
        }
        durations
    }

    fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        let of = [self.count, self.sum_millis];
        of.into_iter().chain(self.buckets.iter().copied())
    }
}

impl From<&CallTotals> for CallsLine {
    fn from(of: &CallTotals) -> Self {
        let counts = &of.counts;
        Self {
            attempts: counts.attempts,
            outcomes: CallOutcome::all()
                .map(|outcome| counts.of(outcome))
                .collect(),
            request_delay: (&counts.request_delay).into(),
            session_duration: (&counts.session_duration).into(),
            one_way: [of.one_way_streams, of.one_way_seconds],
        }
    }
}

impl CallsLine {
    pub(super) fn add_to(&self, sum: &mut CallTotals) {
        let mut counts = CallCounts::default().with_outcomes(&self.outcomes);
        counts.attempts = self.attempts;
        counts.request_delay = self.request_delay.durations();
        counts.session_duration = self.session_duration.durations();
        sum.counts.add(&counts);
        let [streams, seconds] = self.one_way;
        sum.one_way_streams += streams;
        sum.one_way_seconds += seconds;
    }

    pub(super) fn is_possible(&self) -> bool {
        let durations = [&self.request_delay, &self.session_duration];
        let durations = durations.into_iter().flat_map(CallDurationsLine::numbers);
        let counts = self.one_way.into_iter().chain([self.attempts]);
        let mut all = durations.chain(counts).chain(self.outcomes.iter().copied());
        all.all(|number| number <= MAX_NUMBER)
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct DirectionLine {
    classes: Vec<[u64; 2]>,
    loss: [i64; 3],
    duplicates: u64,
    reordered: u64,
    late: u64,
    unfollowed: u64,
    confirmed: u64,
    excused: Vec<i64>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SamplesLine {
    micros: Vec<(u64, u64)>,
    buckets: Vec<u64>,
    sum_nanos: u64,
    max_nanos: u64,
}

pub(super) const fn losses(of: LossCounts) -> [i64; 3] {
    [of.expected, of.lost, of.maybe_lost]
}

pub(super) const fn loss_counts([expected, lost, maybe_lost]: [i64; 3]) -> LossCounts {
    LossCounts {
        expected,
        lost,
        maybe_lost,
    }
}

impl From<&DirectionTotals> for DirectionLine {
    fn from(of: &DirectionTotals) -> Self {
        Self {
            classes: of
                .classes
                .iter()
                .map(|class| [class.packets, class.bytes])
                .collect(),
            loss: losses(of.loss),
            duplicates: of.duplicates,
            reordered: of.reordered,
            late: of.late,
            unfollowed: of.unfollowed,
            confirmed: of.confirmed_bytes,
            excused: of.excused.to_vec(),
        }
    }
}

impl DirectionLine {
    pub(super) fn add_to(&self, sum: &mut DirectionTotals) {
        for (class, [packets, bytes]) in sum.classes.iter_mut().zip(&self.classes) {
            class.add(Count {
                packets: *packets,
                bytes: *bytes,
            });
        }
        sum.loss.add(loss_counts(self.loss));
        sum.duplicates += self.duplicates;
        sum.reordered += self.reordered;
        sum.late += self.late;
        sum.unfollowed += self.unfollowed;
        sum.confirmed_bytes += self.confirmed;
        for (sum, more) in sum.excused.iter_mut().zip(&self.excused) {
            *sum += more;
        }
    }

    pub(super) fn is_possible(&self) -> bool {
        let numbers = [
            self.duplicates,
            self.reordered,
            self.late,
            self.unfollowed,
            self.confirmed,
        ];
        let classes = self.classes.iter().flatten().copied();
        let signed = self
            .loss
            .iter()
            .chain(&self.excused)
            .map(|number| number.unsigned_abs());
        // A probe of an older version knows fewer reasons.
        self.classes.len() == Class::ALL.len()
            && self.excused.len() <= LossReason::ALL.len()
            && numbers
                .into_iter()
                .chain(classes)
                .chain(signed)
                .all(|number| number <= MAX_NUMBER)
    }
}

impl From<&DurationSamples> for SamplesLine {
    fn from(of: &DurationSamples) -> Self {
        Self {
            micros: of.micros.clone(),
            buckets: of.buckets.clone(),
            sum_nanos: of.sum_nanos,
            max_nanos: of.max_nanos,
        }
    }
}

impl SamplesLine {
    pub(super) fn samples(&self) -> Option<DurationSamples> {
        let counts = self
            .micros
            .iter()
            .map(|(_, count)| *count)
            .chain(self.buckets.iter().copied());
        let others = [self.sum_nanos, self.max_nanos];
        let is_possible = counts.chain(others).all(|number| number <= MAX_NUMBER);
        is_possible.then(|| DurationSamples {
            micros: self.micros.clone(),
            buckets: self.buckets.clone(),
            sum_nanos: self.sum_nanos,
            max_nanos: self.max_nanos,
        })
    }
}

pub(super) const fn number(origin: Origin) -> Option<u32> {
    match origin {
        Origin::As(asn) => Some(asn.0),
        Origin::Local => None,
    }
}

impl CaptureLine {
    pub(super) fn is_possible(&self) -> bool {
        let others = [
            self.frames,
            self.bytes,
            self.mirror_copies,
            self.merged_packets,
            self.unsplit_frames,
        ];
        let mut all = others
            .into_iter()
            .chain(self.voice)
            .chain(self.discards.iter().copied());
        self.discards.len() == Discard::ALL.len() && all.all(|number| number <= MAX_NUMBER)
    }
}

impl AsnLine {
    pub(super) fn is_possible(&self) -> bool {
        let mut reported = self.reported.iter().chain(&self.received);
        let mut transit = self.transit.iter().flatten().flatten();
        let of_transit = self.directions.is_empty() && self.round_trips.is_empty();
        let of_origin = self.directions.len() == 2
            && self.round_trips.len() == RttMethod::ALL.len()
            && self.directions.iter().all(DirectionLine::is_possible)
            && self.calls.iter().all(CallsLine::is_possible)
            && self
                .voip_metrics
                .iter()
                .flatten()
                .all(|number| *number <= MAX_NUMBER);
        reported.all(|number| number.unsigned_abs() <= MAX_NUMBER)
            && transit.all(|number| *number <= MAX_NUMBER)
            && if self.transit.is_some() {
                of_transit
            } else {
                of_origin
            }
    }
}
