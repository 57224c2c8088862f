//! Reads written values: the first thing wrong ends it, with its file, line, key and value.

use super::error::{ConfigError, Text};
use super::nearest::did_you_mean;
use crate::asn::notation;
use crate::units::Prefix;
use std::collections::HashSet;
use std::hash::Hash;
use toml::Spanned;

/// Reads values of one file.
pub(super) struct Check<'a> {
    pub(super) text: Text<'a>,
}

impl Check<'_> {
    /// The value of a key, or the default one where nothing is written.
    pub(super) fn value<W, T>(
        &self,
        key: &str,
        written: Option<&Spanned<W>>,
        default: T,
        read: impl FnOnce(&W) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        let read = |value| self.read(key, value, read);
        written.map_or(Ok(default), read)
    }

    /// One written value.
    pub(super) fn read<W, T>(
        &self,
        key: &str,
        written: &Spanned<W>,
        read: impl FnOnce(&W) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        read(written.get_ref()).map_err(|reason| self.text.wrong(key, written.span(), &reason))
    }

    /// A list in which nothing stands twice, or the default one where nothing is written.
    pub(super) fn list<W, T: Clone + Eq + Hash>(
        &self,
        key: &str,
        written: Option<&Spanned<Vec<Spanned<W>>>>,
        default: Vec<T>,
        read: impl Fn(&W) -> Result<T, String>,
    ) -> Result<Vec<T>, ConfigError> {
        let Some(written) = written else {
            return Ok(default);
        };
        let mut seen = HashSet::new();
        let mut list = Vec::new();
        for element in written.get_ref() {
            let value = self.read(key, element, &read)?;
            if !seen.insert(value.clone()) {
                return Err(self
                    .text
                    .wrong(key, element.span(), "stands twice in the list"));
            }
            list.push(value);
        }
        Ok(list)
    }
}

/// A prefix without host bits.
#[expect(
    clippy::ptr_arg,
    reason = "what serde gives, and so what the readers take"
)]
pub(super) fn prefix(text: &String) -> Result<Prefix, String> {
    notation::prefix(text).map_err(|error| error.to_string())
}

/// A word from a list.
pub(super) fn one_of<T: Copy>(word: &str, words: &[(&str, T)]) -> Result<T, String> {
    let known = words.iter().find(|(known, _)| *known == word);
    known.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        format!(
            "is not one of {}{}",
            words.join(", "),
            did_you_mean(word, words.iter().copied())
        )
    })
}
