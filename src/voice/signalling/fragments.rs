//! Reassembly of fragmented datagrams, for SIP only: an INVITE with certificates and candidates is larger
//! than a frame. Fragments of other datagrams are not held.

use crate::units::occupancy::Occupancy;
use crate::units::{Address, Timestamp};
use crate::wire::sip::is_sip;
use crate::wire::{Fragment, numbers};
use std::collections::VecDeque;
use std::time::Duration;

/// Most incomplete datagrams; a further one removes the oldest. 64 of 64 KiB are 4 MiB.
const MAX_DATAGRAMS: usize = 64;

/// Most fragments of a datagram: 64 KiB with the smallest MTU of IPv6 (RFC 8200 §5).
const MAX_FRAGMENTS: usize = 56;

/// Reassembly timeout. RFC 8200 §4.5 allows a host 60 s; SIP retransmits after 0.5 s (RFC 3261
/// §17.1.1.2).
const REASSEMBLY_TIMEOUT: Duration = Duration::from_secs(5);

/// Octets of the UDP header at the start of the first fragment.
const UDP_HEADER: usize = numbers::UDP_HEADER as usize;

#[derive(Debug)]
struct PartialDatagram {
    key: (Address, Address, u32),
    began: Timestamp,
    /// Offset and octets of each fragment, in order of offset.
    fragments: Vec<(u16, Vec<u8>)>,
    /// Length of the packet; `None` before its last fragment.
    end: Option<usize>,
}

/// The incomplete datagrams.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    waiting: VecDeque<PartialDatagram>,
    pushed_out: u64,
}

impl Fragments {
    /// Adds a fragment. Returns the UDP payload if the datagram is complete.
    pub(super) fn insert(&mut self, fragment: &Fragment<'_>) -> Option<Vec<u8>> {
        let key = (fragment.src, fragment.dst, fragment.identification);
        let index = self.waiting.iter().position(|partial| partial.key == key);
        if fragment.offset == 0 && !fragment.octets.get(UDP_HEADER..).is_some_and(is_sip) {
            // Not SIP: drop the fragments received so far.
            index.and_then(|index| self.waiting.remove(index));
            return None;
        }
        let index = index.unwrap_or_else(|| {
            if self.waiting.len() >= MAX_DATAGRAMS {
                self.waiting.pop_front();
                self.pushed_out += 1;
            }
            let began = fragment.time;
            self.waiting.push_back(PartialDatagram {
                key,
                began,
                fragments: Vec::new(),
                end: None,
            });
            self.waiting.len() - 1
        });
        let partial = self.waiting.get_mut(index)?;
        partial.add(fragment);
        let payload = partial.payload()?;
        self.waiting.remove(index);
        Some(payload)
    }

    /// How full it is.
    pub(super) fn occupancy(&self) -> Occupancy {
        Occupancy::new(self.waiting.len(), MAX_DATAGRAMS, self.pushed_out)
    }

    pub(super) fn expire(&mut self, now: Timestamp) {
        let before = now.minus(REASSEMBLY_TIMEOUT);
        self.waiting.retain(|partial| partial.began >= before);
    }
}

impl PartialDatagram {
    fn add(&mut self, fragment: &Fragment<'_>) {
        let known = self
            .fragments
            .iter()
            .any(|(offset, _)| *offset == fragment.offset);
        if known || self.fragments.len() >= MAX_FRAGMENTS {
            return;
        }
        if !fragment.more {
            self.end = Some(usize::from(fragment.offset) + fragment.octets.len());
        }
        self.fragments
            .push((fragment.offset, fragment.octets.to_vec()));
        self.fragments.sort_by_key(|(offset, _)| *offset);
    }

    /// The UDP payload, if it is complete. Overlapping fragments never complete (RFC 5722).
    fn payload(&self) -> Option<Vec<u8>> {
        let end = self.end?;
        let mut octets = Vec::with_capacity(end.min(usize::from(u16::MAX)));
        for (offset, fragment) in &self.fragments {
            if usize::from(*offset) != octets.len() {
                return None;
            }
            octets.extend_from_slice(fragment);
        }
        (octets.len() == end).then(|| octets.split_off(UDP_HEADER.min(end)))
    }
}
