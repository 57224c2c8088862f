//! The signals that the daemon handles.

use super::AppError;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Receives the signals of the daemon. Created before it reads any file.
pub(super) struct Signals {
    /// The signals that stop the daemon.
    pub(super) stop: Stop,
    /// The signal that reloads the configuration.
    pub(super) hangup: Signal,
}

/// SIGTERM and SIGINT.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Registers the handlers; they replace the default action.
    pub(super) fn new() -> Result<Self, AppError> {
        let handle = |kind| {
            signal(kind).map_err(|source| AppError::System {
                what: "waiting for signals",
                source,
            })
        };
        Ok(Self {
            stop: Stop {
                terminate: handle(SignalKind::terminate())?,
                interrupt: handle(SignalKind::interrupt())?,
            },
            hangup: handle(SignalKind::hangup())?,
        })
    }
}

impl Stop {
    /// Waits for a signal and returns its name.
    pub(super) async fn requested(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
