//! Figures as people read them, exact all the same.

use crate::ledger::leaf::{CommitmentTerms, CreditTerms};

/// A count in groups of three digits: `1 234 567`.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A number that may be below 0: amendments take back.
pub(super) fn signed(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", count(number.unsigned_abs()))
}

/// Millionths as per cent, exact: `12.9 %`.
pub(super) fn percent(ppm: u64) -> String {
    let (whole, rest) = (ppm / 10_000, ppm % 10_000);
    let rest = format!("{rest:04}");
    let rest = rest.trim_end_matches('0');
    match rest {
        "" => format!("{} %", count(whole)),
        rest => format!("{}.{rest} %", count(whole)),
    }
}

/// The same with all digits, for columns: `12.9000 %`.
pub(super) fn share(ppm: u64) -> String {
    format!("{}.{:04} %", count(ppm / 10_000), ppm % 10_000)
}

/// A rate in the largest unit that shows it exactly: `100 Mbit/s`.
pub(super) fn rate(bits: u64) -> String {
    let units = [
        (1_000_000_000, "Gbit/s"),
        (1_000_000, "Mbit/s"),
        (1000, "kbit/s"),
    ];
    let exact = units
        .into_iter()
        .find(|(unit, _)| bits > 0 && bits.is_multiple_of(*unit));
    let (unit, name) = exact.unwrap_or((1, "bit/s"));
    format!("{} {name}", count(bits / unit))
}

/// Nanoseconds as milliseconds, exact: `150 ms`.
pub(super) fn milliseconds(nanos: u64) -> String {
    let rest = format!("{:06}", nanos % 1_000_000);
    let rest = rest.trim_end_matches('0');
    let point = if rest.is_empty() { "" } else { "." };
    format!("{}{point}{rest} ms", count(nanos / 1_000_000))
}

/// A time without the T: `2026-11-25 22:17:24 +01:00`.
pub(super) fn time(text: &str) -> String {
    match (text.split_once('T'), text.get(19..)) {
        (Some((date, _)), Some(offset)) => {
            let clock = text.get(11..19).unwrap_or_default();
            format!("{date} {clock} {offset}")
        }
        _ => text.to_owned(),
    }
}

/// The contract, key by key.
pub(super) fn terms(of: &CommitmentTerms) -> Vec<(&'static str, String)> {
    let all = |list: &[String]| match list {
        [] => "all".to_owned(),
        list => list.join(", "),
    };
    let vlans: Vec<_> = of.scope.vlans.iter().map(ToString::to_string).collect();
    let mut terms = vec![
        ("committed data rate", rate(of.committed_rate)),
        ("threshold", percent(of.threshold.into())),
        ("window", format!("{} s", of.window)),
        ("direction", of.direction.clone()),
        ("layer", of.layer.clone()),
        ("classes", of.classes.join(", ")),
        ("local prefixes", all(&of.scope.local_prefixes)),
        ("interfaces", all(&of.scope.interfaces)),
        ("VLANs", all(&vlans)),
        ("transit", of.transit.clone()),
    ];
    if let Some(counted) = &of.count {
        terms.push(("count", counted.clone()));
    }
    if let Some(loss) = &of.guarantee.loss {
        let text = format!(
            "at most {} of the packets {}, of at least {}",
            percent(loss.limit.into()),
            loss.direction,
            count(loss.min_packets)
        );
        terms.push(("loss", text));
    }
    if let Some(latency) = &of.guarantee.latency {
        let text = format!(
            "at most {} for {} % of at least {} round trips ({})",
            milliseconds(latency.limit),
            latency.percentile,
            count(latency.min_round_trips),
            latency.methods.join(", ")
        );
        terms.push(("latency", text));
    }
    if let Some(jitter) = &of.guarantee.jitter {
        let text = format!(
            "at most {} for {} % of at least {} stream-seconds",
            milliseconds(jitter.limit),
            jitter.percentile,
            count(jitter.min_stream_seconds)
        );
        terms.push(("jitter", text));
    }
    if !of.credit.is_empty() {
        let step = |step: &CreditTerms| {
            format!(
                "{} below {}",
                percent(step.credit.into()),
                percent(step.below.into())
            )
        };
        let steps: Vec<_> = of.credit.iter().map(step).collect();
        terms.push(("credit", steps.join(", ")));
    }
    terms
}

/// What of a contract is another than before, and where nothing was before all of it.
pub(super) fn changed_terms(
    of: &CommitmentTerms,
    before: Option<&CommitmentTerms>,
) -> Vec<(&'static str, String)> {
    let before = before.map(terms).unwrap_or_default();
    let mut changed = terms(of);
    changed.retain(|term| !before.contains(term));
    let gone = before.iter().map(|(key, _)| *key);
    let gone: Vec<_> = gone
        .filter(|key| !terms(of).iter().any(|(known, _)| known == key))
        .collect();
    changed.extend(
        gone.into_iter()
            .map(|key| (key, "not guaranteed any more".to_owned())),
    );
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_exact() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1 234 567");
        assert_eq!(signed(-1000), "-1 000");
        assert_eq!(percent(100_001), "10.0001 %");
        assert_eq!(percent(129_000), "12.9 %");
        assert_eq!(percent(1_000_000), "100 %");
        assert_eq!(share(129_000), "12.9000 %");
        assert_eq!(rate(100_000_000), "100 Mbit/s");
        assert_eq!(rate(1_500_000), "1 500 kbit/s");
        assert_eq!(rate(0), "0 bit/s");
        assert_eq!(milliseconds(150_000_000), "150 ms");
        assert_eq!(milliseconds(1_500), "0.0015 ms");
        assert_eq!(
            time("2026-11-25T22:17:24+01:00"),
            "2026-11-25 22:17:24 +01:00"
        );
    }
}
