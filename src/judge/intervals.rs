//! When an ASN was out of SLA in one direction: from, until, and how far over.

use crate::units::Second;

/// Intervals kept of one ASN and direction; the oldest closed one leaves for the next. At one a
/// minute, the shortest that the default window makes, these are two days.
const KEPT: usize = 2880;

/// A stretch of seconds over the threshold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Over {
    /// The first second over the threshold.
    pub from: Second,
    /// The last one so far.
    pub last: Second,
    /// The largest window in it, in octets.
    pub peak: u64,
}

/// What changed with a second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Over the threshold since this second.
    Began(Over),
    /// No longer over it.
    Ended(Over),
}

/// The intervals of one ASN in one direction.
#[derive(Clone, Debug, Default)]
pub struct Intervals {
    closed: Vec<Over>,
    open: Option<Over>,
}

impl Intervals {
    /// Takes a judged second: whether it is over, and the octets in its window.
    pub fn judge(&mut self, second: Second, over: bool, bytes: u64) -> Option<Change> {
        match (&mut self.open, over) {
            (Some(open), true) => {
                open.last = second;
                open.peak = open.peak.max(bytes);
                None
            }
            (None, true) => {
                let begun = Over {
                    from: second,
                    last: second,
                    peak: bytes,
                };
                self.open = Some(begun);
                Some(Change::Began(begun))
            }
            (Some(_), false) => self.close(),
            (None, false) => None,
        }
    }

    /// Ends the open interval, if there is one.
    pub fn close(&mut self) -> Option<Change> {
        let ended = self.open.take()?;
        if self.closed.len() >= KEPT {
            self.closed.remove(0);
        }
        self.closed.push(ended);
        Some(Change::Ended(ended))
    }

    /// All of them, oldest first, and whether each is still open.
    pub fn iter(&self) -> impl Iterator<Item = (Over, bool)> + '_ {
        self.closed
            .iter()
            .map(|over| (*over, false))
            .chain(self.open.map(|over| (over, true)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_has_its_first_and_last_second_and_its_peak() {
        let mut intervals = Intervals::default();
        let days = [
            (1, false, 5),
            (2, true, 11),
            (3, true, 14),
            (4, true, 12),
            (5, false, 9),
        ];
        let changes: Vec<_> = days
            .into_iter()
            .filter_map(|(second, over, bytes)| intervals.judge(Second(second), over, bytes))
            .collect();
        let whole = Over {
            from: Second(2),
            last: Second(4),
            peak: 14,
        };
        let begun = Over {
            last: Second(2),
            peak: 11,
            ..whole
        };
        assert_eq!(changes, [Change::Began(begun), Change::Ended(whole)]);
        intervals.judge(Second(9), true, 20);
        let reopened = Over {
            from: Second(9),
            last: Second(9),
            peak: 20,
        };
        assert_eq!(
            intervals.iter().collect::<Vec<_>>(),
            [(whole, false), (reopened, true)]
        );
    }
}
