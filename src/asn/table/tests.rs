use super::*;
use proptest::prelude::*;

fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Prefix {
    Prefix::new(Address::v4([a, b, c, d]), 96 + length)
}

/// Stands for a gap in the lists of the tests.
const GAP: u32 = 9;

fn table(prefixes: &[(Prefix, u32)]) -> PrefixTable {
    let mut builder = PrefixTableBuilder::default();
    for (prefix, value) in prefixes {
        if *value == GAP {
            builder.insert_gap(*prefix);
        } else {
            builder.insert(*prefix, *value);
        }
    }
    builder.build()
}

/// The slow and obvious model: look at every prefix, the longest wins, among equals the first
/// with a value; a gap wins like a prefix, but gives nothing.
fn model(prefixes: &[(Prefix, u32)], address: Address) -> Option<(Prefix, u32)> {
    let family = |prefix: &Prefix| prefix.length() >= 96 && prefix.range().0.is_v4();
    let mut best: Option<(Prefix, u32)> = None;
    for (prefix, value) in prefixes {
        let covers = prefix.contains(address) && family(prefix) == address.is_v4();
        let better = |(longest, found): (Prefix, u32)| {
            prefix.length() > longest.length()
                || (prefix.length() == longest.length() && found == GAP)
        };
        if covers && best.is_none_or(better) {
            best = Some((*prefix, *value));
        }
    }
    best.filter(|(_, value)| *value != GAP)
}

/// The addresses where something may change: both ends of every prefix and their neighbours.
fn edges(prefixes: &[(Prefix, u32)]) -> Vec<Address> {
    let ends = prefixes.iter().flat_map(|(prefix, _)| {
        let (first, last) = prefix.range();
        [
            first.number().wrapping_sub(1),
            first.number(),
            last.number(),
            last.number().wrapping_add(1),
        ]
    });
    ends.map(Address::from_number).collect()
}

#[test]
fn an_empty_table_matches_nothing() {
    let table = table(&[]);
    for address in [
        Address::v4([0; 4]),
        Address::v4([255; 4]),
        Address::v6([0; 16]),
        Address::v6([255; 16]),
    ] {
        assert_eq!(table.lookup(address), None);
        assert_eq!(table.explain(address), None);
    }
    assert_eq!(table.prefixes(), 0);
}

#[test]
fn the_longest_prefix_wins_and_its_cover_goes_on_behind_it() {
    let table = table(&[
        (v4(10, 0, 0, 0, 8), 1),
        (v4(10, 1, 0, 0, 16), 2),
        (v4(10, 1, 255, 0, 24), 3),
        (v4(10, 1, 255, 255, 32), 4),
    ]);
    let at = |octets| table.lookup(Address::v4(octets));
    assert_eq!(at([9, 255, 255, 255]), None);
    assert_eq!(at([10, 0, 255, 255]), Some(1));
    assert_eq!(at([10, 1, 0, 0]), Some(2));
    assert_eq!(at([10, 1, 255, 254]), Some(3));
    assert_eq!(at([10, 1, 255, 255]), Some(4));
    assert_eq!(at([10, 2, 0, 0]), Some(1));
    assert_eq!(at([11, 0, 0, 0]), None);
    assert_eq!(
        table.explain(Address::v4([10, 1, 255, 7])),
        Some((v4(10, 1, 255, 0, 24), 3))
    );
}

#[test]
fn of_a_prefix_given_twice_the_first_stays_and_the_conflict_counts() {
    let prefix = v4(192, 0, 2, 0, 24);
    let table = table(&[(prefix, 7), (prefix, 7), (prefix, 5)]);
    assert_eq!(table.lookup(Address::v4([192, 0, 2, 1])), Some(7));
    assert_eq!((table.prefixes(), table.conflicts()), (1, 1));
}

#[test]
fn a_gap_hides_its_cover_and_not_what_lies_in_it() {
    let prefixes = [
        (v4(10, 0, 0, 0, 8), 1),
        (v4(10, 1, 0, 0, 16), GAP),
        (v4(10, 1, 1, 0, 24), 3),
        (v4(10, 2, 0, 0, 16), GAP),
        (v4(10, 2, 0, 0, 16), 4),
    ];
    let table = table(&prefixes);
    let at = |octets| table.lookup(Address::v4(octets));
    assert_eq!(at([10, 0, 0, 1]), Some(1));
    assert_eq!(at([10, 1, 0, 1]), None);
    assert_eq!(at([10, 1, 1, 1]), Some(3));
    assert_eq!(at([10, 1, 2, 1]), None);
    assert_eq!(at([10, 2, 0, 1]), Some(4));
    assert_eq!(at([10, 3, 0, 1]), Some(1));
    assert_eq!((table.prefixes(), table.conflicts()), (3, 0));
}

#[test]
fn the_ends_of_both_address_spaces_are_reached() {
    let prefixes = [
        (v4(0, 0, 0, 0, 32), 1),
        (v4(255, 255, 255, 255, 32), 2),
        (Prefix::new(Address::v6([0; 16]), 128), 3),
        (Prefix::new(Address::v6([255; 16]), 128), 4),
    ];
    let table = table(&prefixes);
    for (prefix, value) in prefixes {
        assert_eq!(table.explain(prefix.range().0), Some((prefix, value)));
    }
}

#[test]
fn a_short_ipv6_prefix_does_not_cover_ipv4() {
    let table = table(&[(Prefix::new(Address::v6([0; 16]), 8), 6)]);
    assert_eq!(table.lookup(Address::v4([192, 0, 2, 1])), None);
    assert_eq!(table.lookup(Address::from_number(1)), Some(6));
}

/// Prefixes that nest and touch: few different bits, all lengths.
fn prefix() -> impl Strategy<Value = Prefix> {
    let v4 = (
        prop::array::uniform4(prop_oneof![Just(0_u8), Just(255), any::<u8>()]),
        0_u8..=32,
    )
        .prop_map(|(octets, length)| Prefix::new(Address::v4(octets), 96 + length));
    let crowded = (0_u16..=3, 22_u8..=32).prop_map(|(low, length)| {
        let [high, low] = low.to_be_bytes();
        Prefix::new(Address::v4([10, 0, high, low]), 96 + length)
    });
    let v6 = (
        prop::array::uniform16(prop_oneof![Just(0_u8), Just(255), any::<u8>()]),
        0_u8..=128,
    )
        .prop_map(|(octets, length)| Prefix::new(Address::v6(octets), length));
    prop_oneof![2 => v4, 1 => crowded, 2 => v6]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_table_agrees_with_a_look_at_every_prefix(
        prefixes in prop::collection::vec((prefix(), prop_oneof![3 => 0_u32..5, 1 => Just(GAP)]), 0..200),
        more in prop::collection::vec(any::<u32>(), 0..20),
    ) {
        let table = table(&prefixes);
        let random = more.iter().map(|bits| Address::v4(bits.to_be_bytes()));
        for address in edges(&prefixes).into_iter().chain(random) {
            prop_assert_eq!(table.explain(address), model(&prefixes, address), "{}", address);
        }
        let valued = prefixes.iter().filter(|(_, value)| *value != GAP);
        let different: std::collections::BTreeSet<_> = valued.map(|(prefix, _)| prefix).collect();
        prop_assert_eq!(table.prefixes(), different.len());
    }
}
