//! What is known of a probe: why it is missing, and in what its contracts differ.

use crate::fleet::feed::ProbeSecond;
use crate::ledger::leaf::{CommitmentTerms, Mode};
use crate::units::Second;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a probe is missing in a second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Absence {
    /// Nothing of it has come yet.
    NotBegun,
    /// It has stopped.
    Stopped,
    /// It did not come in time.
    Late,
    /// Nobody knows how right its clock is.
    Clock,
    /// It counts by other rules.
    Rules,
    /// A leaf of it cannot be read.
    Fault,
}

impl Absence {
    /// All of them, in the order of the enum.
    pub const ALL: [Self; 6] = [
        Self::NotBegun,
        Self::Stopped,
        Self::Late,
        Self::Clock,
        Self::Rules,
        Self::Fault,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotBegun => "not_begun",
            Self::Stopped => "stopped",
            Self::Late => "late",
            Self::Clock => "clock",
            Self::Rules => "rules",
            Self::Fault => "fault",
        }
    }
}

/// What is taken of a probe for a second.
#[derive(Debug, Default)]
pub struct ProbePart {
    /// Its leaves, of this second or of earlier ones.
    pub taken: Vec<ProbeSecond>,
    /// Why it is missing in it; none: all of it is here.
    pub absence: Option<Absence>,
}

/// What differs where a probe has not said yet what it judges by.
pub const NO_POLICY: &str = "policy";

/// What is known of a probe from the leaves that were taken.
#[derive(Clone, Debug)]
pub struct ProbeState {
    /// Its name.
    pub name: Arc<str>,
    /// Its last second.
    pub last: Option<Second>,
    /// Leaves of its ledger up to which all is taken.
    pub leaves: u64,
    /// How it runs; none: not said.
    pub mode: Option<Mode>,
    /// Between a start and a stop.
    pub is_running: bool,
    /// The contracts of ours that are others there, and what differs.
    pub differs: BTreeMap<Arc<str>, &'static str>,
    /// Seconds in which it was missing.
    pub absent: u64,
    /// Why it is missing in the last one.
    pub absence: Option<Absence>,
    /// Seconds that its clock made run twice: their counts are left out.
    pub repeated: u64,
}

/// The key in which two contracts differ; which packets they are about rightly differs by place.
pub(super) fn difference(ours: &CommitmentTerms, theirs: &CommitmentTerms) -> Option<&'static str> {
    let same = [
        (
            "committed_rate",
            ours.committed_rate == theirs.committed_rate,
        ),
        ("threshold", ours.threshold == theirs.threshold),
        ("window", ours.window == theirs.window),
        ("direction", ours.direction == theirs.direction),
        ("count", ours.count == theirs.count),
        ("layer", ours.layer == theirs.layer),
        ("classes", ours.classes == theirs.classes),
        ("transit", ours.transit == theirs.transit),
        ("guarantee", ours.guarantee == theirs.guarantee),
    ];
    same.into_iter()
        .find(|(_, is_same)| !is_same)
        .map(|(key, _)| key)
}
