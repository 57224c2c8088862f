//! The prefixes of one address family, swept once into sorted ranges that do not overlap, so that
//! a lookup never has to think of nesting.

/// Stands in a range that no prefix covers.
pub(super) const NO_VALUE: u32 = u32::MAX;

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
pub(super) struct Span<N> {
    pub(super) start: N,
    pub(super) value: u32,
}

/// The prefixes themselves: for counts, and to say which of them an address lies in.
#[derive(Clone, Debug)]
pub(super) struct Family<N> {
    /// First addresses of the prefixes, sorted; beside them their lengths.
    firsts: Vec<N>,
    lengths: Vec<u8>,
    /// Prefixes that came again with another value.
    conflicts: u64,
}

impl<N: Number> Family<N> {
    /// The prefixes, and their spans: sorted, the first starts at address 0, so that every address
    /// lies in one. Of a prefix that comes more than once the first stays that is not a gap.
    pub(super) fn new(mut entries: Vec<Entry<N>>) -> (Self, Vec<Span<N>>) {
        entries.sort_by_key(|entry| (entry.first, entry.length, entry.value == NO_VALUE));
        let mut conflicts = 0;
        entries.dedup_by(|again, kept| {
            let same = (again.first, again.length) == (kept.first, kept.length);
            let differs = again.value != NO_VALUE && again.value != kept.value;
            conflicts += u64::from(same && differs);
            same
        });
        let spans = sweep(&entries);
        // no address in a gap is ever looked for here
        entries.retain(|entry| entry.value != NO_VALUE);
        let family = Self {
            firsts: entries.iter().map(|entry| entry.first).collect(),
            lengths: entries.iter().map(|entry| entry.length).collect(),
            conflicts,
        };
        (family, spans)
    }

    pub(super) fn prefixes(&self) -> usize {
        self.firsts.len()
    }

    pub(super) fn conflicts(&self) -> u64 {
        self.conflicts
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
/// where one ends the one below it in the stack goes on.
fn sweep<N: Number>(sorted: &[Entry<N>]) -> Vec<Span<N>> {
    let mut spans = vec![Span {
        start: N::ZERO,
        value: NO_VALUE,
    }];
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
fn close<N: Number>(open: &mut Vec<(N, u32)>, spans: &mut Vec<Span<N>>, over: impl Fn(N) -> bool) {
    while let Some((last, _)) = open.pop_if(|(last, _)| over(*last)) {
        if let Some(start) = last.successor() {
            let below = open.last().map_or(NO_VALUE, |(_, value)| *value);
            begin(spans, start, below);
        }
    }
}

/// From `start` on it is `value`: replaces an empty span, joins equal neighbours.
fn begin<N: Number>(spans: &mut Vec<Span<N>>, start: N, value: u32) {
    spans.pop_if(|span| span.start == start);
    if spans.last().is_none_or(|span| span.value != value) {
        spans.push(Span { start, value });
    }
}
