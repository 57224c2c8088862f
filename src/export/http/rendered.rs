//! Cache of rendered outputs: each is rendered at most once per published state, with and without
//! compression, so that many clients cost no more than one.

use super::HttpLimits;
use super::download::MAX_DOWNLOADS;
use crate::export::{Published, collector, json, process};
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// A cached output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
    /// Permits for further files.
    pub(super) downloads: Arc<Semaphore>,
    rendered: Mutex<Rendered>,
}

#[derive(Default)]
struct Rendered {
    of: Published,
    outputs: [Option<Bytes>; 3],
    /// The same, packed with gzip.
    packed: [Option<Bytes>; 3],
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
            downloads: Arc::new(Semaphore::new(MAX_DOWNLOADS)),
            listener_age: limits.listener_age,
            rendered: Mutex::default(),
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.published.borrow().is_ready()
    }

    /// Renders an output of the last published state, with gzip if wanted, or returns the cached one.
    ///
    /// # Errors
    /// The text of the encoder's error; the client is answered 500.
    pub(super) fn render(&self, output: Output, is_packed: bool) -> Result<Bytes, String> {
        let published = self.published.borrow().clone();
        // A panic leaves the cache valid: a slot is written last.
        let mut rendered = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        let same = Arc::ptr_eq(&rendered.of.snapshot, &published.snapshot)
            && Arc::ptr_eq(&rendered.of.daemon, &published.daemon);
        if !same {
            *rendered = Rendered {
                of: published,
                ..Rendered::default()
            };
        }
        let Rendered {
            of,
            outputs,
            packed,
        } = &mut *rendered;
        let plain = get_or_render(slot(outputs, output), || text(of, output))?;
        if is_packed {
            get_or_render(slot(packed, output), || {
                pack(&plain).map_err(|error| error.to_string())
            })
        } else {
            Ok(plain)
        }
    }
}

/// Where an output is kept.
fn slot(outputs: &mut [Option<Bytes>; 3], output: Output) -> &mut Option<Bytes> {
    let [metrics, json, event] = outputs;
    match output {
        Output::Metrics => metrics,
        Output::Json => json,
        Output::Event => event,
    }
}

/// What is in a slot, made now if nothing is.
fn get_or_render<T: Into<Bytes>>(
    slot: &mut Option<Bytes>,
    make: impl FnOnce() -> Result<T, String>,
) -> Result<Bytes, String> {
    if let Some(body) = slot {
        return Ok(body.clone());
    }
    let body = make()?.into();
    *slot = Some(body.clone());
    Ok(body)
}

/// An output of a state.
fn text(of: &Published, output: Output) -> Result<String, String> {
    match output {
        Output::Metrics => {
            let metrics = collector::encode(of).map_err(|error| error.to_string())?;
            Ok(metrics + &process::encode())
        }
        Output::Json => json::live(of).map_err(|error| error.to_string()),
        Output::Event => {
            let state = json::page::state(of).map_err(|error| error.to_string())?;
            // JSON has no line break that is not escaped.
            Ok(format!("data: {state}\n\n"))
        }
    }
}

/// The quickest level makes a sixth to a tenth of a scrape; the best one a little less, in many times
/// the time.
fn pack(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(plain)?;
    packed.finish()
}
