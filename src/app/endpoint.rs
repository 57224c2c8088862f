//! The security file of the web endpoint: read before anything is served, and at every reload. Also logs
//! whom the endpoint turns away.

use crate::events;
use crate::export::Refused;
use crate::export::http::hosts::HostNames;
use crate::export::http::security::Security;
use crate::export::http::{self, HttpError, LastRefused};
use crate::files::Load;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// For so long nobody may be turned away before that counts as over; the counters have each of them.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The path of the security file and its current content.
pub(super) struct WebEndpoint {
    path: Option<PathBuf>,
    /// Names that the configuration lists.
    hosts: Vec<String>,
    security: watch::Sender<Arc<Security>>,
}

impl WebEndpoint {
    /// An endpoint with the [`read`] content; without a file it is open to all.
    pub(super) fn new(path: Option<PathBuf>, hosts: Vec<String>, security: Arc<Security>) -> Self {
        let (security, _) = watch::channel(security);
        Self {
            path,
            hosts,
            security,
        }
    }

    /// Binds an address, with the current security and its later changes.
    pub(super) fn bind(&self, address: SocketAddr) -> Result<http::HttpServer, HttpError> {
        let host = rustix::system::uname();
        let hosts = HostNames::new(&self.hosts, &host.nodename().to_string_lossy());
        let server = http::bind(address)?.with_hosts(hosts);
        Ok(server.with_security(self.security.subscribe()))
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

/// Logs who is turned away, for as long as the endpoint is served: a line when it begins, and one when it
/// has ended.
pub(super) async fn log_refusals(last: LastRefused, refused: Arc<Refused>) {
    let LastRefused {
        crowded,
        hosts,
        credentials,
    } = last;
    let of = &refused;
    let is_crowded = log_episodes(
        crowded.subscribe(),
        || of.connections.load(Relaxed) + of.displaced.load(Relaxed),
        |last| events::endpoint_crowded(&last.client, last.connections, last.is_share),
        events::endpoint_no_longer_crowded,
    );
    let is_misdirected = log_episodes(
        hosts.subscribe(),
        || of.hosts.load(Relaxed),
        |(client, name)| events::host_refused(client, name),
        events::hosts_right_again,
    );
    let is_guessing = log_episodes(
        credentials.subscribe(),
        || of.credentials.load(Relaxed),
        |client| events::login_failed(client),
        events::logins_right_again,
    );
    tokio::join!(is_crowded, is_misdirected, is_guessing);
}

/// Logs each episode of one kind: `began` with what was first, and once it has been quiet for
/// [`LOG_INTERVAL`] `ended` with how many there were.
async fn log_episodes<T: Clone>(
    mut last: watch::Receiver<Option<T>>,
    count: impl Fn() -> u64,
    began: impl Fn(&T),
    ended: impl Fn(u64),
) {
    let mut before = count();
    while last.changed().await.is_ok() {
        let first = last.borrow_and_update().clone();
        let Some(first) = first else { continue };
        began(&first);
        while timeout(LOG_INTERVAL, last.changed())
            .await
            .is_ok_and(|it| it.is_ok())
        {}
        let now = count();
        ended(now - before);
        before = now;
    }
}
