//! Messages of RFC 8489 and RFC 3489, and malformed ones.

use super::*;
use proptest::prelude::*;

fn message(kind: u16, cookie: u32, attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(attributes.len()).unwrap();
    let transaction = [7; 12];
    [
        &kind.to_be_bytes()[..],
        &length.to_be_bytes(),
        &cookie.to_be_bytes(),
        &transaction,
        attributes,
    ]
    .concat()
}

fn read(octets: &[u8]) -> Option<StunHeader> {
    parse(octets, u16::try_from(octets.len()).unwrap())
}

#[test]
fn class_and_method_are_told_apart() {
    for (kind, class, method) in [
        (0x0001, StunClass::Request, 1),
        (0x0011, StunClass::Indication, 1),
        (0x0101, StunClass::Success, 1),
        (0x0111, StunClass::Error, 1),
        (0x0003, StunClass::Request, 3),    // TURN Allocate
        (0x0016, StunClass::Indication, 6), // TURN Send
        (0x3eef, StunClass::Request, 0xfff),
    ] {
        let header = read(&message(kind, MAGIC_COOKIE, &[])).unwrap();
        assert_eq!((header.class, header.method), (class, method), "{kind:#x}");
    }
}

#[test]
fn request_and_response_share_their_transaction() {
    let request = read(&message(0x0001, MAGIC_COOKIE, &[])).unwrap();
    let response = read(&message(0x0101, MAGIC_COOKIE, &[0x80, 0x22, 0, 0])).unwrap();
    assert_eq!(request.transaction, response.transaction);
    assert_eq!(
        request.transaction,
        0x2112_a442_0707_0707_0707_0707_0707_0707
    );
}

#[test]
fn a_header_with_the_cookie_suffices() {
    let octets = message(0x0101, MAGIC_COOKIE, &[0, 1, 0, 4, 1, 2, 3, 4]);
    assert!(parse(&octets[..20], 28).is_some());
    assert!(parse(&octets[..19], 28).is_none());
    assert!(parse(&octets, 29).is_none());
    assert!(parse(&octets, 24).is_none());
}

#[test]
fn a_message_without_the_cookie_must_be_well_formed_to_the_last_octet() {
    let mapped = [0, 1, 0, 8, 0, 1, 0x10, 0, 192, 0, 2, 1];
    let table: [(&str, Vec<u8>, bool); 7] = [
        ("binding request", message(0x0001, 99, &[]), true),
        ("binding response", message(0x0101, 99, &mapped), true),
        (
            "optional attribute",
            message(0x0101, 99, &[0x80, 0x20, 0, 0]),
            true,
        ),
        (
            "unknown attribute",
            message(0x0101, 99, &[0x40, 0x20, 0, 0]),
            false,
        ),
        (
            "attribute beyond the end",
            message(0x0101, 99, &[0, 1, 0, 9, 0, 0, 0, 0]),
            false,
        ),
        ("unknown type", message(0x0003, 99, &[]), false),
        ("not a word", message(0x0001, 99, &[0x80, 0x20, 0]), false),
    ];
    for (name, octets, sound) in table {
        assert_eq!(read(&octets).is_some(), sound, "{name}");
    }
    let response = message(0x0101, 99, &mapped);
    assert!(parse(&response[..31], 32).is_none());
}

#[test]
fn indications_of_a_relay_yield_their_media() {
    let attributes = [
        0, 0x12, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 0, 0x13, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0,
    ];
    for (kind, carried) in [
        (0x0016, Some(&[1, 2, 3, 4, 5][..])),
        (0x0017, Some(&[1, 2, 3, 4, 5][..])),
        (0x0011, None),
        (0x0006, None),
    ] {
        let octets = message(kind, MAGIC_COOKIE, &attributes);
        let header = read(&octets).unwrap();
        assert_eq!(relayed(&header, &octets), carried, "{kind:#x}");
    }
}

#[test]
fn a_channel_carries_as_much_as_its_length_says() {
    let octets = [0x40, 1, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0];
    for (wire_length, captured, expected) in [
        (9, 9, Some(5)),
        (12, 12, Some(5)),
        (12, 6, Some(2)),
        (13, 12, None), // more than padding
        (8, 8, None),   // less than the length
        (3, 3, None),
    ] {
        let found = channel(&octets[..captured], wire_length);
        assert_eq!(
            found.map(|channel| channel.payload.len()),
            expected,
            "{wire_length}"
        );
        assert!(found.is_none_or(|channel| channel.number == 0x4001 && channel.length == 5));
    }
    for first in [0x3f, 0x50, 0x80] {
        assert_eq!(channel(&[first, 1, 0, 1, 1], 5), None);
    }
}

proptest! {
    #[test]
    fn random_octets_never_panic(
        mut octets in proptest::collection::vec(any::<u8>(), 20..120),
        kind in proptest::sample::select(vec![0x0001_u16, 0x0101, 0x0016, 0x0017, 0x4000]),
    ) {
        let length = u16::try_from(octets.len() - 20).unwrap();
        octets[..2].copy_from_slice(&kind.to_be_bytes());
        octets[2..4].copy_from_slice(&length.to_be_bytes());
        if let Some(header) = read(&octets) {
            relayed(&header, &octets);
        }
        channel(&octets, length + 20);
    }
}
