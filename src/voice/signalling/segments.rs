//! SIP messages put together from TCP segments (RFC 3261 §18.3: Content-Length ends a message).

use crate::units::{Endpoint, Timestamp};
use crate::voice::Segment;
use crate::wire::sip;
use hashbrown::HashMap;
use std::time::Duration;

/// Directions of connections followed at a time; beyond that, new ones are not read.
const MAX_CONNECTIONS: usize = 4096;

/// Octets held of one direction: four times the largest message that anybody accepts.
const MAX_OCTETS: usize = 64 * 1024;

/// Segments held out of order.
const MAX_AHEAD: usize = 16;

/// A connection without a segment for so long is forgotten.
const PATIENCE: Duration = Duration::from_secs(600);

/// Control bit SYN (RFC 9293 §3.1).
const SYN: u8 = 0x02;

#[derive(Debug, Default)]
struct Half {
    last: Timestamp,
    /// The sequence number that comes next.
    next: u32,
    octets: Vec<u8>,
    ahead: Vec<(u32, Vec<u8>)>,
}

/// Directions of connections.
#[derive(Debug, Default)]
pub(super) struct Segments {
    halves: HashMap<(Endpoint, Endpoint), Half>,
}

impl Segments {
    /// Takes a segment; every message that is now whole goes to `message`.
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
            self.halves.remove(&key);
        }
        if !self.halves.contains_key(&key) {
            if self.halves.len() >= MAX_CONNECTIONS {
                return;
            }
            // A connection that was there before us begins with what comes first.
            let next = segment
                .sequence
                .wrapping_add(u32::from(segment.flags & SYN != 0));
            self.halves.insert(
                key,
                Half {
                    next,
                    ..Half::default()
                },
            );
        }
        if let Some(half) = self.halves.get_mut(&key) {
            half.last = time;
            half.insert(segment.sequence, segment.payload);
            half.deliver(message);
        }
    }

    pub(super) fn expire(&mut self, now: Timestamp) {
        let before = now.minus(PATIENCE);
        self.halves.retain(|_, half| half.last >= before);
    }
}

impl Half {
    fn insert(&mut self, sequence: u32, payload: &[u8]) {
        if payload.is_empty() {
            return;
        }
        let ahead = sequence.wrapping_sub(self.next).cast_signed();
        if ahead > 0 {
            if self.ahead.len() >= MAX_AHEAD {
                // What is missing will not come: go on behind it.
                self.octets.clear();
                self.next = self
                    .ahead
                    .iter()
                    .map(|(sequence, _)| *sequence)
                    .min()
                    .unwrap_or(sequence);
            }
            self.ahead.push((sequence, payload.to_vec()));
        } else {
            self.append(ahead.unsigned_abs() as usize, payload);
        }
        while let Some(place) = self
            .ahead
            .iter()
            .position(|(sequence, _)| sequence.wrapping_sub(self.next).cast_signed() <= 0)
        {
            let (sequence, payload) = self.ahead.swap_remove(place);
            let behind = self.next.wrapping_sub(sequence) as usize;
            self.append(behind, &payload);
        }
    }

    /// Appends what is new of a segment that begins so many octets behind.
    fn append(&mut self, behind: usize, payload: &[u8]) {
        let fresh = payload.get(behind..).unwrap_or_default();
        self.octets.extend_from_slice(fresh);
        self.next = self
            .next
            .wrapping_add(u32::try_from(fresh.len()).unwrap_or(0));
    }

    /// Hands out whole messages from the front.
    fn deliver(&mut self, mut message: impl FnMut(&[u8])) {
        loop {
            let blank = self
                .octets
                .iter()
                .take_while(|octet| octet.is_ascii_whitespace())
                .count();
            self.octets.drain(..blank);
            let Some(found) = sip::parse(&self.octets) else {
                // Not at the start of a message: begun in the middle, or not SIP at all (TLS).
                if self.octets.len() > 16 {
                    self.octets.clear();
                }
                return;
            };
            let Some(length) = found.content_length.map(|length| length as usize) else {
                return self.bound();
            };
            if found.body.len() < length {
                return self.bound();
            }
            let used = self.octets.len() - found.rest.len();
            message(self.octets.get(..used).unwrap_or_default());
            self.octets.drain(..used);
        }
    }

    fn bound(&mut self) {
        if self.octets.len() > MAX_OCTETS {
            self.octets.clear();
        }
    }
}
