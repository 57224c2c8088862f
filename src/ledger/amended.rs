//! Leaves as they would stand if everything had been known in time: what came late for a second stands in it,
//! and a gap is told with its first second. The judge over these gives the settled verdicts (MODEL §11.7).
//!
//! Each second waits as long as amendments may reach back, an hour, or until there is no room for more.

use super::leaf::{AmendmentLeaf, CountedLeaf, GapLeaf, GapReason, Leaf, SecondLeaf};
use super::second_group::SecondGroup;
use crate::units::Second;
use std::collections::BTreeMap;
use std::mem::take;

/// How long a second waits for what is told late: as far as losses are booked back.
pub const SETTLED_AFTER: u64 = 3600;

/// Counts of an ASN in a second that wait at most, some 300 octets each: 400 ASNs all the time. Beyond
/// it the oldest second waits no longer.
pub const MAX_PENDING: usize = 1_500_000;

/// What is known of a second so far.
#[derive(Debug, Default)]
struct PendingSecond {
    /// Start, policy, table.
    begins: Vec<Leaf>,
    gaps: Vec<GapLeaf>,
    /// What came for seconds that wait no longer.
    amendments: Vec<AmendmentLeaf>,
    /// What was counted in it, early or late, by commitment.
    counted: Vec<(String, Vec<CountedLeaf>)>,
    stop: Option<Leaf>,
}

/// Puts late leaves where they belong.
#[derive(Debug)]
pub struct AmendedLeaves {
    group: SecondGroup,
    pending: BTreeMap<u64, PendingSecond>,
    /// Counts in these.
    waiting: usize,
    /// The first second since windows began anew.
    begin: u64,
    /// The first second that still waits, or will.
    next: u64,
    /// Seconds of which a meter that did not run knows nothing: from the first up to the second.
    stopped: Vec<(u64, u64)>,
    has_begun: bool,
    most: usize,
    late: u64,
}

impl Default for AmendedLeaves {
    fn default() -> Self {
        Self::new(MAX_PENDING)
    }
}

impl AmendedLeaves {
    /// With room for so many counts that wait.
    pub fn new(most: usize) -> Self {
        Self {
            group: SecondGroup::default(),
            pending: BTreeMap::new(),
            waiting: 0,
            begin: 0,
            next: 0,
            stopped: Vec::new(),
            has_begun: false,
            most,
            late: 0,
        }
    }

    /// Counts that came too late: their second did not wait any more.
    pub const fn late(&self) -> u64 {
        self.late
    }

    /// Takes the next leaf; those that wait no longer go to `out`, in their order.
    pub fn take(&mut self, leaf: Leaf, out: &mut Vec<Leaf>) {
        match &leaf {
            // What was judged is judged anew, and what people entered judges nothing.
            Leaf::Interval(_)
            | Leaf::Verdict(_)
            | Leaf::Exclusion(_)
            | Leaf::Revision(_)
            | Leaf::Key(_) => {
                return;
            }
            Leaf::Day(_) => {
                if !self.has_begun {
                    out.push(leaf);
                }
                return;
            }
            Leaf::Start(_)
            | Leaf::Policy(_)
            | Leaf::Table(_)
            | Leaf::Gap(_)
            | Leaf::Second(_)
            | Leaf::Amendment(_)
            | Leaf::Stop(_) => {}
        }
        if self.group.ends_before(&leaf) {
            self.take_group(out);
        }
        self.has_begun = true;
        self.group.leaves.push(leaf);
    }

    /// All seconds that wait.
    pub fn finish(&mut self, out: &mut Vec<Leaf>) {
        self.take_group(out);
        self.pass_all(out);
    }

    fn take_group(&mut self, out: &mut Vec<Leaf>) {
        let group = take(&mut self.group);
        let Some(Second(second)) = group.leaves.iter().find_map(Leaf::second) else {
            return;
        };
        if group.gaps().any(GapLeaf::begins_anew) || self.begin == 0 {
            self.pass_all(out);
            (self.begin, self.next) = (second, second);
            self.stopped.clear();
        }
        for leaf in group.leaves {
            self.place(leaf, second);
        }
        let first = second.saturating_sub(SETTLED_AFTER);
        while self.waiting > self.most || self.pending.keys().next().is_some_and(|at| *at < first) {
            if !self.pass_first(out) {
                break;
            }
        }
        self.next = self.next.max(first);
        let next = self.next;
        self.stopped.retain(|(_, until)| *until > next);
    }

    /// Puts a leaf of a second where it belongs.
    fn place(&mut self, leaf: Leaf, second: u64) {
        match leaf {
            Leaf::Gap(gap) => self.sort_gap(gap, second),
            Leaf::Second(leaf) => self.count(second, leaf.commitment, leaf.asns),
            Leaf::Amendment(leaf) => {
                let amended = leaf.amended.0;
                if amended < second
                    && amended >= self.next.max(self.begin)
                    && !self.is_stopped(amended)
                {
                    self.count(amended, leaf.commitment, leaf.asns);
                } else {
                    self.late += leaf.asns.len() as u64;
                    self.waiting += leaf.asns.len();
                    self.pending
                        .entry(second)
                        .or_default()
                        .amendments
                        .push(leaf);
                }
            }
            Leaf::Stop(_) => self.pending.entry(second).or_default().stop = Some(leaf),
            other => self.pending.entry(second).or_default().begins.push(other),
        }
    }

    fn count(&mut self, second: u64, commitment: String, asns: Vec<CountedLeaf>) {
        self.waiting += asns.len();
        let of_second = self.pending.entry(second).or_default();
        of_second.counted.push((commitment, asns));
    }

    fn sort_gap(&mut self, gap: GapLeaf, second: u64) {
        match gap.why {
            GapReason::Capture | GapReason::Probe => {
                let mut at = gap.from.0.max(self.next).max(self.begin).min(second);
                let behind = |(last, first): &(u64, u64)| (last + 1..*first).contains(&at);
                if let Some((_, first)) = self.stopped.iter().find(|stop| behind(stop)) {
                    at = *first;
                }
                self.place_gap(gap, at);
            }
            GapReason::Stop => {
                let last = gap.from.0;
                if last < second && last >= self.next.max(self.begin) {
                    // Of its last second only a part was seen, which was known only here.
                    let edge = GapLeaf {
                        until: gap.from,
                        why: GapReason::Capture,
                        frames: None,
                        ..gap.clone()
                    };
                    self.place_gap(edge, last);
                }
                self.stopped.push((last, second));
                self.place_gap(gap, second);
            }
            GapReason::Start | GapReason::Clock | GapReason::Policy | GapReason::Disk => {
                self.place_gap(gap, second);
            }
        }
    }

    fn place_gap(&mut self, gap: GapLeaf, at: u64) {
        let of_second = self.pending.entry(at).or_default();
        of_second.gaps.push(GapLeaf {
            second: Second(at),
            ..gap
        });
    }

    /// Whether nobody saw a second, since the meter did not run.
    fn is_stopped(&self, second: u64) -> bool {
        let mut stops = self.stopped.iter();
        stops.any(|(last, first)| (last + 1..*first).contains(&second))
    }

    fn pass_all(&mut self, out: &mut Vec<Leaf>) {
        while self.pass_first(out) {}
    }

    /// The oldest second waits no longer; whether there was one.
    fn pass_first(&mut self, out: &mut Vec<Leaf>) -> bool {
        let Some((at, pending)) = self.pending.pop_first() else {
            return false;
        };
        let second = Second(at);
        self.next = self.next.max(at + 1);
        out.extend(pending.begins);
        out.extend(pending.gaps.into_iter().map(Leaf::Gap));
        for leaf in pending.amendments {
            self.waiting -= leaf.asns.len();
            out.push(Leaf::Amendment(leaf));
        }
        for (part, (commitment, asns)) in (0..).zip(pending.counted) {
            self.waiting -= asns.len();
            out.push(Leaf::Second(SecondLeaf {
                second,
                commitment,
                part,
                made_of: Vec::new(),
                asns,
            }));
        }
        out.extend(pending.stop);
        true
    }
}
