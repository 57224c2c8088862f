mod restart;

use super::*;
use crate::stream::booking::Certainty;
use crate::units::Endpoint;
use std::collections::BTreeMap;

/// A 20 ms stream of PCMA as its sender sends it.
struct Sender {
    stream: Stream,
    time: u64,
    timestamp: u32,
    sequence: u16,
    lost: i64,
    maybe_lost: i64,
    excused: i64,
    late: u64,
    duplicates: u64,
    /// Lost for certain, by the second in which it was due.
    seconds: BTreeMap<u64, i64>,
}

impl Sender {
    fn new(sequence: u16, timestamp: u32) -> Self {
        let mut sender = Self {
            stream: Stream::new(
                key(),
                StreamKind::Audio,
                &summary(1_000_000, sequence, timestamp),
                None,
            ),
            time: 1_000_000,
            timestamp,
            sequence,
            lost: 0,
            maybe_lost: 0,
            excused: 0,
            late: 0,
            duplicates: 0,
            seconds: BTreeMap::new(),
        };
        sender.arrive(sender.time, sequence, timestamp);
        sender
    }

    fn arrive(&mut self, millis: u64, sequence: u16, timestamp: u32) -> Arrival {
        self.take(&summary(millis, sequence, timestamp))
    }

    fn take(&mut self, packet: &RtpSummary) -> Arrival {
        let mut bookings = Vec::new();
        let step = self.stream.advance(packet, &mut bookings);
        self.count(&step, &bookings);
        step.arrival
    }

    fn count(&mut self, step: &SequenceStep, bookings: &[Booking]) {
        for booking in bookings {
            match booking.certainty {
                Certainty::Lost => {
                    self.lost += booking.count;
                    for (second, count) in booking.by_second() {
                        *self.seconds.entry(second.0).or_default() += count;
                    }
                }
                Certainty::MaybeLost(_) => self.maybe_lost += booking.count,
                Certainty::Excused(_) => self.excused += booking.count,
            }
        }
        assert!(self.seconds.values().all(|lost| *lost >= 0), "{step:?}");
        self.late += u64::from(step.arrival == Arrival::Late) + u64::from(step.late);
        self.duplicates +=
            u64::from(step.arrival == Arrival::Duplicate) + u64::from(step.duplicates);
    }

    /// Moves on by so many packets without sending them.
    fn skip(&mut self, packets: u32) {
        self.time += u64::from(packets) * 20;
        self.timestamp = self.timestamp.wrapping_add(160 * packets);
        #[expect(clippy::cast_possible_truncation, reason = "modulo 2^16 is meant")]
        let numbers = packets as u16;
        self.sequence = self.sequence.wrapping_add(numbers);
    }

    fn send(&mut self, packets: u32) {
        for _ in 0..packets {
            self.skip(1);
            self.arrive(self.time, self.sequence, self.timestamp);
        }
    }

    fn total_lost(&mut self) -> u64 {
        let mut bookings = Vec::new();
        let step = self.stream.finish(&mut bookings);
        self.count(&step, &bookings);
        self.lost.cast_unsigned()
    }
}

fn key() -> StreamKey {
    StreamKey::new(Endpoint::default(), Endpoint::default(), 1)
}

fn summary(millis: u64, sequence: u16, timestamp: u32) -> RtpSummary {
    RtpSummary {
        time: Timestamp::from_nanos(millis * 1_000_000),
        capture_point: CapturePoint::default(),
        ip_bytes: 200,
        timestamp,
        sequence,
        payload_bytes: 160,
        payload_type: 8,
        // No two packets are the same.
        identification: u16::try_from(millis % 65_521).unwrap() + 1,
    }
}

#[test]
fn an_outage_is_loss_however_long_even_over_wraps() {
    // Not 65 536: the next number after any time is what silence looks like too.
    for packets in [10, 63, 64, 65, 1_000, 40_000, 66_000, 200_000] {
        let mut sender = Sender::new(65_000, 77);
        sender.send(50);
        sender.skip(packets);
        sender.send(200);
        assert_eq!(sender.total_lost(), u64::from(packets), "{packets}");
        assert_eq!(sender.stream.cold.restarts, 0);
    }
}

#[test]
fn a_new_numbering_is_no_loss() {
    // After a hold of ten seconds, as a re-INVITE makes it: number and timestamp anew.
    for (sequence, timestamp) in [(40_000, 999_999), (500, 5), (65_400, 3_000_000_000)] {
        let mut sender = Sender::new(100, 1_000);
        sender.send(50);
        sender.time += 10_000;
        (sender.sequence, sender.timestamp) = (sequence, timestamp);
        sender.send(200);
        assert_eq!(
            (sender.total_lost(), sender.late),
            (0, 0),
            "{sequence} {timestamp}"
        );
        assert_eq!(sender.stream.cold.restarts, 1);
    }
}

#[test]
fn silence_suppression_and_hold_are_no_loss() {
    let mut sender = Sender::new(100, 1_000);
    sender.send(50);
    // A minute of silence: the clock runs on, the numbers do not.
    sender.time += 60_000;
    sender.timestamp = sender.timestamp.wrapping_add(480_000);
    sender.send(50);
    // A hold that stops the clock too.
    sender.time += 60_000;
    sender.send(50);
    assert_eq!((sender.total_lost(), sender.stream.cold.restarts), (0, 0));
}

#[test]
fn stragglers_of_long_ago_are_late_and_do_not_restart_the_stream() {
    let mut sender = Sender::new(100, 1_000);
    sender.send(50);
    let (sequence, timestamp) = (sender.sequence, sender.timestamp);
    sender.skip(10);
    sender.send(200);
    for number in 1..=10 {
        let timestamp = timestamp + 160 * u32::from(number);
        sender.arrive(sender.time + 1, sequence + number, timestamp);
    }
    sender.send(50);
    assert_eq!(
        (
            sender.total_lost(),
            sender.late,
            sender.stream.cold.restarts
        ),
        (10, 10, 0)
    );
}

#[test]
fn events_and_comfort_noise_share_the_numbers_and_the_most_frequent_type_is_shown() {
    let mut stream = Stream::new(key(), StreamKind::Audio, &summary(0, 1, 0), None);
    for number in 1..=100_u16 {
        let event = (40..45).contains(&number);
        let timestamp = if event {
            160 * 40
        } else {
            160 * u32::from(number)
        };
        let payload_type = if event { 101 } else { 8 };
        let packet = summary(20 * u64::from(number), number, timestamp);
        let packet = RtpSummary {
            payload_type,
            ..packet
        };
        let step = stream.advance(&packet, &mut Vec::new());
        assert_eq!((step.arrival, step.missing), (Arrival::InOrder, 0));
    }
    assert_eq!(stream.payload_type(), 8);
}

#[test]
fn what_is_missing_is_booked_in_the_seconds_in_which_it_was_due_and_given_back() {
    // The first packet comes at 1,000 s.
    let mut sender = Sender::new(65_500, 0);
    sender.send(45);
    sender.skip(110);
    sender.send(1);
    let lost = BTreeMap::from([(1000, 4), (1001, 50), (1002, 50), (1003, 6)]);
    assert_eq!(sender.seconds, lost);
    // Two of the last ones come after all, one of them too late.
    let (number, timestamp) = (sender.sequence, sender.timestamp);
    let arrival = |sender: &mut Sender, back: u16, late| {
        let timestamp = timestamp.wrapping_sub(160 * u32::from(back));
        sender.arrive(sender.time + late, number.wrapping_sub(back), timestamp)
    };
    assert_eq!(arrival(&mut sender, 2, 500), Arrival::Reordered);
    assert_eq!(sender.seconds[&1003], 5);
    assert_eq!(arrival(&mut sender, 30, 1_500), Arrival::Suspect, "late");
    assert_eq!(sender.total_lost(), 109);
    assert_eq!((sender.late, sender.maybe_lost, sender.excused), (1, 0, 0));
}

#[test]
fn a_number_that_is_only_out_of_order_leaves_no_trace() {
    let mut sender = Sender::new(1, 0);
    sender.send(10);
    let (time, number, timestamp) = (sender.time, sender.sequence, sender.timestamp);
    sender.skip(1);
    sender.send(5);
    assert_eq!(sender.lost, 1);
    sender.arrive(sender.time + 1, number + 1, timestamp + 160);
    assert_eq!((sender.lost, sender.late), (0, 0));
    assert_eq!(sender.seconds, BTreeMap::from([(time / 1000, 0)]));
}

#[test]
fn a_stalled_sender_may_have_lost_what_it_skips() {
    let mut sender = Sender::new(1, 0);
    sender.send(100);
    // Its clock stood still for half of the time.
    sender.skip(500);
    sender.time += 10_000;
    sender.send(100);
    assert_eq!(sender.total_lost(), 0);
    assert_eq!((sender.maybe_lost, sender.excused), (500, 0));
}

#[test]
fn a_suspect_that_the_numbering_passes_is_not_missing() {
    let mut sender = Sender::new(1, 0);
    sender.send(100);
    // Held up so much longer that the packet behind the gap is out of tolerance, and the next one is not.
    sender.skip(64);
    sender.time += 370;
    assert_eq!(
        sender.arrive(sender.time, sender.sequence, sender.timestamp),
        Arrival::Suspect
    );
    sender.skip(1);
    sender.time -= 15;
    sender.arrive(sender.time, sender.sequence, sender.timestamp);
    sender.send(100);
    assert_eq!(
        (sender.total_lost(), sender.late, sender.maybe_lost),
        (63, 0, 0)
    );
}

#[test]
fn a_stalled_jump_behind_another_codec_may_have_lost_all_its_numbers_whatever_was_usual() {
    // Ten seconds of 60 ms, then 20 ms.
    let mut sender = Sender::new(1, 0);
    let send = |sender: &mut Sender, payload_type: u8, packets: u32, millis: u32| {
        for _ in 0..packets {
            sender.time += u64::from(millis);
            sender.timestamp += 8 * millis;
            sender.sequence += 1;
            let packet = summary(sender.time, sender.sequence, sender.timestamp);
            sender.take(&RtpSummary {
                payload_type,
                ..packet
            });
        }
    };
    send(&mut sender, 8, 170, 60);
    send(&mut sender, 0, 40, 20);
    sender.skip(300);
    sender.time += 3_000;
    send(&mut sender, 0, 100, 20);
    assert_eq!((sender.total_lost(), sender.maybe_lost), (0, 300));
}

#[test]
fn numbers_that_jump_where_there_is_no_room_for_them_may_be_lost() {
    let mut sender = Sender::new(1, 0);
    sender.send(100);
    sender.sequence += 9;
    sender.send(100);
    assert_eq!((sender.total_lost(), sender.maybe_lost), (0, 9));
}

#[test]
fn the_clock_of_an_outage_is_that_of_its_own_payload_type() {
    let mut sender = Sender::new(1, 0);
    sender.send(100);
    // A dynamic type of 48 kHz that nobody has announced, and an outage at once.
    let opus = |sender: &mut Sender, packets: std::ops::Range<u32>| {
        for packet in packets {
            let number = sender.sequence + u16::try_from(packet).unwrap();
            let time = sender.time + 20 * u64::from(packet);
            let timestamp = sender.timestamp + 960 * packet;
            sender.take(&RtpSummary {
                payload_type: 111,
                ..summary(time, number, timestamp)
            });
        }
    };
    opus(&mut sender, 1..3);
    opus(&mut sender, 150..300);
    opus(&mut sender, 500..600);
    assert_eq!((sender.total_lost(), sender.maybe_lost), (147 + 200, 0));
    assert_eq!(sender.stream.restarts(), 0);
}

#[test]
fn an_outage_after_comfort_noise_is_loss() {
    let mut sender = Sender::new(1, 0);
    sender.send(100);
    sender.time += 3_000;
    sender.timestamp += 24_000;
    sender.skip(1);
    let noise = summary(sender.time, sender.sequence, sender.timestamp);
    sender.take(&RtpSummary {
        payload_type: 13,
        ..noise
    });
    sender.skip(180);
    sender.send(100);
    assert_eq!((sender.total_lost(), sender.maybe_lost), (180, 0));
}

#[test]
fn an_outage_after_a_telephone_event_is_loss_however_long_the_event_was() {
    for packets in [10, 100, 350] {
        let mut sender = Sender::new(1, 0);
        sender.send(100);
        // All of them bear the timestamp of its beginning (RFC 4733 §2.2.1).
        let begun = sender.timestamp + 160;
        for _ in 0..packets {
            sender.skip(1);
            let event = summary(sender.time, sender.sequence, begun);
            sender.take(&RtpSummary {
                payload_type: 101,
                ..event
            });
        }
        sender.skip(90);
        sender.send(100);
        let booked = (sender.total_lost(), sender.maybe_lost, sender.excused);
        assert_eq!(booked, (90, 0, 0), "{packets}");
    }
}

#[test]
fn a_pause_behind_comfort_noise_is_one_of_its_own_and_an_event_is_none() {
    for (payload_type, millis, pause) in [(13, 2_500, 3_000), (13, 7_000, 7_000), (101, 20, 20)] {
        let mut sender = Sender::new(1, 0);
        sender.send(100);
        sender.skip(1);
        let other = summary(sender.time, sender.sequence, sender.timestamp);
        sender.take(&RtpSummary {
            payload_type,
            ..other
        });
        sender.time += millis - 20;
        // An event's packets take time, and bear the timestamp of its beginning.
        sender.timestamp += if payload_type == 13 {
            u32::try_from(8 * (millis - 20)).unwrap()
        } else {
            16_000
        };
        sender.send(100);
        let longest = sender.stream.longest_pause();
        assert_eq!(longest, Duration::from_millis(pause), "{payload_type}");
    }
}

#[test]
fn what_is_missing_before_a_pace_is_known_was_due_at_any_time_of_the_gap() {
    let mut sender = Sender::new(1, 0);
    // 60 ms of a dynamic type: four packets, 100 that are lost, and one.
    for packet in [1, 2, 3, 4, 105_u16] {
        let time = 1_000_000 + 60 * u64::from(packet);
        let opus = summary(time, 1 + packet, 2_880 * u32::from(packet));
        sender.take(&RtpSummary {
            payload_type: 111,
            ..opus
        });
    }
    let lost = [12, 17, 16, 17, 17, 16, 5];
    assert_eq!(sender.seconds, (1000..).zip(lost).collect());
}

#[test]
fn a_tally_is_settled_once_with_all_layers() {
    let mut stream = Stream::new(key(), StreamKind::Audio, &summary(0, 1, 0), None);
    let step = stream.advance(&summary(0, 1, 0), &mut Vec::new());
    assert!(
        stream.tally(Second(5), 200, &step),
        "the first of its second"
    );
    let step = stream.advance(&summary(20, 2, 160), &mut Vec::new());
    assert!(!stream.tally(Second(5), 30, &step));
    let (rtp, _) = stream.take_tally().unwrap();
    // 200 + 18, and the 64 octets that an Ethernet frame has at least.
    assert_eq!((rtp.packets, rtp.ip, rtp.ethernet), (2, 230, 282));
    assert_eq!(stream.take_tally(), None, "nothing twice");
}
