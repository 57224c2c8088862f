//! The message by which aggregators side by side agree which seconds are closed, and with which leaves.
//! Whoever appends it first decides; all judge by it, so that their leaves are equal.

use super::seconds::ProbePosition;
use crate::units::Second;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Seconds that one message closes at most.
pub const MAX_SECONDS: u64 = 600;

/// Seconds are closed with these leaves of each probe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClosedSeconds {
    /// The first of them.
    pub from: Second,
    /// The last of them.
    pub second: Second,
    /// By the probe's name.
    pub probes: BTreeMap<Arc<str>, ProbePosition>,
}

/// As it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    from: String,
    second: String,
    probes: BTreeMap<String, WrittenMark>,
}

#[derive(Serialize, Deserialize)]
struct WrittenMark {
    leaves: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    through: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ahead: bool,
}

impl ClosedSeconds {
    /// One line of JSON.
    pub fn to_text(&self) -> String {
        let probes = self.probes.iter().map(|(name, mark)| {
            let mark = WrittenMark {
                leaves: mark.leaves,
                through: mark.through.map(|second| second.to_string()),
                ahead: mark.is_ahead,
            };
            (name.to_string(), mark)
        });
        let written = Written {
            from: self.from.to_string(),
            second: self.second.to_string(),
            probes: probes.collect(),
        };
        // strings and integers: nothing in it can fail
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// Reads it; none where it is not written so, or closes nothing or too much.
    pub fn from_text(text: &str) -> Option<Self> {
        let written: Written = serde_json::from_str(text).ok()?;
        let (from, second) = (
            Second::from_rfc3339(&written.from)?,
            Second::from_rfc3339(&written.second)?,
        );
        let mut probes = BTreeMap::new();
        for (name, mark) in written.probes {
            let through = match mark.through {
                Some(text) => Some(Second::from_rfc3339(&text)?),
                None => None,
            };
            let mark = ProbePosition {
                leaves: mark.leaves,
                through,
                is_ahead: mark.ahead,
            };
            probes.insert(name.into(), mark);
        }
        let closed = Self {
            from,
            second,
            probes,
        };
        let seconds = second.0.checked_sub(from.0)?;
        (seconds < MAX_SECONDS && closed.to_text() == text).then_some(closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_closes_seconds_is_read_as_it_is_written_and_nothing_else_is() {
        let mark = |leaves, through: Option<u64>, is_ahead| ProbePosition {
            leaves,
            through: through.map(Second),
            is_ahead,
        };
        let closed = ClosedSeconds {
            from: Second(1_700_000_000),
            second: Second(1_700_000_000 + MAX_SECONDS - 1),
            probes: [
                ("a".into(), mark(7, Some(1_700_000_600), false)),
                ("b".into(), mark(0, None, true)),
            ]
            .into(),
        };
        let text = closed.to_text();
        assert_eq!(ClosedSeconds::from_text(&text), Some(closed.clone()));
        let longer = ClosedSeconds {
            second: closed.second.next(),
            ..closed.clone()
        };
        let backward = ClosedSeconds {
            second: closed.from.previous(),
            ..closed
        };
        let wrong = [
            String::new(),
            text.replace("\"leaves\":7", "\"leaves\":-7"),
            text.replace("\"leaves\":7", "\"leaves\": 7"),
            text.replace("2023-", "2023"),
            longer.to_text(),
            backward.to_text(),
        ];
        for wrong in wrong {
            assert_eq!(ClosedSeconds::from_text(&wrong), None, "{wrong}");
        }
    }
}
