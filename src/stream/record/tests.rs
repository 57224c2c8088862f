mod restart;

use super::*;
use crate::units::Endpoint;

/// A 20 ms stream of PCMA as its sender sends it.
struct Sender {
    stream: Stream,
    time: u64,
    timestamp: u32,
    sequence: u16,
    lost: u64,
    late: u64,
    duplicates: u64,
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
            late: 0,
            duplicates: 0,
        };
        sender.arrive(sender.time, sequence, timestamp);
        sender
    }

    fn arrive(&mut self, millis: u64, sequence: u16, timestamp: u32) -> Arrival {
        let step = self.stream.advance(&summary(millis, sequence, timestamp));
        self.count(&step);
        step.arrival
    }

    fn count(&mut self, step: &SequenceStep) {
        self.lost += step.lost;
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
        let step = self.stream.finish();
        self.count(&step);
        self.lost
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
        let step = stream.advance(&RtpSummary {
            payload_type,
            ..packet
        });
        assert_eq!((step.arrival, step.lost), (Arrival::InOrder, 0));
    }
    assert_eq!(stream.payload_type(), 8);
}

#[test]
fn what_was_missed_by_us_is_taken_off_and_remembered() {
    let mut sender = Sender::new(1, 0);
    sender.send(10);
    let before = sender.time;
    sender.skip(100);
    let step = sender.stream.advance(&summary(
        sender.time,
        sender.sequence + 1,
        sender.timestamp + 160,
    ));
    let (from, until) = sender.stream.gap();
    // To a quarter of a millisecond, rounded up.
    let late = from.as_nanos() - before * 1_000_000;
    assert!(late < 1 << 18, "{late}");
    assert_eq!(until.as_nanos(), sender.time * 1_000_000);
    let mut step = step;
    let lost = step.lost;
    sender.stream.excuse(&mut step);
    assert_eq!((step.lost, u64::from(sender.stream.cold.unseen)), (0, lost));
}

#[test]
fn a_tally_is_settled_once_with_all_layers() {
    let mut stream = Stream::new(key(), StreamKind::Audio, &summary(0, 1, 0), None);
    let step = stream.advance(&summary(0, 1, 0));
    assert!(
        stream.tally(Second(5), 200, &step),
        "the first of its second"
    );
    let step = stream.advance(&summary(20, 2, 160));
    assert!(!stream.tally(Second(5), 30, &step));
    let (rtp, _) = stream.take_tally().unwrap();
    // 200 + 18, and the 64 octets that an Ethernet frame has at least.
    assert_eq!((rtp.packets, rtp.ip, rtp.ethernet), (2, 230, 282));
    assert_eq!(stream.take_tally(), None, "nothing twice");
}
