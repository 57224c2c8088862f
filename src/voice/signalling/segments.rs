//! Reassembly of SIP messages from TCP segments (RFC 3261 §18.3: Content-Length ends a message).

use crate::units::occupancy::Occupancy;
use crate::units::{Endpoint, Timestamp};
use crate::voice::Segment;
use crate::wire::sip;
use hashbrown::HashMap;
use std::time::Duration;

/// Most directions of connections; further ones are ignored.
const MAX_CONNECTIONS: usize = 4096;

/// Most octets buffered of a direction: four times the largest message that implementations accept.
const MAX_OCTETS: usize = 64 * 1024;

/// Most out-of-order segments of a direction.
const MAX_OUT_OF_ORDER: usize = 16;

/// Idle timeout of a connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);

/// Control bit SYN (RFC 9293 §3.1).
const SYN: u8 = 0x02;

/// One direction of a connection.
#[derive(Debug, Default)]
struct Direction {
    last: Timestamp,
    /// The expected sequence number.
    next: u32,
    /// Octets in order, from the start of a message.
    octets: Vec<u8>,
    /// Segments behind a gap, with their sequence numbers.
    out_of_order: Vec<(u32, Vec<u8>)>,
}

/// The directions of all connections.
#[derive(Debug, Default)]
pub(super) struct Segments {
    directions: HashMap<(Endpoint, Endpoint), Direction>,
    refused: u64,
}

impl Segments {
    /// Adds a segment. Passes each completed message to `message`.
    pub(super) fn insert(
        &mut self,
        src: Endpoint,
        dst: Endpoint,
        time: Timestamp,
        segment: Segment<'_>,
        message: impl FnMut(&[u8]),
    ) {
        let key = (src, dst);
        if segment.flags & SYN != 0 {
            self.directions.remove(&key);
        }
        if !self.directions.contains_key(&key) {
            if self.directions.len() >= MAX_CONNECTIONS {
                self.refused += 1;
                return;
            }
            // A connection that began before the capture starts with its first captured segment.
            let next = segment
                .sequence
                .wrapping_add(u32::from(segment.flags & SYN != 0));
            self.directions.insert(
                key,
                Direction {
                    next,
                    ..Direction::default()
                },
            );
        }
        if let Some(direction) = self.directions.get_mut(&key) {
            direction.last = time;
            direction.insert(segment.sequence, segment.payload);
            direction.deliver(message);
        }
    }

    /// How full it is, and segments that found no room.
    pub(super) fn occupancy(&self) -> Occupancy {
        Occupancy::new(self.directions.len(), MAX_CONNECTIONS, self.refused)
    }

    pub(super) fn expire(&mut self, now: Timestamp) {
        let before = now.minus(IDLE_TIMEOUT);
        self.directions
            .retain(|_, direction| direction.last >= before);
    }
}

impl Direction {
    fn insert(&mut self, sequence: u32, payload: &[u8]) {
        if payload.is_empty() {
            return;
        }
        let ahead = sequence.wrapping_sub(self.next).cast_signed();
        if ahead > 0 {
            if self.out_of_order.len() >= MAX_OUT_OF_ORDER {
                // The gap will not be filled: continue behind it.
                self.octets.clear();
                self.next = self
                    .out_of_order
                    .iter()
                    .map(|(sequence, _)| *sequence)
                    .min()
                    .unwrap_or(sequence);
            }
            self.out_of_order.push((sequence, payload.to_vec()));
        } else {
            self.append(ahead.unsigned_abs() as usize, payload);
        }
        while let Some(index) = self
            .out_of_order
            .iter()
            .position(|(sequence, _)| sequence.wrapping_sub(self.next).cast_signed() <= 0)
        {
            let (sequence, payload) = self.out_of_order.swap_remove(index);
            let behind = self.next.wrapping_sub(sequence) as usize;
            self.append(behind, &payload);
        }
    }

    /// Appends the new octets of a segment that starts `behind` octets before the expected one.
    fn append(&mut self, behind: usize, payload: &[u8]) {
        let fresh = payload.get(behind..).unwrap_or_default();
        self.octets.extend_from_slice(fresh);
        self.next = self
            .next
            .wrapping_add(u32::try_from(fresh.len()).unwrap_or(0));
    }

    /// Passes complete messages from the front of the buffer.
    fn deliver(&mut self, mut message: impl FnMut(&[u8])) {
        loop {
            let blank = self
                .octets
                .iter()
                .take_while(|octet| octet.is_ascii_whitespace())
                .count();
            self.octets.drain(..blank);
            let Some(found) = sip::parse(&self.octets) else {
                // Not at the start of a message: the capture began inside it, or it is not SIP (TLS).
                if self.octets.len() > 16 {
                    self.octets.clear();
                }
                return;
            };
            let Some(length) = found.content_length.map(|length| length as usize) else {
                return self.limit_buffer();
            };
            if found.body.len() < length {
                return self.limit_buffer();
            }
            let used = self.octets.len() - found.rest.len();
            message(self.octets.get(..used).unwrap_or_default());
            self.octets.drain(..used);
        }
    }

    /// Drops the buffered octets if there are too many.
    fn limit_buffer(&mut self) {
        if self.octets.len() > MAX_OCTETS {
            self.octets.clear();
        }
    }
}
