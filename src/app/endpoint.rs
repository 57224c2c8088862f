//! The security file of the web endpoint: read before anything is served, and at every reload. Also logs
//! clients that exceed the connection limits.

use crate::events;
use crate::export::http::security::Security;
use crate::export::http::{self, Crowded, HttpError};
use crate::files::Load;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// Shortest interval of log lines about refused connections; the counters have each of them.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The path of the security file and its current content.
pub(super) struct WebEndpoint {
    path: Option<PathBuf>,
    security: watch::Sender<Arc<Security>>,
}

impl WebEndpoint {
    /// An endpoint with the [`read`] content; without a file it is open to all.
    pub(super) fn new(path: Option<PathBuf>, security: Arc<Security>) -> Self {
        let (security, _) = watch::channel(security);
        Self { path, security }
    }

    /// Binds an address, with the current security and its later changes.
    pub(super) fn bind(&self, address: SocketAddr) -> Result<http::HttpServer, HttpError> {
        Ok(http::bind(address)?.with_security(self.security.subscribe()))
    }

    /// Path of the file, if there is one.
    pub(super) fn path(&self) -> Option<PathBuf> {
        self.path.clone()
    }

    /// Replaces the content, for requests on open connections too.
    pub(super) fn replace(&self, security: Arc<Security>) {
        self.security.send_replace(security);
    }
}

/// Reads a security file; without one, no security.
pub(super) fn read(path: Option<&Path>, load: &Load) -> Result<Arc<Security>, HttpError> {
    let Some(path) = path else {
        return Ok(Arc::default());
    };
    load.begin(path);
    Ok(Arc::new(Security::load(path)?))
}

/// Logs the settings of a file that are not supported.
pub(super) fn remark(security: &Security) {
    for remark in security.remarks() {
        events::warning_logged(remark);
    }
}

/// Logs connections beyond the limits, for as long as the endpoint is served.
pub(super) async fn log_crowding(mut crowded: watch::Receiver<Option<Crowded>>) {
    while crowded.changed().await.is_ok() {
        let last = *crowded.borrow_and_update();
        if let Some(last) = last {
            events::endpoint_crowded(&last.client, last.connections, last.is_share);
        }
        sleep(LOG_INTERVAL).await;
    }
}
