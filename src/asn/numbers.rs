//! Tells which AS numbers a network can have.
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

/// Whether the number is for private use (RFC 6996): several may have it, and it means nothing outside
/// of the network that gave it.
fn is_private(asn: Asn) -> bool {
    matches!(asn.0, 64_512..=65_534 | 4_200_000_000..=4_294_967_294)
}

/// By which of several numbers comes first where nothing else decides: the lowest, but one for private
/// use behind every other. It has most likely leaked, and is no more somebody's for being lower.
pub(super) fn precedence(asn: Asn) -> (bool, Asn) {
    (is_private(asn), asn)
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

    #[test]
    fn the_lowest_comes_first_and_private_ones_last() {
        let mut numbers = [
            4_200_000_000,
            65_536,
            64_512,
            65_534,
            64_511,
            4_199_999_999,
            1,
        ];
        numbers.sort_unstable_by_key(|number| precedence(Asn(*number)));
        let order = [
            1,
            64_511,
            65_536,
            4_199_999_999,
            64_512,
            65_534,
            4_200_000_000,
        ];
        assert_eq!(numbers, order);
    }
}
