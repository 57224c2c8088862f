//! The octets of the last seconds of an ASN: what is held against the threshold.

use crate::sla::direction::Directions;
use std::collections::VecDeque;

/// Octets of a second in a window.
#[derive(Clone, Copy, Debug)]
struct WindowSecond {
    second: u64,
    bytes: Directions<u64>,
}

/// The last seconds of an ASN: what is held against the threshold.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    seconds: VecDeque<WindowSecond>,
    sum: Directions<u64>,
}

impl Window {
    /// Adds octets of a second; one before the newest is an amendment.
    pub(super) fn add(&mut self, second: u64, bytes: Directions<u64>) {
        let behind = self
            .seconds
            .iter()
            .rev()
            .take_while(|one| one.second > second);
        let place = self.seconds.len() - behind.count();
        self.sum = sum(self.sum, bytes);
        let same = place
            .checked_sub(1)
            .and_then(|last| self.seconds.get_mut(last));
        match same.filter(|one| one.second == second) {
            Some(same) => same.bytes = sum(same.bytes, bytes),
            None => self.seconds.insert(place, WindowSecond { second, bytes }),
        }
    }

    /// Its octets.
    pub(super) const fn sum(&self) -> &Directions<u64> {
        &self.sum
    }

    /// Whether no second is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.seconds.is_empty()
    }

    /// Lets go of the seconds before one.
    pub(super) fn begin_with(&mut self, first: u64) {
        while let Some(oldest) = self.seconds.front().filter(|one| one.second < first) {
            let bytes = oldest.bytes;
            self.sum = Directions {
                from: self.sum.from.saturating_sub(bytes.from),
                to: self.sum.to.saturating_sub(bytes.to),
                sum: self.sum.sum.saturating_sub(bytes.sum),
            };
            self.seconds.pop_front();
        }
    }
}

fn sum(a: Directions<u64>, b: Directions<u64>) -> Directions<u64> {
    Directions {
        from: a.from.saturating_add(b.from),
        to: a.to.saturating_add(b.to),
        sum: a.sum.saturating_add(b.sum),
    }
}
