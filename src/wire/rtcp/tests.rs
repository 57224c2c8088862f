//! Reports as in the RFCs: compound, reduced-size, encrypted and truncated.

use super::*;
use proptest::prelude::*;

fn wire(payload: &[u8]) -> u16 {
    u16::try_from(payload.len()).unwrap()
}

fn report_block() -> Vec<u8> {
    let words: [u32; 6] = [
        0x0102_0304,
        0x40ff_fffe, // a quarter lost lately, but two more arrived than were sent
        0x0001_8000,
        160,
        0x1234_5678,
        65_536,
    ];
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn sender_report() -> Vec<u8> {
    let header = [0x81, 200, 0, 12, 0, 0, 0, 7];
    let ntp = [0xe0, 0, 0, 1, 0x80, 0, 0, 0];
    let counts = [0, 0, 3, 0x20, 0, 0, 0, 5, 0, 0, 3, 0x20];
    [&header[..], &ntp, &counts, &report_block()].concat()
}

fn receiver_report() -> Vec<u8> {
    [&[0x81, 201, 0, 7, 0, 0, 0, 8][..], &report_block()].concat()
}

const DESCRIPTION: [u8; 12] = [0x81, 202, 0, 2, 0, 0, 0, 7, 1, 1, b'a', 0];
const GOODBYE: [u8; 12] = [0x82, 203, 0, 2, 0, 0, 0, 7, 0, 0, 0, 9];
const EXTENDED: [u8; 44] = [
    0x80, 207, 0, 10, 0, 0, 0, 7, // header and sender
    4, 0, 0, 2, 0xe0, 0, 0, 1, 0x80, 0, 0, 0, // receiver reference time
    9, 0, 0, 0, // unknown, empty
    5, 0, 0, 3, 0, 0, 0, 8, 0x12, 0x34, 0x56, 0x78, 0, 1, 0, 0, // DLRR
    1, 0, 0, 0,
];

#[test]
fn a_compound_packet_is_read_whole() {
    let payload = [&sender_report()[..], &DESCRIPTION, &EXTENDED, &GOODBYE].concat();
    assert_eq!(assess(&payload, wire(&payload)), Some(Protection::Clear));
    assert_eq!(sender(&payload), Some(7));
    let found: Vec<_> = packets(&payload).collect();
    let [
        RtcpPacket::SenderReport {
            ssrc: 7,
            ntp: 0xe000_0001_8000_0000,
            packets: 5,
            reports,
        },
        RtcpPacket::Other,
        RtcpPacket::Extended { ssrc: 7, blocks },
        RtcpPacket::Goodbye(sources),
    ] = &found[..]
    else {
        panic!("{found:?}");
    };
    let block = ReportBlock {
        ssrc: 0x0102_0304,
        fraction_lost: 64,
        lost: -2,
        highest_sequence: 0x0001_8000,
        jitter: 160,
        last_sr: 0x1234_5678,
        delay: 65_536,
    };
    assert_eq!(reports.clone().collect::<Vec<_>>(), [block]);
    assert_eq!(sources.clone().collect::<Vec<_>>(), [7, 9]);
    let blocks: Vec<_> = blocks.clone().collect();
    let [
        Block::ReceiverReferenceTime(0xe000_0001_8000_0000),
        Block::Other,
        Block::Dlrr(last_reports),
        Block::Other,
    ] = &blocks[..]
    else {
        panic!("{blocks:?}");
    };
    let last_report = LastReport {
        ssrc: 8,
        last_rr: 0x1234_5678,
        delay: 65_536,
    };
    assert_eq!(last_reports.clone().collect::<Vec<_>>(), [last_report]);
}

#[test]
fn loss_is_a_signed_number_of_24_bits() {
    for (octets, lost) in [
        ([0, 0, 0], 0),
        ([0, 0, 1], 1),
        ([0x7f, 0xff, 0xff], 8_388_607),
        ([0x80, 0, 0], -8_388_608),
        ([0xff, 0xff, 0xff], -1),
    ] {
        let mut payload = receiver_report();
        payload[13..16].copy_from_slice(&octets);
        let Some(RtcpPacket::ReceiverReport { mut reports, .. }) = packets(&payload).next() else {
            panic!("no receiver report");
        };
        assert_eq!(reports.next().unwrap().lost, lost);
    }
}

#[test]
fn rtcp_and_its_protection_are_recognised_by_types_and_lengths() {
    use Protection::{Clear, Encrypted};
    let report = receiver_report();
    let then = |rest: &[u8]| [&report[..], rest].concat();
    let with = |at: usize, octet: u8| {
        let mut payload = receiver_report();
        payload[at] = octet;
        payload
    };
    let noise = [0x5a; 40];
    let table: Vec<(&str, Vec<u8>, Option<Protection>)> = vec![
        ("alone", report.clone(), Some(Clear)),
        ("compound", then(&DESCRIPTION), Some(Clear)),
        (
            "reduced-size",
            vec![0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 0],
            Some(Clear),
        ),
        ("padded last", with(0, 0xa1), Some(Clear)),
        (
            "padded first",
            [&with(0, 0xa1)[..], &DESCRIPTION].concat(),
            None,
        ),
        ("version 1", with(0, 0x41), None),
        ("RTP", with(1, 0x80), None),
        ("type not registered", with(1, 220), None),
        ("count beyond length", with(0, 0x82), None),
        ("length beyond payload", with(3, 8), None),
        ("a few octets too many", then(&[0; 5]), None),
        (
            "SRTCP, 80 bits",
            then(&[0x80, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
            Some(Encrypted),
        ),
        (
            "SRTCP, 32 bits",
            then(&[0x80, 0, 0, 1, 1, 2, 3, 4]),
            Some(Encrypted),
        ),
        ("SRTCP compound", then(&noise), Some(Encrypted)),
        (
            "SRTCP not encrypted",
            then(&[0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
            Some(Clear),
        ),
        (
            "SRTCP, GCM",
            then(&[&noise[..16], &[0x80, 0, 0, 1]].concat()),
            Some(Encrypted),
        ),
        (
            "SRTCP, GCM not encrypted",
            then(&[&noise[..16], &[0, 0, 0, 1]].concat()),
            Some(Clear),
        ),
        ("three octets", report[..3].to_vec(), None),
    ];
    for (name, payload, expected) in table {
        assert_eq!(assess(&payload, wire(&payload)), expected, "{name}");
    }
}

#[test]
fn a_truncated_payload_is_rtcp_and_parsed_up_to_its_end() {
    let payload = [&sender_report()[..], &DESCRIPTION, &GOODBYE].concat();
    for cut in 4..payload.len() {
        let captured = &payload[..cut];
        assert_eq!(
            assess(captured, wire(&payload)),
            Some(Protection::Clear),
            "{cut}"
        );
        let whole = [52, 64, 76].iter().filter(|end| **end <= cut).count();
        assert_eq!(packets(captured).count(), whole, "{cut}");
    }
}

proptest! {
    #[test]
    fn random_octets_never_panic_and_every_iteration_ends(
        mut payload in proptest::collection::vec(any::<u8>(), 0..300),
        kind in 192_u8..=223,
        more in 0_u16..99,
    ) {
        if let [first, second, ..] = &mut payload[..] {
            *first = 0x80 | *first >> 2;
            *second = kind;
        }
        assess(&payload, wire(&payload) + more);
        for packet in packets(&payload) {
            match packet {
                RtcpPacket::SenderReport { reports, .. } | RtcpPacket::ReceiverReport { reports, .. } => {
                    prop_assert!(reports.count() <= 31);
                }
                RtcpPacket::Goodbye(sources) => prop_assert!(sources.count() <= 31),
                RtcpPacket::Extended { blocks, .. } => prop_assert!(blocks.count() <= 75),
                RtcpPacket::Other => {}
            }
        }
    }
}

/// RFC 3611 §4.7, field by field.
const VOIP_METRICS: [u8; 44] = [
    0x80, 207, 0, 10, 0, 0, 0, 7, // header and reporter
    7, 0, 0, 8, 0, 0, 0, 9, // block of 8 words about the source
    13, 26, 1, 2, // lost and discarded: 5 and 10 %; burst and gap density
    0, 100, 0, 200, // burst and gap duration
    0, 96, 0, 61, // round trip, end system delay
    0xe0, 0xc0, 55, 16, // signal, noise, RERL, Gmin
    93, 127, 42, 127, // R factor, external R factor, MOS-LQ, MOS-CQ
    0xb5, 0, 0, 40, 0, 80, 1, 44, // RX config, jitter buffer
];

#[test]
fn voip_metrics_are_read_as_the_rfc_lays_them_out() {
    assert_eq!(
        assess(&VOIP_METRICS, wire(&VOIP_METRICS)),
        Some(Protection::Clear)
    );
    let metrics = VoipMetrics {
        ssrc: 9,
        loss_rate: 13,
        discard_rate: 26,
        round_trip_ms: Some(96),
        end_system_delay_ms: Some(61),
        mos_lq: Some(42),
        mos_cq: None,
    };
    let read = |payload: &[u8]| voip_metrics(payload).collect::<Vec<_>>();
    assert_eq!(read(&VOIP_METRICS), [(7, metrics)]);
    let compound = [&receiver_report()[..], &EXTENDED, &VOIP_METRICS].concat();
    assert_eq!(read(&compound), [(7, metrics)]);
    let with = |at: usize, octet: u8| {
        let mut payload = VOIP_METRICS;
        payload[at] = octet;
        payload
    };
    for (score, said) in [
        (10, Some(10)),
        (50, Some(50)),
        (9, None),
        (51, None),
        (255, None),
    ] {
        assert_eq!(read(&with(34, score))[0].1.mos_lq, said, "{score}");
    }
    let unknown = with(25, 0);
    assert_eq!(
        read(&unknown)[0].1.round_trip_ms,
        None,
        "0 is not known yet"
    );
    // A block that ends before or behind its packet, or is of another length than its type has.
    for words in [0, 7, 9, 255] {
        assert_eq!(read(&with(11, words)), [], "{words} words");
    }
    assert_eq!(read(&with(8, 6)), [], "another block type");
}

proptest! {
    #[test]
    fn blocks_of_hostile_lengths_never_say_more_than_their_octets(
        blocks in proptest::collection::vec((0_u8..9, 0_u16..12, proptest::collection::vec(any::<u8>(), 0..44)), 0..6),
    ) {
        let mut body = vec![0, 0, 0, 7];
        for (kind, words, octets) in &blocks {
            body.extend([*kind, 0]);
            body.extend(words.to_be_bytes());
            body.extend(octets);
        }
        body.resize(body.len().next_multiple_of(4), 0);
        let words = u16::try_from(body.len() / 4).unwrap();
        let payload = [&[0x80, 207][..], &words.to_be_bytes(), &body].concat();
        let found: Vec<_> = voip_metrics(&payload).collect();
        prop_assert!(found.len() * 36 <= body.len());
        for (reporter, metrics) in found {
            prop_assert_eq!(reporter, 7);
            let score = |score: Option<u8>| score.is_none_or(|score| (10..=50).contains(&score));
            prop_assert!(score(metrics.mos_lq) && score(metrics.mos_cq));
            prop_assert!(metrics.round_trip_ms != Some(0) && metrics.end_system_delay_ms != Some(0));
        }
    }
}
