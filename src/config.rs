//! The configuration in two tiers: `file` is what is written, [`checked`] what it means; `sections`
//! leads from one to the other. Everything else takes parameters; only `app` and `cli` read a
//! [`Config`].
//!
//! Owned by `app`; a reload makes a new one. Refuses a file with anything wrong in it whole, in
//! one line that says where.

mod asn;
mod check;
pub mod checked;
mod commitment;
mod error;
mod file;
mod fleet;
mod guarantee;
pub mod keys;
mod nearest;
mod sections;
mod values;

pub use checked::Config;
pub use error::ConfigError;
pub use values::address as listen_address;

use crate::files;
use std::io;
use std::path::Path;

/// MiB of a configuration file at most.
const MAX_FILE_MIB: u64 = 1;

impl Config {
    /// Reads and checks a file. Relative paths in it begin at its own directory.
    ///
    /// # Errors
    /// [`ConfigError::NoFile`] where it is not there, [`ConfigError::Read`] where it cannot be
    /// read or is larger than 1 MiB, [`ConfigError::Invalid`] for the first thing wrong in it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let read = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => ConfigError::NoFile {
                path: path.into(),
                source,
            },
            _ => ConfigError::Read {
                path: path.into(),
                source,
            },
        };
        let octets = files::read(path, MAX_FILE_MIB).map_err(read)?;
        let text = String::from_utf8(octets).map_err(|error| {
            let octets = error.as_bytes().iter();
            let valid = octets.take(error.utf8_error().valid_up_to());
            ConfigError::Invalid {
                path: path.into(),
                line: 1 + valid.filter(|octet| **octet == b'\n').count(),
                key: String::new(),
                value: String::new(),
                reason: "is not UTF-8".into(),
            }
        })?;
        Self::parse(&text, path)
    }

    /// Checks a text; `path` is for messages, and where relative paths begin.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for the first thing wrong in it.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        sections::config(error::Text { path, text })
    }

    /// The line of a key in a file that was loaded, or of its table; none where neither is written.
    pub fn line_of(path: &Path, key: &str) -> Option<usize> {
        let text = String::from_utf8(files::read(path, MAX_FILE_MIB).ok()?).ok()?;
        let table = key.split('.').next().unwrap_or(key);
        error::line_of(&text, key).or_else(|| error::line_of(&text, table))
    }

    /// A complete commented file: what is not commented out is the default.
    pub const fn default_text() -> &'static str {
        include_str!("../deploy/asnmeter.toml")
    }
}

#[cfg(test)]
mod tests;
