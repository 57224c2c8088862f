//! Loads the security file of the web endpoint, before anything is served and at every reload, and logs
//! which clients the endpoint refuses.

use crate::events;
use crate::export::HttpRefusals;
use crate::export::http::hosts::HostNames;
use crate::export::http::security::Security;
use crate::export::http::{self, HttpError, LastRefusals};
use crate::files::Load;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
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

    /// The files that are in force, and are read again.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.security.borrow().files().to_vec()
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

/// Logs the settings of a file that are not supported, and files with secrets that everybody may read.
pub(super) fn remark(security: &Security) {
    for remark in security.remarks() {
        events::warning_logged(remark);
    }
    for (path, mode) in exposed(security) {
        events::key_readable(path, mode);
    }
}

/// Files with keys or password hashes that everybody on this host may read, with their modes. The group
/// may: it is the service's.
pub(super) fn exposed(security: &Security) -> impl Iterator<Item = (&Path, u32)> {
    security.secrets().iter().filter_map(|path| {
        let mode = path.metadata().ok()?.mode() & 0o777;
        (mode & 0o007 != 0).then_some((path.as_path(), mode))
    })
}

/// Logs who is turned away, for as long as the endpoint is served: a line when it begins, and one when it
/// has ended.
pub(super) async fn log_refusals(last: LastRefusals, refused: Arc<HttpRefusals>) {
    let LastRefusals {
        limit_reached,
        hosts,
        credentials,
    } = last;
    let of = &refused;
    let limits = log_episodes(
        LOG_INTERVAL,
        limit_reached.subscribe(),
        || of.connections.load(Relaxed) + of.displaced.load(Relaxed),
        |last| events::endpoint_limit_reached(&last.client, last.connections, last.is_share),
        events::endpoint_below_limit,
    );
    let hosts = log_episodes(
        LOG_INTERVAL,
        hosts.subscribe(),
        || of.hosts.load(Relaxed),
        |(client, name)| events::host_refused(client, name),
        events::hosts_right_again,
    );
    let logins = log_episodes(
        LOG_INTERVAL,
        credentials.subscribe(),
        || of.credentials.load(Relaxed),
        |client| events::login_failed(client),
        events::logins_right_again,
    );
    tokio::join!(limits, hosts, logins);
}

/// Logs each episode of one kind: `began` with what was first, and once it has been quiet for
/// `quiet` `ended` with how many there were.
async fn log_episodes<T: Clone>(
    quiet: Duration,
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
        while timeout(quiet, last.changed())
            .await
            .is_ok_and(|it| it.is_ok())
        {}
        let now = count();
        ended(now - before);
        before = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    #[tokio::test]
    async fn an_episode_has_a_line_at_its_begin_and_one_with_its_sum_when_it_is_over() {
        let (sender, receiver) = watch::channel(None);
        let (count, lines) = (Cell::new(0), RefCell::new(Vec::new()));
        let quiet = Duration::from_millis(100);
        let log = log_episodes(
            quiet,
            receiver,
            || count.get(),
            |client: &u8| lines.borrow_mut().push(format!("began by {client}")),
            |sum| lines.borrow_mut().push(format!("ended after {sum}")),
        );
        let attack = async {
            for client in [1, 2] {
                for _ in 0..50 {
                    count.set(count.get() + 1);
                    sender.send_replace(Some(client));
                    tokio::task::yield_now().await;
                }
                let ended = || lines.borrow().len() == 2 * usize::from(client);
                while !ended() {
                    tokio::time::sleep(quiet / 10).await;
                }
            }
            drop(sender);
        };
        tokio::join!(log, attack);
        let said = [
            "began by 1",
            "ended after 50",
            "began by 2",
            "ended after 50",
        ];
        assert_eq!(*lines.borrow(), said);
    }
}
