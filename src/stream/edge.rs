//! The first and the last packet of a stream, reported to the judge: media that moves to another transport
//! address stops as one stream and begins as another, which another worker may have (MODEL §7.10).

use crate::attribution::PairKey;
use crate::stream::booking::{Booking, Certainty, LossReason};
use crate::stream::record::clock::{agrees, sent, tolerance};
use crate::units::Timestamp;
use crate::voice::stream_key::StreamKey;
use std::num::NonZeroU32;
use std::time::Duration;

/// What is missing over a move is lost for certain if the move took no longer.
const CERTAIN: Duration = Duration::from_secs(2);

/// The longest time that a move may take.
pub const LONGEST_MOVE: Duration = Duration::from_secs(30);

/// The first packet of a stream, or its last one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamEdge {
    /// The origins at its ends.
    pub pair: PairKey,
    /// The stream.
    pub key: StreamKey,
    /// The packet's number.
    pub number: u16,
    /// Its RTP timestamp.
    pub timestamp: u32,
    /// When it came.
    pub time: Timestamp,
    /// The stream's clock, once it is known.
    pub clock: Option<NonZeroU32>,
    /// The usual time between two of its packets.
    pub interval: Duration,
}

impl StreamEdge {
    /// What is to be booked between the last packet here and a first one there, if the same source goes on
    /// there: numbers and clock have run on, from the same origin to the same other one.
    pub fn moved_to(&self, first: &Self) -> Option<Booking> {
        let is_elsewhere = self.key != first.key && self.key.ssrc() == first.key.ssrc();
        let is_alike = (self.pair.src, self.pair.dst) == (first.pair.src, first.pair.dst);
        if !is_elsewhere || !is_alike || self.time >= first.time {
            return None;
        }
        let gone = first.time.since(self.time);
        let forward = first.number.wrapping_sub(self.number);
        let missing = u64::from(forward).checked_sub(1)?;
        let ran_on = sent(first.timestamp.wrapping_sub(self.timestamp), self.clock?);
        let could_send = self.interval.as_nanos() * u128::from(missing);
        let fits = forward < 1 << 15
            && gone <= LONGEST_MOVE
            && agrees(ran_on, gone)
            && could_send <= (gone + tolerance(gone)).as_nanos();
        let certainty = if gone <= CERTAIN {
            Certainty::Lost
        } else {
            Certainty::Excused(LossReason::Move)
        };
        fits.then(|| Booking::between(certainty, missing, self.time, first.time))
    }
}
