//! The terms in force, handed to whoever asks whether there are new ones: one atomic load per
//! second and worker, a lock only when something has changed.

use crate::sla::terms::Terms;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Where `app` posts new terms.
#[derive(Debug)]
pub(super) struct Board {
    generation: AtomicU64,
    terms: Mutex<Arc<Terms>>,
    /// Terms that somebody may still have. They are let go of here, when nobody has them any more:
    /// to free a whole table takes milliseconds that a worker does not have.
    retired: Mutex<Vec<Arc<Terms>>>,
}

impl Board {
    pub(super) fn new(terms: Arc<Terms>) -> Arc<Self> {
        Arc::new(Self {
            generation: AtomicU64::new(0),
            terms: Mutex::new(terms),
            retired: Mutex::default(),
        })
    }

    pub(super) fn current(&self) -> Arc<Terms> {
        self.terms
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn post(&self, terms: Arc<Terms>) {
        let mut current = self.terms.lock().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *current, terms);
        drop(current);
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.push(old);
        drop(retired);
        self.generation.fetch_add(1, Ordering::Release);
        self.sweep();
    }

    /// Frees old terms that nobody has any more.
    pub(super) fn sweep(&self) {
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired
            .retain(|terms| Arc::strong_count(terms) > 1 || Arc::strong_count(&terms.origins) > 1);
    }

    pub(super) fn reader(self: &Arc<Self>) -> Reader {
        Reader {
            board: self.clone(),
            seen: self.generation.load(Ordering::Acquire),
        }
    }
}

/// One reader of the board.
#[derive(Debug)]
pub(super) struct Reader {
    board: Arc<Board>,
    seen: u64,
}

impl Reader {
    /// Terms posted since the last call.
    pub(super) fn newer(&mut self) -> Option<Arc<Terms>> {
        let generation = self.board.generation.load(Ordering::Acquire);
        (std::mem::replace(&mut self.seen, generation) != generation).then(|| self.board.current())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reader_learns_of_new_terms_once() {
        let board = Board::new(Arc::default());
        let mut readers = [board.reader(), board.reader()];
        assert!(readers.iter_mut().all(|reader| reader.newer().is_none()));
        board.post(Arc::default());
        assert!(readers.iter_mut().all(|reader| reader.newer().is_some()));
        assert!(readers.iter_mut().all(|reader| reader.newer().is_none()));
    }
}
