//! Packet loss: of the packets that should have come those that did not.

use super::{Column, Guaranteed, Known, Properties, Term, kept};
use crate::meter::asn_counts::AsnCounts;
use crate::sla::IndeterminateReason;
use crate::sla::unseen::Unseen;
use crate::stream::tally::LossCounts;
use crate::units::Ratio;

pub(super) const PROPERTIES: Properties = Properties {
    label: "loss",
    title: "Loss",
    columns: &[
        Column {
            key: "expected",
            from: |counts| counts.sent.expected,
            to: Some(|counts| counts.reported.expected),
        },
        Column {
            key: "lost",
            from: |counts| counts.sent.lost,
            to: Some(|counts| counts.reported.lost),
        },
        Column {
            key: "maybe_lost",
            from: |counts| counts.sent.maybe_lost,
            to: Some(|counts| counts.reported.maybe_lost),
        },
    ],
    sent: |_, usage, counts| counts.sent = usage.loss(),
    received: |_, usage, counts| counts.reported = usage.reports,
    forget: |counts| (counts.sent, counts.reported) = Default::default(),
    // Lost is lost, whatever is guaranteed.
    counts_alike: |_, _| true,
};

/// Guaranteed packet loss: missed if lost ÷ expected is strictly above the limit, met if
/// (lost + maybe lost) ÷ (expected + maybe lost) is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LossGuarantee {
    /// The limit.
    pub limit: Ratio,
    /// The direction whose loss is judged.
    pub direction: LossDirection,
    /// Fewer expected packets than this in the window: indeterminate. Default 100.
    pub min_packets: u64,
}

impl LossGuarantee {
    /// One of which only the limit is written.
    pub const fn new(limit: Ratio) -> Self {
        Self {
            limit,
            direction: LossDirection::From,
            min_packets: 100,
        }
    }

    /// Packets that were not followed came, and frames that were not seen may have: they can only make
    /// the certain share of lost ones smaller.
    fn is_kept_by(
        &self,
        counts: LossCounts,
        unfollowed: u64,
        unseen: Unseen,
    ) -> Result<bool, IndeterminateReason> {
        let shown = counts.shown();
        let known = Known {
            is_whole: unfollowed == 0 && unseen.is_none(),
            is_bounded: unfollowed == 0 && unseen.bound().is_some(),
            is_enough: shown.expected >= self.min_packets,
        };
        let came = [unfollowed, unseen.bound().unwrap_or(0)].map(u128::from);
        let [expected, lost, maybe] =
            [shown.expected, shown.lost, shown.maybe_lost].map(u128::from);
        let within = |lost, expected| 1_000_000 * lost <= u128::from(self.limit.ppm()) * expected;
        kept(
            known,
            within(lost, expected + came.into_iter().sum::<u128>()),
            within(lost + maybe, expected + maybe),
        )
    }
}

impl Guaranteed for LossGuarantee {
    fn limit(&self) -> f64 {
        self.limit.as_f64()
    }

    fn terms(&self) -> Vec<(&'static str, Term)> {
        vec![
            ("limit", Term::Number(self.limit.as_f64())),
            ("direction", Term::Word(self.direction.as_str())),
            ("min_packets", Term::Count(self.min_packets)),
        ]
    }

    fn is_kept(&self, window: &AsnCounts, unseen: Unseen) -> Result<bool, IndeterminateReason> {
        let (from, to) = (
            self.is_kept_by(window.sent, window.unfollowed, unseen),
            self.is_kept_by(window.reported, window.unfollowed, unseen),
        );
        match self.direction {
            LossDirection::From => from,
            LossDirection::To => to,
            // Missed if either is; met only if both are known to be.
            LossDirection::Both => match (from, to) {
                (Ok(false), _) | (_, Ok(false)) => Ok(false),
                (Ok(true), other) | (other, Ok(true)) => other,
                (Err(one), Err(other)) => Err(one.min(other)),
            },
        }
    }
}

/// The direction whose loss is judged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum LossDirection {
    /// Gaps at the tap in what the ASN sent.
    #[default]
    From,
    /// What the far end's RTCP reports lost of what we sent.
    To,
    /// Either of them worse than the limit.
    Both,
}

impl LossDirection {
    /// Every direction, in the order of the enum.
    pub const ALL: [Self; 3] = [Self::From, Self::To, Self::Both];

    /// The value in the configuration and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::To => "to",
            Self::Both => "both",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_are_missed_by_either_and_met_by_both() {
        let both = LossGuarantee {
            direction: LossDirection::Both,
            ..LossGuarantee::new(Ratio::from_ppm(5_000))
        };
        let kept = |sent_lost, expected, lost| {
            both.is_kept(
                &AsnCounts {
                    sent: LossCounts::certain(1000, sent_lost),
                    reported: LossCounts::certain(expected, lost),
                    ..AsnCounts::default()
                },
                Unseen::None,
            )
        };
        assert_eq!(kept(0, 1000, 0), Ok(true));
        assert_eq!(kept(0, 1000, 6), Ok(false));
        assert_eq!(kept(6, 0, 0), Ok(false));
        assert_eq!(kept(0, 99, 0), Err(IndeterminateReason::FewSamples));
    }

    #[test]
    fn a_verdict_is_one_that_no_reading_of_the_window_would_change() {
        use IndeterminateReason::{FewSamples, InDoubt, Unseen};
        let guarantee = LossGuarantee::new(Ratio::from_ppm(5_000));
        for (expected, lost, maybe_lost, unfollowed, said) in [
            (1000, 5, 0, 0, Ok(true)),
            (1000, 0, 5, 0, Ok(true)),
            (1000, 0, 6, 0, Err(InDoubt)),
            (1000, 6, 900, 0, Ok(false)),
            (99, 0, 0, 0, Err(FewSamples)),
            (99, 99, 0, 0, Err(FewSamples)),
            (0, 0, 900, 0, Err(InDoubt)),
            (1000, 0, 0, 1, Err(Unseen)),
            (1000, 6, 0, 199, Ok(false)),
            (1000, 6, 0, 200, Err(Unseen)),
        ] {
            let window = AsnCounts {
                sent: LossCounts {
                    expected,
                    lost,
                    maybe_lost,
                },
                unfollowed,
                ..AsnCounts::default()
            };
            let of = format!("{expected} {lost} {maybe_lost} {unfollowed}");
            assert_eq!(
                guarantee.is_kept(&window, crate::sla::unseen::Unseen::None),
                said,
                "{of}"
            );
        }
    }
}
