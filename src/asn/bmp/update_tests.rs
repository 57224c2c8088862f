use super::*;
use proptest::prelude::*;

/// An attribute (RFC 4271 §4.3).
fn attribute(code: u8, value: &[u8]) -> Vec<u8> {
    let mut attribute = vec![0x40, code, u8::try_from(value.len()).unwrap()];
    attribute.extend(value);
    attribute
}

fn body(gone: &[u8], attributes: &[u8], reached: &[u8]) -> Bytes {
    let mut body = Vec::new();
    for list in [gone, attributes] {
        body.extend(u16::try_from(list.len()).unwrap().to_be_bytes());
        body.extend(list);
    }
    body.extend(reached);
    body.into()
}

/// ORIGIN, AS_PATH with one number, NEXT_HOP.
fn attributes() -> Vec<u8> {
    [
        attribute(1, &[0]),
        attribute(2, &[2, 1, 0, 0, 0xfb, 0xf4]),
        attribute(3, &[192, 0, 2, 9]),
    ]
    .concat()
}

fn read(body: Bytes, path_ids: bool) -> Update {
    Update::read(body, [path_ids; 2], AsnLength::Bits32).unwrap()
}

/// Prefixes as text, with their identifiers.
fn shown(entries: &[Entry]) -> Vec<String> {
    let entries = entries.iter();
    entries
        .map(|(prefix, id)| format!("{prefix} {id}"))
        .collect()
}

#[test]
fn prefixes_are_read_with_and_without_identifiers() {
    for (list, ids, found) in [
        (
            &[24, 192, 0, 2, 8, 10][..],
            false,
            &["192.0.2.0/24 0", "10.0.0.0/8 0"][..],
        ),
        (&[0, 0, 0, 7, 24, 192, 0, 2], true, &["192.0.2.0/24 7"]),
        (&[0], false, &["0.0.0.0/0 0"]),
        (
            &[0, 24, 192, 0, 2, 24, 203, 0, 113],
            false,
            &["0.0.0.0/0 0", "192.0.2.0/24 0", "203.0.113.0/24 0"],
        ),
        // bits behind the length say nothing
        (&[20, 192, 0, 0xff], false, &["192.0.240.0/20 0"]),
    ] {
        let update = read(body(&[], &attributes(), list), ids);
        assert_eq!(shown(&update.reached[0]), found, "{list:?}");
        assert!(!update.is_malformed, "{list:?}");
    }
}

#[test]
fn identifiers_that_nobody_announced_are_never_read_as_prefixes() {
    for id in [0_u32, 1, 8, 24, 32, 33, 255, 256, 65_535] {
        let mut list = Vec::new();
        for net in [[24, 192, 0, 2], [24, 203, 0, 113]] {
            list.extend(id.to_be_bytes());
            list.extend(net);
            for reached in [true, false] {
                let (list, nothing) = (&list[..], &[][..]);
                let (gone, reached_list) = if reached {
                    (nothing, list)
                } else {
                    (list, nothing)
                };
                let update = read(body(gone, &attributes(), reached_list), false);
                let found = if reached {
                    &update.reached
                } else {
                    &update.gone
                };
                let expected = [format!("192.0.2.0/24 {id}"), format!("203.0.113.0/24 {id}")];
                assert_eq!(shown(&found[0]), expected[..list.len() / 8], "{id}");
            }
        }
    }
    // and the other way round
    let update = read(body(&[], &attributes(), &[24, 192, 0, 2]), true);
    assert_eq!(shown(&update.reached[0]), ["192.0.2.0/24 0"]);
}

#[test]
fn a_list_that_does_not_add_up_is_malformed_and_the_others_stand() {
    for list in [
        &[33, 1, 2, 3, 4, 5][..],
        &[24, 192, 0],
        &[0, 0, 0, 1, 200, 1],
    ] {
        let update = read(body(&[8, 10], &attributes(), list), false);
        assert!(
            update.is_malformed && update.reached[0].is_empty(),
            "{list:?}"
        );
        assert_eq!(shown(&update.gone[0]), ["10.0.0.0/8 0"]);
    }
}

/// MP_REACH_NLRI (RFC 4760 §3).
fn reach(afi: u8, safi: u8, list: &[u8]) -> Vec<u8> {
    let mut value = vec![0, afi, safi, 16];
    value.extend([0; 16]);
    value.push(0);
    value.extend(list);
    attribute(14, &value)
}

#[test]
fn prefixes_of_both_families_come_in_one_update_each_with_its_own_kind_of_list() {
    let v6 = reach(2, 1, &[0, 0, 0, 9, 32, 0x20, 0x01, 0x0d, 0xb8]);
    let gone = attribute(15, &[0, 2, 1, 0, 0, 0, 9, 48, 0x20, 0x01, 0x0d, 0xb8, 0, 1]);
    let all = [attributes(), v6, gone].concat();
    let body = body(&[], &all, &[24, 192, 0, 2]);
    let update = Update::read(body, [false, true], AsnLength::Bits32).unwrap();
    assert_eq!(shown(&update.reached[0]), ["192.0.2.0/24 0"]);
    assert_eq!(shown(&update.reached[1]), ["2001:db8::/32 9"]);
    assert_eq!(shown(&update.gone[1]), ["2001:db8:1::/48 9"]);
    assert!(update.path.is_some() && !update.is_malformed);
}

#[test]
fn ipv6_says_nothing_of_ipv4_addresses() {
    let mapped = [104, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192];
    let update = read(body(&[], &reach(2, 1, &mapped), &[]), false);
    assert!(update.is_malformed && update.reached[1].is_empty());
}

#[test]
fn other_families_are_noted_and_end_of_rib_is_of_one_family() {
    let update = read(body(&[], &reach(1, 128, &[1, 2, 3]), &[]), false);
    assert!(update.has_peers && !update.is_malformed);
    for (attributes, marks, others) in [
        (vec![], [true, false], false),
        (attribute(15, &[0, 1, 1]), [true, false], false),
        (attribute(15, &[0, 2, 1]), [false, true], false),
        (attribute(15, &[0, 1, 4]), [false, false], true),
        // not alone
        (
            [attribute(1, &[0]), attribute(15, &[0, 1, 1])].concat(),
            [false, false],
            false,
        ),
    ] {
        let update = read(body(&[], &attributes, &[]), false);
        assert_eq!(
            (update.end_of_rib, update.has_peers),
            (marks, others),
            "{attributes:?}"
        );
    }
}

#[test]
fn a_path_that_can_not_be_read_is_none() {
    // three numbers announced, one there
    let cut = [attribute(1, &[0]), attribute(2, &[2, 3, 0, 0, 0xfb, 0xf4])].concat();
    let update = read(body(&[], &cut, &[24, 192, 0, 2]), false);
    assert!(update.path.is_none() && update.is_malformed, "{update:?}");
    // and one that is not there
    let update = read(body(&[], &attribute(1, &[0]), &[24, 192, 0, 2]), false);
    assert!(update.path.is_none() && !update.is_malformed);
}

#[test]
fn messages_one_behind_the_other_are_taken_apart_and_the_rest_is_none() {
    let message = |kind: u8, body: &[u8]| {
        let mut message = vec![0xff; 16];
        message.extend(u16::try_from(19 + body.len()).unwrap().to_be_bytes());
        message.push(kind);
        message.extend(body);
        message
    };
    let mut octets =
        Bytes::from([message(2, b"one"), message(4, b""), message(2, b"two")].concat());
    assert_eq!(next(&mut octets).unwrap().as_deref(), Some(&b"one"[..]));
    assert_eq!(next(&mut octets).unwrap(), None);
    assert_eq!(next(&mut octets).unwrap().as_deref(), Some(&b"two"[..]));
    for rest in [&b"rest"[..], &message(2, b"cut")[..20], &[0xff; 19]] {
        assert!(next(&mut Bytes::copy_from_slice(rest)).is_err(), "{rest:?}");
    }
}

proptest! {
    #[test]
    fn no_octets_do_harm(octets in prop::collection::vec(any::<u8>(), 0..200), path_ids: [bool; 2]) {
        let octets = Bytes::from(octets);
        let _ = Update::read(octets.clone(), path_ids, AsnLength::Bits32);
        let _ = Update::read(octets.clone(), path_ids, AsnLength::Bits16);
        let update = read(body(&octets, &attributes(), &octets), path_ids[0]);
        prop_assert!(update.reached[0].len() + update.gone[0].len() <= 2 * octets.len());
        let _ = read(body(&[], &octets, &[]), path_ids[1]);
    }
}
