//! What receivers say of the voice that they hear, in the VoIP metrics of RTCP XR (RFC 3611 §4.7), summed.
//!
//! Sums of integers, so that they add up over streams, workers and probes. Shown, never judged, and no
//! part of any loss (MODEL §7.11).

use crate::wire::rtcp::VoipMetrics;

/// One of the quantities of a VoIP metrics block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VoipMetric {
    /// Packets lost on the way, of all since reception began.
    LossRate,
    /// Packets that the receiver's jitter buffer discarded, of all.
    DiscardRate,
    /// Round trip between the two ends.
    RoundTrip,
    /// What the end system adds to the delay.
    EndSystemDelay,
    /// Listening quality.
    MosLq,
    /// Conversational quality.
    MosCq,
}

/// Buckets of each.
const BUCKETS: usize = 6;

/// Ratios in 1/256: 0, and about 0.8, 2, 5, 10 and 25 %.
const RATIOS: [u16; BUCKETS] = [0, 2, 5, 12, 25, 64];

/// Milliseconds; 150 and 400 are those of ITU-T G.114 §4.
const DELAYS: [u16; BUCKETS] = [20, 50, 100, 150, 300, 400];

/// Tenths of a mean opinion score, near the categories of ITU-T G.107 Annex B.
const SCORES: [u16; BUCKETS] = [26, 31, 36, 40, 43, 45];

impl VoipMetric {
    /// All of them, in the order of the enum.
    pub const ALL: [Self; 6] = [
        Self::LossRate,
        Self::DiscardRate,
        Self::RoundTrip,
        Self::EndSystemDelay,
        Self::MosLq,
        Self::MosCq,
    ];

    /// The key in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LossRate => "loss_ratio",
            Self::DiscardRate => "discard_ratio",
            Self::RoundTrip => "round_trip_s",
            Self::EndSystemDelay => "end_system_delay_s",
            Self::MosLq => "mos_lq",
            Self::MosCq => "mos_cq",
        }
    }

    /// Steps of the block's own unit in a ratio of 1, in a second, in a whole score.
    pub const fn steps_per_unit(self) -> u16 {
        match self {
            Self::LossRate | Self::DiscardRate => 256,
            Self::RoundTrip | Self::EndSystemDelay => 1000,
            Self::MosLq | Self::MosCq => 10,
        }
    }

    /// Upper bounds of its buckets, in steps.
    const fn bounds(self) -> [u16; BUCKETS] {
        match self {
            Self::LossRate | Self::DiscardRate => RATIOS,
            Self::RoundTrip | Self::EndSystemDelay => DELAYS,
            Self::MosLq | Self::MosCq => SCORES,
        }
    }

    fn of(self, block: &VoipMetrics) -> Option<u16> {
        match self {
            Self::LossRate => Some(block.loss_rate.into()),
            Self::DiscardRate => Some(block.discard_rate.into()),
            Self::RoundTrip => block.round_trip_ms,
            Self::EndSystemDelay => block.end_system_delay_ms,
            Self::MosLq => block.mos_lq.map(u16::from),
            Self::MosCq => block.mos_cq.map(u16::from),
        }
    }
}

/// The values of one quantity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VoipSamples {
    /// How many.
    pub count: u64,
    /// Their sum, in steps ([`VoipMetric::steps_per_unit`]).
    pub sum: u64,
    buckets: [u64; BUCKETS],
}

impl VoipSamples {
    /// Values up to each bound, in units.
    pub fn cumulative(&self, of: VoipMetric) -> impl Iterator<Item = (f64, u64)> {
        let steps = f64::from(of.steps_per_unit());
        let mut below = 0;
        let counts = self.buckets.into_iter().map(move |bucket| {
            below += bucket;
            below
        });
        let bounds = of.bounds().map(|bound| f64::from(bound) / steps);
        bounds.into_iter().zip(counts)
    }
}

/// What receivers said.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VoipCounts {
    /// Blocks taken.
    pub blocks: u64,
    samples: [VoipSamples; VoipMetric::ALL.len()],
}

impl VoipCounts {
    /// Of one block.
    pub fn of(block: &VoipMetrics) -> Self {
        let mut counts = Self {
            blocks: 1,
            ..Self::default()
        };
        for (samples, metric) in counts.samples.iter_mut().zip(VoipMetric::ALL) {
            if let Some(value) = metric.of(block) {
                (samples.count, samples.sum) = (1, value.into());
                let mut buckets = samples.buckets.iter_mut().zip(metric.bounds());
                if let Some((bucket, _)) = buckets.find(|(_, bound)| value <= *bound) {
                    *bucket = 1;
                }
            }
        }
        counts
    }

    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.blocks += other.blocks;
        for (mine, theirs) in self.samples.iter_mut().zip(&other.samples) {
            mine.count += theirs.count;
            mine.sum += theirs.sum;
            for (mine, theirs) in mine.buckets.iter_mut().zip(theirs.buckets) {
                *mine += theirs;
            }
        }
    }

    /// Each quantity with its values.
    pub fn each(&self) -> impl Iterator<Item = (VoipMetric, &VoipSamples)> {
        VoipMetric::ALL.into_iter().zip(&self.samples)
    }

    /// All numbers in one row: blocks, then count, sum and buckets of each quantity.
    pub fn numbers(&self) -> Vec<u64> {
        let each = self.samples.iter();
        let each = each.flat_map(|of| [of.count, of.sum].into_iter().chain(of.buckets));
        std::iter::once(self.blocks).chain(each).collect()
    }

    /// From such a row; numbers that are not there are 0.
    pub fn from_numbers(numbers: &[u64]) -> Self {
        let mut numbers = numbers.iter().copied();
        let mut next = || numbers.next().unwrap_or(0);
        let blocks = next();
        let samples = VoipMetric::ALL.map(|_| VoipSamples {
            count: next(),
            sum: next(),
            buckets: [(); BUCKETS].map(|()| next()),
        });
        Self { blocks, samples }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(loss_rate: u8, delay: Option<u16>, mos: Option<u8>) -> VoipMetrics {
        VoipMetrics {
            ssrc: 7,
            loss_rate,
            discard_rate: 0,
            round_trip_ms: delay,
            end_system_delay_ms: None,
            mos_lq: mos,
            mos_cq: None,
        }
    }

    #[test]
    fn what_is_not_known_is_no_sample_and_sums_add_up_in_any_order() {
        let blocks = [
            block(0, Some(150), Some(42)),
            block(255, None, None),
            block(3, Some(65_535), Some(10)),
        ];
        let sum = |order: [usize; 3]| {
            let mut sum = VoipCounts::default();
            for place in order {
                sum.add(&VoipCounts::of(&blocks[place]));
            }
            sum
        };
        let counts = sum([0, 1, 2]);
        assert_eq!(counts, sum([2, 0, 1]));
        assert_eq!(counts, VoipCounts::from_numbers(&counts.numbers()));
        let of = |metric: VoipMetric| *counts.each().nth(metric as usize).unwrap().1;
        let (loss, trip, mos) = (
            of(VoipMetric::LossRate),
            of(VoipMetric::RoundTrip),
            of(VoipMetric::MosLq),
        );
        assert_eq!((loss.count, loss.sum), (3, 258));
        assert_eq!((trip.count, trip.sum), (2, 65_685));
        assert_eq!((mos.count, mos.sum), (2, 52));
        assert_eq!(of(VoipMetric::MosCq), VoipSamples::default());
        let trips: Vec<_> = trip.cumulative(VoipMetric::RoundTrip).collect();
        assert_eq!(trips[3], (0.15, 1), "exactly the bound is within it");
        assert_eq!(trips[5].1, 1, "one is above all bounds");
    }
}
