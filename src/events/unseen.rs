//! Events of what the meter itself does not see: one line when it begins, with the reason, and one when
//! it is over.

use super::emit;
use super::sink::Level;
use crate::units::Second;

/// Two interfaces show the same packets; told when that begins.
pub fn packets_doubled(packets: u64) {
    emit(
        Level::Warning,
        "doubled",
        format_args!(
            "two interfaces show the same packets ({packets} of the last second's sample): each counts \
             twice and inflates every share; capture on one of them, or set capture.deduplicate = true"
        ),
        &[],
    );
}

/// Frames of an interface were dropped before the meter saw them.
pub fn drops_began(interface: &str, second: Second, frames: u64) {
    emit(
        Level::Warning,
        "drops_began",
        format_args!(
            "{interface}: frames are dropped before the meter sees them, {frames} up to {second}: what \
             they may have told is in doubt"
        ),
        &[
            ("INTERFACE", &interface),
            ("SECOND", &second),
            ("FRAMES", &frames),
        ],
    );
}

/// An interface drops no frames any more.
pub fn drops_ended(interface: &str, (first, last): (Second, Second), frames: u64) {
    emit(
        Level::Info,
        "drops_ended",
        format_args!(
            "{interface}: no frames are dropped any more; {frames} were, {first} to {last}"
        ),
        &[
            ("INTERFACE", &interface),
            ("SINCE", &first),
            ("UNTIL", &last),
            ("FRAMES", &frames),
        ],
    );
}

/// An interface has gone, or is down.
pub fn interface_gone(interface: &str, second: Second) {
    emit(
        Level::Warning,
        "interface_gone",
        format_args!("{interface}: gone or down in {second}: nothing is seen of it"),
        &[("INTERFACE", &interface), ("SECOND", &second)],
    );
}

/// An interface is up again.
pub fn interface_back(interface: &str, (first, last): (Second, Second)) {
    emit(
        Level::Info,
        "interface_back",
        format_args!("{interface}: back; nothing was seen of it {first} to {last}"),
        &[
            ("INTERFACE", &interface),
            ("SINCE", &first),
            ("UNTIL", &last),
        ],
    );
}

/// Seconds are not seen whole.
pub fn unseen_began(second: Second, why: &str) {
    emit(
        Level::Warning,
        "unseen_began",
        format_args!("seconds are not seen whole from {second} on: {why}"),
        &[("SECOND", &second), ("REASON", &why)],
    );
}

/// Seconds are seen whole again.
pub fn unseen_ended((first, last): (Second, Second), why: &str, seconds: u64) {
    emit(
        Level::Info,
        "unseen_ended",
        format_args!("seconds are seen whole again; {seconds} were not, {first} to {last}: {why}"),
        &[
            ("SINCE", &first),
            ("UNTIL", &last),
            ("REASON", &why),
            ("SECONDS", &seconds),
        ],
    );
}

/// What has no room in a table is refused: it is full, or what it has of one call or address is.
pub fn table_full(table: &str, second: Second, refused: u64, consequence: &str) {
    emit(
        Level::Warning,
        "table_full",
        format_args!("{table}: no room in {second}, {refused} refused: {consequence}"),
        &[
            ("TABLE", &table),
            ("SECOND", &second),
            ("REFUSED", &refused),
        ],
    );
}

/// A table has had room again for a while.
pub fn table_has_room(table: &str, (first, last): (Second, Second), refused: u64) {
    emit(
        Level::Info,
        "table_has_room",
        format_args!("{table}: has room again; {refused} refused, {first} to {last}"),
        &[
            ("TABLE", &table),
            ("SINCE", &first),
            ("UNTIL", &last),
            ("REFUSED", &refused),
        ],
    );
}

/// The clock stepped back; windows begin anew.
pub fn clock_stepped(second: Second, steps: u64) {
    emit(
        Level::Warning,
        "clock_stepped",
        format_args!(
            "the clock stepped back to {second} ({steps} times since the start): windows begin anew"
        ),
        &[("SECOND", &second), ("STEPS", &steps)],
    );
}
