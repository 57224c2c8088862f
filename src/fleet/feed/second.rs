//! The leaves of one second of a probe, and whether they can be true.

use crate::ledger::leaf::{CountedLeaf, Leaf, Mode};
use crate::units::Second;

/// The largest number that a leaf may say was counted of an ASN in a second: 8 Tbit/s. So no sum over
/// an hour and all probes overflows.
pub(super) const MAX_COUNT: u64 = 1 << 40;

/// The leaves of one second of a probe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProbeSecond {
    /// The second.
    pub second: Second,
    /// The number behind the last of them.
    pub end: u64,
    /// They.
    pub leaves: Vec<Leaf>,
    /// Octets of their lines.
    pub(super) octets: usize,
}

impl ProbeSecond {
    /// Of these leaves, up to this number of its ledger.
    pub(in crate::fleet) const fn new(second: Second, end: u64, leaves: Vec<Leaf>) -> Self {
        Self {
            second,
            end,
            leaves,
            octets: 0,
        }
    }

    /// How the meter runs that starts in it.
    pub fn starts(&self) -> Option<Mode> {
        self.leaves.iter().find_map(|leaf| match leaf {
            Leaf::Start(start) => Some(start.mode),
            _ => None,
        })
    }

    /// Whether the meter stops in it.
    pub fn stops(&self) -> bool {
        matches!(self.leaves.last(), Some(Leaf::Stop(_)))
    }
}

/// Whether a leaf is of another turn of the same second.
pub(super) fn starts_anew(leaves: &[Leaf], leaf: &Leaf) -> bool {
    leaves.last().is_some_and(|last| leaf.rank() < last.rank())
}

/// Whether what a leaf says can have been counted in a second.
pub(super) fn check(leaf: &Leaf) -> Result<(), String> {
    let asns = match leaf {
        Leaf::Second(leaf) => &leaf.asns,
        Leaf::Amendment(leaf) => &leaf.asns,
        _ => return Ok(()),
    };
    let too_many = asns.iter().find(|counted| !is_possible(counted));
    match too_many {
        Some(counted) => Err(format!(
            "says more of AS{} than can be in a second",
            counted.asn.unwrap_or_default()
        )),
        None => Ok(()),
    }
}

fn is_possible(counted: &CountedLeaf) -> bool {
    let counts = counted.counts();
    let silence = &counted.silence;
    let directions = [counted.from, counted.to];
    let signed = directions
        .iter()
        .flat_map(|of| [of.expected, of.lost, of.maybe_lost]);
    let samples = [counted.latency, counted.jitter];
    let samples = samples
        .iter()
        .flat_map(|of| [of.samples, of.over, of.maybe_over]);
    let stopped = silence.stopped.iter().map(|(_, streams)| *streams);
    let numbers = [
        counts.from,
        counts.to,
        counts.both,
        counts.packets,
        counts.unfollowed,
        counts.refused,
        counts.begun_late,
        silence.active_streams,
        silence.silent_streams,
        silence.recent_streams,
        silence.open,
        silence.ended,
    ];
    let mut all = signed
        .map(i64::unsigned_abs)
        .chain(samples)
        .chain(stopped)
        .chain(numbers);
    all.all(|number| number <= MAX_COUNT)
        && counts.both <= counts.from.min(counts.to)
        && counted.paths.iter().all(is_possible)
}
