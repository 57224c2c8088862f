//! The policy in force, shared with workers and judge. A check for a new policy is one atomic load; a
//! lock is taken only after a change.

use crate::sla::policy::Policy;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The current policy, replaced by the main thread.
#[derive(Debug)]
pub(super) struct SharedPolicy {
    policy: watch::Sender<Arc<Policy>>,
    /// Old policies that may still be in use. They are freed on the main thread once unused, because
    /// freeing a whole table takes milliseconds that a worker cannot spare.
    retired: Mutex<Vec<Arc<Policy>>>,
}

impl SharedPolicy {
    pub(super) fn new(policy: Arc<Policy>) -> Arc<Self> {
        Arc::new(Self {
            policy: watch::Sender::new(policy),
            retired: Mutex::default(),
        })
    }

    pub(super) fn current(&self) -> Arc<Policy> {
        self.policy.borrow().clone()
    }

    pub(super) fn replace(&self, policy: Arc<Policy>) {
        let old = self.current();
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.push(old);
        drop(retired);
        self.policy.send_replace(policy);
        self.free_retired();
    }

    /// Frees the old policies that are no longer in use.
    pub(super) fn free_retired(&self) {
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.retain(|policy| {
            Arc::strong_count(policy) > 1 || Arc::strong_count(&policy.origins) > 1
        });
    }

    pub(super) fn reader(&self) -> PolicyReader {
        PolicyReader(self.policy.subscribe())
    }
}

/// One reader of the policy.
#[derive(Debug)]
pub(super) struct PolicyReader(watch::Receiver<Arc<Policy>>);

impl PolicyReader {
    /// The current policy, if it was replaced since the last call.
    pub(super) fn newer(&mut self) -> Option<Arc<Policy>> {
        // An error means that nobody is left who could replace it.
        self.0
            .has_changed()
            .is_ok_and(|changed| changed)
            .then(|| self.0.borrow_and_update().clone())
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

    #[test]
    fn an_old_policy_is_freed_once_nobody_uses_it() {
        let shared_policy = SharedPolicy::new(Arc::default());
        let used = shared_policy.current();
        let old = Arc::downgrade(&used);
        shared_policy.replace(Arc::default());
        drop(used);
        assert!(old.upgrade().is_some(), "kept for the main thread");
        shared_policy.free_retired();
        assert!(old.upgrade().is_none());
    }
}
