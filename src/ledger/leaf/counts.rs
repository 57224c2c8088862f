//! What was counted of one ASN, as a leaf has it.

use super::{TransitRole, is_default};
use crate::meter::asn_counts::{AsnCounts, ConfirmedBytes, SampleCounts};
use crate::meter::asn_silence::AsnSilence;
use crate::sla::Role;
use crate::snapshot::evidence::{OnPath, SubjectCounts};
use crate::stream::silence::SilenceCounts;
use crate::stream::tally::LossCounts;
use crate::units::{Asn, Second};
use serde::{Deserialize, Serialize};

/// What was counted of one ASN in a second, or over one path to it.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct CountedLeaf {
    /// The ASN; not in what was counted over a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// `transit` for what goes through it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<TransitRole>,
    /// Voice packets in both directions.
    #[serde(default, skip_serializing_if = "is_default")]
    pub packets: u64,
    /// What it sent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub from: DirectionLeaf,
    /// What was sent to it; losses are those that its end reports.
    #[serde(default, skip_serializing_if = "is_default")]
    pub to: DirectionLeaf,
    /// Octets that stand in both, of packets with both ends in the ASN.
    #[serde(default, skip_serializing_if = "is_default")]
    pub both_bytes: u64,
    /// Of these, confirmed; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_both_bytes: Option<u64>,
    /// RTP packets of streams that found no room: with any, highs are unbounded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unfollowed: u64,
    /// 1 where the judge had no room for a window of the ASN: this second is judged by itself, and all
    /// highs are unbounded. Not in what was counted over a path.
    #[serde(default, skip_serializing_if = "is_default")]
    pub refused: u64,
    /// Not 0 where a window of the ASN began that may lack what it did in the seconds before, without room, or
    /// where candidates of it gave way in probation: all highs are unbounded. Not in what was counted over a path.
    #[serde(default, skip_serializing_if = "is_default")]
    pub begun_late: u64,
    /// The streams that it sends, at the end of the second, where any of them is silent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub silence: SilenceLeaf,
    /// Round trips.
    #[serde(default, skip_serializing_if = "is_default")]
    pub latency: SampleLeaf,
    /// Stream-seconds with a jitter.
    #[serde(default, skip_serializing_if = "is_default")]
    pub jitter: SampleLeaf,
    /// The transit ASNs that packets of this second, or of this path, crossed; ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transit: Vec<u32>,
    /// What of this came over each path with transit, where transit is judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<CountedLeaf>,
}

/// One direction.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DirectionLeaf {
    /// Octets on the commitment's layer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub bytes: u64,
    /// Of these, confirmed; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_bytes: Option<u64>,
    /// RTP packets that should have come.
    #[serde(default, skip_serializing_if = "is_default")]
    pub expected: i64,
    /// Of these, missing for certain.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lost: i64,
    /// What may have been lost besides.
    #[serde(default, skip_serializing_if = "is_default")]
    pub maybe_lost: i64,
}

/// Streams of an ASN that are silent.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct SilenceLeaf {
    /// Its active streams.
    #[serde(default, skip_serializing_if = "is_default")]
    pub active_streams: u64,
    /// Those silent without a reason.
    #[serde(default, skip_serializing_if = "is_default")]
    pub silent_streams: u64,
    /// Those of them that have not been so for longer than 10 s.
    #[serde(default, skip_serializing_if = "is_default")]
    pub recent_streams: u64,
    /// Packets that these would have sent so far.
    #[serde(default, skip_serializing_if = "is_default")]
    pub open: u64,
    /// Packets that were open, of silences that ended in the second.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ended: u64,
    /// Silent streams, with a reason or without: how many seconds ago their last packet was, and
    /// how many; the earliest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stopped: Vec<(u64, u64)>,
}

impl SilenceLeaf {
    fn new(second: Second, silence: &AsnSilence) -> Self {
        let counts = &silence.counts;
        let stopped = counts.stopped.iter();
        Self {
            active_streams: silence.active,
            silent_streams: counts.silent,
            recent_streams: counts.recent,
            open: counts.open,
            ended: counts.ended,
            stopped: stopped
                .map(|(last, streams)| (second.0.saturating_sub(last.0), *streams))
                .collect(),
        }
    }

    fn silence(&self, second: Second) -> AsnSilence {
        let stopped = self.stopped.iter();
        AsnSilence {
            active: self.active_streams,
            counts: SilenceCounts {
                open: self.open,
                silent: self.silent_streams,
                recent: self.recent_streams,
                quiet: 0,
                ended: self.ended,
                stopped: stopped
                    .map(|(ago, streams)| (Second(second.0.saturating_sub(*ago)), *streams))
                    .collect(),
            },
        }
    }
}

/// Samples of a measure by percentile.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SampleLeaf {
    /// Samples.
    #[serde(default, skip_serializing_if = "is_default")]
    pub samples: u64,
    /// Of these, over the limit for certain.
    #[serde(default, skip_serializing_if = "is_default")]
    pub over: u64,
    /// Of the others, those that may be.
    #[serde(default, skip_serializing_if = "is_default")]
    pub maybe_over: u64,
}

impl DirectionLeaf {
    fn new(bytes: u64, confirmed: u64, loss: LossCounts) -> Self {
        Self {
            bytes,
            confirmed_bytes: other_than(bytes, confirmed),
            expected: loss.expected,
            lost: loss.lost,
            maybe_lost: loss.maybe_lost,
        }
    }

    /// Octets that are confirmed.
    fn confirmed(self) -> u64 {
        self.confirmed_bytes.unwrap_or(self.bytes)
    }

    fn loss(self) -> LossCounts {
        LossCounts {
            expected: self.expected,
            lost: self.lost,
            maybe_lost: self.maybe_lost,
        }
    }
}

/// What is confirmed, where that is not all.
fn other_than(bytes: u64, confirmed: u64) -> Option<u64> {
    (confirmed != bytes).then_some(confirmed)
}

impl From<SampleCounts> for SampleLeaf {
    fn from(counts: SampleCounts) -> Self {
        let SampleCounts {
            samples,
            over,
            maybe_over,
        } = counts;
        Self {
            samples,
            over,
            maybe_over,
        }
    }
}

impl From<SampleLeaf> for SampleCounts {
    fn from(leaf: SampleLeaf) -> Self {
        let SampleLeaf {
            samples,
            over,
            maybe_over,
        } = leaf;
        Self {
            samples,
            over,
            maybe_over,
        }
    }
}

impl From<&AsnCounts> for CountedLeaf {
    fn from(counts: &AsnCounts) -> Self {
        Self {
            packets: counts.packets,
            from: DirectionLeaf::new(counts.from, counts.confirmed.from, counts.sent),
            to: DirectionLeaf::new(counts.to, counts.confirmed.to, counts.reported),
            both_bytes: counts.both,
            confirmed_both_bytes: other_than(counts.both, counts.confirmed.both),
            unfollowed: counts.unfollowed,
            refused: counts.refused,
            begun_late: counts.begun_late,
            latency: counts.round_trips.into(),
            jitter: counts.stream_seconds.into(),
            ..Self::default()
        }
    }
}

impl CountedLeaf {
    /// What was counted of an ASN in a role.
    pub fn of(
        (asn, role): (u32, Option<TransitRole>),
        second: Second,
        counts: &SubjectCounts,
    ) -> Self {
        let paths = counts.paths.iter().map(|path| Self {
            transit: path.transit.iter().map(|asn| asn.0).collect(),
            ..(&path.counted).into()
        });
        Self {
            asn: Some(asn),
            role,
            transit: counts.crossed.iter().map(|asn| asn.0).collect(),
            paths: paths.collect(),
            silence: SilenceLeaf::new(second, &counts.silence),
            ..(&counts.counted).into()
        }
    }

    /// The ASN; none where it was counted over a path.
    pub fn subject(&self) -> Option<(Role, Asn)> {
        let role = self.role.map_or(Role::Origin, Role::from);
        Some((role, Asn(self.asn?)))
    }

    /// What was counted in a second, to be judged.
    pub fn subject_counts(&self, second: Second) -> SubjectCounts {
        let asns = |numbers: &[u32]| numbers.iter().copied().map(Asn).collect();
        let paths = self.paths.iter().map(|path| OnPath {
            transit: asns(&path.transit),
            counted: path.counts(),
        });
        SubjectCounts {
            counted: self.counts(),
            crossed: asns(&self.transit),
            paths: paths.collect(),
            silence: self.silence.silence(second),
        }
    }

    /// The counts alone.
    pub fn counts(&self) -> AsnCounts {
        AsnCounts {
            from: self.from.bytes,
            to: self.to.bytes,
            both: self.both_bytes,
            confirmed: ConfirmedBytes {
                from: self.from.confirmed(),
                to: self.to.confirmed(),
                both: self.confirmed_both_bytes.unwrap_or(self.both_bytes),
            },
            packets: self.packets,
            unfollowed: self.unfollowed,
            refused: self.refused,
            begun_late: self.begun_late,
            sent: self.from.loss(),
            reported: self.to.loss(),
            round_trips: self.latency.into(),
            stream_seconds: self.jitter.into(),
        }
    }

    /// Whether nothing is written that would be left out.
    pub(super) fn is_shortest(&self) -> bool {
        let all = |confirmed: Option<u64>, bytes| confirmed == Some(bytes);
        !all(self.from.confirmed_bytes, self.from.bytes)
            && !all(self.to.confirmed_bytes, self.to.bytes)
            && !all(self.confirmed_both_bytes, self.both_bytes)
            && self.paths.iter().all(Self::is_shortest)
    }

    /// Leaves out what is not written.
    pub(super) fn shorten(&mut self) {
        for direction in [&mut self.from, &mut self.to] {
            let bytes = direction.bytes;
            direction
                .confirmed_bytes
                .take_if(|confirmed| *confirmed == bytes);
        }
        let both = self.both_bytes;
        self.confirmed_both_bytes
            .take_if(|confirmed| *confirmed == both);
        self.paths.iter_mut().for_each(Self::shorten);
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counts() == AsnCounts::default()
            && self.transit.is_empty()
            && self.silence == SilenceLeaf::default()
    }
}
