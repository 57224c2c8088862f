//! Which AS numbers can be somebody's.
//!
//! The rule, for every source: a number that may never be in a path as an AS of its own names
//! nobody, so it attributes nothing. Every other does, assigned or not: a private or documentation
//! number may be a customer's in a provider's own tables, and one that IANA has not given out is
//! still where the traffic goes.

use crate::units::Asn;

/// Stands in a path of 16-bit numbers for one that needs 32 (RFC 6793 §9).
const AS_TRANS: u32 = 23456;

/// Whether the number can be the origin of an address.
pub(super) fn is_assignable(asn: Asn) -> bool {
    !matches!(
        asn.0,
        0 // RFC 7607
        | AS_TRANS
        | 65535 // RFC 7300
        | u32::MAX // RFC 7300
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_numbers_are_nobodys_and_private_ones_are_somebodys() {
        for number in [0, 23456, 65535, u32::MAX] {
            assert!(!is_assignable(Asn(number)), "{number}");
        }
        for number in [
            1,
            64496,
            64512,
            65534,
            65536,
            65559,
            4_200_000_000,
            u32::MAX - 1,
        ] {
            assert!(is_assignable(Asn(number)), "{number}");
        }
    }
}
