//! What a contract says, as far as the accounts of its ASNs are kept by it.

use super::period::Period;
use super::seconds::SecondSet;
use crate::sla::commitment::CountRule;
use crate::sla::direction::Direction;
use crate::sla::limit::Limit;
use crate::sla::measure::Measure;

/// What the account of every ASN under a contract is kept by, in a second.
#[derive(Debug)]
pub(super) struct TermsInForce<'a> {
    pub(super) limit: Limit,
    /// Whether what nobody answered is held against it.
    pub(super) count: CountRule,
    pub(super) judged: &'static [Direction],
    /// Which measures are guaranteed.
    pub(super) guaranteed: [bool; Measure::COUNT],
    /// Seconds whose window was not seen whole.
    pub(super) unseen: &'a SecondSet,
    pub(super) period: Period,
}
