//! The swept spans as a tree of strides: the first 16 or 24 bits at once, then 8 at a time, so that
//! a lookup takes few steps and each touches one or two cache lines. On a whole table it is the
//! memory that takes the time (docs/decisions/origin-table.md).
//!
//! After the poptrie (Asai, Ohara: SIGCOMM 2015), with runs of equal values stored once, and small nodes
//! in one line.

use super::family::{AddressRange, NO_VALUE, Number};

/// Marks a slot that leads to a node; without it a slot is a value.
const NODE: u32 = 1 << 31;

/// Marks, beside [`NODE`], that the node is a [`SmallNode`].
const SMALL: u32 = 1 << 30;

/// A quarter of a node: 64 of its 256 ways. Four of them make a cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(16))]
struct NodeQuarter {
    /// A bit for each way that differs from the one before it; the first always does.
    starts: u64,
    /// Where the slot of the first way is; those of the other starts follow.
    first: u32,
}

/// Runs of equal ways that a small node has room for: as many as fit into a cache line.
pub(super) const RUNS: usize = 12;

/// Starts that are compared at once: one vector.
const STARTS: usize = 16;

/// A small node: runs, slots and all in one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct SmallNode {
    slots: [u32; RUNS],
    /// The first way of each run; behind the last run 255, with the last run's slot.
    starts: [u8; STARTS],
}

/// An immutable map from addresses to values, of which `ROOT` octets are taken at once. Nodes of up
/// to `MOST` runs, [`RUNS`] at most, are small nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct Strides<const ROOT: usize, const MOST: usize> {
    /// A slot for each value of the first octets, as the bits in which it differs from
    /// [`NO_VALUE`]: what nobody announces is 0, and memory that the system need not give. Empty
    /// for a family without prefixes.
    roots: Vec<u32>,
    small: Vec<SmallNode>,
    quarters: Vec<NodeQuarter>,
    slots: Vec<u32>,
}

impl<const ROOT: usize, const MOST: usize> Strides<ROOT, MOST> {
    /// From spans in order, of which the first starts at address 0.
    pub(super) fn new<N: Number>(spans: &[AddressRange<N>]) -> Self {
        let mut strides = Self::default();
        if spans.iter().all(|span| span.value == NO_VALUE) {
            return strides;
        }
        let mut roots = vec![0; 1 << (8 * ROOT)];
        let block = |span: &AddressRange<N>| {
            let octets = (0..ROOT).map(|place| span.start.octet(place));
            octets.fold(0, |block, octet| block << 8 | usize::from(octet))
        };
        let nothing = (NO_VALUE, NO_VALUE);
        fill(&mut roots, spans, nothing, block, |of_block, before| {
            strides.slot(of_block, before, ROOT)
        });
        strides.roots = roots;
        strides.small.shrink_to_fit();
        strides.quarters.shrink_to_fit();
        strides.slots.shrink_to_fit();
        strides
    }

    /// The slot of a block of addresses that have their first `octets` in common: the spans that
    /// start in it, and the value before them.
    fn slot<N: Number>(&mut self, spans: &[AddressRange<N>], before: u32, octets: usize) -> u32 {
        let whole = |span: &&AddressRange<N>| span.start.ends_behind(octets);
        let (value, spans) = match spans.first().filter(whole) {
            Some(first) => (first.value, spans.get(1..).unwrap_or(&[])),
            None => (before, spans),
        };
        if spans.is_empty() {
            return value;
        }
        let mut ways = [value; 256];
        let way = |span: &AddressRange<N>| usize::from(span.start.octet(octets));
        fill(&mut ways, spans, (value, 0), way, |of_way, before| {
            self.slot(of_way, before, octets + 1)
        });
        self.node(&ways)
    }

    /// Stores a node; the slot that leads to it.
    fn node(&mut self, ways: &[u32; 256]) -> u32 {
        let runs = ways.chunk_by(|one, other| one == other);
        if runs.clone().count() <= MOST.min(RUNS) {
            let mut small = SmallNode {
                slots: [ways.last().copied().unwrap_or(NO_VALUE); RUNS],
                starts: [u8::MAX; STARTS],
            };
            let mut way = 0;
            for ((run, slot), start) in runs.zip(&mut small.slots).zip(&mut small.starts) {
                *slot = run.first().copied().unwrap_or(NO_VALUE);
                *start = u8::try_from(way).unwrap_or(u8::MAX);
                way += run.len();
            }
            self.small.push(small);
            return number(self.small.len() - 1) | NODE | SMALL;
        }
        let node = number(self.quarters.len()) | NODE;
        for ways in ways.as_chunks::<64>().0 {
            let mut quarter = NodeQuarter {
                starts: 0,
                first: number(self.slots.len()),
            };
            let mut before = None;
            for (way, slot) in ways.iter().enumerate() {
                if before != Some(*slot) {
                    quarter.starts |= 1 << way;
                    self.slots.push(*slot);
                    before = Some(*slot);
                }
            }
            self.quarters.push(quarter);
        }
        node
    }

    /// The value at an address, given as its octets in network order.
    #[inline]
    pub(super) fn value(&self, address: &[u8]) -> Option<u32> {
        let (root, rest) = address.split_first_chunk::<ROOT>()?;
        let root = root
            .iter()
            .fold(0, |root, octet| root << 8 | usize::from(*octet));
        let mut slot = *self.roots.get(root)? ^ NO_VALUE;
        for octet in rest {
            if slot & NODE == 0 {
                break;
            }
            slot = self.step(slot, *octet)?;
        }
        (slot < NO_VALUE).then_some(slot)
    }

    /// The slot of one way of a node.
    #[inline]
    fn step(&self, slot: u32, octet: u8) -> Option<u32> {
        let node = (slot & !(NODE | SMALL)) as usize;
        if MOST > 0 && slot & SMALL != 0 {
            let small = self.small.get(node)?;
            let begun = small.starts.iter().map(|start| u8::from(*start <= octet));
            let begun = usize::from(begun.sum::<u8>());
            return small
                .slots
                .get(begun.checked_sub(1)?.min(RUNS - 1))
                .copied();
        }
        let quarter = self.quarters.get(node + usize::from(octet >> 6))?;
        // the starts up to and with this way
        let starts = (quarter.starts << (63 - (octet & 63))).count_ones();
        self.slots
            .get((quarter.first + starts) as usize - 1)
            .copied()
    }
}

/// Fills blocks in order: those in which no span starts go on with the value before them. `place`
/// tells a span's block, `slot` makes a block's slot of the spans in it and the value before it.
/// `before` is the value before all of them, and stands in the blocks already; whatever stands
/// there does so as the bits in which it differs from `base`.
fn fill<N: Number>(
    blocks: &mut [u32],
    spans: &[AddressRange<N>],
    (before, base): (u32, u32),
    place: impl Fn(&AddressRange<N>) -> usize,
    mut slot: impl FnMut(&[AddressRange<N>], u32) -> u32,
) {
    let (mut value, mut filled) = (before, 0);
    let go_on = |blocks: &mut [u32], from: usize, to: usize, value: u32| {
        if value != before {
            let between = blocks.get_mut(from..to).unwrap_or_default();
            between.fill(value ^ base);
        }
    };
    for of_block in spans.chunk_by(|one, other| place(one) == place(other)) {
        let (Some(first), Some(last)) = (of_block.first(), of_block.last()) else {
            continue;
        };
        let block = place(first);
        go_on(blocks, filled, block, value);
        if let Some(shown) = blocks.get_mut(block) {
            *shown = slot(of_block, value) ^ base;
        }
        (value, filled) = (last.value, block + 1);
    }
    let end = blocks.len();
    go_on(blocks, filled, end, value);
}

/// A place as it is stored; fits: prefixes are bounded far below 2^30 slots.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(NO_VALUE)
}
