//! The terms in force, handed to whoever asks whether there are new ones: one atomic load per
//! second and worker, a lock only when something has changed.

use crate::sla::policy::Policy;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Where `app` posts new terms.
#[derive(Debug)]
pub(super) struct SharedPolicy {
    generation: AtomicU64,
    policy: Mutex<Arc<Policy>>,
    /// Terms that somebody may still have. They are let go of here, when nobody has them any more:
    /// to free a whole table takes milliseconds that a worker does not have.
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

    /// Frees old terms that nobody has any more.
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

/// One reader of the board.
#[derive(Debug)]
pub(super) struct PolicyReader {
    shared_policy: Arc<SharedPolicy>,
    seen: u64,
}

impl PolicyReader {
    /// Terms posted since the last call.
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
    fn every_reader_learns_of_new_terms_once() {
        let shared_policy = SharedPolicy::new(Arc::default());
        let mut readers = [shared_policy.reader(), shared_policy.reader()];
        assert!(readers.iter_mut().all(|reader| reader.newer().is_none()));
        shared_policy.replace(Arc::default());
        assert!(readers.iter_mut().all(|reader| reader.newer().is_some()));
        assert!(readers.iter_mut().all(|reader| reader.newer().is_none()));
    }
}
