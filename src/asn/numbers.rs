//! Which AS numbers can be somebody's.
//!
//! The rule, for every source: a number that IANA keeps back for good names nobody, so it
//! attributes nothing. A private or documentation number does: in a provider's own tables it is a
//! customer's, and only its operator knows.

use crate::units::Asn;

/// Stands in a path of 16-bit numbers for one that needs 32 (RFC 6793 §9).
const AS_TRANS: u32 = 23456;

/// Whether the number can be the origin of an address.
pub(super) fn is_somebodys(asn: Asn) -> bool {
    // IANA, Autonomous System (AS) Numbers
    !matches!(
        asn.0,
        0 // RFC 7607
        | AS_TRANS
        | 65535 // RFC 7300
        | 65552
            ..=131_071 // reserved by IANA
        | u32::MAX // RFC 7300
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_iana_keeps_back_is_nobodys_and_private_numbers_are_somebodys() {
        for number in [0, 23456, 65535, 65552, 100_000, 131_071, u32::MAX] {
            assert!(!is_somebodys(Asn(number)), "{number}");
        }
        for number in [
            1,
            64496,
            64512,
            65534,
            65536,
            65551,
            131_072,
            4_200_000_000,
            u32::MAX - 1,
        ] {
            assert!(is_somebodys(Asn(number)), "{number}");
        }
    }
}
