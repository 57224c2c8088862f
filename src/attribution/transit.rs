//! The transit ASNs of a packet, between the capture point and its two ends.
//!
//! Counts are keyed by them, so they are ASNs and not indexes of a table: counts stay valid when the
//! tables are replaced. The path *to* an address is known, because the local router chose it. The path
//! *from* an address is chosen by other networks and not visible here; it is assumed to be the same.

use crate::asn::PathId;
use crate::units::Asn;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// The transit ASNs of an address pair. Equal lists compare equal, from any table.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Transit(Option<Arc<Legs>>);

/// Both lists, ascending and without duplicates.
#[derive(PartialEq, Eq, Hash, Debug)]
struct Legs {
    src: Box<[Asn]>,
    dst: Box<[Asn]>,
}

/// The side of the capture point on which a packet crosses a transit ASN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransitSide {
    /// Between the source and the capture point: assumed.
    From,
    /// Between the capture point and the destination: known.
    To,
}

impl Transit {
    /// None, or none known.
    pub const NONE: Self = Self(None);

    /// The transit ASNs on the paths to source and destination; each list ascending.
    pub fn new(src: &[Asn], dst: &[Asn]) -> Self {
        // AS 0 is reserved (RFC 7607): in a path it is an error.
        let valid = |leg: &[Asn]| {
            let leg = leg.iter().filter(|asn| **asn != Asn::NONE);
            leg.copied().collect::<Box<[Asn]>>()
        };
        let (src, dst) = (valid(src), valid(dst));
        Self((!src.is_empty() || !dst.is_empty()).then(|| Arc::new(Legs { src, dst })))
    }

    /// Between the capture point and the source, ascending.
    pub fn src(&self) -> &[Asn] {
        self.0.as_ref().map_or(&[], |legs| &legs.src)
    }

    /// Between the capture point and the destination, ascending.
    pub fn dst(&self) -> &[Asn] {
        self.0.as_ref().map_or(&[], |legs| &legs.dst)
    }

    /// Whether there is none, or none is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Every ASN once. One on both sides is listed on the known side.
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

/// Most pairs of paths cached by a worker; beyond that the cache is cleared.
const MAX_KNOWN: usize = 1 << 16;

/// Cache of transit by the paths to source and destination, so that streams share one list.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownTransit(RefCell<HashMap<[PathId; 2], Transit>>);

impl KnownTransit {
    /// Clears the cache: path ids are valid for one set of tables only.
    pub(super) fn clear(&mut self) {
        self.0.get_mut().clear();
    }

    /// The transit of two paths; `transit` returns the ASNs of a path.
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
    fn an_asn_on_both_sides_of_the_capture_point_is_listed_once_on_the_known_side() {
        let transit = Transit::new(&asns([0, 1, 2]), &asns([2, 3]));
        let each: Vec<_> = transit.each().collect();
        let expected = [
            (1, TransitSide::From),
            (2, TransitSide::To),
            (3, TransitSide::To),
        ];
        assert_eq!(each, expected.map(|(asn, leg)| (Asn(asn), leg)));
        assert_eq!(transit.src(), asns([1, 2]), "AS 0 is removed");
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
