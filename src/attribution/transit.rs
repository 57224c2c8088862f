//! Which transit ASNs a packet crosses, between the tap and its two ends.
//!
//! What a worker counts is keyed by this, so it holds the numbers themselves and no place in a
//! table: what was counted stays right when the tables are replaced. The way *to* an address is
//! known, it is our router's choice. The way *from* it is somebody else's and not visible here; it
//! is assumed to be the same.

use crate::asn::PathId;
use crate::units::Asn;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// The transit ASNs of a pair of addresses; equal ones are equal whatever table they are from.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Transit(Option<Arc<Legs>>);

/// Ascending, each once.
#[derive(PartialEq, Eq, Hash, Debug)]
struct Legs {
    src: Box<[Asn]>,
    dst: Box<[Asn]>,
}

/// On which side of the tap a packet crosses a transit ASN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransitSide {
    /// On its way to us: assumed.
    From,
    /// On its way on from us: known.
    To,
}

impl Transit {
    /// None, or none known.
    pub const NONE: Self = Self(None);

    /// What lies on the way to the source and on the way to the destination; each ascending.
    pub fn new(src: &[Asn], dst: &[Asn]) -> Self {
        // AS 0 is no AS (RFC 7607): a path that has it is wrong there.
        let somebodys = |leg: &[Asn]| {
            let leg = leg.iter().filter(|asn| **asn != Asn::NONE);
            leg.copied().collect::<Box<[Asn]>>()
        };
        let (src, dst) = (somebodys(src), somebodys(dst));
        Self((!src.is_empty() || !dst.is_empty()).then(|| Arc::new(Legs { src, dst })))
    }

    /// Between the tap and the source, ascending.
    pub fn src(&self) -> &[Asn] {
        self.0.as_ref().map_or(&[], |legs| &legs.src)
    }

    /// Between the tap and the destination, ascending.
    pub fn dst(&self) -> &[Asn] {
        self.0.as_ref().map_or(&[], |legs| &legs.dst)
    }

    /// Whether there is none, or none is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Every ASN once. What is crossed on both sides stands under the way that is known.
    pub fn each(&self) -> impl Iterator<Item = (Asn, TransitSide)> + '_ {
        let dst = self.dst();
        let src = self.src().iter().filter(|asn| !has(dst, **asn));
        let from = src.map(|asn| (*asn, TransitSide::From));
        from.chain(dst.iter().map(|asn| (*asn, TransitSide::To)))
    }
}

/// Whether an ASN is in an ascending list.
pub fn has(ascending: &[Asn], asn: Asn) -> bool {
    ascending.binary_search(&asn).is_ok()
}

/// Pairs of paths remembered by one worker; beyond that all are asked for again.
const MAX_KNOWN: usize = 1 << 16;

/// Transit by the paths to source and destination, so that streams share one list.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownTransit(RefCell<HashMap<[PathId; 2], Transit>>);

impl KnownTransit {
    /// Forgets all: there are other tables, and paths mean something else.
    pub(super) fn clear(&mut self) {
        self.0.get_mut().clear();
    }

    /// What lies on two paths of which this gives the transit ASNs.
    pub(super) fn on<'a>(
        &self,
        paths: [PathId; 2],
        transit: impl Fn(PathId) -> &'a [Asn],
    ) -> Transit {
        let [src, dst] = paths.map(transit);
        if src.is_empty() && dst.is_empty() {
            return Transit::default();
        }
        let mut known = self.0.borrow_mut();
        if known.len() >= MAX_KNOWN && !known.contains_key(&paths) {
            known.clear();
        }
        let new = || Transit::new(src, dst);
        known.entry(paths).or_insert_with(new).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asns<const N: usize>(numbers: [u32; N]) -> [Asn; N] {
        numbers.map(Asn)
    }

    #[test]
    fn an_asn_on_both_sides_of_the_tap_is_crossed_once_and_by_the_known_way() {
        let transit = Transit::new(&asns([0, 1, 2]), &asns([2, 3]));
        let each: Vec<_> = transit.each().collect();
        let expected = [
            (1, TransitSide::From),
            (2, TransitSide::To),
            (3, TransitSide::To),
        ];
        assert_eq!(each, expected.map(|(asn, leg)| (Asn(asn), leg)));
        assert_eq!(transit.src(), asns([1, 2]), "AS 0 is nobody");
    }

    #[test]
    fn no_transit_is_the_same_as_none_known() {
        assert_eq!(Transit::new(&[], &asns([0])), Transit::default());
        assert!(Transit::default().is_empty());
        assert_eq!(Transit::default().each().count(), 0);
    }

    #[test]
    fn equal_lists_of_different_tables_are_equal() {
        let (one, other) = (KnownTransit::default(), KnownTransit::default());
        let paths = [PathId::default(); 2];
        let list = asns([7]);
        let first = one.on(paths, |_| &list);
        assert_eq!(first, other.on(paths, |_| &list));
        let again = one.on(paths, |_| &list);
        assert!(Arc::ptr_eq(
            first.0.as_ref().unwrap(),
            again.0.as_ref().unwrap()
        ));
    }
}
