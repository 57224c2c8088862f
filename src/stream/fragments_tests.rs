use super::*;
use crate::voice::stream_key::StreamKey;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_nanos(millis * 1_000_000)
}

fn fragment(millis: u64, identification: u32, offset: u16) -> Fragment<'static> {
    Fragment {
        time: at(millis),
        src: Address::v4([192, 0, 2, 1]),
        dst: Address::v4([198, 51, 100, 2]),
        identification,
        offset,
        more: true,
        octets: &[],
        length: 80,
        ip_bytes: 100,
    }
}

fn owner(ssrc: u32) -> FragmentOwner {
    FragmentOwner::Stream(StreamKey::new(
        Endpoint::default(),
        Endpoint::default(),
        ssrc,
    ))
}

#[test]
fn later_fragments_belong_to_what_the_first_is() {
    let mut table = FragmentTable::default();
    assert!(table.begin(&fragment(0, 7, 0), owner(1)).is_empty());
    assert!(table.begin(&fragment(0, 8, 0), owner(2)).is_empty());
    for (identification, offset, expected) in [
        (7, 80, FragmentStep::Owned(owner(1))),
        (8, 80, FragmentStep::Owned(owner(2))),
        (7, 160, FragmentStep::Owned(owner(1))),
        (7, 80, FragmentStep::Copy),
        (9, 80, FragmentStep::Unknown),
    ] {
        let step = table.continue_with(&fragment(1, identification, offset));
        assert_eq!(step, expected, "{identification} {offset}");
    }
}

#[test]
fn fragments_before_the_first_one_wait_for_it() {
    let mut table = FragmentTable::default();
    for offset in [80, 160] {
        let step = table.continue_with(&fragment(5, 7, offset));
        assert_eq!(step, FragmentStep::Unknown);
    }
    let early = table.begin(&fragment(6, 7, 0), owner(1));
    assert_eq!(early.len(), 2);
    assert!(early.iter().all(|early| early.time == at(5)));
    assert!(table.begin(&fragment(6, 7, 0), owner(1)).is_empty(), "once");
}

#[test]
fn a_packet_is_forgotten_after_two_seconds_and_its_identification_begins_anew() {
    let mut table = FragmentTable::default();
    table.begin(&fragment(0, 7, 0), owner(1));
    let step = table.continue_with(&fragment(2001, 7, 80));
    assert_eq!(step, FragmentStep::Unknown);
    table.begin(&fragment(2500, 8, 0), owner(1));
    assert_eq!(
        table.continue_with(&fragment(2501, 8, 80)),
        FragmentStep::Owned(owner(1))
    );
    table.begin(&fragment(3000, 8, 0), owner(3));
    assert_eq!(
        table.continue_with(&fragment(3001, 8, 80)),
        FragmentStep::Owned(owner(3))
    );
}

#[test]
fn what_finds_no_room_is_counted() {
    let mut table = FragmentTable::default();
    let packets = u32::try_from(MAX_PACKETS).unwrap();
    for identification in 0..packets + 3 {
        table.begin(&fragment(0, identification, 0), owner(1));
    }
    assert_eq!(table.refused(), 3);
    for piece in 1..u16::try_from(MAX_PIECES).unwrap() + 3 {
        table.continue_with(&fragment(0, 1, piece * 8));
    }
    assert_eq!(table.refused(), 5);
}

#[test]
fn fragments_of_an_unproven_stream_wait_until_it_is_proven_or_too_long() {
    let mut table = FragmentTable::default();
    let key = |ssrc| StreamKey::new(Endpoint::default(), Endpoint::default(), ssrc);
    for ssrc in [1, 2] {
        let later = LaterFragment {
            time: at(0),
            ip_bytes: 100,
        };
        table.wait(key(ssrc), later);
    }
    let offered = |table: &mut FragmentTable, millis, proven: u32| {
        let mut offered = 0;
        table.settle(at(millis), |stream, _| {
            offered += 1;
            *stream == key(proven)
        });
        offered
    };
    assert_eq!(offered(&mut table, 1000, 1), 2);
    assert_eq!(offered(&mut table, 30_001, 1), 1);
    assert_eq!(offered(&mut table, 30_002, 2), 0);
}
