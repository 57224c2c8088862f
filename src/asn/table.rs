//! Longest-prefix match: prefixes with a 32-bit value each, built once, then only read.
//!
//! Owned by [`Origins`](super::Origins), one per source, for as long as it lives. The two families
//! are apart: no IPv6 prefix, however short, covers an IPv4 address. It refuses nothing: default
//! routes and values without meaning are left out by whoever fills it.

mod family;
#[cfg(test)]
mod tests;

use crate::units::{Address, Prefix};
use family::{Entry, Family};
use std::net::IpAddr;

/// Prefixes on their way into a [`Table`], in order of precedence among equals.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    v4: Vec<Entry<u32>>,
    v6: Vec<Entry<u128>>,
}

impl Builder {
    /// Adds a prefix; if it comes again, the first value stays. `value` is below [`u32::MAX`],
    /// which stands for no value.
    pub fn insert(&mut self, prefix: Prefix, value: u32) {
        let (first, length) = (prefix.range().0, prefix.length());
        match (first.ip(), length.checked_sub(96)) {
            (IpAddr::V4(ip), Some(length)) => self.v4.push(Entry {
                first: ip.to_bits(),
                length,
                value,
            }),
            _ => self.v6.push(Entry {
                first: first.number(),
                length,
                value,
            }),
        }
    }

    /// Prefixes added so far.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sorts and sweeps: O(n log n).
    pub fn build(self) -> Table {
        let (v4, v6) = (Family::new(self.v4), Family::new(self.v6));
        Table {
            slots: slots(&v4),
            samples: v6.starts().step_by(SAMPLE).collect(),
            v4,
            v6,
        }
    }
}

#[cfg(test)]
impl Builder {
    /// What was added, IPv4 first.
    pub(super) fn entries(&self) -> Vec<(Prefix, u32)> {
        let v4 = self.v4.iter().map(|entry| {
            let address = Address::v4(entry.first.to_be_bytes());
            (Prefix::new(address, 96 + entry.length), entry.value)
        });
        let v6 = self.v6.iter().map(|entry| {
            let address = Address::from_number(entry.first);
            (Prefix::new(address, entry.length), entry.value)
        });
        v4.chain(v6).collect()
    }
}

/// Every how many spans of IPv6 one is sampled: 64 keeps the samples of a full table (180 000
/// prefixes, 2026) within 128 KiB, a second-level cache, and the rest of the search within six
/// steps.
const SAMPLE: usize = 64;

/// An immutable longest-prefix-match table.
#[derive(Clone, Debug)]
pub struct Table {
    v4: Family<u32>,
    /// For each value of an IPv4 address's first 16 bits the span that holds the lowest such
    /// address, and at the end the last span.
    slots: Vec<u32>,
    v6: Family<u128>,
    /// Start of every [`SAMPLE`]th IPv6 span. First bits would not do: most of IPv6 lies in a few
    /// /12 (IANA, IPv6 Global Unicast Address Assignments).
    samples: Vec<u128>,
}

/// An empty table: nobody announces anything.
impl Default for Table {
    fn default() -> Self {
        Builder::default().build()
    }
}

impl Table {
    /// The value of the longest prefix that the address lies in.
    pub fn lookup(&self, address: Address) -> Option<u32> {
        match address.ip() {
            IpAddr::V4(ip) => {
                let address = ip.to_bits();
                let slot = (address >> 16) as usize;
                let from = *self.slots.get(slot)? as usize;
                let last = *self.slots.get(slot + 1)? as usize;
                self.v4.value_among(from..last + 1, address)
            }
            IpAddr::V6(ip) => {
                let address = ip.to_bits();
                let after = self.samples.partition_point(|start| *start <= address);
                let from = after.checked_sub(1)? * SAMPLE;
                let last = (from + SAMPLE).min(self.v6.starts().len());
                self.v6.value_among(from..last, address)
            }
        }
    }

    /// The longest prefix that the address lies in, and its value. Much slower than
    /// [`lookup`](Self::lookup).
    pub fn explain(&self, address: Address) -> Option<(Prefix, u32)> {
        let value = self.lookup(address)?;
        let length = match address.ip() {
            IpAddr::V4(ip) => self.v4.longest(ip.to_bits())?.1 + 96,
            IpAddr::V6(ip) => self.v6.longest(ip.to_bits())?.1,
        };
        Some((Prefix::new(address, length), value))
    }

    /// Different prefixes in the table.
    pub fn prefixes(&self) -> usize {
        self.v4.prefixes() + self.v6.prefixes()
    }

    /// Prefixes that were added again with another value.
    pub fn conflicts(&self) -> u64 {
        self.v4.conflicts() + self.v6.conflicts()
    }
}

/// The first-level index of IPv4.
fn slots(family: &Family<u32>) -> Vec<u32> {
    let mut slots = Vec::with_capacity((1 << 16) + 1);
    for (span, start) in (0_u32..).zip(family.starts()) {
        // every slot whose lowest address lies before this span belongs to the span before it
        let reached = start.div_ceil(1 << 16) as usize;
        if let Some(before) = span.checked_sub(1) {
            slots.resize(slots.len().max(reached), before);
        }
    }
    let last = family.starts().len().saturating_sub(1);
    slots.resize((1 << 16) + 1, u32::try_from(last).unwrap_or(u32::MAX));
    slots
}
