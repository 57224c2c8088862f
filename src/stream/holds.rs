//! Jumps in a direction that a dialog had forbidden (hold, RFC 3264 §8.4): whoever sends nothing then
//! loses nothing, and whoever sends on may lose it. Nobody can tell.

use crate::stream::booking::{Booking, Certainty, LossReason};
use crate::stream::record::Stream;
use crate::voice::signalling::Hold;
use std::time::Duration;

/// The sides follow an answer so much earlier or later than it passes the tap.
const SLACK: Duration = Duration::from_secs(2);

/// A shorter jump is loss, held or not: music goes on, and its gaps are those of the path.
const SHORTEST: Duration = Duration::from_millis(500);

/// Of what a stream has lost over jumps, what was due in a hold may not have been sent.
pub(super) fn excuse(
    stream: &mut Stream,
    bookings: &mut Vec<Booking>,
    holds: impl Iterator<Item = Hold>,
) {
    // What a numbering lost that is not sure to have begun is taken back as it was booked.
    if stream.is_restart_open() {
        return;
    }
    for hold in holds {
        for place in 0..bookings.len() {
            let Some(booking) = bookings.get_mut(place) else {
                continue;
            };
            let lasts = booking.until.since(booking.from) >= SHORTEST;
            if booking.certainty != Certainty::Lost || booking.count <= 0 || !lasts {
                continue;
            }
            let (before, rest) = booking.split(hold.from.minus(SLACK));
            let (mut held, after) = rest.split(hold.until.plus(SLACK));
            if held.count == 0 {
                continue;
            }
            held.certainty = Certainty::MaybeLost(LossReason::Hold);
            *booking = held;
            if after.count == 0 {
                stream.doubt(held.count.unsigned_abs(), LossReason::Hold);
            }
            let others = [before, after].into_iter();
            bookings.extend(others.filter(|booking| booking.count > 0));
        }
    }
}
