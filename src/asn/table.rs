//! Longest-prefix match: prefixes with a 32-bit value each, built once, then only read.
//!
//! Owned by [`Origins`](super::Origins), one per source, for as long as it lives. The two families
//! are apart: no IPv6 prefix, however short, covers an IPv4 address. It refuses nothing: default
//! routes and values without meaning are left out by whoever fills it.

mod family;
mod spans;
#[cfg(test)]
mod tests;

use crate::units::{Address, Prefix};
use family::{Entry, Family, NO_VALUE};
use spans::{V4Spans, V6Spans};
use std::net::IpAddr;

/// Prefixes on their way into a [`Table`], in order of precedence among equals.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    v4: Vec<Entry<u32>>,
    v6: Vec<Entry<u128>>,
}

impl Builder {
    /// Adds a prefix whose addresses match nothing, unless a longer one has them. Where the same
    /// prefix has a value, the value stays.
    pub fn insert_gap(&mut self, prefix: Prefix) {
        self.insert(prefix, NO_VALUE);
    }

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

    /// Prefixes and gaps added so far.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sorts and sweeps: O(n log n).
    pub fn build(self) -> Table {
        let (v4, v4_spans) = Family::new(self.v4);
        let (v6, v6_spans) = Family::new(self.v6);
        Table {
            v4,
            v4_spans: V4Spans::new(&v4_spans),
            v6,
            v6_spans: V6Spans::new(&v6_spans),
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

/// An immutable longest-prefix-match table.
#[derive(Clone, Debug)]
pub struct Table {
    v4: Family<u32>,
    v4_spans: V4Spans,
    v6: Family<u128>,
    v6_spans: V6Spans,
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
            IpAddr::V4(ip) => self.v4_spans.value(ip.to_bits()),
            IpAddr::V6(ip) => self.v6_spans.value(ip.to_bits()),
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

    /// Different prefixes in the table, gaps not counted.
    pub fn prefixes(&self) -> usize {
        self.v4.prefixes() + self.v6.prefixes()
    }

    /// Prefixes that were added again with another value.
    pub fn conflicts(&self) -> u64 {
        self.v4.conflicts() + self.v6.conflicts()
    }
}
