//! Objects with a key for each measure: the shapes that JSON and the lines of `--seconds` share.

use crate::sla::Verdict;
use crate::sla::measure::{Guaranteed, PerMeasure, Term};
use serde::{Serialize, Serializer};

/// A value for each measure, by its label; null where there is none.
pub(super) struct ByMeasure<T>(pub(super) PerMeasure<T>);

impl<T: Serialize> Serialize for ByMeasure<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let each = self.0.iter();
        to.collect_map(each.map(|(measure, value)| (measure.as_str(), value)))
    }
}

/// The verdict on each.
pub(super) fn words(verdicts: PerMeasure<Option<Verdict>>) -> ByMeasure<Option<&'static str>> {
    ByMeasure(verdicts.map(|verdict| verdict.map(Verdict::as_str)))
}

/// A value for each measure that has one.
pub(super) struct ByPresentMeasure<T>(pub(super) PerMeasure<Option<T>>);

impl<T: Serialize> Serialize for ByPresentMeasure<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let each = self.0.iter();
        to.collect_map(
            each.filter_map(|(measure, value)| Some((measure.as_str(), value.as_ref()?))),
        )
    }
}

/// The terms of a contract for one measure.
pub(super) struct GuaranteeTerms<'a>(pub(super) &'a dyn Guaranteed);

impl Serialize for GuaranteeTerms<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let terms = self.0.terms().into_iter();
        to.collect_map(terms.map(|(key, term)| (key, Written(term))))
    }
}

struct Written(Term);

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Term::Number(number) => to.serialize_f64(number),
            Term::Count(count) => to.serialize_u64(count),
            Term::Word(word) => to.serialize_str(word),
        }
    }
}
