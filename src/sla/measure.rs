//! What can be guaranteed of an ASN's voice: a closed list, each measure in a file of its own.
//!
//! Whoever counts, judges or shows measures goes through [`Measure::ALL`] and asks the
//! [`Properties`] of each. A new one is its file and a row in each list here.

pub mod jitter;
pub mod latency;
pub mod loss;

use crate::meter::asn_counts::{AsnCounts, SampleCounts};
use crate::meter::second::PairCounts;
use crate::sla::IndeterminateReason;
use crate::sla::unseen::Unseen;
use jitter::JitterGuarantee;
use latency::LatencyGuarantee;
use loss::LossGuarantee;

/// What is measured and may be guaranteed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Measure {
    /// Packet loss.
    Loss,
    /// Round-trip latency.
    Latency,
    /// Interarrival jitter.
    Jitter,
}

impl Measure {
    /// Every measure, in the order of the enum.
    pub const ALL: [Self; 3] = [Self::Loss, Self::Latency, Self::Jitter];

    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Its row in the table of measures.
    pub const fn properties(self) -> &'static Properties {
        match self {
            Self::Loss => &loss::PROPERTIES,
            Self::Latency => &latency::PROPERTIES,
            Self::Jitter => &jitter::PROPERTIES,
        }
    }

    /// The label value, the key in JSON and in the configuration.
    pub const fn as_str(self) -> &'static str {
        self.properties().label
    }
}

/// What is guaranteed below the threshold. `None`: not guaranteed, so never judged.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Guarantee {
    /// Packet loss.
    pub loss: Option<LossGuarantee>,
    /// Round-trip latency.
    pub latency: Option<LatencyGuarantee>,
    /// Interarrival jitter of what the ASN sends.
    pub jitter: Option<JitterGuarantee>,
}

impl Guarantee {
    /// What is guaranteed of a measure.
    pub fn get(&self, measure: Measure) -> Option<&dyn Guaranteed> {
        match measure {
            Measure::Loss => self.loss.as_ref().map(|one| one as _),
            Measure::Latency => self.latency.as_ref().map(|one| one as _),
            Measure::Jitter => self.jitter.as_ref().map(|one| one as _),
        }
    }
}

/// The guarantee of one measure.
pub trait Guaranteed {
    /// The limit in base units: a ratio, or seconds. For display.
    fn limit(&self) -> f64;

    /// The terms of the contract, by key. For display.
    fn terms(&self) -> Vec<(&'static str, Term)>;

    /// Whether a window keeps it, whatever is true of what is in doubt, and whatever the frames were that
    /// were not seen.
    ///
    /// # Errors
    /// The first reason that holds why nobody can say.
    fn is_kept(&self, window: &AsnCounts, unseen: Unseen) -> Result<bool, IndeterminateReason>;
}

/// One term of a guarantee.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Term {
    /// In the unit that its key names; a ratio where it names none.
    Number(f64),
    /// How many.
    Count(u64),
    /// One of a few words.
    Word(&'static str),
}

/// Takes a number out of what was counted.
pub type Counter = fn(&AsnCounts) -> i64;

/// A number that a measure counts in each second.
#[derive(Debug)]
pub struct Column {
    /// Its key in the lines of `--seconds`.
    pub key: &'static str,
    /// That of what the ASN sends.
    pub from: Counter,
    /// That of what is sent to it, if there is one.
    pub to: Option<Counter>,
}

/// All that the house asks of a measure.
#[derive(Debug)]
pub struct Properties {
    /// The label value, the key in JSON and in the configuration.
    pub label: &'static str,
    /// The heading of a column.
    pub title: &'static str,
    /// What is counted for it, in the order in which it is written.
    pub columns: &'static [Column],
    /// Adds to an ASN what a pair of which it is the source did.
    pub sent: fn(&Guarantee, &PairCounts, &mut AsnCounts),
    /// Adds to an ASN what a pair of which it is the destination did.
    pub received: fn(&Guarantee, &PairCounts, &mut AsnCounts),
    /// Forgets what was counted of it.
    pub forget: fn(&mut AsnCounts),
    /// Whether what was counted under one contract is what another one counts.
    pub counts_alike: fn(&Guarantee, &Guarantee) -> bool,
}

/// What a window is known to be, besides its numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Known {
    /// All of it was seen, and every stream followed.
    is_whole: bool,
    /// If not, it is known how much at most was not.
    is_bounded: bool,
    /// There are samples enough.
    is_enough: bool,
}

/// What follows from whether the certain numbers keep a guarantee (`low`), and whether they do with
/// all that may be added to them (`high`).
fn kept(known: Known, low: bool, high: bool) -> Result<bool, IndeterminateReason> {
    if known.is_enough && !low {
        Ok(false)
    } else if known.is_enough && known.is_bounded && high {
        Ok(true)
    } else if !known.is_whole {
        Err(IndeterminateReason::Unseen)
    } else if low != high {
        Err(IndeterminateReason::InDoubt)
    } else {
        Err(IndeterminateReason::FewSamples)
    }
}

/// Whether 100·over ≤ (100 − percentile)·samples, of those over the limit and with those that may be. Each
/// frame that was not seen may have been one more sample. What packets of streams that found no room
/// would have measured nobody knows, not even how many samples.
fn percentile_kept(
    percentile: u8,
    least: u64,
    counts: SampleCounts,
    (window, unseen): (&AsnCounts, Unseen),
) -> Result<bool, IndeterminateReason> {
    let (Some(frames), 0) = (unseen.bound(), window.unfollowed) else {
        return Err(IndeterminateReason::Unseen);
    };
    let [samples, over, maybe_over, frames] =
        [counts.samples, counts.over, counts.maybe_over, frames].map(u128::from);
    let allowed = u128::from(100_u8.saturating_sub(percentile)) * (samples + frames);
    let within = |over: u128| 100 * over <= allowed;
    let known = Known {
        is_whole: unseen.is_none(),
        is_bounded: true,
        is_enough: counts.samples >= least,
    };
    kept(known, within(over), within(over + maybe_over + frames))
}

/// A value for each measure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PerMeasure<T>([T; Measure::COUNT]);

impl<T> PerMeasure<T> {
    /// What a function gives for each.
    pub fn from_fn(value: impl FnMut(Measure) -> T) -> Self {
        Self(Measure::ALL.map(value))
    }

    /// That of a measure.
    #[expect(clippy::indexing_slicing, reason = "as many values as measures")]
    pub const fn get(&self, measure: Measure) -> &T {
        &self.0[measure as usize]
    }

    /// That of a measure, to be changed.
    #[expect(clippy::indexing_slicing, reason = "as many values as measures")]
    pub const fn get_mut(&mut self, measure: Measure) -> &mut T {
        &mut self.0[measure as usize]
    }

    /// All of them, in the order of the list.
    pub fn iter(&self) -> impl Iterator<Item = (Measure, &T)> + '_ {
        Measure::ALL.into_iter().zip(&self.0)
    }

    /// Another value for each.
    pub fn map<U>(self, value: impl FnMut(T) -> U) -> PerMeasure<U> {
        PerMeasure(self.0.map(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_measure_has_its_own_place_words_and_keys() {
        let each = PerMeasure::from_fn(|measure| measure);
        assert!(each.iter().all(|(measure, value)| measure == *value));
        assert!(
            Measure::ALL
                .iter()
                .all(|measure| each.get(*measure) == measure)
        );
        let properties = Measure::ALL.map(Measure::properties);
        let labels: BTreeSet<_> = properties.iter().map(|it| it.label).collect();
        assert_eq!(labels.len(), Measure::COUNT);
        let keys = properties.iter().flat_map(|it| it.columns);
        let keys: Vec<_> = keys.map(|column| column.key).collect();
        let different: BTreeSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len(), "{keys:?}");
    }

    #[test]
    fn what_a_measure_counts_it_forgets_and_nothing_else() {
        let mut full = AsnCounts::default();
        let usage = PairCounts {
            reports: crate::stream::tally::LossCounts {
                expected: 7,
                lost: 3,
                maybe_lost: 1,
            },
            ..PairCounts::default()
        };
        for measure in Measure::ALL {
            (measure.properties().received)(&Guarantee::default(), &usage, &mut full);
        }
        full.round_trips = SampleCounts::one(true);
        full.stream_seconds = SampleCounts::one(true);
        for measure in Measure::ALL {
            let mut counts = full;
            (measure.properties().forget)(&mut counts);
            for other in Measure::ALL {
                let numbers = |of: &AsnCounts| {
                    let columns = other.properties().columns.iter();
                    let each =
                        columns.map(|column| ((column.from)(of), column.to.map(|to| to(of))));
                    each.collect::<Vec<_>>()
                };
                let is_empty = numbers(&counts) == numbers(&AsnCounts::default());
                assert_eq!(is_empty, other == measure, "{measure:?} {other:?}");
            }
        }
    }
}
