//! The web endpoint's file of who may ask: read before anything is served, and at every reload. And
//! what the log is told of who crowds it.

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

/// The log is told no more often of clients that crowd the endpoint; counters know of each.
const QUIET: Duration = Duration::from_secs(60);

/// Where the file is, and what it said last.
pub(super) struct WebEndpoint {
    path: Option<PathBuf>,
    security: watch::Sender<Arc<Security>>,
}

impl WebEndpoint {
    /// What was [`read`] from the file; without one everybody may ask.
    pub(super) fn new(path: Option<PathBuf>, security: Arc<Security>) -> Self {
        let (security, _) = watch::channel(security);
        Self { path, security }
    }

    /// Listens on an address, for those whom the file lets in.
    pub(super) fn bind(&self, address: SocketAddr) -> Result<http::HttpServer, HttpError> {
        Ok(http::bind(address)?.with_security(self.security.subscribe()))
    }

    /// Where the file is.
    pub(super) fn path(&self) -> Option<PathBuf> {
        self.path.clone()
    }

    /// From now on this holds, for requests on open connections too.
    pub(super) fn replace(&self, security: Arc<Security>) {
        self.security.send_replace(security);
    }
}

/// What a file says.
pub(super) fn read(path: Option<&Path>, load: &Load) -> Result<Arc<Security>, HttpError> {
    let Some(path) = path else {
        return Ok(Arc::default());
    };
    load.begin(path);
    Ok(Arc::new(Security::load(path)?))
}

/// Tells the log what a file asks for, and is not done.
pub(super) fn remark(security: &Security) {
    for remark in security.remarks() {
        events::warning_logged(remark);
    }
}

/// Tells the log of clients that crowd the endpoint, for as long as it is served.
pub(super) async fn log_crowding(mut crowded: watch::Receiver<Option<Crowded>>) {
    while crowded.changed().await.is_ok() {
        let last = *crowded.borrow_and_update();
        if let Some(last) = last {
            events::endpoint_crowded(&last.client, last.connections, last.is_share);
        }
        sleep(QUIET).await;
    }
}
