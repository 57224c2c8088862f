//! Background loads: files are read on a thread of their own, while the main thread handles signals and
//! requests. A load ends when it is cancelled, and at a deadline.
//!
//! A thread that hangs in a file system cannot be ended. It is abandoned. If too many hang, no further
//! load starts until some return.

use super::AppError;
use crate::clock;
use crate::files::Load;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Longest running time of a start or reload: three times that of the largest routing tables on a slow
/// host. A guess.
pub(super) const DEADLINE: Duration = Duration::from_secs(300);

/// Most threads that read, including abandoned ones.
const MAX_THREADS: usize = 8;

/// Counts the threads that read.
#[derive(Debug, Default)]
pub(super) struct BackgroundLoads(Arc<AtomicUsize>);

/// Counts its thread until dropped, even by a panic.
struct ThreadGuard(Arc<AtomicUsize>);

impl Drop for ThreadGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl BackgroundLoads {
    /// Whether no thread reads.
    pub(super) fn is_idle(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// Starts a load, on a thread that ends with it: one that the runtime kept for the next load would be
    /// from before the sandbox, and not confined.
    ///
    /// # Errors
    /// [`AppError::Hanging`] if too many threads hang, [`AppError::System`] if there can be no thread.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        deadline: Duration,
        read: impl FnOnce(&Load) -> Result<T, AppError> + Send + 'static,
    ) -> Result<BackgroundLoad<T>, AppError> {
        if self.0.fetch_add(1, Ordering::Relaxed) >= MAX_THREADS {
            self.0.fetch_sub(1, Ordering::Relaxed);
            return Err(AppError::Hanging(MAX_THREADS));
        }
        let (guard, load) = (ThreadGuard(self.0.clone()), Arc::new(Load::default()));
        let shared = load.clone();
        let (sender, result) = oneshot::channel();
        let thread = thread::Builder::new().name("load".into());
        let run = move || {
            let outcome = read(&shared);
            drop(guard);
            // Nobody waits for a load that was abandoned.
            let _ = sender.send(outcome);
        };
        thread.spawn(run).map_err(|source| AppError::System {
            what: "starting a thread that reads",
            source,
        })?;
        Ok(BackgroundLoad {
            load,
            since: clock::uptime(),
            deadline,
            result,
        })
    }
}

/// A load in progress. Dropping it cancels the load.
#[derive(Debug)]
pub(super) struct BackgroundLoad<T> {
    load: Arc<Load>,
    since: Duration,
    deadline: Duration,
    result: oneshot::Receiver<Result<T, AppError>>,
}

impl<T> BackgroundLoad<T> {
    /// Waits for the result. Cancel-safe: may be called again if the future was dropped before its end.
    ///
    /// # Errors
    /// The error of the load; [`AppError::Overdue`] at the deadline.
    pub(super) async fn ended(&mut self) -> Result<T, AppError> {
        let passed = clock::uptime().saturating_sub(self.since);
        match timeout(self.deadline.saturating_sub(passed), &mut self.result).await {
            Ok(read) => read.unwrap_or(Err(AppError::Panicked("reading thread"))),
            Err(_) => Err(AppError::Overdue {
                path: self.load.current(),
                seconds: self.deadline.as_secs(),
            }),
        }
    }
}

impl<T> Drop for BackgroundLoad<T> {
    fn drop(&mut self) {
        self.load.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::sync::mpsc;

    const LONG: Duration = Duration::from_secs(60);

    async fn until(condition: impl Fn() -> bool) {
        let end = clock::uptime() + LONG;
        while !condition() {
            assert!(clock::uptime() < end);
            tokio::task::yield_now().await;
        }
    }

    /// A load that hangs until the sender is dropped.
    fn hang(release: mpsc::Receiver<()>) -> impl FnOnce(&Load) -> Result<(), AppError> + Send {
        move |load| {
            load.begin(Path::new("/mnt/table"));
            let _ = release.recv();
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_load_that_hangs_fails_at_its_deadline_with_its_path() {
        let loads = BackgroundLoads::default();
        let (sender, release) = mpsc::channel();
        let mut running = loads
            .begin(Duration::from_millis(50), hang(release))
            .unwrap();
        let error = running.ended().await.unwrap_err().to_string();
        assert_eq!(
            error,
            "/mnt/table: still being read after 0 s: not waited for any longer"
        );
        drop(running);
        assert!(!loads.is_idle(), "the thread is abandoned");
        drop(sender);
        until(|| loads.is_idle()).await;
    }

    #[tokio::test]
    async fn abandoned_threads_are_bounded() {
        let loads = BackgroundLoads::default();
        let mut senders = Vec::new();
        for _ in 0..MAX_THREADS {
            let (sender, release) = mpsc::channel();
            senders.push(sender);
            drop(loads.begin(LONG, hang(release)).unwrap());
        }
        let refused = loads.begin(LONG, |_| Ok(())).unwrap_err();
        assert!(matches!(refused, AppError::Hanging(MAX_THREADS)));
        senders.pop();
        until(|| loads.0.load(Ordering::Relaxed) < MAX_THREADS).await;
        let mut running = loads.begin(LONG, |_| Ok(7)).unwrap();
        assert_eq!(running.ended().await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_dropped_load_is_cancelled() {
        let loads = BackgroundLoads::default();
        let running = loads.begin(LONG, |load: &Load| {
            while load.check_cancelled().is_ok() {
                thread::yield_now();
            }
            Ok(())
        });
        drop(running.unwrap());
        until(|| loads.is_idle()).await;
    }
}
