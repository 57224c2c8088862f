//! What is wrong with a configuration, as one line that says where: `FILE:LINE: key: value:
//! reason`.

use super::keys::KEYS;
use super::nearest::did_you_mean;
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
        /// The system's error.
        source: io::Error,
    },
    /// The file cannot be read: exit code 78.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// The system's error.
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
        if let Some(rest) = message.strip_prefix("unknown field ") {
            return self.error(&key, String::new(), span.start, &unknown(&key, rest));
        }
        let reason = match message.strip_prefix("invalid type: ") {
            Some(rest) => other_type(&key, rest),
            None if message == "duplicate key" => "is written twice in its table".into(),
            None if key.is_empty() => format!("is not TOML: {message}"),
            None => message,
        };
        self.wrong(&key, span, &reason)
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

/// What is said of a key that is none; `rest` is what serde says of it: "`key`, expected …".
fn unknown(key: &str, rest: &str) -> String {
    let expected = rest.split_once(", ").map_or("", |(_, expected)| expected);
    let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
    let beside = expected.split('`').skip(1).step_by(2);
    let meant = did_you_mean(name, beside);
    let elsewhere = || {
        let mut paths = KEYS.iter().map(|known| known.path);
        let of_name = |path: &&str| path.rsplit_once('.').is_some_and(|(_, last)| last == name);
        let path = paths.find(of_name).filter(|path| *path != key);
        path.map_or_else(String::new, |path| format!(": it belongs to {path}"))
    };
    let meant = if meant.is_empty() { elsewhere() } else { meant };
    let known = expected.trim_start_matches("expected one of ");
    match table {
        "" => format!("unknown key{meant} (known are {known})"),
        table => format!("unknown key{meant} (known in {table} are {known})"),
    }
}

/// What is said of a value of another type than the key's, in the words of docs/CONFIG.md; `rest` is
/// what serde says of it: "integer `7`, expected a string".
fn other_type(key: &str, rest: &str) -> String {
    let is = match rest.split([' ', ',']).next() {
        Some("integer" | "floating") => "is a number",
        Some("string") => "is text in quotes",
        Some("boolean") => "is true or false",
        Some("map") => "is a table",
        Some("sequence") => "is a list",
        _ => "is of another type",
    };
    if key == "commitment" {
        return format!("{is}: write [[commitment]], with two brackets on each side");
    }
    if let Some(known) = KEYS.iter().find(|known| known.path == key) {
        let form = match known.form {
            "string" => "text in quotes",
            "boolean" => "true or false",
            form => form,
        };
        return format!("{is}; has to be {form}, like {}", known.example);
    }
    let expected = rest.split_once(", expected ");
    let expected = expected.map_or(rest, |(_, expected)| expected);
    let is_table = expected.starts_with("struct ");
    let expected = if is_table { "a table" } else { expected };
    format!("{is}; has to be {expected}")
}

/// The line of a key in a text, from 1; none where it is not written. Of several tables the first
/// that has it.
pub(super) fn line_of(text: &str, key: &str) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let place = place_of(table.get_ref(), key)?;
    let before = text.as_bytes().iter().take(place);
    Some(1 + before.filter(|octet| **octet == b'\n').count())
}

fn place_of(table: &DeTable<'_>, path: &str) -> Option<usize> {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
    match (value.get_ref(), rest) {
        (_, "") => Some(key.span().start),
        (DeValue::Table(table), rest) => place_of(table, rest),
        (DeValue::Array(values), rest) => values.iter().find_map(|value| match value.get_ref() {
            DeValue::Table(table) => place_of(table, rest),
            _ => None,
        }),
        _ => None,
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
