//! Longest-prefix match: prefixes with a 32-bit value each, built once, then only read.
//!
//! Owned by [`Origins`](super::Origins), one per source, for as long as it lives. The two families
//! are apart: no IPv6 prefix, however short, covers an IPv4 address. It refuses nothing: default
//! routes and values without meaning are left out by whoever fills it.

mod family;
mod strides;
#[cfg(test)]
mod tests;

use super::octets::{OctetReader, OctetWriter};
use crate::units::{Address, Prefix};
use family::{Entry, Family, NO_VALUE, Number};
use std::net::IpAddr;
use strides::{RUNS, Strides};

/// Prefixes on their way into a [`PrefixTable`], in order of precedence among equals.
#[derive(Clone, Debug, Default)]
pub struct PrefixTableBuilder {
    v4: Vec<Entry<u32>>,
    v6: Vec<Entry<u128>>,
}

impl PrefixTableBuilder {
    /// Adds a prefix whose addresses match nothing, unless a longer one has them. Where the same
    /// prefix has a value, the value stays.
    pub fn insert_gap(&mut self, prefix: Prefix) {
        self.insert(prefix, NO_VALUE);
    }

    /// Adds a prefix; if it comes again, the first value stays. `value` is below 2^30 - 1, which
    /// stands for no value.
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
    pub fn build(self) -> PrefixTable {
        self.sort().build()
    }

    /// Sorts: the step that a compiled table saves.
    pub(super) fn sort(mut self) -> Sorted {
        let conflicts = family::sort(&mut self.v4) + family::sort(&mut self.v6);
        Sorted {
            v4: self.v4,
            v6: self.v6,
            conflicts,
        }
    }
}

/// Prefixes in order, each once, gaps among them.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    v4: Vec<Entry<u32>>,
    v6: Vec<Entry<u128>>,
    conflicts: u64,
}

impl Sorted {
    /// Prefixes that came again with another value.
    pub(super) fn conflicts(&self) -> u64 {
        self.conflicts
    }

    /// The values of all prefixes.
    pub(super) fn values(&self) -> impl Iterator<Item = u32> {
        let v4 = self.v4.iter().map(|entry| entry.value);
        let values = v4.chain(self.v6.iter().map(|entry| entry.value));
        values.filter(|value| *value != NO_VALUE)
    }

    /// Appends it to a compiled source.
    pub(super) fn write(&self, sink: &mut OctetWriter) {
        sink.one(self.conflicts);
        family::write(&self.v4, sink);
        family::write(&self.v6, sink);
    }

    /// Reads what [`write`](Self::write) wrote; none where prefixes are not in order.
    pub(super) fn read(scan: &mut OctetReader<'_>) -> Option<Self> {
        Some(Self {
            conflicts: scan.one()?,
            v4: family::read(scan)?,
            v6: family::read(scan)?,
        })
    }

    /// Sweeps: O(n).
    pub(super) fn build(self) -> PrefixTable {
        let (v4, v4_strides) = family(&self.v4);
        drop(self.v4);
        let (v6, v6_strides) = family(&self.v6);
        PrefixTable {
            v4,
            v4_strides,
            v6,
            v6_strides,
            conflicts: self.conflicts,
        }
    }
}

/// Most nodes of IPv4 have many runs: to tell two kinds of nodes apart costs more than it saves.
type V4Strides = Strides<2, 0>;

/// IPv6 is sparse below the first 24 bits.
type V6Strides = Strides<3, RUNS>;

fn family<N: Number, const ROOT: usize, const MOST: usize>(
    sorted: &[Entry<N>],
) -> (Family<N>, Strides<ROOT, MOST>) {
    (Family::new(sorted), Strides::new(&family::sweep(sorted)))
}

#[cfg(test)]
impl PrefixTableBuilder {
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
pub struct PrefixTable {
    v4: Family<u32>,
    v4_strides: V4Strides,
    v6: Family<u128>,
    v6_strides: V6Strides,
    conflicts: u64,
}

/// An empty table: nobody announces anything.
impl Default for PrefixTable {
    fn default() -> Self {
        PrefixTableBuilder::default().build()
    }
}

impl PrefixTable {
    /// The value of the longest prefix that the address lies in.
    #[inline]
    pub fn lookup(&self, address: Address) -> Option<u32> {
        let octets = address.number().to_be_bytes();
        if address.is_v4() {
            self.v4_strides.value(octets.last_chunk::<4>()?)
        } else {
            self.v6_strides.value(&octets)
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
        self.conflicts
    }
}
