//! The signals that the daemon hears.

use super::AppError;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that the daemon hears, from before it reads anything.
pub(super) struct Signals {
    /// Those that end it.
    pub(super) stop: Stop,
    /// The one that has it read everything again.
    pub(super) hangup: Signal,
}

/// SIGTERM and SIGINT.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on they are heard, and do nothing by themselves.
    pub(super) fn new() -> Result<Self, AppError> {
        let hear = |kind| {
            signal(kind).map_err(|source| AppError::System {
                what: "waiting for signals",
                source,
            })
        };
        Ok(Self {
            stop: Stop {
                terminate: hear(SignalKind::terminate())?,
                interrupt: hear(SignalKind::interrupt())?,
            },
            hangup: hear(SignalKind::hangup())?,
        })
    }
}

impl Stop {
    /// Waits for one; its name.
    pub(super) async fn requested(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
