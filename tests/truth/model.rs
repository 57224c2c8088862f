//! What should come of packets that arrived, by the words of MODEL §7 and RFC 3550 alone: slow,
//! obvious, with true numbers that do not wrap and a set of all that came.

use super::support::program::number;
use serde_json::Value;
use std::collections::BTreeSet;

/// So many later numbers make a missing one lost.
const REORDER_WINDOW: u64 = 64;

/// A packet as it arrived, with what only its sender knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Arrival {
    pub(crate) nanos: u64,
    /// Which numbering of the sender; a restart begins another.
    pub(crate) numbering: u32,
    /// Its place in that numbering: never wraps.
    pub(crate) number: u64,
    /// What its clock said, in nanoseconds from the sender's beginning.
    pub(crate) sent: u64,
    pub(crate) payload_type: u8,
    /// What its sender's clock goes on by from one number to the next, in nanoseconds.
    pub(crate) pace: u64,
    /// IP total length.
    pub(crate) bytes: u64,
    /// The copy of a mirror port.
    pub(crate) copy: bool,
    /// The frames that carry it: one, or its fragments.
    pub(crate) frames: Vec<Vec<u8>>,
}

/// What is true of one stream.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Truth {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) lost: u64,
    pub(crate) late: u64,
    pub(crate) duplicates: u64,
    pub(crate) reordered: u64,
    pub(crate) expected: u64,
    /// J after each packet, in milliseconds (RFC 3550 A.8).
    pub(crate) jitter: Vec<f64>,
}

/// One numbering of one sender.
#[derive(Default)]
struct Numbering {
    in_time: BTreeSet<u64>,
}

impl Truth {
    /// Of arrivals in the order of their times.
    pub(crate) fn of(arrivals: &[Arrival]) -> Self {
        let mut truth = Self::default();
        let mut j = 0.0;
        let numberings: BTreeSet<_> = arrivals.iter().map(|arrival| arrival.numbering).collect();
        for numbering in numberings {
            let mut seen = Numbering::default();
            let mut before: Option<&Arrival> = None;
            let own = arrivals.iter().filter(|one| one.numbering == numbering);
            for arrival in own {
                truth.packets += 1;
                truth.bytes += arrival.bytes;
                if !truth.place(&mut seen, arrival.number) {
                    continue;
                }
                if let Some(before) = before {
                    let came = arrival.nanos as f64 - before.nanos as f64;
                    let sent = arrival.sent as f64 - before.sent as f64;
                    // Other steps are the sender's own (docs/decisions/jitter.md).
                    let numbers = arrival.number as f64 - before.number as f64;
                    let own = sent - numbers * arrival.pace as f64;
                    let paced = own.abs() < arrival.pace as f64 / 8.0
                        && arrival.payload_type == before.payload_type;
                    if paced && came.abs() <= 1e10 && sent.abs() <= 1e10 {
                        j += ((came - sent).abs() / 1e6 - j) / 16.0;
                        truth.jitter.push(j);
                    }
                }
                before = Some(arrival);
            }
            if let (Some(first), Some(last)) = (seen.in_time.first(), seen.in_time.last()) {
                let numbers = last - first + 1;
                truth.expected += numbers;
                truth.lost += numbers - seen.in_time.len() as u64;
            }
        }
        truth
    }

    /// Counts one number; whether it is not a duplicate.
    fn place(&mut self, seen: &mut Numbering, number: u64) -> bool {
        let highest = seen.in_time.last().copied();
        if highest.is_some_and(|highest| highest >= number + REORDER_WINDOW) {
            self.late += 1;
            return true;
        }
        if !seen.in_time.insert(number) {
            self.duplicates += 1;
            return false;
        }
        self.reordered += u64::from(highest.is_some_and(|highest| highest > number));
        true
    }

    fn mean(&self) -> f64 {
        self.jitter.iter().sum::<f64>() / self.jitter.len().max(1) as f64
    }

    fn max(&self) -> f64 {
        self.jitter.iter().copied().fold(0.0, f64::max)
    }
}

/// Within 1 % or 0.1 ms.
pub(crate) fn is_close(ours: f64, truth: f64) -> bool {
    (ours - truth).abs() <= (truth * 0.01).max(0.1)
}

/// Holds the rows of one stream against what arrived of it.
pub(crate) fn assert_stream(what: &str, arrivals: &[Arrival], rows: &[Value]) {
    let truth = Truth::of(arrivals);
    let sum = |key: &str| -> u64 { rows.iter().map(|row| number(row, &format!("/{key}"))).sum() };
    let ours = Truth {
        packets: sum("packets"),
        bytes: sum("bytes"),
        lost: sum("lost"),
        late: sum("late"),
        duplicates: sum("duplicates"),
        reordered: sum("reordered"),
        expected: sum("expected"),
        jitter: truth.jitter.clone(),
    };
    assert!(
        ours == truth,
        "{what}\n ours {:?}\ntruth {:?}",
        Truth {
            jitter: Vec::new(),
            ..ours
        },
        Truth {
            jitter: Vec::new(),
            ..truth
        }
    );
    let [row] = rows else {
        return;
    };
    let numberings: BTreeSet<_> = arrivals.iter().map(|arrival| arrival.numbering).collect();
    let restarts = number(row, "/restarts");
    assert_eq!(restarts, numberings.len() as u64 - 1, "{what}: restarts");
    for (key, truth) in [
        ("jitter_mean_ms", truth.mean()),
        ("jitter_max_ms", truth.max()),
    ] {
        let ours = row[key].as_f64().unwrap_or(0.0);
        assert!(
            is_close(ours, truth),
            "{what}: {key} is {ours}, not {truth}"
        );
    }
}
