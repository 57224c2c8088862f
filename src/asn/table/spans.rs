//! The swept spans, laid out so that a lookup touches few cache lines: on a whole table it is the
//! memory that takes the time, not the search (benches/lookup.rs).

use super::family::{NO_VALUE, Span};

/// IPv4: a block for each value of the first 16 bits.
#[derive(Clone, Debug, Default)]
pub(super) struct V4Spans {
    /// Where each block begins in `blocks`, and the end of the last. Empty for a family without
    /// prefixes.
    offsets: Vec<u32>,
    /// Per block n starts (the last 16 bits, sorted, the first 0), then n values as two halves,
    /// high first: start and value of a span lie on the same page.
    blocks: Vec<u16>,
}

impl V4Spans {
    pub(super) fn new(spans: &[Span<u32>]) -> Self {
        let mut packed = Self::default();
        if spans.iter().all(|span| span.value == NO_VALUE) {
            return packed;
        }
        let mut spans = spans.iter().copied().peekable();
        let mut value = NO_VALUE;
        for block in 0..=u16::MAX {
            let (mut starts, mut values) = (vec![0], vec![halves(value)]);
            while let Some(span) = spans.next_if(|span| split(span.start).0 == block) {
                let (_, start) = split(span.start);
                if start == 0 {
                    values.clear();
                } else {
                    starts.push(start);
                }
                value = span.value;
                values.push(halves(value));
            }
            packed.begin_block();
            packed.blocks.extend(starts);
            packed.blocks.extend(values.as_flattened());
        }
        packed.begin_block();
        packed.blocks.shrink_to_fit();
        packed
    }

    fn begin_block(&mut self) {
        // 3 · 2^32 halves would not fit, but neither would they in memory: prefixes are bounded
        self.offsets
            .push(u32::try_from(self.blocks.len()).unwrap_or(u32::MAX));
    }

    /// The value at an address.
    pub(super) fn value(&self, address: u32) -> Option<u32> {
        let (block, address) = split(address);
        let block = usize::from(block);
        let from = *self.offsets.get(block)? as usize;
        let to = *self.offsets.get(block + 1)? as usize;
        let block = self.blocks.get(from..to)?;
        let (starts, values) = block.split_at_checked(block.len() / 3)?;
        let after = starts.partition_point(|start| *start <= address);
        let [high, low] = *values.as_chunks::<2>().0.get(after.checked_sub(1)?)?;
        known(u32::from(high) << 16 | u32::from(low))
    }
}

/// First and last 16 bits of an address.
fn split(address: u32) -> (u16, u16) {
    let [high, low] = halves(address);
    (high, low)
}

#[expect(clippy::cast_possible_truncation, reason = "that is what halves are")]
fn halves(number: u32) -> [u16; 2] {
    [(number >> 16) as u16, number as u16]
}

fn known(value: u32) -> Option<u32> {
    (value != NO_VALUE).then_some(value)
}

/// Every how many spans of IPv6 one is sampled: 16 keeps the samples of a full table (180 000
/// prefixes, 2026) in the second-level cache, and the starts between two samples within 256
/// octets.
const SAMPLE: usize = 16;

/// IPv6: sorted starts and a sample of them. First bits as an index would not do: most of IPv6
/// lies in a few /12 (IANA, IPv6 Global Unicast Address Assignments).
#[derive(Clone, Debug, Default)]
pub(super) struct V6Spans {
    /// Every [`SAMPLE`]th start.
    samples: Vec<u128>,
    starts: Vec<u128>,
    values: Vec<u32>,
}

impl V6Spans {
    pub(super) fn new(spans: &[Span<u128>]) -> Self {
        Self {
            samples: spans
                .iter()
                .step_by(SAMPLE)
                .map(|span| span.start)
                .collect(),
            starts: spans.iter().map(|span| span.start).collect(),
            values: spans.iter().map(|span| span.value).collect(),
        }
    }

    /// The value at an address.
    pub(super) fn value(&self, address: u128) -> Option<u32> {
        let sample = self
            .samples
            .partition_point(|start| *start <= address)
            .checked_sub(1)?;
        let from = sample * SAMPLE;
        let near = self.starts.get(from..)?;
        let near = near.get(..SAMPLE).unwrap_or(near);
        let after = near.partition_point(|start| *start <= address);
        known(*self.values.get((from + after).checked_sub(1)?)?)
    }
}
