//! Cache of rendered outputs: each is rendered at most once per published state, so that many clients
//! cost no more than one.

use super::HttpLimits;
use crate::export::{Published, collector, json, process};
use hyper::body::Bytes;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// A cached output.
#[derive(Clone, Copy)]
pub(super) enum Output {
    Metrics,
    Json,
    /// The state of the page, as a server-sent event.
    Event,
}

/// The cache. Lives as long as the listener; shared by its connections.
pub(super) struct RenderedOutputs {
    pub(super) published: watch::Receiver<Published>,
    /// Closed when the listener stops.
    pub(super) stopped: watch::Receiver<()>,
    /// Permits for further event streams.
    pub(super) listeners: Arc<Semaphore>,
    pub(super) listener_age: Duration,
    rendered: Mutex<Rendered>,
}

#[derive(Default)]
struct Rendered {
    of: Published,
    outputs: [Option<Bytes>; 3],
}

impl RenderedOutputs {
    pub(super) fn new(
        published: watch::Receiver<Published>,
        stopped: watch::Receiver<()>,
        limits: &HttpLimits,
    ) -> Self {
        Self {
            published,
            stopped,
            listeners: Arc::new(Semaphore::new(limits.listeners)),
            listener_age: limits.listener_age,
            rendered: Mutex::default(),
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.published.borrow().is_ready()
    }

    /// Renders an output of the last published state, or returns the cached one.
    ///
    /// # Errors
    /// The text of the encoder's error; the client is answered 500.
    pub(super) fn render(&self, output: Output) -> Result<Bytes, String> {
        let published = self.published.borrow().clone();
        // A panic leaves the cache valid: a slot is written last.
        let mut rendered = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        let same = Arc::ptr_eq(&rendered.of.snapshot, &published.snapshot)
            && Arc::ptr_eq(&rendered.of.standing, &published.standing);
        if !same {
            *rendered = Rendered {
                of: published,
                outputs: [None, None, None],
            };
        }
        let Rendered { of, outputs } = &mut *rendered;
        let [metrics_slot, json_slot, event_slot] = outputs;
        let slot = match output {
            Output::Metrics => metrics_slot,
            Output::Json => json_slot,
            Output::Event => event_slot,
        };
        if let Some(body) = slot {
            return Ok(body.clone());
        }
        let text = match output {
            Output::Metrics => {
                collector::encode(of).map_err(|error| error.to_string())? + &process::encode()
            }
            Output::Json => json::live(of).map_err(|error| error.to_string())?,
            Output::Event => {
                let state = json::page::state(of).map_err(|error| error.to_string())?;
                // JSON has no line break that is not escaped.
                format!("data: {state}\n\n")
            }
        };
        let body = Bytes::from(text);
        *slot = Some(body.clone());
        Ok(body)
    }
}
