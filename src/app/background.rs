//! Reading aside: on a thread of its own, while the main thread hears signals and answers; for as
//! long as somebody waits for it, and for no longer than a deadline.
//!
//! A thread that hangs in a file system that answers no more cannot be ended. It is left behind,
//! and when too many are, nothing more is read until some come back.

use super::AppError;
use crate::clock;
use crate::files::Load;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longest that a start or a reload may read: three times what the largest routing tables take on a
/// slow host. A guess.
pub(super) const DEADLINE: Duration = Duration::from_secs(300);

/// Threads that read, those left behind among them.
const MAX_THREADS: usize = 8;

/// All threads that read.
#[derive(Debug, Default)]
pub(super) struct BackgroundLoads(Arc<AtomicUsize>);

/// One thread less, however it ends.
struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl BackgroundLoads {
    /// Whether nothing is being read, by nobody.
    pub(super) fn is_idle(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// Begins to read.
    ///
    /// # Errors
    /// [`AppError::Hanging`] where too many threads have been left behind.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        deadline: Duration,
        read: impl FnOnce(&Load) -> Result<T, AppError> + Send + 'static,
    ) -> Result<BackgroundLoad<T>, AppError> {
        if self.0.fetch_add(1, Ordering::Relaxed) >= MAX_THREADS {
            self.0.fetch_sub(1, Ordering::Relaxed);
            return Err(AppError::Hanging(MAX_THREADS));
        }
        let (alive, load) = (Alive(self.0.clone()), Arc::new(Load::default()));
        let shared = load.clone();
        let thread = tokio::task::spawn_blocking(move || {
            let _alive = alive;
            read(&shared)
        });
        Ok(BackgroundLoad {
            load,
            since: clock::uptime(),
            deadline,
            thread,
        })
    }
}

/// What is being read. Whoever drops it calls it off.
#[derive(Debug)]
pub(super) struct BackgroundLoad<T> {
    load: Arc<Load>,
    since: Duration,
    deadline: Duration,
    thread: JoinHandle<Result<T, AppError>>,
}

impl<T> BackgroundLoad<T> {
    /// What was read. May be waited for again if it was not waited for to the end.
    ///
    /// # Errors
    /// What went wrong; [`AppError::Overdue`] at the deadline.
    pub(super) async fn ended(&mut self) -> Result<T, AppError> {
        let passed = clock::uptime().saturating_sub(self.since);
        match timeout(self.deadline.saturating_sub(passed), &mut self.thread).await {
            Ok(read) => read.unwrap_or(Err(AppError::Panicked("reading thread"))),
            Err(_) => Err(AppError::Overdue {
                path: self.load.at(),
                seconds: self.deadline.as_secs(),
            }),
        }
    }
}

impl<T> Drop for BackgroundLoad<T> {
    fn drop(&mut self) {
        self.load.call_off();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::sync::mpsc;

    const LONG: Duration = Duration::from_secs(60);

    async fn until(so: impl Fn() -> bool) {
        let end = clock::uptime() + LONG;
        while !so() {
            assert!(clock::uptime() < end);
            tokio::task::yield_now().await;
        }
    }

    /// A thread that hangs for as long as the sender is there.
    fn hang(held: mpsc::Receiver<()>) -> impl FnOnce(&Load) -> Result<(), AppError> + Send {
        move |load| {
            load.begin(Path::new("/mnt/table"));
            let _ = held.recv();
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_hangs_is_waited_for_until_its_deadline_and_named() {
        let readers = BackgroundLoads::default();
        let (holds, held) = mpsc::channel();
        let mut reading = readers
            .begin(Duration::from_millis(50), hang(held))
            .unwrap();
        let error = reading.ended().await.unwrap_err().to_string();
        assert_eq!(
            error,
            "/mnt/table: still being read after 0 s: not waited for any longer"
        );
        drop(reading);
        assert!(!readers.is_idle(), "the thread is left behind");
        drop(holds);
        until(|| readers.is_idle()).await;
    }

    #[tokio::test]
    async fn threads_left_behind_are_bounded() {
        let readers = BackgroundLoads::default();
        let mut holds = Vec::new();
        for _ in 0..MAX_THREADS {
            let (hold, held) = mpsc::channel();
            holds.push(hold);
            drop(readers.begin(LONG, hang(held)).unwrap());
        }
        let refused = readers.begin(LONG, |_| Ok(())).unwrap_err();
        assert!(matches!(refused, AppError::Hanging(MAX_THREADS)));
        holds.pop();
        until(|| readers.0.load(Ordering::Relaxed) < MAX_THREADS).await;
        let mut reading = readers.begin(LONG, |_| Ok(7)).unwrap();
        assert_eq!(reading.ended().await.unwrap(), 7);
    }

    #[tokio::test]
    async fn who_is_not_wanted_any_more_is_told() {
        let readers = BackgroundLoads::default();
        let reading = readers.begin(LONG, |load: &Load| {
            while load.goes_on().is_ok() {
                std::thread::yield_now();
            }
            Ok(())
        });
        drop(reading.unwrap());
        until(|| readers.is_idle()).await;
    }
}
