//! The progress bar of commands that read for long: on a terminal only, on standard error.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Update interval of the bar.
const TICK: Duration = Duration::from_millis(100);

/// Delay before the bar appears; what is over sooner shows none.
const DELAY: Duration = Duration::from_millis(500);

/// The progress bar and its thread.
#[derive(Debug, Default)]
pub(super) struct ReadingBar {
    over: Arc<AtomicBool>,
    thread: RefCell<Option<JoinHandle<()>>>,
}

impl ReadingBar {
    /// Starts the bar. It asks for the octets that were read, and for all of them if that is known.
    pub(super) fn start(&self, progress: impl Fn() -> (u64, Option<u64>) + Send + 'static) {
        let target = ProgressDrawTarget::stderr();
        if target.is_hidden() {
            return;
        }
        let over = self.over.clone();
        let draw = move || {
            let mut waited = Duration::ZERO;
            while waited < DELAY && !over.load(Ordering::Relaxed) {
                crate::clock::wait(TICK);
                waited += TICK;
            }
            let bar = ProgressBar::with_draw_target(progress().1, target);
            if let Ok(style) = ProgressStyle::with_template(
                "{bar:40} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left",
            ) {
                bar.set_style(style);
            }
            while !over.load(Ordering::Relaxed) {
                let (read, total) = progress();
                if let Some(total) = total {
                    bar.set_length(total);
                }
                bar.set_position(read);
                crate::clock::wait(TICK);
            }
            bar.finish_and_clear();
        };
        *self.thread.borrow_mut() = std::thread::Builder::new().spawn(draw).ok();
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.borrow_mut().take() {
            // A panic of the bar is ignored.
            let _ = thread.join();
        }
    }
}
