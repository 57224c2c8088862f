//! What is wrong with a configuration, as one line that says where: `FILE:LINE: key: value:
//! reason`.

use crate::asn::notation::excerpt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// Why there is no configuration.
#[derive(thiserror::Error, Debug)]
pub enum ConfigError {
    /// The file is not there: exit code 69.
    #[error("{}: {source}", path.display())]
    NoFile {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be read: exit code 78.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something in it is wrong: exit code 78.
    #[error("{}:{line}: {}{reason}", path.display(), prefixes(key, value))]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// Which key, with its tables: `commitment.scope.vlans`. Empty where the file is not even
        /// TOML.
        key: String,
        /// What is written there, cut to one short line. Empty where nothing is.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
}

fn prefixes(key: &str, value: &str) -> String {
    let mut parts = vec![key, value];
    parts.retain(|part| !part.is_empty());
    parts.push("");
    parts.join(": ")
}

/// A file's text, and where it is from: whoever finds something wrong asks here for the error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl Text<'_> {
    /// The value at `span`, under `key`, is wrong.
    pub(super) fn wrong(&self, key: &str, span: Range<usize>, reason: &str) -> ConfigError {
        let value = excerpt(self.text.get(span.clone()).unwrap_or(""));
        self.error(key, value, span.start, reason)
    }

    /// The table that begins at `span` lacks `key`.
    pub(super) fn missing(&self, key: &str, span: Range<usize>) -> ConfigError {
        self.error(key, String::new(), span.start, "is missing")
    }

    /// What the parser says, with the key it does not tell.
    pub(super) fn refused(&self, error: &toml::de::Error) -> ConfigError {
        let span = error.span().unwrap_or(0..0);
        let key = DeTable::parse(self.text)
            .ok()
            .and_then(|table| key_at(table.get_ref(), span.start))
            .unwrap_or_default();
        let message = error.message().replace('\n', " ");
        match message.strip_prefix("unknown field ") {
            Some(rest) => {
                let expected = rest.split_once(", ").map_or("", |(_, expected)| expected);
                let reason = format!("unknown key, {expected}");
                self.error(&key, String::new(), span.start, &reason)
            }
            None => self.wrong(&key, span, &message),
        }
    }

    fn error(&self, key: &str, value: String, place: usize, reason: &str) -> ConfigError {
        let before = self.text.as_bytes().iter().take(place);
        ConfigError::Invalid {
            path: self.path.into(),
            line: 1 + before.filter(|octet| **octet == b'\n').count(),
            key: excerpt(key),
            value,
            reason: reason.into(),
        }
    }
}

/// The key whose name or value stands at a place, with the tables it is in.
fn key_at(table: &DeTable<'_>, place: usize) -> Option<String> {
    table.iter().find_map(|(key, value)| {
        let inner = inside(value.get_ref(), place);
        if let Some(inner) = inner {
            return Some(format!("{}.{inner}", key.get_ref()));
        }
        let here = key.span().contains(&place) || value.span().contains(&place);
        here.then(|| key.get_ref().to_string())
    })
}

/// The key at a place within a value. Nesting is bounded by the parser's own limit.
fn inside(value: &DeValue<'_>, place: usize) -> Option<String> {
    match value {
        DeValue::Table(table) => key_at(table, place),
        DeValue::Array(values) => values
            .iter()
            .find_map(|value| inside(value.get_ref(), place)),
        _ => None,
    }
}
