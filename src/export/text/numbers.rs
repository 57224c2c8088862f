//! Numbers as the text report writes them.

/// Digits in groups of three, with a space that does not break a column.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A count of something, in the form that the count asks for.
pub(super) fn several(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// Scales by thousands; one decimal above the base unit.
#[expect(clippy::cast_precision_loss, reason = "for display only")]
pub(super) fn scaled(value: u64, units: [&str; 5]) -> String {
    let [base, larger @ ..] = units;
    let mut scaled = (value as f64, base);
    for unit in larger {
        if scaled.0 < 1000.0 {
            break;
        }
        scaled = (scaled.0 / 1000.0, unit);
    }
    let (number, unit) = scaled;
    if unit == base {
        format!("{value} {unit}")
    } else {
        format!("{number:.1} {unit}")
    }
}

pub(super) fn octets(bytes: u64) -> String {
    scaled(bytes, ["B", "kB", "MB", "GB", "TB"])
}

pub(super) fn rate(bits_per_second: u64) -> String {
    scaled(bits_per_second, ["bps", "kbps", "Mbps", "Gbps", "Tbps"])
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}
