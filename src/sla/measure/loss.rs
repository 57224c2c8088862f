//! Packet loss: of the packets that should have come those that did not.

use super::{Column, Guaranteed, Properties, Term};
use crate::meter::window_counts::WindowCounts;
use crate::stream::tally::{LossCounts, ShownLoss};
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
    ],
    sent: |_, usage, counts| counts.sent = usage.loss(),
    received: |_, usage, counts| counts.reported = usage.reports,
    forget: |counts| (counts.sent, counts.reported) = Default::default(),
    // Lost is lost, whatever is guaranteed.
    counts_alike: |_, _| true,
};

/// Guaranteed packet loss: missed if lost ÷ expected is strictly above the limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LossGuarantee {
    /// The limit.
    pub limit: Ratio,
    /// Whose loss is judged.
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

    fn is_kept_by(&self, counts: LossCounts) -> Option<bool> {
        let ShownLoss { expected, lost, .. } = counts.shown();
        let within =
            1_000_000 * u128::from(lost) <= u128::from(self.limit.ppm()) * u128::from(expected);
        (expected >= self.min_packets).then_some(within)
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

    fn is_kept(&self, window: &WindowCounts) -> Option<bool> {
        let (from, to) = (
            self.is_kept_by(window.sent),
            self.is_kept_by(window.reported),
        );
        match self.direction {
            LossDirection::From => from,
            LossDirection::To => to,
            // Missed if either is; met only if both are known to be.
            LossDirection::Both => match (from, to) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                (None, _) | (_, None) => None,
            },
        }
    }
}

/// Whose loss is judged.
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
            both.is_kept(&WindowCounts {
                sent: LossCounts::certain(1000, sent_lost),
                reported: LossCounts::certain(expected, lost),
                ..WindowCounts::default()
            })
        };
        assert_eq!(kept(0, 1000, 0), Some(true));
        assert_eq!(kept(0, 1000, 6), Some(false));
        assert_eq!(kept(6, 0, 0), Some(false));
        assert_eq!(kept(0, 99, 0), None);
    }
}
