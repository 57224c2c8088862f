//! Datagrams put together from their fragments, for SIP only: an INVITE with its certificates and
//! candidates is larger than a frame. Everything else is counted by its first fragment and not
//! held.

use crate::units::{Address, Timestamp};
use crate::wire::sip::is_sip;
use crate::wire::{Fragment, numbers};
use std::collections::VecDeque;
use std::time::Duration;

/// Datagrams in pieces at a time; the oldest leaves for the next. 64 of 64 KiB are 4 MiB.
const MAX_DATAGRAMS: usize = 64;

/// Pieces of one datagram: 64 KiB in the smallest frames that IPv6 allows (RFC 8200 §5).
const MAX_PIECES: usize = 56;

/// Pieces are waited for no longer than this (RFC 8200 §4.5 gives a host 60 s; SIP asks again
/// after 0.5 s, RFC 3261 §17.1.1.2).
const PATIENCE: Duration = Duration::from_secs(5);

/// Octets of the header that the first piece begins with.
const UDP_HEADER: usize = numbers::UDP_HEADER as usize;

#[derive(Debug)]
struct PartialDatagram {
    key: (Address, Address, u32),
    began: Timestamp,
    pieces: Vec<(u16, Vec<u8>)>,
    /// Where the packet ends; none before its last piece has come.
    end: Option<usize>,
}

/// Datagrams in pieces.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    waiting: VecDeque<PartialDatagram>,
}

impl Fragments {
    /// Takes a piece; the payload of the datagram if it is the last that was missing.
    pub(super) fn insert(&mut self, fragment: &Fragment<'_>) -> Option<Vec<u8>> {
        let key = (fragment.src, fragment.dst, fragment.identification);
        let place = self.waiting.iter().position(|pieces| pieces.key == key);
        if fragment.offset == 0 && !fragment.octets.get(UDP_HEADER..).is_some_and(is_sip) {
            // Not SIP, whatever has come of it already.
            place.and_then(|place| self.waiting.remove(place));
            return None;
        }
        let place = place.unwrap_or_else(|| {
            if self.waiting.len() >= MAX_DATAGRAMS {
                self.waiting.pop_front();
            }
            let began = fragment.time;
            self.waiting.push_back(PartialDatagram {
                key,
                began,
                pieces: Vec::new(),
                end: None,
            });
            self.waiting.len() - 1
        });
        let pieces = self.waiting.get_mut(place)?;
        pieces.add(fragment);
        let whole = pieces.whole()?;
        self.waiting.remove(place);
        Some(whole)
    }

    pub(super) fn expire(&mut self, now: Timestamp) {
        let before = now.minus(PATIENCE);
        self.waiting.retain(|pieces| pieces.began >= before);
    }
}

impl PartialDatagram {
    fn add(&mut self, fragment: &Fragment<'_>) {
        let known = self
            .pieces
            .iter()
            .any(|(offset, _)| *offset == fragment.offset);
        if known || self.pieces.len() >= MAX_PIECES {
            return;
        }
        if !fragment.more {
            self.end = Some(usize::from(fragment.offset) + fragment.octets.len());
        }
        self.pieces
            .push((fragment.offset, fragment.octets.to_vec()));
        self.pieces.sort_by_key(|(offset, _)| *offset);
    }

    /// The payload, if every octet is there; overlaps are refused (RFC 5722), by never fitting.
    fn whole(&self) -> Option<Vec<u8>> {
        let end = self.end?;
        let mut octets = Vec::with_capacity(end.min(usize::from(u16::MAX)));
        for (offset, piece) in &self.pieces {
            if usize::from(*offset) != octets.len() {
                return None;
            }
            octets.extend_from_slice(piece);
        }
        (octets.len() == end).then(|| octets.split_off(UDP_HEADER.min(end)))
    }
}
