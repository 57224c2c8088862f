//! The values a configuration is written in: text to unit, exactly. `"0.5%"` is 5000 parts per
//! million and not a float near it.
//!
//! Pure functions; each error is the reason alone, the caller knows key and place.

use crate::units::{BitRate, Ratio};
use std::net::SocketAddr;
use std::time::Duration;

/// The largest committed rate: 100 Tbps. Keeps `rate · threshold · window` far below 2^128, and
/// catches a wrong unit.
const MAX_RATE_BPS: u128 = 100_000_000_000_000;

/// Parts per million in one per cent.
const PPM_PER_PERCENT: u128 = 10_000;

/// `"100 Mbps"`: a decimal number, at most one space, `bps`, `kbps`, `Mbps`, `Gbps` or `Tbps`
/// (powers of 1000).
pub(super) fn rate(text: &str) -> Result<BitRate, String> {
    const FORM: &str = "is not a rate like \"100 Mbps\" (bps, kbps, Mbps, Gbps, Tbps)";
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let scale = match unit.strip_prefix(' ').unwrap_or(unit) {
        "bps" => 1,
        "kbps" => 1_000,
        "Mbps" => 1_000_000,
        "Gbps" => 1_000_000_000,
        "Tbps" => 1_000_000_000_000,
        _ => return Err(FORM.into()),
    };
    match decimal(number, scale) {
        None => Err(FORM.into()),
        Some(Scaled::Inexact) => Err("is not a whole number of bits per second".into()),
        Some(Scaled::Exact(0)) => Err("has to be above 0".into()),
        Some(Scaled::Exact(bps)) if bps > MAX_RATE_BPS => Err("is above 100 Tbps".into()),
        Some(Scaled::Exact(bps)) => u64::try_from(bps).map(BitRate).map_err(|_| FORM.into()),
    }
}

/// `"0.5%"`: a decimal number from 0 to 100 and a per cent sign; at most four decimals.
pub(super) fn ratio(text: &str) -> Result<Ratio, String> {
    const FORM: &str = "is not a percentage like \"0.5%\"";
    let number = text.strip_suffix('%').ok_or(FORM)?;
    match decimal(number, PPM_PER_PERCENT) {
        None => Err(FORM.into()),
        Some(Scaled::Inexact) => Err("has more than four decimals".into()),
        Some(Scaled::Exact(ppm)) if ppm > 100 * PPM_PER_PERCENT => Err("is above 100%".into()),
        Some(Scaled::Exact(ppm)) => u32::try_from(ppm)
            .map(Ratio::from_ppm)
            .map_err(|_| FORM.into()),
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
    let form = || "is not a duration like \"60s\" or \"150ms\"".to_owned();
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

/// An address and a port.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let form = "is not an address and port like \"127.0.0.1:10179\" or \"[::]:10179\"";
    text.parse().map_err(|_| form.to_owned())
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
