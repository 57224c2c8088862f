//! When an ASN was out of SLA in one direction: from, until, how far over, and over what.

use crate::judge::transit_paths::MAX_LISTED;
use crate::sla::limit::Limit;
use crate::units::{Asn, Second};
use std::collections::BTreeSet;

/// Intervals kept of one ASN and direction; the oldest closed one leaves for the next. At one a
/// minute, the shortest that the default window makes, these are two days.
const KEPT: usize = 2880;

/// A stretch of seconds over the threshold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExcessInterval {
    /// The first second over the threshold.
    pub from: Second,
    /// The last one so far.
    pub last: Second,
    /// The largest window in it, in octets.
    pub peak: u64,
    /// What it was over, all the time.
    pub limit: Limit,
    /// The transit ASNs on the ASN's paths meanwhile: covered by the exclusion, for its traffic. At
    /// most [`MAX_LISTED`].
    pub transit: BTreeSet<Asn>,
}

impl ExcessInterval {
    /// The share of the committed rate at its peak.
    pub fn peak_share(&self) -> f64 {
        self.limit.share(self.peak)
    }

    /// Lists what lies on the ASN's paths; how many found no room.
    fn list_transit(&mut self, transit: &[Asn]) -> u64 {
        let mut left_out = 0;
        for asn in transit {
            if self.transit.len() < MAX_LISTED || self.transit.contains(asn) {
                self.transit.insert(*asn);
            } else {
                left_out += 1;
            }
        }
        left_out
    }
}

/// What changed with a second.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExcessChange {
    /// Over the threshold since this second.
    Began(ExcessInterval),
    /// No longer over it.
    Ended(ExcessInterval),
    /// Over it up to here; from the next second on another contract holds.
    Revised(ExcessInterval),
    /// Over it up to here; then the clock was set back, and the seconds of before run again.
    Stepped(ExcessInterval),
}

impl ExcessChange {
    /// What began or ended.
    pub const fn over(&self) -> &ExcessInterval {
        match self {
            Self::Began(over) | Self::Ended(over) | Self::Revised(over) | Self::Stepped(over) => {
                over
            }
        }
    }
}

/// The intervals of one ASN in one direction.
#[derive(Clone, Debug, Default)]
pub struct ExcessIntervals {
    closed: Vec<ExcessInterval>,
    /// Boxed: of nearly all ASNs there is none.
    open: Option<Box<ExcessInterval>>,
}

impl ExcessIntervals {
    /// Takes a judged second: whether its window exceeds the limit, the octets in it, and the
    /// transit ASNs on its paths. What changed, and how many of the transit ASNs found no room.
    /// Before another limit the open interval is closed.
    pub fn judge(
        &mut self,
        second: Second,
        limit: Limit,
        over: bool,
        bytes: u64,
        transit: &[Asn],
    ) -> (Option<ExcessChange>, u64) {
        match (&mut self.open, over) {
            (Some(open), true) => {
                open.last = second;
                open.peak = open.peak.max(bytes);
                (None, open.list_transit(transit))
            }
            (None, true) => {
                let mut begun = ExcessInterval {
                    from: second,
                    last: second,
                    peak: bytes,
                    limit,
                    transit: BTreeSet::new(),
                };
                let left_out = begun.list_transit(transit);
                self.open = Some(begun.clone().into());
                (Some(ExcessChange::Began(begun)), left_out)
            }
            (Some(_), false) => (self.close().map(ExcessChange::Ended), 0),
            (None, false) => (None, 0),
        }
    }

    /// The one that has not ended.
    pub fn open(&self) -> Option<&ExcessInterval> {
        self.open.as_deref()
    }

    /// Ends the open interval if seconds lie behind it that nobody judged, and no window holds seconds from
    /// before these and after. `first` is the first second of the window that ends with `second`.
    pub fn end_unjudged(&mut self, (first, second): (Second, Second)) -> Option<ExcessChange> {
        let last = self.open.as_ref()?.last;
        let is_apart = last.next() < second && last < first;
        is_apart
            .then(|| self.close())
            .flatten()
            .map(ExcessChange::Ended)
    }

    /// Ends the open interval, if there is one.
    pub fn close(&mut self) -> Option<ExcessInterval> {
        let ended = *self.open.take()?;
        if self.closed.len() >= KEPT {
            self.closed.remove(0);
        }
        self.closed.push(ended.clone());
        Some(ended)
    }

    /// All of them, oldest first, and whether each is still open.
    pub fn iter(&self) -> impl Iterator<Item = (&ExcessInterval, bool)> + '_ {
        let closed = self.closed.iter().map(|over| (over, false));
        closed.chain(self.open.as_deref().map(|over| (over, true)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sla::commitment::example;

    fn limit() -> Limit {
        Limit::from(&example("c"))
    }

    #[test]
    fn an_interval_has_its_first_and_last_second_its_peak_and_what_lay_on_the_paths() {
        let mut intervals = ExcessIntervals::default();
        let days = [
            (1, false, 5, &[1, 9][..]),
            (2, true, 11, &[3]),
            (3, true, 14, &[2, 3]),
            (4, true, 12, &[]),
            (5, false, 9, &[4]),
        ];
        let mut judge = |(second, over, bytes, transit): (u64, bool, u64, &[u32])| {
            let transit: Vec<Asn> = transit.iter().copied().map(Asn).collect();
            intervals
                .judge(Second(second), limit(), over, bytes, &transit)
                .0
        };
        let changes: Vec<_> = days.into_iter().filter_map(&mut judge).collect();
        let whole = ExcessInterval {
            from: Second(2),
            last: Second(4),
            peak: 14,
            limit: limit(),
            transit: BTreeSet::from([Asn(2), Asn(3)]),
        };
        let begun = ExcessInterval {
            last: Second(2),
            peak: 11,
            transit: BTreeSet::from([Asn(3)]),
            ..whole.clone()
        };
        assert_eq!(
            changes,
            [
                ExcessChange::Began(begun),
                ExcessChange::Ended(whole.clone())
            ]
        );
        judge((9, true, 20, &[]));
        let reopened = ExcessInterval {
            from: Second(9),
            last: Second(9),
            peak: 20,
            limit: limit(),
            transit: BTreeSet::new(),
        };
        let all: Vec<_> = intervals.iter().collect();
        assert_eq!(all, [(&whole, false), (&reopened, true)]);
    }

    #[test]
    fn an_interval_lists_so_many_transit_asns_and_counts_the_rest() {
        let mut intervals = ExcessIntervals::default();
        let many: Vec<Asn> = (1..=300).map(Asn).collect();
        let mut judge =
            |second, transit: &[Asn]| intervals.judge(Second(second), limit(), true, 1, transit).1;
        assert_eq!(judge(1, &many), 300 - 256);
        assert_eq!(judge(2, &many[..256]), 0);
        assert_eq!(judge(3, &many[299..]), 1);
        assert_eq!(intervals.iter().next().unwrap().0.transit.len(), MAX_LISTED);
    }
}
