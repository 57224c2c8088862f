//! Jitter: of the stream-seconds of an ASN those at whose end the running interarrival jitter
//! (RFC 3550 §A.8) was too large.

use super::{Column, Guarantee, Guaranteed, Properties, Term, percentile_kept};
use crate::meter::asn_counts::{AsnCounts, SampleCounts};
use crate::meter::second::{PairCounts, ShortDuration};
use crate::sla::IndeterminateReason;
use crate::sla::unseen::Unseen;
use std::time::Duration;

pub(super) const PROPERTIES: Properties = Properties {
    label: "jitter",
    title: "Jitter",
    columns: &[
        Column {
            key: "stream_seconds",
            from: |counts| counts.stream_seconds.samples.cast_signed(),
            to: None,
        },
        Column {
            key: "over_jitter",
            from: |counts| counts.stream_seconds.over.cast_signed(),
            to: None,
        },
    ],
    sent: |guarantee, usage, counts| {
        let counted = guarantee.jitter.map(|jitter| jitter.count(usage));
        counts.stream_seconds = counted.unwrap_or_default();
    },
    // What the far end says of ours are mean values of its own: no sample for each second.
    received: |_, _, _| {},
    forget: |counts| counts.stream_seconds = SampleCounts::default(),
    counts_alike: |one, other| {
        let counted = |of: &Guarantee| of.jitter.map(|it| it.limit);
        counted(one) == counted(other)
    },
};

/// Guaranteed jitter: missed if 100·(stream-seconds over the limit) > (100 − percentile)·all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JitterGuarantee {
    /// The limit of the running jitter at the end of a second; at most 1 s.
    pub limit: Duration,
    /// Percentile, 1 to 100.
    pub percentile: u8,
    /// Fewer stream-seconds than this in the window: indeterminate. Default 20.
    pub min_stream_seconds: u64,
}

impl JitterGuarantee {
    /// One of which only the limit is written.
    pub const fn new(limit: Duration) -> Self {
        Self {
            limit,
            percentile: 95,
            min_stream_seconds: 20,
        }
    }

    /// The stream-seconds of a pair: streams that have a jitter, so those of which the clock is
    /// known.
    fn count(&self, usage: &PairCounts) -> SampleCounts {
        let limit = ShortDuration::from(self.limit);
        let over = usage.jitter.iter().filter(|jitter| **jitter > limit);
        SampleCounts {
            samples: usage.jitter.len() as u64,
            over: over.count() as u64,
            maybe_over: 0,
        }
    }
}

impl Guaranteed for JitterGuarantee {
    fn limit(&self) -> f64 {
        self.limit.as_secs_f64()
    }

    fn terms(&self) -> Vec<(&'static str, Term)> {
        vec![
            ("limit_ms", Term::Number(self.limit.as_secs_f64() * 1e3)),
            ("percentile", Term::Count(self.percentile.into())),
            ("min_stream_seconds", Term::Count(self.min_stream_seconds)),
        ]
    }

    fn is_kept(&self, window: &AsnCounts, unseen: Unseen) -> Result<bool, IndeterminateReason> {
        percentile_kept(
            self.percentile,
            self.min_stream_seconds,
            window.stream_seconds,
            (window, unseen),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use IndeterminateReason::{FewSamples, InDoubt};

    const LIMIT: Duration = Duration::from_millis(30);

    #[test]
    fn a_stream_second_is_over_strictly_above_the_limit() {
        let above = LIMIT + Duration::from_nanos(1);
        let usage = PairCounts {
            streams: 4,
            jitter: [Duration::ZERO, LIMIT, above]
                .map(ShortDuration::from)
                .to_vec(),
            ..PairCounts::default()
        };
        let counted = JitterGuarantee::new(LIMIT).count(&usage);
        let expected = SampleCounts {
            samples: 3,
            over: 1,
            maybe_over: 0,
        };
        assert_eq!(counted, expected, "the fourth has no clock yet");
    }

    #[test]
    fn a_window_keeps_it_by_percentile_with_samples_enough() {
        let kept = |percentile, samples, over, maybe_over| {
            let guarantee = JitterGuarantee {
                percentile,
                ..JitterGuarantee::new(LIMIT)
            };
            guarantee.is_kept(
                &AsnCounts {
                    stream_seconds: SampleCounts {
                        samples,
                        over,
                        maybe_over,
                    },
                    ..AsnCounts::default()
                },
                Unseen::None,
            )
        };
        for (percentile, samples, over, maybe_over, expected) in [
            (95, 19, 19, 0, Err(FewSamples)),
            (95, 19, 0, 19, Err(InDoubt)),
            (95, 20, 1, 0, Ok(true)),
            (95, 20, 2, 0, Ok(false)),
            (95, 20, 0, 1, Ok(true)),
            (95, 20, 1, 1, Err(InDoubt)),
            (95, 20, 2, 1, Ok(false)),
            (95, 100, 5, 0, Ok(true)),
            (95, 100, 6, 0, Ok(false)),
            (100, 1000, 1, 0, Ok(false)),
            (1, u64::MAX, u64::MAX / 100 * 99, 0, Ok(true)),
        ] {
            let said = kept(percentile, samples, over, maybe_over);
            let of = format!("{percentile} {samples} {over} {maybe_over}");
            assert_eq!(said, expected, "{of}");
        }
    }
}
