//! The values a configuration is written in: text to unit, exactly. `"0.5%"` is 5000 parts per
//! million and not a float near it.
//!
//! Pure functions; each error is the reason alone, the caller knows key and place.

use super::nearest::nearest;
use crate::units::{BitRate, Ratio};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// The largest committed rate: 100 Tbps. Keeps `rate · threshold · window` far below 2^128, and
/// catches a wrong unit.
const MAX_RATE_BPS: u128 = 100_000_000_000_000;

/// Parts per million in one per cent.
const PPM_PER_PERCENT: u128 = 10_000;

/// Prefixes of a rate's unit (SI), with their powers of 1000.
const RATE_PREFIXES: [(&str, u128); 5] = [
    ("", 1),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
];

/// `"100 Mbps"`: a decimal number, at most one space, and a unit: `bps`, `kbps`, `Mbps`, `Gbps`, `Tbps`
/// (powers of 1000), the same with `b/s` or `bit/s` for `bps`, or the prefix alone (`"100M"`).
pub(super) fn rate(text: &str) -> Result<BitRate, String> {
    const FORM: &str = "is not a rate like \"100 Mbps\" (bps, kbps, Mbps, Gbps, Tbps)";
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let Some(scale) = rate_unit(unit) else {
        return Err(match (bytes_unit(unit), nearest_rate_unit(unit)) {
            (Some(scale), _) => two_readings(number, scale).unwrap_or_else(|| FORM.into()),
            (None, Some(meant)) if decimal(number, 1).is_some() => {
                format!("{FORM}: did you mean \"{number} {meant}\"?")
            }
            _ => FORM.into(),
        });
    };
    match decimal(number, scale) {
        None => Err(FORM.into()),
        Some(Scaled::Inexact) => Err("is not a whole number of bits per second".into()),
        Some(Scaled::Exact(0)) => Err("has to be above 0".into()),
        Some(Scaled::Exact(bps)) if bps > MAX_RATE_BPS => Err("is above 100 Tbps".into()),
        Some(Scaled::Exact(bps)) => u64::try_from(bps).map(BitRate).map_err(|_| FORM.into()),
    }
}

/// Bits per second of a unit as it may be written.
fn rate_unit(unit: &str) -> Option<u128> {
    let written = |(prefix, _): &&(&str, u128)| match unit.strip_prefix(prefix) {
        Some("bps" | "b/s" | "bit/s") => true,
        Some("") => !prefix.is_empty(),
        _ => false,
    };
    let found = RATE_PREFIXES.iter().find(written);
    found.map(|(_, scale)| *scale)
}

/// The scale of a unit that may mean bits or octets: `MBps`, `MB/s`, `MB`, and `KB` for `kB`.
fn bytes_unit(unit: &str) -> Option<u128> {
    let written = |(prefix, _): &&(&str, u128)| {
        let rest = unit.strip_prefix(prefix);
        let rest = rest.or_else(|| unit.strip_prefix(prefix.to_uppercase().as_str()));
        matches!(rest, Some("Bps" | "B/s" | "B"))
    };
    let found = RATE_PREFIXES.iter().find(written);
    found.map(|(_, scale)| *scale)
}

/// The two rates that a number of `MBps` may be.
fn two_readings(number: &str, scale: u128) -> Option<String> {
    let Some(Scaled::Exact(bits)) = decimal(number, scale) else {
        return None;
    };
    let (bits, octets) = (exact_rate(bits), exact_rate(bits.saturating_mul(8)));
    Some(format!(
        "may be bits or bytes per second: write \"{bits}\" or \"{octets}\""
    ))
}

/// A rate in the largest unit in which it is a whole number.
fn exact_rate(bps: u128) -> String {
    let whole = |(_, scale): &&(&str, u128)| bps.is_multiple_of(*scale);
    let (prefix, scale) = RATE_PREFIXES.iter().rfind(whole).unwrap_or(&("", 1));
    format!("{} {prefix}bps", bps / scale)
}

/// The unit that was meant where only upper and lower case, or a letter, is wrong.
fn nearest_rate_unit(unit: &str) -> Option<&'static str> {
    const UNITS: [&str; 5] = ["bps", "kbps", "Mbps", "Gbps", "Tbps"];
    let same = UNITS.into_iter().find(|one| one.eq_ignore_ascii_case(unit));
    same.or_else(|| nearest(unit, UNITS))
}

/// `"0.5%"`, `"10 %"`: a decimal number from 0 to 100, at most one space and a per cent sign; at most
/// four decimals.
pub(super) fn percentage(text: &str) -> Result<Ratio, String> {
    const FORM: &str = "is not a percentage like \"0.5%\"";
    let Some(number) = text.strip_suffix('%') else {
        return Err(match decimal(text, PPM_PER_PERCENT) {
            None => FORM.to_owned(),
            Some(_) => without_sign(text),
        });
    };
    match decimal(number.strip_suffix(' ').unwrap_or(number), PPM_PER_PERCENT) {
        None => Err(FORM.into()),
        Some(Scaled::Inexact) => Err("has more than four decimals".into()),
        Some(Scaled::Exact(ppm)) if ppm > 100 * PPM_PER_PERCENT => Err("is above 100%".into()),
        Some(Scaled::Exact(ppm)) => u32::try_from(ppm)
            .map(Ratio::from_ppm)
            .map_err(|_| FORM.into()),
    }
}

/// What a number without a per cent sign may mean.
fn without_sign(number: &str) -> String {
    match decimal(number, 100 * PPM_PER_PERCENT) {
        Some(Scaled::Exact(ppm)) if ppm <= 100 * PPM_PER_PERCENT => {
            let (percent, rest) = (ppm / PPM_PER_PERCENT, ppm % PPM_PER_PERCENT);
            let decimals = format!("{rest:04}");
            let part = match decimals.trim_end_matches('0') {
                "" => String::new(),
                decimals => format!(".{decimals}"),
            };
            format!("has no per cent sign: write \"{number}%\" or \"{percent}{part}%\"")
        }
        _ => format!("has no per cent sign: write \"{number}%\""),
    }
}

/// A [`percentage`], or a part of the whole below 1: `"0.1"` is 10 %. `"1"` may be either.
pub(super) fn ratio(text: &str) -> Result<Ratio, String> {
    match decimal(text, 100 * PPM_PER_PERCENT) {
        Some(Scaled::Exact(ppm)) if ppm < 100 * PPM_PER_PERCENT && text.contains('.') => {
            let ppm = u32::try_from(ppm).map_err(|_| "is above 100%")?;
            Ok(Ratio::from_ppm(ppm))
        }
        _ => percentage(text),
    }
}

/// A decimal number times a scale.
enum Scaled {
    Exact(u128),
    /// Digits remain below 1.
    Inexact,
}

/// Digits, and behind a point more digits; none if it is written otherwise. Numbers no unit can
/// hold come out as [`u128::MAX`].
fn decimal(text: &str, scale: u128) -> Option<Scaled> {
    let (whole, decimals) = match text.split_once('.') {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (text, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    if !digits(whole) || !decimals.is_none_or(digits) {
        return None;
    }
    let mut number = whole
        .parse::<u128>()
        .unwrap_or(u128::MAX)
        .saturating_mul(scale);
    let mut place = scale;
    for digit in decimals
        .unwrap_or("")
        .bytes()
        .map(|octet| u128::from(octet - b'0'))
    {
        if place < 10 && digit != 0 {
            return Some(Scaled::Inexact);
        }
        place /= 10;
        number = number.saturating_add(place.saturating_mul(digit));
    }
    Some(Scaled::Exact(number))
}

/// `"60s"`, `"1h 30m"`, `"150ms"`: a duration between two others, both included.
pub(super) fn duration(text: &str, least: Duration, most: Duration) -> Result<Duration, String> {
    let form = || {
        let is_number = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
        let meant = if is_number {
            format!(": did you mean \"{text}s\" or \"{text}ms\"?")
        } else {
            String::new()
        };
        format!("is not a duration like \"60s\" or \"150ms\"{meant}")
    };
    if text.trim() != text {
        return Err(form());
    }
    let duration = humantime::parse_duration(text).map_err(|_| form())?;
    if duration < least || duration > most {
        let (least, most) = (
            humantime::format_duration(least),
            humantime::format_duration(most),
        );
        return Err(format!("is not within {least} and {most}"));
    }
    Ok(duration)
}

/// A duration of whole seconds.
pub(super) fn seconds(text: &str, least: u64, most: u64) -> Result<Duration, String> {
    let within = (Duration::from_secs(least), Duration::from_secs(most));
    let duration = duration(text, within.0, within.1)?;
    if duration.subsec_nanos() != 0 {
        return Err("is not a whole number of seconds".into());
    }
    Ok(duration)
}

/// `"4000"` or `"10000-20000"`: ports from and to, both included.
pub(super) fn ports(text: &str) -> Result<(u16, u16), String> {
    let port = |text: &str| {
        let digits = text.bytes().all(|octet| octet.is_ascii_digit());
        text.parse::<u16>().ok().filter(|port| digits && *port != 0)
    };
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    match port(from).zip(port(to)) {
        Some((from, to)) if from <= to => Ok((from, to)),
        Some(_) => Err("ends before it starts".into()),
        None => Err("is not a port like \"4000\" or a range like \"10000-20000\"".into()),
    }
}

/// An address and a port, in the forms that exporters take: `"127.0.0.1:10179"`, `"[::1]:10179"`,
/// `":10179"` for every address of the host, `"localhost:10179"`. Other names are not looked up.
///
/// # Errors
/// The reason, without the text.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    const FORM: &str = "is not an address and port like \"127.0.0.1:10179\" or \":10179\"";
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let port = |port: &str| {
        let digits = !port.is_empty() && port.bytes().all(|octet| octet.is_ascii_digit());
        port.parse::<u16>().ok().filter(|_| digits)
    };
    match text.rsplit_once(':') {
        Some(("", number)) => port(number).map(|port| (Ipv6Addr::UNSPECIFIED, port).into()),
        Some(("localhost", number)) => port(number).map(|port| (Ipv4Addr::LOCALHOST, port).into()),
        Some(_) => None,
        None => {
            return Err(match (port(text), text.parse::<IpAddr>()) {
                (Some(_), _) => format!("{FORM}: did you mean \":{text}\"?"),
                (None, Ok(_)) => format!("{FORM}: did you mean \"{text}:10179\"?"),
                (None, Err(_)) => FORM.into(),
            });
        }
    }
    .ok_or_else(|| FORM.into())
}

/// A whole number within bounds, both included.
pub(super) fn whole<T: TryFrom<i64>>(number: i64, least: i64, most: i64) -> Result<T, String> {
    T::try_from(number)
        .ok()
        .filter(|_| (least..=most).contains(&number))
        .ok_or_else(|| format!("is not within {least} and {most}"))
}

/// Characters of a name at most.
const MAX_NAME: usize = 64;

/// A name: 1 to 64 characters, none of them a control character, not blank.
pub(super) fn name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("is empty".into())
    } else if text.chars().count() > MAX_NAME {
        Err(format!("is longer than {MAX_NAME} characters"))
    } else if text.chars().any(char::is_control) {
        Err("has a control character in it".into())
    } else {
        Ok(text.into())
    }
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
