//! Reads prefixes and AS numbers as prefix lists, databases and the configuration write them.
//!
//! Pure functions. Refuses what has two readings; every reason reads on behind the value it is
//! about: `192.0.2.1/24 has host bits set`.

use crate::units::{Address, Asn, Prefix};
use ipnetwork::IpNetwork;
use std::fmt::Write;

/// What is wrong with a prefix or an AS number.
#[derive(thiserror::Error, Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotationError {
    /// Not `address/length`.
    #[error("is not a prefix")]
    NotPrefix,
    /// Which prefix is meant is not clear.
    #[error("has host bits set")]
    HostBits,
    /// Not a number of 32 bits, with or without `AS`, nor `high.low`.
    #[error("is not an AS number")]
    NotAsn,
    /// The last number, never assigned.
    #[error("is a reserved AS number (RFC 7300)")]
    ReservedAsn,
}

/// A prefix: `192.0.2.0/24`, `2001:db8::/32`; an address alone is its host prefix.
///
/// # Errors
/// [`NotationError::NotPrefix`], or [`NotationError::HostBits`] where bits behind the length are
/// set.
pub fn prefix(text: &str) -> Result<Prefix, NotationError> {
    let network: IpNetwork = text.parse().map_err(|_| NotationError::NotPrefix)?;
    let family = if network.is_ipv4() { 96 } else { 0 };
    let prefix = Prefix::new(network.ip().into(), family + network.prefix());
    if prefix.range().0 == Address::from(network.ip()) {
        Ok(prefix)
    } else {
        Err(NotationError::HostBits)
    }
}

/// Seconds since 1970 of a date such as `Sat, 29 Oct 2022 05:59:54 GMT` (RFC 5322 §3.3); none where it is
/// none, or lies before 1970.
pub(super) fn date(text: &str) -> Option<u64> {
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    date.timestamp().as_second().try_into().ok()
}

/// An AS number: `64500`, `AS64500`, asdot `1.10` (RFC 5396). 0 is a number here.
///
/// # Errors
/// [`NotationError::NotAsn`], or [`NotationError::ReservedAsn`] for 4294967295.
pub fn asn(text: &str) -> Result<Asn, NotationError> {
    let number = match text.get(..2) {
        Some(letters) if letters.eq_ignore_ascii_case("as") => text.get(2..).unwrap_or(""),
        _ => text,
    };
    let digits = |part: &str| part.bytes().all(|octet| octet.is_ascii_digit());
    let asn = match number.split_once('.') {
        None if digits(number) => number.parse().ok(),
        Some((high, low)) if digits(high) && digits(low) => {
            let half = |part: &str| part.parse::<u16>().ok().map(u32::from);
            half(high)
                .zip(half(low))
                .map(|(high, low)| high << 16 | low)
        }
        _ => None,
    };
    match asn {
        None => Err(NotationError::NotAsn),
        Some(u32::MAX) => Err(NotationError::ReservedAsn),
        Some(number) => Ok(Asn(number)),
    }
}

/// Whether the text stands where a table has an AS number, and says that nobody announces the
/// addresses: `None` (pyasn) or `-` (IP2Location).
pub(super) fn is_no_asn(text: &str) -> bool {
    text == "-" || text.eq_ignore_ascii_case("none")
}

/// The longest excerpt, in characters: a prefix and its neighbours fit, a screen line is kept.
const EXCERPT: usize = 60;

/// A value of unknown origin as it can stand in a one-line message: cut, control characters
/// escaped.
pub fn excerpt(text: &str) -> String {
    let mut excerpt = String::new();
    for (place, character) in text.chars().enumerate() {
        if place == EXCERPT {
            excerpt.push('…');
            break;
        }
        if character.is_control() {
            // writing to a String cannot fail
            let _ = write!(excerpt, "{}", character.escape_default());
        } else {
            excerpt.push(character);
        }
    }
    excerpt
}

/// Octets of a file that are shown of what it begins with.
const SHOWN: usize = 16;

/// What a file of unknown form begins with, for a message: as text where it is text.
pub(super) fn beginning(octets: &[u8]) -> String {
    let octets = octets.get(..SHOWN).unwrap_or(octets);
    let is_text = |octet: &u8| octet.is_ascii_graphic() || octet.is_ascii_whitespace();
    if octets.is_empty() {
        "is empty".into()
    } else if octets.iter().all(is_text) {
        format!("begins with {:?}", String::from_utf8_lossy(octets))
    } else {
        let mut shown = String::from("begins with");
        for octet in octets {
            // writing to a String cannot fail
            let _ = write!(shown, " {octet:02x}");
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_read_in_both_families() {
        for (text, read) in [
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ] {
            assert_eq!(
                prefix(text).map(|prefix| prefix.to_string()),
                Ok(read.into())
            );
        }
    }

    #[test]
    fn a_prefix_that_is_not_one_says_why() {
        for (text, why) in [
            ("192.0.2.1/24", NotationError::HostBits),
            ("2001:db8::1/64", NotationError::HostBits),
            ("192.0.2.0/33", NotationError::NotPrefix),
            ("2001:db8::/129", NotationError::NotPrefix),
            ("192.0.2/24", NotationError::NotPrefix),
            ("", NotationError::NotPrefix),
            ("192.0.2.0/24/8", NotationError::NotPrefix),
        ] {
            assert_eq!(prefix(text), Err(why), "{text}");
        }
    }

    #[test]
    fn as_numbers_are_read_in_each_notation() {
        for (text, number) in [
            ("64500", 64500),
            ("AS64500", 64500),
            ("as4200000000", 4_200_000_000),
            ("1.10", 65546),
            ("AS65535.65534", 4_294_967_294),
            ("0", 0),
        ] {
            assert_eq!(asn(text), Ok(Asn(number)), "{text}");
        }
    }

    #[test]
    fn an_as_number_that_is_not_one_says_why() {
        for text in [
            "",
            "AS",
            "-1",
            "+1",
            "1.65536",
            "1.2.3",
            "4294967296",
            "1.",
            ".1",
            "ÅS1",
            "1 ",
        ] {
            assert_eq!(asn(text), Err(NotationError::NotAsn), "{text}");
        }
        assert_eq!(asn("4294967295"), Err(NotationError::ReservedAsn));
        assert_eq!(asn("65535.65535"), Err(NotationError::ReservedAsn));
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(excerpt("a\nb\u{1b}[0m"), "a\\nb\\u{1b}[0m");
        assert_eq!(excerpt(&"x".repeat(1000)).chars().count(), EXCERPT + 1);
    }
}
