//! Who may ask: TLS, client certificates and passwords, as a file in the form of Prometheus'
//! exporter-toolkit says (`--web.config.file`).
//!
//! `app` loads it before anything is served and again on SIGHUP; a connection takes TLS as it
//! stands when it begins, a request the rest as it stands when it comes. Of the toolkit's keys
//! those that are not done here and do no harm are remarked; those on which somebody may rely are
//! errors.

mod algorithms;
mod basic_auth;
mod file;
mod headers;
mod rate;
mod sans;
mod tls;

pub(super) use basic_auth::BasicAuth;

use crate::files;
use hyper::header::HeaderMap;
use rate::Rate;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

/// MiB of the file, and of each file that it names, at most.
const MAX_FILE_MIB: u64 = 1;

/// Why a file does not say who may ask.
#[derive(thiserror::Error, Debug)]
pub enum SecurityError {
    /// A file is not there, or cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("{}{}: {reason}", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1, where one can be told.
        line: Option<u64>,
        /// What is wrong, with the key it stands under.
        reason: String,
    },
}

impl SecurityError {
    /// Whether a file is not there at all.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Who may ask. The default asks nobody for anything.
#[derive(Default)]
pub struct Security {
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) basic_auth: BasicAuth,
    /// Headers of every answer.
    pub(super) headers: HeaderMap,
    /// Paths that need no password.
    open: BTreeSet<String>,
    rate: Option<Rate>,
    remarks: Vec<String>,
}

impl fmt::Debug for Security {
    /// Without keys and hashes.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = self.tls.is_some();
        out.debug_struct("Security")
            .field("tls", &tls)
            .finish_non_exhaustive()
    }
}

impl Security {
    /// Reads a file and everything that it names. Relative paths in it begin at its own directory.
    ///
    /// # Errors
    /// [`SecurityError`] for the first thing that is wrong.
    pub fn load(path: &Path) -> Result<Self, SecurityError> {
        let octets = read(path)?;
        let file = file::parse(&octets, path)?;
        let place = file::FilePlace { path };
        let mut remarks = Vec::new();
        let tls = match &file.tls_server_config {
            Some(written) => Some(tls::acceptor(written, &place, &mut remarks)?),
            None => None,
        };
        let http = file.http_server_config.unwrap_or_default();
        if let Some(http2) = http.http2.filter(|http2| http2.value) {
            let what = "http_server_config.http2: is not offered: HTTP/1.1 only";
            remarks.push(place.remark(&http2, what));
        }
        let headers = http.headers.unwrap_or_default();
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value));
        let users = file.basic_auth_users.unwrap_or_default();
        let users = users.iter().map(|(name, hash)| (name.as_str(), hash));
        let open = file.basic_auth_excluded_paths.into_iter().flatten();
        let rate = file.rate_limit.unwrap_or_default();
        Ok(Self {
            tls,
            basic_auth: BasicAuth::new(users, &place)?,
            headers: headers::read(headers, &place)?,
            open: open.map(|path| path.value).collect(),
            rate: Rate::new(&rate, &place)?,
            remarks,
        })
    }

    /// What the file asks for, and is not done: lines for the log.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Whether one more request may be answered now.
    pub(super) fn has_room(&self) -> bool {
        let rate = self.rate.as_ref();
        rate.is_none_or(|rate| rate.admits(Instant::now()))
    }

    /// Whether a path needs no password.
    pub(super) fn is_open(&self, path: &str) -> bool {
        self.open.contains(path)
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// A file's octets.
fn read(path: &Path) -> Result<Vec<u8>, SecurityError> {
    files::read(path, MAX_FILE_MIB).map_err(|source| SecurityError::Read {
        path: path.into(),
        source,
    })
}
