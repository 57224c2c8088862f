//! Where packets are lost: between an ASN and the tap, or between the tap and the other end (MODEL §17.3).
//! One sentence for each direction, that also says where nobody can know.

use crate::snapshot::{AsnRow, Label};
use crate::stream::tally::{LossCounts, ShownLoss};
use serde::Serialize;

/// Fewer packets say nothing of a share: what `min_samples.packets` is where nothing is written.
const MIN_PACKETS: u64 = 100;

/// Which side of the tap loses more, for certain.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LossSide {
    /// Between the ASN and the tap: theirs, or the path's.
    Far,
    /// Between the tap and the other end: ours.
    Near,
    /// Nothing is lost on either.
    None,
    /// Nobody can tell.
    Unknown,
}

/// Two sections of the way in one direction: between the ASN and the tap, and behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LossPath {
    far: ShownLoss,
    near: ShownLoss,
    is_from: bool,
}

impl LossPath {
    /// The way from the ASN: missing at the tap, and reported by the receivers behind it.
    pub fn from(row: &AsnRow) -> Self {
        Self::of(row.from.loss, row.received, true)
    }

    /// The way to the ASN: reported by its end, and missing at the tap.
    pub fn to(row: &AsnRow) -> Self {
        Self::of(row.reported, row.to.loss, false)
    }

    fn of(far: LossCounts, near: LossCounts, is_from: bool) -> Self {
        let (far, near) = (far.shown(), near.shown());
        Self { far, near, is_from }
    }

    /// Which side loses more, whatever is true of what is in doubt.
    pub fn side(&self) -> LossSide {
        let (Some(far), Some(near)) = (Share::of(self.far), Share::of(self.near)) else {
            return LossSide::Unknown;
        };
        if far.most() == 0 && near.most() == 0 {
            LossSide::None
        } else if far.is_certainly_above(&near) {
            LossSide::Far
        } else if near.is_certainly_above(&far) {
            LossSide::Near
        } else {
            LossSide::Unknown
        }
    }

    /// Whether anything is lost on either side, or may be.
    pub fn is_any_lost(&self) -> bool {
        [self.far, self.near]
            .iter()
            .any(|loss| loss.lost + loss.maybe_lost > 0)
    }

    /// The sentence, for an ASN by its label; none where there is nothing to speak of.
    pub fn sentence(&self, label: Label) -> Option<String> {
        if self.far.expected == 0 && self.near.expected == 0 {
            return None;
        }
        let whose = match label {
            Label::Origin(crate::asn::Origin::As(asn)) => format!("AS{asn}"),
            Label::Origin(crate::asn::Origin::Local) => "our own ends".to_owned(),
            Label::Other => "the other ASNs".to_owned(),
        };
        let reporter = |is_receiver: bool| {
            if is_receiver {
                "no reports (RTCP) from there"
            } else {
                "too few packets"
            }
        };
        let between = if self.is_from {
            format!("between {whose} and the tap")
        } else {
            format!("between the tap and {whose}")
        };
        let far = loss_text(self.far, &between, reporter(!self.is_from));
        let before = if self.is_from {
            "behind it"
        } else {
            "before it"
        };
        let near = loss_text(self.near, before, reporter(self.is_from));
        Some(format!("{far}; {near}"))
    }
}

/// What was lost on a section.
fn loss_text(loss: ShownLoss, place: &str, unknown: &str) -> String {
    let Some(share) = Share::of(loss) else {
        return format!("what is lost {place} is not known: {unknown}");
    };
    let (least, most) = (share.percent(share.lost), share.percent(share.most()));
    if share.most() == 0 {
        format!("nothing lost {place}")
    } else if share.maybe == 0 || least == most {
        format!("{least} % lost {place}")
    } else {
        format!("{least} to {most} % lost {place}")
    }
}

/// Numbers of a section that are enough to speak of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Share {
    expected: u64,
    lost: u64,
    maybe: u64,
}

impl Share {
    fn of(loss: ShownLoss) -> Option<Self> {
        let ShownLoss {
            expected,
            lost,
            maybe_lost,
        } = loss;
        (expected >= MIN_PACKETS).then_some(Self {
            expected,
            lost,
            maybe: maybe_lost,
        })
    }

    const fn most(&self) -> u64 {
        self.lost + self.maybe
    }

    /// Whether so many are a larger part than another section can have lost: L₁ ÷ E₁ > (L₂ + M₂) ÷ (E₂ + M₂).
    fn is_certainly_above(&self, other: &Self) -> bool {
        let wide = |number: u64| u128::from(number);
        wide(self.lost) * (wide(other.expected) + wide(other.maybe))
            > wide(other.most()) * wide(self.expected)
    }

    /// A part in per cent with two significant digits.
    fn percent(&self, lost: u64) -> String {
        let of = if lost == self.lost {
            self.expected
        } else {
            self.expected + self.maybe
        };
        let parts = u128::from(lost) * 100_000_000 / u128::from(of.max(1));
        // parts of a millionth of a per cent
        let (whole, digits) = (parts / 1_000_000, parts % 1_000_000);
        let text = match (whole, digits) {
            (10.., _) => format!("{}", (parts + 500_000) / 1_000_000),
            (1.., _) => format!("{:.1}", ratio(parts)),
            (0, 10_000..) => format!("{:.2}", ratio(parts)),
            (0, 0) => "0".to_owned(),
            (0, _) => "under 0.01".to_owned(),
        };
        text.trim_end_matches(".0").to_owned()
    }
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn ratio(millionths: u128) -> f64 {
    millionths as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn::Origin;
    use crate::units::Asn;

    fn path(far: (i64, i64, i64), near: (i64, i64, i64), is_from: bool) -> LossPath {
        let counts = |(expected, lost, maybe_lost)| LossCounts {
            expected,
            lost,
            maybe_lost,
        };
        LossPath::of(counts(far), counts(near), is_from)
    }

    #[test]
    fn the_side_is_named_only_where_no_reading_gives_another() {
        let cases = [
            (((1000, 12, 0), (1000, 0, 0)), LossSide::Far),
            (((1000, 0, 0), (1000, 12, 0)), LossSide::Near),
            (((1000, 0, 0), (1000, 0, 0)), LossSide::None),
            // What may be lost on the other side may be as much.
            (((1000, 12, 0), (1000, 0, 20)), LossSide::Unknown),
            (((1000, 12, 0), (1000, 0, 5)), LossSide::Far),
            (((1000, 12, 0), (1000, 12, 0)), LossSide::Unknown),
            // Nobody behind the tap reports, or too little.
            (((1000, 12, 0), (0, 0, 0)), LossSide::Unknown),
            (((1000, 12, 0), (99, 0, 0)), LossSide::Unknown),
            (((1000, 0, 3), (1000, 0, 0)), LossSide::Unknown),
        ];
        for ((far, near), right) in cases {
            assert_eq!(path(far, near, true).side(), right, "{far:?} {near:?}");
        }
    }

    #[test]
    fn one_sentence_says_what_is_lost_where_or_that_nobody_knows() {
        let label = Label::Origin(Origin::As(Asn(3320)));
        let said = |far, near, is_from| path(far, near, is_from).sentence(label);
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(
            said((1000, 12, 0), (988, 0, 0), true),
            is("1.2 % lost between AS3320 and the tap; nothing lost behind it")
        );
        assert_eq!(
            said((10_000, 1, 4), (0, 0, 0), true),
            is(
                "0.01 to 0.05 % lost between AS3320 and the tap; what is lost behind it is not known: \
                no reports (RTCP) from there"
            )
        );
        assert_eq!(
            said((0, 0, 0), (1000, 500, 0), false),
            is(
                "what is lost between the tap and AS3320 is not known: no reports (RTCP) from there; \
                50 % lost before it"
            )
        );
        assert_eq!(said((0, 0, 0), (0, 0, 0), true), None);
        assert_eq!(
            said((1_000_000, 1, 0), (50, 0, 0), false),
            is(
                "under 0.01 % lost between the tap and AS3320; what is lost before it is not known: \
                too few packets"
            )
        );
    }
}
