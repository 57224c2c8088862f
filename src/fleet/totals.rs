//! What a probe of a replay counted in all, beside what verdicts rest on: frames, classes, discards, round
//! trips. One line of JSON for each ASN; their hash stands in its last head.
//!
//! A fleet's document has the sums, so that it is that of one meter which reads all captures.

use crate::asn::Origin;
use crate::discard::Discard;
use crate::judge::Judge;
use crate::judge::totals::AsnTotals;
use crate::ledger::tree::Hash;
use crate::snapshot::distribution::DurationSamples;
use crate::snapshot::{CallTotals, Count, DirectionTotals, Label, Snapshot, TransitRow};
use crate::stream::booking::LossReason;
use crate::stream::reports::voip_counts::VoipCounts;
use crate::stream::rtt::method::RttMethod;
use crate::stream::tally::LossCounts;
use crate::units::{Asn, Timestamp};
use crate::voice::class::Class;
use crate::voice::signalling::{CallCounts, CallDurations, CallOutcome};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The largest number in totals: no sum over all probes overflows.
const MAX_NUMBER: u64 = 1 << 52;

/// The first line.
#[derive(Serialize, Deserialize, Default)]
struct CaptureLine {
    frames: u64,
    bytes: u64,
    first: Option<u64>,
    last: Option<u64>,
    voice: [u64; 2],
    mirror_copies: u64,
    merged_packets: u64,
    unsplit_frames: u64,
    discards: Vec<u64>,
}

/// A line of an origin, or of a transit ASN.
#[derive(Serialize, Deserialize)]
struct AsnLine {
    /// A number; none: `local`.
    asn: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transit: Option<[[u64; 2]; 2]>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    directions: Vec<DirectionLine>,
    #[serde(default)]
    reported: [i64; 3],
    #[serde(default)]
    received: [i64; 3],
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    calls: Vec<CallsLine>,
    /// What receivers hear of what it sent, and of what was sent to it ([`VoipCounts::numbers`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    voip_metrics: Vec<Vec<u64>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    round_trips: Vec<Option<SamplesLine>>,
}

/// Calls in one direction.
#[derive(Serialize, Deserialize)]
struct CallsLine {
    attempts: u64,
    outcomes: Vec<u64>,
    request_delay: CallDurationsLine,
    session_duration: CallDurationsLine,
    one_way: [u64; 2],
}

#[derive(Serialize, Deserialize)]
struct CallDurationsLine {
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
    fn add_to(&self, sum: &mut CallTotals) {
        let mut counts = CallCounts::default().with_outcomes(&self.outcomes);
        counts.attempts = self.attempts;
        counts.request_delay = self.request_delay.durations();
        counts.session_duration = self.session_duration.durations();
        sum.counts.add(&counts);
        let [streams, seconds] = self.one_way;
        sum.one_way_streams += streams;
        sum.one_way_seconds += seconds;
    }

    fn is_possible(&self) -> bool {
        let durations = [&self.request_delay, &self.session_duration];
        let durations = durations.into_iter().flat_map(CallDurationsLine::numbers);
        let counts = self.one_way.into_iter().chain([self.attempts]);
        let mut all = durations.chain(counts).chain(self.outcomes.iter().copied());
        all.all(|number| number <= MAX_NUMBER)
    }
}

#[derive(Serialize, Deserialize)]
struct DirectionLine {
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
struct SamplesLine {
    micros: Vec<(u64, u64)>,
    buckets: Vec<u64>,
    sum_nanos: u64,
    max_nanos: u64,
}

const fn losses(of: LossCounts) -> [i64; 3] {
    [of.expected, of.lost, of.maybe_lost]
}

const fn loss_counts([expected, lost, maybe_lost]: [i64; 3]) -> LossCounts {
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
    fn add_to(&self, sum: &mut DirectionTotals) {
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

    fn is_possible(&self) -> bool {
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
    fn samples(&self) -> Option<DurationSamples> {
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

/// What a judge has counted, as lines.
pub fn lines(judge: &Judge) -> Vec<String> {
    let snapshot = judge.snapshot();
    let capture = &snapshot.capture;
    let first = CaptureLine {
        frames: capture.frames,
        bytes: capture.bytes,
        first: capture.first.map(Timestamp::as_nanos),
        last: capture.last.map(Timestamp::as_nanos),
        voice: [snapshot.voice.packets, snapshot.voice.bytes],
        mirror_copies: snapshot.mirror_copies,
        merged_packets: snapshot.merged_packets,
        unsplit_frames: snapshot.unsplit_frames,
        discards: snapshot.discards.iter().map(|(_, frames)| frames).collect(),
    };
    let names: BTreeMap<_, _> = snapshot
        .asns
        .iter()
        .map(|row| (row.label, &row.name))
        .collect();
    let name = |label: Label| names.get(&label)?.as_deref().map(str::to_owned);
    let mut origins: Vec<_> = judge.totals().each().collect();
    origins.sort_by_key(|(origin, _)| *origin);
    let origins = origins.into_iter().map(|(origin, totals)| AsnLine {
        asn: number(origin),
        name: name(Label::Origin(origin)),
        transit: None,
        directions: vec![(&totals.from).into(), (&totals.to).into()],
        reported: losses(totals.reported),
        received: losses(totals.received),
        calls: totals.calls.iter().map(CallsLine::from).collect(),
        voip_metrics: totals
            .voip_metrics
            .iter()
            .flat_map(|voip_metrics| voip_metrics.iter().map(VoipCounts::numbers))
            .collect(),
        round_trips: totals
            .round_trips
            .iter()
            .map(|samples| samples.as_ref().map(|samples| (&samples.samples()).into()))
            .collect(),
    });
    let transit = snapshot.transit.iter().filter_map(|row| {
        let Label::Origin(origin) = row.label else {
            return None;
        };
        let counts = [row.from, row.to].map(|count| [count.packets, count.bytes]);
        Some(AsnLine {
            asn: number(origin),
            name: row.name.as_deref().map(str::to_owned),
            transit: Some(counts),
            directions: Vec::new(),
            reported: [0; 3],
            received: [0; 3],
            calls: Vec::new(),
            voip_metrics: Vec::new(),
            round_trips: Vec::new(),
        })
    });
    // strings and integers: nothing in them can fail
    let line = |one: AsnLine| serde_json::to_string(&one).unwrap_or_default();
    let first = serde_json::to_string(&first).unwrap_or_default();
    std::iter::once(first)
        .chain(origins.chain(transit).map(line))
        .collect()
}

const fn number(origin: Origin) -> Option<u32> {
    match origin {
        Origin::As(asn) => Some(asn.0),
        Origin::Local => None,
    }
}

/// The hash of lines, each with its newline.
pub fn hash(lines: &[String]) -> Hash {
    Hash::of((lines.join("\n") + "\n").as_bytes())
}

/// The sums over probes.
#[derive(Debug, Default)]
pub struct FleetTotals {
    capture: Snapshot,
    origins: BTreeMap<Origin, (Option<Arc<str>>, AsnTotals)>,
    transit: BTreeMap<Asn, (Option<Arc<str>>, [Count; 2])>,
}

impl FleetTotals {
    /// Adds the lines of a probe; false where they are none. Nothing of them is added then.
    pub fn add(&mut self, lines: &[String]) -> bool {
        let Some((first, rest)) = lines.split_first() else {
            return false;
        };
        let first: Result<CaptureLine, _> = serde_json::from_str(first);
        let rest: Result<Vec<AsnLine>, _> =
            rest.iter().map(|line| serde_json::from_str(line)).collect();
        let (Ok(first), Ok(rest)) = (first, rest) else {
            return false;
        };
        if !(first.is_possible() && rest.iter().all(AsnLine::is_possible)) {
            return false;
        }
        self.add_capture(&first);
        for line in &rest {
            self.add_asn(line);
        }
        true
    }

    fn add_capture(&mut self, line: &CaptureLine) {
        let sum = &mut self.capture;
        sum.capture.frames += line.frames;
        sum.capture.bytes += line.bytes;
        let first = line.first.map(Timestamp::from_nanos);
        sum.capture.first = match (sum.capture.first, first) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        sum.capture.last = sum.capture.last.max(line.last.map(Timestamp::from_nanos));
        let [packets, bytes] = line.voice;
        sum.voice.add(Count { packets, bytes });
        sum.mirror_copies += line.mirror_copies;
        sum.merged_packets += line.merged_packets;
        sum.unsplit_frames += line.unsplit_frames;
        for (reason, frames) in Discard::ALL.into_iter().zip(&line.discards) {
            sum.discards.add(reason, *frames);
        }
    }

    fn add_asn(&mut self, line: &AsnLine) {
        let name = || line.name.as_deref().map(Arc::from);
        let origin = line.asn.map_or(Origin::Local, |asn| Origin::As(Asn(asn)));
        if let (Some(counts), Origin::As(asn)) = (&line.transit, origin) {
            let (known, sums) = self.transit.entry(asn).or_default();
            *known = known.take().or_else(name);
            for (sum, [packets, bytes]) in sums.iter_mut().zip(counts) {
                sum.add(Count {
                    packets: *packets,
                    bytes: *bytes,
                });
            }
            return;
        }
        let (known, sum) = self.origins.entry(origin).or_default();
        *known = known.take().or_else(name);
        for (sum, more) in [&mut sum.from, &mut sum.to]
            .into_iter()
            .zip(&line.directions)
        {
            more.add_to(sum);
        }
        sum.reported.add(loss_counts(line.reported));
        sum.received.add(loss_counts(line.received));
        for (sum, more) in sum.calls.iter_mut().zip(&line.calls) {
            more.add_to(sum);
        }
        for (place, numbers) in line.voip_metrics.iter().enumerate() {
            if let Some(sum) = sum.voip_metrics.get_or_insert_default().get_mut(place) {
                sum.add(&VoipCounts::from_numbers(numbers));
            }
        }
        for (sum, more) in sum.round_trips.iter_mut().zip(&line.round_trips) {
            if let Some(more) = more.as_ref().and_then(SamplesLine::samples) {
                sum.get_or_insert_default().add(&more);
            }
        }
    }

    /// Puts the sums into what is shown; names of ASNs too, where there are none.
    pub fn complete(self, snapshot: &mut Snapshot) {
        let named = |asn: Asn| {
            let (name, _) = self.origins.get(&Origin::As(asn))?;
            name.clone()
        };
        for commitment in &mut snapshot.commitments {
            for row in &mut commitment.asns {
                row.name = row.name.take().or_else(|| named(row.asn));
            }
            for row in &mut commitment.transit {
                let (name, _) = self.transit.get(&row.asn).cloned().unwrap_or_default();
                row.name = row.name.take().or(name);
            }
        }
        let origins = self.origins.iter();
        let rows =
            origins.map(|(origin, (name, sum))| sum.row(Label::Origin(*origin), name.clone()));
        snapshot.asns = rows.collect();
        snapshot.asns.sort_by_key(|row| row.label);
        let transit = self.transit.into_iter();
        let rows = transit.map(|(asn, (name, [from, to]))| TransitRow {
            label: Label::Origin(Origin::As(asn)),
            name,
            from,
            to,
        });
        snapshot.transit = rows.collect();
        let sum = self.capture;
        snapshot.capture = sum.capture;
        snapshot.voice = sum.voice;
        snapshot.discards = sum.discards;
        snapshot.mirror_copies = sum.mirror_copies;
        snapshot.merged_packets = sum.merged_packets;
        snapshot.unsplit_frames = sum.unsplit_frames;
    }
}

impl CaptureLine {
    fn is_possible(&self) -> bool {
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
    fn is_possible(&self) -> bool {
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
