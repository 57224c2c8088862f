//! Access control: TLS, client certificates and passwords, from a file in the format of Prometheus'
//! exporter-toolkit (`--web.config.file`).
//!
//! `app` loads the file before anything is served and again on SIGHUP. TLS settings apply to new
//! connections, all others to new requests. Keys of the toolkit that are not supported here are logged,
//! if they are harmless; keys that an operator may rely on are errors.

mod algorithms;
mod basic_auth;
mod file;
mod headers;
mod rate;
mod sans;
mod tls;

pub(super) use basic_auth::{BasicAuth, ClientChecks};

use crate::files;
use hyper::header::HeaderMap;
use rate::TokenBucket;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

/// Largest size of the file, and of each file that it names, in MiB.
const MAX_FILE_MIB: u64 = 1;

/// Why a security file cannot be used.
#[derive(thiserror::Error, Debug)]
pub enum SecurityError {
    /// A file is missing, or cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The content is invalid.
    #[error("{}{}: {reason}", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    Invalid {
        /// Path of the file.
        path: PathBuf,
        /// Line number from 1, if known.
        line: Option<u64>,
        /// The fault, with its key.
        reason: String,
    },
}

impl SecurityError {
    /// Whether a file is missing.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// The access control. The default admits every request.
#[derive(Default)]
pub struct Security {
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) basic_auth: BasicAuth,
    /// Headers of every answer.
    pub(super) headers: HeaderMap,
    /// Paths that need no password.
    open: BTreeSet<String>,
    rate: Option<TokenBucket>,
    remarks: Vec<String>,
    secrets: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl fmt::Debug for Security {
    /// Omits keys and hashes.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = self.tls.is_some();
        out.debug_struct("Security")
            .field("tls", &tls)
            .finish_non_exhaustive()
    }
}

impl Security {
    /// Reads a file and the files that it names. Relative paths start at its own directory.
    ///
    /// # Errors
    /// [`SecurityError`] for the first fault.
    pub fn load(path: &Path) -> Result<Self, SecurityError> {
        let octets = read(path)?;
        let mut file = file::parse(&octets, path)?;
        if let Some(tls) = &mut file.tls_server_config {
            tls.clear_empty();
        }
        let location = file::FileLocation { path };
        let mut remarks = Vec::new();
        let written_tls = file.tls_server_config.as_ref();
        let key_file = written_tls.and_then(|tls| tls.key_file.as_ref());
        let named = written_tls.map(|tls| [&tls.cert_file, &tls.key_file, &tls.client_ca_file]);
        let named = named.into_iter().flatten().flatten();
        let files = named.map(|name| location.resolve(&name.value));
        let files = files.chain([path.to_owned()]).collect();
        let has_inline = written_tls.is_some_and(|tls| tls.key.is_some());
        let mut secrets: Vec<PathBuf> = key_file
            .map(|key_file| location.resolve(&key_file.value))
            .into_iter()
            .collect();
        if has_inline || file.basic_auth_users.is_some() {
            secrets.push(path.to_owned());
        }
        let tls = match &file.tls_server_config {
            Some(written) => Some(tls::acceptor(written, &location, &mut remarks)?),
            None => None,
        };
        let http = file.http_server_config.unwrap_or_default();
        if let Some(http2) = http.http2.filter(|http2| http2.value) {
            let what = "http_server_config.http2: is not offered: HTTP/1.1 only";
            remarks.push(location.remark(&http2, what));
        }
        let headers = http.headers.unwrap_or_default();
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value));
        let users = file.basic_auth_users.unwrap_or_default();
        let users = users.iter().map(|(name, hash)| (name.as_str(), hash));
        let open = file.basic_auth_excluded_paths.into_iter().flatten();
        let rate = file.rate_limit.unwrap_or_default();
        Ok(Self {
            tls,
            basic_auth: BasicAuth::new(users, &location)?,
            headers: headers::read(headers, &location)?,
            open: open.map(|path| path.value).collect(),
            rate: TokenBucket::new(&rate, &location)?,
            remarks,
            secrets,
            files,
        })
    }

    /// Settings of the file that are not supported, as lines for the log.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Files with keys or password hashes: nobody but the daemon's user and group should read them.
    pub fn secrets(&self) -> &[PathBuf] {
        &self.secrets
    }

    /// The file and those that it names.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Whether the rate limit admits one more request now.
    pub(super) fn has_room(&self) -> bool {
        let rate = self.rate.as_ref();
        rate.is_none_or(|rate| rate.admits(Instant::now()))
    }

    /// Whether whoever asks needs TLS or a password.
    pub(super) fn is_guarded(&self) -> bool {
        self.tls.is_some() || self.basic_auth.has_users()
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

/// Reads a file of bounded size.
fn read(path: &Path) -> Result<Vec<u8>, SecurityError> {
    files::read(path, MAX_FILE_MIB).map_err(|source| SecurityError::Read {
        path: path.into(),
        source,
    })
}
