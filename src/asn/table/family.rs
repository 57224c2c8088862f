//! The prefixes of one address family, swept once into sorted ranges that do not overlap, so that
//! a lookup never has to think of nesting.

use crate::asn::octets::{FixedWidth, OctetReader, OctetWriter};

/// Stands in a range that no prefix covers. The bits above are not a value's.
pub(super) const NO_VALUE: u32 = u32::MAX >> 2;

/// An address of a family as a number, network order first.
pub(super) trait Number: Copy + Ord {
    /// Bits of an address.
    const BITS: u8;
    /// The lowest address.
    const ZERO: Self;
    /// The address with everything behind the first `length` bits cleared.
    fn network(self, length: u8) -> Self;
    /// The address with everything behind the first `length` bits set.
    fn broadcast(self, length: u8) -> Self;
    /// The address after this one; none after the last.
    fn successor(self) -> Option<Self>;
    /// The octet at this place, in network order; 0 behind the last.
    fn octet(self, place: usize) -> u8;

    /// Whether nothing is set behind the first so many octets.
    fn ends_behind(self, octets: usize) -> bool {
        let bits = u8::try_from(octets * 8).unwrap_or(Self::BITS);
        self.network(bits) == self
    }
}

macro_rules! number {
    ($number:ty) => {
        impl Number for $number {
            #[expect(clippy::cast_possible_truncation, reason = "32 or 128")]
            const BITS: u8 = <$number>::BITS as u8;
            const ZERO: Self = 0;

            fn network(self, length: u8) -> Self {
                self & !<$number>::MAX.checked_shr(length.into()).unwrap_or(0)
            }

            fn broadcast(self, length: u8) -> Self {
                self | <$number>::MAX.checked_shr(length.into()).unwrap_or(0)
            }

            fn successor(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn octet(self, place: usize) -> u8 {
                self.to_be_bytes().get(place).copied().unwrap_or(0)
            }
        }
    };
}
number!(u32);
number!(u128);

/// A prefix before the sweep.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<N> {
    pub(super) first: N,
    pub(super) length: u8,
    pub(super) value: u32,
}

/// From `start` up to the start of the next span all addresses have `value`.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddressRange<N> {
    pub(super) start: N,
    pub(super) value: u32,
}

/// The prefixes themselves: for counts, and to say which of them an address lies in.
#[derive(Clone, Debug)]
pub(super) struct Family<N> {
    /// First addresses of the prefixes, sorted; beside them their lengths.
    firsts: Vec<N>,
    lengths: Vec<u8>,
}

/// Sorts prefixes; of one that comes more than once the first stays that is not a gap. How many
/// came again with another value.
pub(super) fn sort<N: Number>(entries: &mut Vec<Entry<N>>) -> u64 {
    entries.sort_by_key(|entry| (entry.first, entry.length, entry.value == NO_VALUE));
    let mut conflicts = 0;
    entries.dedup_by(|again, kept| {
        let same = (again.first, again.length) == (kept.first, kept.length);
        let differs = again.value != NO_VALUE && again.value != kept.value;
        conflicts += u64::from(same && differs);
        same
    });
    conflicts
}

/// Appends sorted prefixes to a compiled source.
pub(super) fn write<N: FixedWidth>(sorted: &[Entry<N>], sink: &mut OctetWriter) {
    sink.list(sorted.iter().map(|entry| entry.first));
    sink.list(sorted.iter().map(|entry| entry.length));
    sink.list(sorted.iter().map(|entry| entry.value));
}

/// Reads sorted prefixes; none where they are not, or not prefixes.
pub(super) fn read<N: Number + FixedWidth>(scan: &mut OctetReader<'_>) -> Option<Vec<Entry<N>>> {
    let firsts = scan.list::<N>()?;
    let lengths = scan.list::<u8>()?;
    let values = scan.list::<u32>()?;
    if firsts.len() != lengths.len() || firsts.len() != values.len() {
        return None;
    }
    let columns = firsts.into_iter().zip(lengths).zip(values);
    let entries: Vec<Entry<N>> = columns
        .map(|((first, length), value)| Entry {
            first,
            length,
            value,
        })
        .collect();
    let is_prefix = |entry: &Entry<N>| {
        entry.length <= N::BITS && entry.first.network(entry.length) == entry.first
    };
    let in_order =
        |one: &Entry<N>, other: &Entry<N>| (one.first, one.length) < (other.first, other.length);
    let sound = entries.iter().all(is_prefix) && entries.is_sorted_by(in_order);
    sound.then_some(entries)
}

impl<N: Number> Family<N> {
    /// Of sorted prefixes those with a value: no address in a gap is ever looked for here.
    pub(super) fn new(sorted: &[Entry<N>]) -> Self {
        let valued = || sorted.iter().filter(|entry| entry.value != NO_VALUE);
        let count = valued().count();
        let mut family = Self {
            firsts: Vec::with_capacity(count),
            lengths: Vec::with_capacity(count),
        };
        family.firsts.extend(valued().map(|entry| entry.first));
        family.lengths.extend(valued().map(|entry| entry.length));
        family
    }

    pub(super) fn prefixes(&self) -> usize {
        self.firsts.len()
    }

    /// First address and length of the longest prefix an address lies in. Tries every length:
    /// for people, not for packets.
    pub(super) fn longest(&self, address: N) -> Option<(N, u8)> {
        (0..=N::BITS).rev().find_map(|length| {
            let first = address.network(length);
            let from = self.firsts.partition_point(|other| *other < first);
            let beside = self
                .firsts
                .get(from..)?
                .iter()
                .zip(self.lengths.get(from..)?);
            beside
                .take_while(|(other, _)| **other == first)
                .any(|(_, other)| *other == length)
                .then_some((first, length))
        })
    }
}

/// One pass over sorted prefixes with a stack of those still open: prefixes nest or are apart, so
/// where one ends the one below it in the stack goes on. The first span starts at address 0, so that
/// every address lies in one.
pub(super) fn sweep<N: Number>(sorted: &[Entry<N>]) -> Vec<AddressRange<N>> {
    let mut spans = Vec::with_capacity(sorted.len());
    spans.push(AddressRange {
        start: N::ZERO,
        value: NO_VALUE,
    });
    let mut open: Vec<(N, u32)> = Vec::new();
    for entry in sorted {
        close(&mut open, &mut spans, |last| last < entry.first);
        begin(&mut spans, entry.first, entry.value);
        open.push((entry.first.broadcast(entry.length), entry.value));
    }
    close(&mut open, &mut spans, |_| true);
    spans
}

/// Ends the open prefixes, innermost first, whose last address is `over`.
fn close<N: Number>(
    open: &mut Vec<(N, u32)>,
    spans: &mut Vec<AddressRange<N>>,
    over: impl Fn(N) -> bool,
) {
    while let Some((last, _)) = open.pop_if(|(last, _)| over(*last)) {
        if let Some(start) = last.successor() {
            let below = open.last().map_or(NO_VALUE, |(_, value)| *value);
            begin(spans, start, below);
        }
    }
}

/// From `start` on it is `value`: replaces an empty span, joins equal neighbours.
fn begin<N: Number>(spans: &mut Vec<AddressRange<N>>, start: N, value: u32) {
    spans.pop_if(|span| span.start == start);
    if spans.last().is_none_or(|span| span.value != value) {
        spans.push(AddressRange { start, value });
    }
}
