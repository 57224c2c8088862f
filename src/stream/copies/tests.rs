use super::*;
use crate::units::Address;
use crate::voice::{CapturePoint, Content};
use crate::wire::DedupKey;

/// Whether a packet is a copy, so many microseconds after the last of these.
fn is_copy(identifications: &[u16], identification: u16, micros: u64, is_newest: bool) -> bool {
    let mut recent = RecentPackets::default();
    for identification in identifications {
        recent.note(*identification);
    }
    let after = Duration::from_micros(micros);
    recent.has(identification, after, is_newest)
}

#[test]
fn a_copy_bears_the_number_of_its_packet_and_a_senders_duplicate_one_of_its_own() {
    assert!(is_copy(&[900, 901], 901, 100, true));
    assert!(
        is_copy(&[900, 901], 900, 50_000, false),
        "of the one before"
    );
    assert!(!is_copy(&[900, 901], 902, 100, true), "sent again");
    assert!(!is_copy(&[900, 901], 901, 50_001, true), "too late");
    assert!(is_copy(&[7, 8, 9, 10], 7, 100, false));
    assert!(
        !is_copy(&[7, 8, 9, 10, 11], 7, 100, false),
        "four are remembered"
    );
}

#[test]
fn where_packets_bear_no_number_of_their_own_only_moments_make_a_copy() {
    for (identification, what) in [(0, "none"), (77, "always the same")] {
        let before = [identification; 3];
        assert!(is_copy(&before, identification, 2_000, true), "{what}");
        assert!(!is_copy(&before, identification, 2_001, true), "{what}");
        assert!(!is_copy(&before, identification, 500, false), "{what}");
    }
}

#[test]
fn a_copied_signal_is_told_from_one_that_is_sent_again() {
    let packet = |micros: u64, identification, checksum, last| Packet {
        time: Timestamp::from_nanos(1_000_000_000_000 + micros * 1000),
        capture_point: CapturePoint::default(),
        src: Endpoint {
            address: Address::v4([192, 0, 2, last]),
            port: 5060,
        },
        dst: Endpoint::default(),
        ip_bytes: 400,
        dedup_key: DedupKey {
            identification,
            checksum,
        },
        content: Content::Sip(b""),
    };
    let mut signals = SeenSignalling::default();
    let mut has = |micros, identification, checksum, last| {
        signals.has(&packet(micros, identification, checksum, last))
    };
    assert!(!has(0, 5, 99, 1));
    assert!(has(300, 5, 99, 1), "a copy");
    assert!(has(50_000, 5, 99, 1), "a third one");
    assert!(!has(500_000, 6, 99, 1), "asked again");
    assert!(!has(500_300, 6, 99, 2), "of another");
    assert!(!has(600_000, 0, 99, 1) && has(602_000, 0, 99, 1) && !has(602_001, 0, 99, 1));
    assert!(
        !has(90_000_000, 5, 99, 1),
        "the first one again, much later"
    );
    assert!(
        !has(90_000_000, 5, 0, 1) && !has(90_000_000, 5, 0, 1),
        "unknown content"
    );
}
