use super::*;
use crate::units::Endpoint;
use crate::voice::CapturePoint;
use crate::voice::kind::StreamKind::{Audio, Video};

fn key(ssrc: u32) -> StreamKey {
    StreamKey::new(Endpoint::default(), Endpoint::default(), ssrc)
}

/// A packet at `millis` with number, timestamp, payload type and payload octets.
fn held(
    millis: u64,
    sequence: u16,
    timestamp: u32,
    payload_type: u8,
    payload_bytes: u16,
) -> RtpSummary {
    let time = Timestamp::from_nanos(1_000_000_000_000 + millis * 1_000_000);
    let ip_bytes = 40 + u32::from(payload_bytes);
    RtpSummary {
        time,
        capture_point: CapturePoint::default(),
        ip_bytes,
        timestamp,
        sequence,
        payload_bytes,
        payload_type,
        identification: 0,
    }
}

/// A regular stream: interval in ms, timestamp step, payload type and octets.
fn stream(interval: u64, step: u32, payload_type: u8, octets: u16) -> Vec<RtpSummary> {
    let packet = |index: u16| {
        held(
            interval * u64::from(index),
            500 + index,
            step * u32::from(index),
            payload_type,
            octets,
        )
    };
    (0..12).map(packet).collect()
}

/// How many packets it takes to prove a stream, and of which kind.
fn proof(packets: impl IntoIterator<Item = RtpSummary>) -> Option<(usize, StreamKind)> {
    let mut probation = Probation::default();
    packets
        .into_iter()
        .find_map(|packet| match probation.consider(key(1), packet) {
            ProbationOutcome::Proven(packets, kind) => Some((packets.len(), kind)),
            ProbationOutcome::Pending(_) | ProbationOutcome::Refused => None,
        })
}

/// What it is, its packets, and after how many of them it is told as what.
type Case = (&'static str, Vec<RtpSummary>, Option<(usize, StreamKind)>);

#[test]
fn media_is_told_by_type_clock_and_shape() {
    let pictures = |payload_type, octets| {
        let packet = move |index: u16| {
            let frame = index / 3;
            let millis = 33 * u64::from(frame) + u64::from(index % 3);
            held(millis, index, 3000 * u32::from(frame), payload_type, octets)
        };
        (0..16).map(packet).collect::<Vec<_>>()
    };
    let events = (0..8)
        .map(|index| held(20 * u64::from(index), index, 777, 101, 4))
        .collect();
    // Four packets of 20 ms within 38 ms, then at their pace.
    let mut bunched = stream(20, 960, 111, 80);
    for (index, packet) in (0..).zip(&mut bunched) {
        let early: u64 = [0, 7, 14, 22].get(index).copied().unwrap_or(22);
        packet.time = packet.time.minus(std::time::Duration::from_millis(early));
    }
    let cases: Vec<Case> = vec![
        ("G.711", stream(20, 160, 8, 160), Some((4, Audio))),
        ("G.729, 60 ms", stream(60, 480, 18, 60), Some((4, Audio))),
        // Too short a look for the clock: guessed after twelve packets.
        ("Opus, 2.5 ms", stream(2, 120, 111, 30), Some((12, Audio))),
        ("Opus, 20 ms", stream(20, 960, 111, 80), Some((4, Audio))),
        ("Opus, 60 ms", stream(60, 2880, 111, 200), Some((4, Audio))),
        (
            "L16 at 44.1 kHz",
            stream(20, 882, 97, 1764),
            Some((4, Audio)),
        ),
        ("telephone events only", events, Some((4, Audio))),
        ("H.263, assigned", pictures(34, 900), Some((4, Video))),
        (
            "VP8, several packets a picture",
            pictures(96, 1100),
            Some((4, Video)),
        ),
        (
            "one packet a picture at 30 Hz",
            stream(33, 3000, 96, 600),
            Some((4, Video)),
        ),
        ("a type that RTCP may be", stream(20, 160, 77, 160), None),
        ("G.726 of old", stream(20, 160, 2, 80), Some((4, Audio))),
        ("RED of browsers", stream(20, 960, 63, 90), Some((4, Audio))),
        (
            "pictures of an unassigned type",
            stream(33, 3000, 45, 600),
            None,
        ),
        ("a clock of 1 kHz", stream(20, 20, 96, 160), None),
        ("a clock of 1 MHz", stream(20, 20_000, 96, 160), None),
    ];
    for (name, packets, expected) in cases {
        assert_eq!(proof(packets), expected, "{name}");
    }
}

#[test]
fn disorder_duplicates_and_some_loss_do_not_hinder_proof() {
    let packets = stream(20, 160, 0, 160);
    let pick = |places: &[usize]| {
        places
            .iter()
            .map(|place| packets[*place])
            .collect::<Vec<_>>()
    };
    assert_eq!(
        proof(pick(&[1, 0, 2, 3])),
        Some((4, StreamKind::Audio)),
        "swapped"
    );
    assert_eq!(
        proof(pick(&[0, 0, 1, 1, 2, 2, 3])),
        Some((7, StreamKind::Audio)),
        "every one twice"
    );
    assert_eq!(
        proof(pick(&[0, 2, 3, 6])),
        Some((4, StreamKind::Audio)),
        "three lost"
    );
    assert_eq!(proof(pick(&[0, 1, 2])), None, "too few");
    assert_eq!(proof(pick(&[0, 0, 0, 0, 0])), None, "one packet five times");
}

#[test]
fn few_packets_of_many_prove_a_stream_by_their_line() {
    // Numbers and timestamps are those of a sender; so many of each ten arrive.
    for (interval, step, payload_type) in
        [(20, 160, 8), (10, 480, 111), (60, 480, 2), (30, 240, 35)]
    {
        let packet = |number: u16, late: u64| {
            let time = interval * u64::from(number) + late;
            held(
                time,
                number.wrapping_add(65_500),
                step * u32::from(number),
                payload_type,
                60,
            )
        };
        let every_third = (0..20).map(|number| packet(3 * number, u64::from(number % 3) * 5));
        assert_eq!(proof(every_third), Some((4, Audio)), "{payload_type}");
        let few = [3, 17, 18, 41].map(|number| packet(number, 0));
        assert_eq!(proof(few), Some((4, Audio)), "{payload_type}");
        // The same numbers, and timestamps off the line by one unit; or all at once.
        let mut off = few;
        off[2].timestamp += 1;
        assert_eq!(proof(off), None, "{payload_type}");
        let at_once = few.map(|packet| RtpSummary {
            time: few[0].time,
            ..packet
        });
        assert_eq!(proof(at_once), None, "{payload_type}");
    }
}

#[test]
fn a_constant_where_the_ssrc_would_be_proves_nothing() {
    let noise = (0..64_u32).map(|index| {
        let mixed = index.wrapping_mul(2_654_435_761);
        let number = u16::try_from(mixed >> 16).unwrap();
        held(20 * u64::from(index), number, mixed, 96, 100)
    });
    assert_eq!(proof(noise), None);
}

#[test]
fn what_does_not_prove_itself_comes_back() {
    let mut probation = Probation::default();
    let lonely = held(0, 1, 0, 8, 160);
    assert_eq!(
        probation.consider(key(1), lonely),
        ProbationOutcome::Pending(None)
    );
    assert_eq!(
        probation.consider(key(2), held(4_000, 9, 0, 8, 160)),
        ProbationOutcome::Pending(None)
    );
    let mut given_up = Vec::new();
    probation.expire(Second(1_010), &mut given_up);
    assert_eq!(
        (given_up.len(), probation.held()),
        (1, 1),
        "only the one that waited too long"
    );
    probation.clear(&mut given_up);
    assert_eq!((given_up.len(), probation.held()), (2, 0));
}

#[test]
fn a_candidate_holds_a_bounded_number_of_packets() {
    let mut probation = Probation::default();
    let mut left = 0;
    for index in 0..40_u16 {
        // Never in sequence.
        let packet = held(u64::from(index), index.wrapping_mul(9_999), 0, 8, 160);
        match probation.consider(key(1), packet) {
            ProbationOutcome::Pending(Some(_)) => left += 1,
            ProbationOutcome::Pending(None) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((left, probation.held()), (40 - HELD, HELD));
}

/// A flood of lone packets, ten times as many as there is room for, beside a call whose packets come in
/// between: it proves itself all the same, and everything comes back.
#[test]
fn in_a_flood_of_strangers_a_stream_still_proves_itself_and_nothing_disappears() {
    let mut probation = Probation::default();
    let (mut sent, mut came_back, mut proven) = (0_usize, 0, 0);
    for index in 0..10 * MAX_CANDIDATES {
        let flood = u32::try_from(index).unwrap() + 1_000;
        let stranger = held(u64::try_from(index / 1000).unwrap(), 7, 0, 8, 160);
        assert_eq!(
            probation.consider(key(flood), stranger),
            ProbationOutcome::Pending(None)
        );
        sent += 1;
        came_back += probation
            .take_displaced()
            .map_or(0, |(_, packets)| packets.len());
        if index % 5_000 == 0 {
            let number = u16::try_from(index / 5_000).unwrap();
            let packet = held(
                20 * u64::from(number),
                number,
                160 * u32::from(number),
                8,
                160,
            );
            match probation.consider(key(1), packet) {
                ProbationOutcome::Proven(packets, StreamKind::Audio) => {
                    proven += 1;
                    came_back += packets.len();
                }
                ProbationOutcome::Pending(None) => {
                    came_back += probation
                        .take_displaced()
                        .map_or(0, |(_, packets)| packets.len());
                }
                other => panic!("{other:?}"),
            }
            sent += 1;
        }
    }
    assert!(proven > 0, "the call was pushed out each time");
    let occupancy = probation.occupancy();
    assert_eq!(occupancy.entries, occupancy.limit);
    assert!(occupancy.refused >= 9 * MAX_CANDIDATES as u64);
    assert_eq!(came_back + probation.held(), sent);
    let mut given_up = Vec::new();
    probation.clear(&mut given_up);
    assert_eq!(came_back + given_up.len(), sent);
    assert_eq!(probation.held(), 0);
}
