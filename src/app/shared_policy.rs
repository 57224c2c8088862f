//! The policy in force, shared with workers and judge. A check for a new policy is one atomic load; the
//! lock is taken only after a change.

use crate::sla::policy::Policy;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The current policy, replaced by the main thread.
#[derive(Debug)]
pub(super) struct SharedPolicy {
    generation: AtomicU64,
    policy: Mutex<Arc<Policy>>,
    /// Old policies that may still be in use. They are freed on the main thread once unused, because
    /// freeing a whole table takes milliseconds that a worker cannot spare.
    retired: Mutex<Vec<Arc<Policy>>>,
}

impl SharedPolicy {
    pub(super) fn new(policy: Arc<Policy>) -> Arc<Self> {
        Arc::new(Self {
            generation: AtomicU64::new(0),
            policy: Mutex::new(policy),
            retired: Mutex::default(),
        })
    }

    pub(super) fn current(&self) -> Arc<Policy> {
        self.policy
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn replace(&self, policy: Arc<Policy>) {
        let mut current = self.policy.lock().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *current, policy);
        drop(current);
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.push(old);
        drop(retired);
        self.generation.fetch_add(1, Ordering::Release);
        self.free_retired();
    }

    /// Frees the old policies that are no longer in use.
    pub(super) fn free_retired(&self) {
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.retain(|policy| {
            Arc::strong_count(policy) > 1 || Arc::strong_count(&policy.origins) > 1
        });
    }

    pub(super) fn reader(self: &Arc<Self>) -> PolicyReader {
        PolicyReader {
            shared_policy: self.clone(),
            seen: self.generation.load(Ordering::Acquire),
        }
    }
}

/// One reader of the policy.
#[derive(Debug)]
pub(super) struct PolicyReader {
    shared_policy: Arc<SharedPolicy>,
    seen: u64,
}

impl PolicyReader {
    /// The current policy, if it was replaced since the last call.
    pub(super) fn newer(&mut self) -> Option<Arc<Policy>> {
        let generation = self.shared_policy.generation.load(Ordering::Acquire);
        (std::mem::replace(&mut self.seen, generation) != generation)
            .then(|| self.shared_policy.current())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reader_gets_a_new_policy_once() {
        let shared_policy = SharedPolicy::new(Arc::default());
        let mut readers = [shared_policy.reader(), shared_policy.reader()];
        assert!(readers.iter_mut().all(|reader| reader.newer().is_none()));
        shared_policy.replace(Arc::default());
        assert!(readers.iter_mut().all(|reader| reader.newer().is_some()));
        assert!(readers.iter_mut().all(|reader| reader.newer().is_none()));
    }
}
