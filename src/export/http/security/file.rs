//! The file as written: the keys of exporter-toolkit, with their positions.

use super::SecurityError;
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The whole file.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) tls_server_config: Option<Tls>,
    pub(super) http_server_config: Option<Http>,
    pub(super) basic_auth_users: Option<BTreeMap<String, Spanned<String>>>,
    pub(super) basic_auth_excluded_paths: Option<Vec<Spanned<String>>>,
    pub(super) rate_limit: Option<RateLimit>,
}

/// `tls_server_config`
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) cert: Option<Spanned<String>>,
    pub(super) key: Option<Spanned<String>>,
    pub(super) client_ca: Option<Spanned<String>>,
    pub(super) cert_file: Option<Spanned<String>>,
    pub(super) key_file: Option<Spanned<String>>,
    pub(super) client_auth_type: Option<Spanned<String>>,
    pub(super) client_ca_file: Option<Spanned<String>>,
    pub(super) client_allowed_sans: Option<Vec<Spanned<String>>>,
    pub(super) client_auth_excluded_paths: Option<Vec<Spanned<String>>>,
    pub(super) min_version: Option<Spanned<String>>,
    pub(super) max_version: Option<Spanned<String>>,
    pub(super) cipher_suites: Option<Vec<Spanned<String>>>,
    pub(super) prefer_server_cipher_suites: Option<Spanned<bool>>,
    pub(super) curve_preferences: Option<Vec<Spanned<String>>>,
}

impl Tls {
    /// Takes out what is written and empty: in exporter-toolkit that is as if it were not written.
    pub(super) fn clear_empty(&mut self) {
        for written in [
            &mut self.cert,
            &mut self.key,
            &mut self.client_ca,
            &mut self.cert_file,
            &mut self.key_file,
            &mut self.client_ca_file,
        ] {
            written.take_if(|written| written.value.is_empty());
        }
    }
}

/// `http_server_config`
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Http {
    pub(super) http2: Option<Spanned<bool>>,
    pub(super) headers: Option<BTreeMap<String, Spanned<String>>>,
}

/// `rate_limit`
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RateLimit {
    pub(super) interval: Option<Spanned<String>>,
    pub(super) burst: Option<Spanned<i64>>,
}

/// Parses the file. An empty file sets nothing, as in exporter-toolkit.
pub(super) fn parse(octets: &[u8], path: &Path) -> Result<File, SecurityError> {
    let invalid = |line, reason| SecurityError::Invalid {
        path: path.into(),
        line,
        reason,
    };
    let text = std::str::from_utf8(octets).map_err(|_| invalid(None, "is not UTF-8".into()))?;
    // The message has one line and no excerpt of the file, because the file has password hashes.
    let options = serde_saphyr::options! { with_snippet: false };
    let file = serde_saphyr::from_str_with_options::<Option<File>>(text, options);
    let file = file.map_err(|error| {
        let line = error.location().map(|location| location.line());
        let message = error.to_string();
        let reason = message.lines().next().unwrap_or_default();
        let reason = reason
            .split_once(" at line ")
            .map_or(reason, |(reason, _)| reason);
        invalid(line, reason.to_owned())
    })?;
    Ok(file.unwrap_or_default())
}

/// The path of the file, for messages and for relative paths in it.
pub(super) struct FileLocation<'a> {
    pub(super) path: &'a Path,
}

impl FileLocation<'_> {
    /// The error for an invalid value; `reason` starts with its key.
    pub(super) fn invalid<T>(&self, written: &Spanned<T>, reason: &str) -> SecurityError {
        SecurityError::Invalid {
            path: self.path.into(),
            line: Some(written.referenced.line()),
            reason: reason.into(),
        }
    }

    /// The error for a fault without a line, such as a missing key.
    pub(super) fn missing(&self, reason: &str) -> SecurityError {
        SecurityError::Invalid {
            path: self.path.into(),
            line: None,
            reason: reason.into(),
        }
    }

    /// A setting that is not supported and harmless, as a line for the log.
    pub(super) fn remark<T>(&self, written: &Spanned<T>, what: &str) -> String {
        let (path, line) = (self.path.display(), written.referenced.line());
        format!("{path}:{line}: {what}")
    }

    /// The path of a file that this one names.
    pub(super) fn resolve(&self, name: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(name)
    }
}
