use super::*;
use crate::frame::InterfaceId;
use crate::units::Timestamp;
use crate::wire::Vlans;
use proptest::prelude::*;
use std::num::NonZeroU16;

/// RTP packets of one stream with these payload octets, one after the other.
fn packets(payload_type: u8, lengths: &[usize]) -> Vec<u8> {
    let mut octets = Vec::new();
    for (number, length) in (65_534_u16..=u16::MAX).chain(0..).zip(lengths) {
        octets.extend([0x80, payload_type]);
        octets.extend(number.to_be_bytes());
        octets.extend((u32::from(number) * 160).to_be_bytes());
        octets.extend([0, 0, 0, 7]);
        octets.extend(std::iter::repeat_n(0, *length));
    }
    octets
}

fn datagram(payload: &[u8], length: u16) -> Datagram<'_> {
    Datagram {
        time: Timestamp::default(),
        interface: InterfaceId(0),
        vlans: Vlans::default(),
        src: crate::units::Endpoint::default(),
        dst: crate::units::Endpoint::default(),
        ip_bytes: 28 + u32::from(length),
        dedup_key: DedupKey {
            identification: 9,
            checksum: 5,
        },
        transport: Transport::Udp {
            payload,
            length,
            fragment: false,
        },
    }
}

fn wire_length(octets: &[u8]) -> u16 {
    u16::try_from(octets.len()).unwrap()
}

/// IP lengths of the packets in a datagram that was captured up to `captured`.
fn lengths(octets: &[u8], captured: usize, offload: Offload) -> Option<Vec<u32>> {
    let seen = &octets[..captured.min(octets.len())];
    match split(&datagram(seen, wire_length(octets)), offload)? {
        Split::Packets(packets) => Some(packets.map(|packet| packet.ip_bytes).collect()),
        Split::Cut => Some(Vec::new()),
    }
}

#[test]
fn packets_of_one_length_are_split_and_the_last_may_be_shorter() {
    for (pieces, expected) in [
        (&[160, 160, 160, 160][..], &[200, 200, 200, 200][..]),
        (&[20, 20], &[60, 60]),
        (&[61, 61, 10], &[101, 101, 50]),
        (&[1, 1, 1], &[41, 41, 41]),
    ] {
        let octets = packets(0, pieces);
        let split = lengths(&octets, usize::MAX, Offload::Unknown);
        assert_eq!(split.as_deref(), Some(expected));
    }
}

#[test]
fn one_packet_of_any_length_is_one() {
    for length in [1, 20, 160, 172, 320, 1400, 1764, 9000] {
        let octets = packets(10, &[length]);
        assert_eq!(lengths(&octets, usize::MAX, Offload::Unknown), None);
    }
}

#[test]
fn another_stream_or_another_number_is_not_split() {
    let merged = packets(0, &[160, 160]);
    for place in [172, 175, 183] {
        let mut other = merged.clone();
        other[place] ^= 0x40;
        let known = lengths(&other, usize::MAX, Offload::Unknown);
        assert_eq!(known, None, "{place}");
    }
}

#[test]
fn what_the_kernel_says_is_split_whatever_it_holds() {
    let octets = vec![0x55; 250];
    let by = |octets| Offload::Segments(NonZeroU16::new(octets).unwrap());
    let split = lengths(&octets, usize::MAX, by(100));
    assert_eq!(split, Some(vec![128, 128, 78]));
    assert_eq!(lengths(&octets, usize::MAX, by(250)), None, "one packet");
    assert_eq!(lengths(&octets, usize::MAX, Offload::Single), None);
}

#[test]
fn headers_behind_the_cut_are_left_out_but_counted() {
    let octets = packets(0, &[160; 4]);
    assert_eq!(
        lengths(&octets, 190, Offload::Unknown),
        Some(vec![200, 200])
    );
    let seen = &octets[..54];
    let by = Offload::Segments(NonZeroU16::new(172).unwrap());
    let Some(Split::Packets(packets)) = split(&datagram(seen, wire_length(&octets)), by) else {
        panic!("the kernel has said so");
    };
    assert_eq!((packets.packets(), packets.count()), (4, 1));
}

#[test]
fn a_cut_datagram_of_g711_is_told_by_its_length() {
    for (pieces, is_cut) in [
        (&[160; 4][..], true),
        (&[160; 2], true),
        (&[80; 3], true),
        (&[160], false),
        (&[170], false),
        (&[480], false),
    ] {
        let octets = packets(8, pieces);
        let split = lengths(&octets, 20, Offload::Unknown);
        assert_eq!(split, is_cut.then(Vec::new), "{pieces:?}");
    }
    assert_eq!(lengths(&packets(111, &[700]), 20, Offload::Unknown), None);
}

#[test]
fn each_packet_has_an_identification_of_its_own() {
    let octets = packets(0, &[160; 3]);
    let Some(Split::Packets(packets)) = split(&datagram(&octets, 516), Offload::Unknown) else {
        panic!("three packets");
    };
    let ids: Vec<_> = packets.map(|packet| packet.dedup_key).collect();
    let expected = [9, 10, 11].map(|identification| DedupKey {
        identification,
        checksum: 0,
    });
    assert_eq!(ids, expected);
}

proptest! {
    /// What is put together comes apart again, and any octets are safe to look at.
    #[test]
    fn merged_packets_come_apart(length in 1_usize..400, count in 2_usize..40, last in 1_usize..400) {
        let mut pieces = vec![length; count];
        pieces.push(last.min(length));
        let octets = packets(111, &pieces);
        prop_assume!(octets.len() < 65_000);
        let expected: Vec<_> = pieces.iter().map(|piece| u32::try_from(piece + 40).unwrap()).collect();
        prop_assert_eq!(lengths(&octets, usize::MAX, Offload::Unknown), Some(expected));
    }

    #[test]
    fn any_octets_are_safe(octets in prop::collection::vec(any::<u8>(), 0..600), captured in 0_usize..700, segment in 1_u16..700) {
        lengths(&octets, captured, Offload::Unknown);
        lengths(&octets, captured, Offload::Segments(NonZeroU16::new(segment).unwrap()));
    }
}
