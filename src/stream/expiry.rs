//! When things end that nothing ends: a timer wheel on packet time.
//!
//! Entries are due at a second. Whoever pops one looks whether it was used since and, if so, sets
//! it again: one entry per thing, no scan over all of them.

use crate::units::Second;
use std::collections::BTreeMap;

/// Indexes of things by the second in which they are due.
#[derive(Clone, Debug, Default)]
pub struct ExpiryQueue {
    due: BTreeMap<Second, Vec<u32>>,
}

impl ExpiryQueue {
    /// Sets a thing due at a second.
    pub fn set(&mut self, at: Second, index: u32) {
        self.due.entry(at).or_default().push(index);
    }

    /// Takes out what is due up to and with a second, in order of its time.
    pub fn take_due(&mut self, now: Second) -> Vec<u32> {
        let later = self.due.split_off(&now.next());
        std::mem::replace(&mut self.due, later)
            .into_values()
            .flatten()
            .collect()
    }

    /// Takes out everything.
    pub fn take_all(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.due)
            .into_values()
            .flatten()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_out_once_and_in_order() {
        let mut expiry_queue = ExpiryQueue::default();
        expiry_queue.set(Second(30), 3);
        expiry_queue.set(Second(10), 1);
        expiry_queue.set(Second(20), 2);
        assert_eq!(expiry_queue.take_due(Second(20)), [1, 2]);
        assert_eq!(expiry_queue.take_due(Second(29)), [] as [u32; 0]);
        assert_eq!(expiry_queue.take_all(), [3]);
    }
}
