//! What a stream has shown of its own pauses, and how it stopped.

use super::clock::{agrees, low, sent};
use super::{Stream, clock_of};
use crate::stream::edge::StreamEdge;
use crate::stream::silence::AFTER;
use crate::units::{Second, Timestamp};
use std::time::Duration;

/// A stream that has used silence suppression may pause for so long at least.
const PAUSE: Duration = Duration::from_secs(3);

/// A stream that lives so long is a call.
const SHORTEST: Duration = Duration::from_secs(2);

/// A sender report may count so many packets that pass us after it.
const ON_THE_WAY: i16 = 2;

/// A longer step of the timestamp is no pause that anybody makes in speech.
const LONGEST: Duration = Duration::from_secs(60);

impl Stream {
    /// The timestamp went on by more than usual over so many numbers: between two that follow each
    /// other the sender has paused (RFC 3551 §4.1).
    pub(super) fn note_pause(&mut self, units: u32, numbers: u64) {
        let clock = clock_of(&self.of, self.cold.format.as_deref());
        let pause = clock
            .filter(|_| numbers == 1)
            .map(|clock| sent(units, clock));
        if let Some(pause) = pause.filter(|pause| *pause <= LONGEST) {
            let millis = u16::try_from(pause.as_millis()).unwrap_or(u16::MAX);
            self.cold.longest_pause = self.cold.longest_pause.max(millis);
        }
    }

    /// The same between two payload types, if that time has passed between their arrivals too.
    pub(super) fn note_pause_between(&mut self, units: u32, numbers: u64, gone: Duration) {
        let clock = clock_of(&self.of, self.cold.format.as_deref());
        let pause = clock.map(|clock| sent(units, clock)).unwrap_or_default();
        if pause > self.interval() * 8 && agrees(pause, gone) && gone > pause / 2 {
            self.note_pause(units, numbers);
        }
    }

    /// The longest time that usually passes between two of its packets.
    pub(in crate::stream) fn longest_pause(&self) -> Duration {
        match self.cold.longest_pause {
            0 => self.interval(),
            millis => Duration::from_millis(millis.into()).max(PAUSE),
        }
    }

    /// Where it stands: its packet of the highest number.
    pub(in crate::stream) fn edge(&self) -> StreamEdge {
        StreamEdge {
            pair: self.pair().clone(),
            key: self.key,
            number: self.sequence.last_number(),
            timestamp: self.newest_timestamp,
            time: self.newest,
            clock: clock_of(&self.of, None),
            interval: self.interval(),
        }
    }

    /// The last packet may be the first of a new numbering: it is not known yet.
    pub(in crate::stream) fn is_numbering_open(&self) -> bool {
        self.is_restart_open() || self.cold.suspect == self.last
    }

    /// It has lived long enough to fall silent: what is shorter is ringback, or an announcement.
    pub(in crate::stream) fn is_call(&self) -> bool {
        self.last.since(self.cold.first) >= SHORTEST
    }

    /// All its packets, settled or not.
    pub(in crate::stream) fn all_packets(&self) -> u64 {
        self.cold.packets + u64::from(self.tally.packets)
    }

    /// The payload type of its last packet, and the octets of its payload.
    pub(in crate::stream) fn last_payload(&self) -> (u8, u16) {
        (self.of.number, self.payload_bytes)
    }

    /// Its sender has said that it sends no more: that it leaves (RFC 3550 §6.6), or by its reports.
    pub(in crate::stream) fn say_goodbye(&mut self, now: Timestamp) {
        self.cold.sends_no_more = low(now.second().0);
    }

    /// Its sender has reported how many packets it has sent (RFC 3550 §6.4.1). In a silence: whether
    /// these are no more than have come or are known to be missing.
    pub(in crate::stream) fn note_sender_report(&mut self, packets: u32, now: Timestamp) {
        let [_, _, high, low] = packets.to_be_bytes();
        let sent = u16::from_be_bytes([high, low]);
        let beyond = sent.wrapping_sub(self.sequence.last_number());
        match self.cold.sent_beyond {
            Some(before) if now.since(self.last) >= AFTER => {
                if beyond.wrapping_sub(before).cast_signed() <= ON_THE_WAY {
                    self.say_goodbye(now);
                }
            }
            _ => self.cold.sent_beyond = Some(beyond),
        }
    }

    /// A receiver report came from its sender. Where sender reports came before, it says in a silence
    /// that nothing was sent since the last report but one (RFC 3550 §6.4).
    pub(in crate::stream) fn note_receiver_report(&mut self, now: Timestamp) {
        if self.cold.sent_beyond.is_some() && now.since(self.last) >= AFTER {
            self.say_goodbye(now);
        }
    }

    /// The second in which its sender said last that it sends no more; 0: never.
    pub(in crate::stream) fn sends_no_more(&self) -> Second {
        Second(self.cold.sends_no_more.into())
    }
}
