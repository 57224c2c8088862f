//! Holds what is booked of random streams between the truth of their senders: what is lost for certain
//! is never more than what is missing, and with what may be lost never less. Second by second, a
//! second and its amendments never add up to less than none.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking, and numbers on the wire are cut to their bits"
)]

use asnmeter::attribution::Attribution;
use asnmeter::capture::synthetic::scenario::SplitMix;
use asnmeter::frame::InterfaceId;
use asnmeter::meter::second::SecondCounts;
use asnmeter::meter::{CopyRule, Meter};
use asnmeter::pipeline::packet_clock::{Boundary, PacketClock};
use asnmeter::stream::booking::Booking;
use asnmeter::stream::record::Stream;
use asnmeter::stream::sequence::SequenceStep;
use asnmeter::stream::tally::SequenceCounts;
use asnmeter::stream::{StreamLimits, Streams};
use asnmeter::units::{Endpoint, Second, Timestamp};
use asnmeter::voice::rtp_summary::RtpSummary;
use asnmeter::voice::stream_key::StreamKey;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::{BTreeMap, BTreeSet};

/// What a sender does next, or the network to it.
#[derive(Clone, Debug)]
enum Act {
    /// Packets in a row; of a thousand so many are lost, sent twice, and out of order.
    Talk(u16, [u64; 3]),
    /// So many packets are lost in a row.
    Burst(u16),
    /// Comfort noise, and a pause in milliseconds; the clock runs on.
    Pause(u16),
    /// A telephone event of so many packets.
    Event(u16),
    /// Another codec.
    Codec,
    /// A new numbering after a pause, with the numbers of the beginning or any others.
    Restart(u16, bool),
    /// A new SSRC after a pause.
    Ssrc(u16),
    /// A pause in milliseconds that nothing announces; the clock runs on.
    Dtx(u16),
    /// The tap's clock is set by so many milliseconds.
    ClockStep(i16),
    /// Packets of another length.
    PacketTime,
    /// Another codec, with packets of another length or not, and the first packets of it are lost.
    CodecGap(u16, bool),
    /// So many packets in a row are lost, and the sender is held up by so many milliseconds; its clock is not.
    Stall(u16, u16),
}

fn act() -> impl Strategy<Value = Act> {
    let lost = prop_oneof![3 => 0_u64..300, 1 => 300_u64..900];
    let rates = (lost, 0_u64..100, 0_u64..100);
    prop_oneof![
        6 => (60_u16..400, rates).prop_map(|(n, (lost, twice, moved))| Act::Talk(n, [lost, twice, moved])),
        2 => (1_u16..3_000).prop_map(Act::Burst),
        2 => (100_u16..20_000).prop_map(Act::Pause),
        1 => (3_u16..40).prop_map(Act::Event),
        1 => Just(Act::Codec),
        1 => (0_u16..5_000, any::<bool>()).prop_map(|(pause, again)| Act::Restart(pause, again)),
        1 => (0_u16..5_000).prop_map(Act::Ssrc),
        1 => (100_u16..20_000).prop_map(Act::Dtx),
        1 => prop_oneof![-20_000_i16..-100, 100_i16..20_000].prop_map(Act::ClockStep),
        1 => Just(Act::PacketTime),
        1 => (1_u16..3_000, any::<bool>()).prop_map(|(lost, other)| Act::CodecGap(lost, other)),
        1 => (1_u16..3_000, 0_u16..20_000).prop_map(|(lost, held)| Act::Stall(lost, held)),
    ]
}

/// Acts that leave nothing in doubt.
fn plain_act() -> impl Strategy<Value = Act> {
    act().prop_filter("in doubt", |act| {
        !matches!(
            act,
            Act::Restart(..) | Act::Ssrc(_) | Act::PacketTime | Act::CodecGap(..) | Act::Stall(..)
        )
    })
}

const MILLISECOND: u64 = 1_000_000;
const START: u64 = 1_767_225_600_000 * MILLISECOND;

struct Sender {
    rng: SplitMix,
    packet_ms: u64,
    /// Nanoseconds since the start.
    now: u64,
    /// Of its clock since the last restart.
    clock: u64,
    origin: u32,
    ssrc: u32,
    first: u16,
    number: u64,
    numbering: u32,
    hz: u64,
    payload_type: u8,
    identification: u16,
    /// How far the tap's clock is from the one that it began with, in nanoseconds.
    set_by: i64,
    /// With their true arrival and their SSRC.
    packets: Vec<(u64, u32, RtpSummary)>,
    /// By SSRC and numbering: what arrived.
    arrived: BTreeMap<(u32, u32), BTreeSet<u64>>,
}

impl Sender {
    fn new(seed: u64) -> Self {
        let mut rng = SplitMix::new(seed);
        Self {
            packet_ms: [10, 20, 20, 30, 60][usize::try_from(rng.next_u64() % 5).unwrap()],
            now: rng.next_u64() % 1_000_000_000,
            clock: 0,
            origin: low(rng.next_u64()),
            ssrc: low(rng.next_u64()),
            first: low(rng.next_u64()) as u16,
            number: 0,
            numbering: 0,
            hz: 8_000,
            payload_type: 8,
            identification: 0,
            set_by: 0,
            packets: Vec::new(),
            arrived: BTreeMap::new(),
            rng,
        }
    }

    fn chance(&mut self, per_mille: u64) -> bool {
        self.rng.next_u64() % 1_000 < per_mille
    }

    fn pass(&mut self, millis: u64) {
        self.now += millis * MILLISECOND;
        self.clock += millis * MILLISECOND;
    }

    /// One packet of a type, so much later than it should be; not if it is lost.
    fn send(&mut self, payload_type: u8, clock: u64, late: Option<u64>) {
        let noise = self.rng.next_u64() % (4 * MILLISECOND);
        if let Some(late) = late {
            self.identification = self.identification.wrapping_add(1).max(1);
            let units = u128::from(clock) * u128::from(self.hz) / 1_000_000_000;
            let arrival = START + self.now + noise + late;
            let held = RtpSummary {
                time: Timestamp::from_nanos(arrival.checked_add_signed(self.set_by).unwrap()),
                ip_bytes: 200,
                timestamp: self.origin.wrapping_add(units as u32),
                sequence: self.first.wrapping_add(self.number as u16),
                payload_bytes: 160,
                payload_type,
                identification: self.identification,
                ..RtpSummary::default()
            };
            self.packets.push((arrival, self.ssrc, held));
            let numbering = (self.ssrc, self.numbering);
            self.arrived
                .entry(numbering)
                .or_default()
                .insert(self.number);
        }
    }

    fn talk(&mut self, packets: u16, [lost, twice, moved]: [u64; 3]) {
        for place in 0..packets {
            // Its ends arrive, and before whatever comes next: a packet that comes behind a new numbering
            // is late, whenever that is.
            let edge = place < 8 || place + 40 > packets;
            let late = match (edge, self.chance(moved)) {
                (false, true) => self.rng.next_u64() % (300 * MILLISECOND),
                _ => 0,
            };
            let is_lost = !edge && self.chance(lost);
            self.send(self.payload_type, self.clock, (!is_lost).then_some(late));
            if !is_lost && !edge && self.chance(twice) {
                let again = late + (3 + self.rng.next_u64() % 60) * MILLISECOND;
                self.send(self.payload_type, self.clock, Some(again));
            }
            self.number += 1;
            self.pass(self.packet_ms);
        }
    }

    /// The timestamp goes on from where it was.
    fn change_codec(&mut self) {
        let (hz, payload_type) = match self.payload_type {
            8 => (48_000, 111),
            _ => (8_000, 8),
        };
        let units = u128::from(self.clock) * u128::from(self.hz) / 1_000_000_000;
        self.origin = self.origin.wrapping_add(units as u32);
        (self.hz, self.payload_type, self.clock) = (hz, payload_type, 0);
    }

    fn change_packet_time(&mut self) {
        let others =
            [10, 20, 30, 60].map(|millis| if millis == self.packet_ms { 40 } else { millis });
        self.packet_ms = others[usize::try_from(self.rng.next_u64() % 4).unwrap()];
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Talk(packets, rates) => self.talk(packets, rates),
            Act::Burst(packets) => {
                self.number += u64::from(packets);
                self.pass(self.packet_ms * u64::from(packets));
                self.talk(30, [0; 3]);
            }
            Act::Pause(millis) => {
                self.send(13, self.clock, Some(0));
                self.number += 1;
                self.pass(millis.into());
                self.talk(30, [0; 3]);
            }
            Act::Dtx(millis) => {
                self.pass(millis.into());
                self.talk(30, [0; 3]);
            }
            Act::ClockStep(millis) => {
                self.set_by += i64::from(millis) * MILLISECOND.cast_signed();
                self.talk(60, [0; 3]);
            }
            Act::Event(packets) => {
                let began = self.clock;
                for _ in 0..packets {
                    let lost = self.chance(100);
                    self.send(101, began, (!lost).then_some(0));
                    self.number += 1;
                    self.pass(self.packet_ms);
                }
                self.talk(30, [0; 3]);
            }
            Act::Codec => {
                self.change_codec();
                self.talk(60, [0; 3]);
            }
            Act::PacketTime => {
                self.change_packet_time();
                self.talk(60, [0; 3]);
            }
            Act::CodecGap(packets, other_time) => {
                self.change_codec();
                if other_time {
                    self.change_packet_time();
                }
                self.act(&Act::Burst(packets));
            }
            Act::Stall(packets, millis) => {
                self.now += u64::from(millis) * MILLISECOND;
                self.act(&Act::Burst(packets));
            }
            Act::Restart(millis, again) => {
                self.now += u64::from(millis) * MILLISECOND;
                self.numbering += 1;
                if !again {
                    let last = self.first.wrapping_add(self.number as u16);
                    let far = 5_000 + self.rng.next_u64() % 50_000;
                    self.first = last.wrapping_add(far as u16);
                    self.origin = low(self.rng.next_u64());
                }
                (self.number, self.clock) = (0, 0);
                self.talk(200, [0; 3]);
            }
            Act::Ssrc(millis) => {
                self.now += u64::from(millis) * MILLISECOND;
                self.ssrc = low(self.rng.next_u64());
                self.talk(60, [0; 3]);
            }
        }
    }

    /// Numbers that never came, between the first and the last that came of each numbering.
    fn missing(&self) -> i64 {
        let numberings = self.arrived.values();
        let missing = numberings.map(|came| {
            let span = came.last().unwrap() - came.first().unwrap() + 1;
            (span - came.len() as u64).cast_signed()
        });
        missing.sum()
    }
}

fn low(number: u64) -> u32 {
    number as u32
}

/// What is booked of the packets, by second, and what of it before the second was judged.
#[derive(Default)]
struct Booked {
    seconds: BTreeMap<Second, SequenceCounts>,
    packets: u64,
    in_time: i64,
}

impl Booked {
    fn add(&mut self, second: Second, slot: &SecondCounts) {
        for usage in slot.usage.values() {
            self.seconds
                .entry(second)
                .or_default()
                .add(&usage.continuity);
            self.packets += usage.classes[0].packets;
        }
    }

    fn of(sender: &Sender) -> Self {
        let mut packets = sender.packets.clone();
        packets.sort_by_key(|(arrival, ..)| *arrival);
        let (mut streams, mut meter) = (
            Streams::new(StreamLimits::default()),
            Meter::new(CopyRule::Counted),
        );
        let attribution = Attribution::default();
        let mut booked = Self::default();
        let end = |port| Endpoint {
            port,
            ..Endpoint::default()
        };
        let mut clock = PacketClock::default();
        for (_, ssrc, held) in packets {
            let second = held.time.second();
            match clock.on_frame(held.time, InterfaceId(0)) {
                Some(Boundary::Opened(second)) => meter.restart(second),
                Some(Boundary::Closed(through)) => booked.close(through, &mut meter, &mut streams),
                // As `pipeline` does.
                Some(Boundary::Stepped { from, to }) => {
                    if meter.newest() < from {
                        meter.begin_second(from, &mut streams);
                    }
                    let settle =
                        |stream: &mut Stream, step: &SequenceStep, of: &mut Vec<Booking>| {
                            meter.ended(stream, step, of);
                        };
                    streams.step(to.start(), &mut Vec::new(), settle);
                    booked.close(from, &mut meter, &mut streams);
                    meter.restart(to);
                }
                Some(Boundary::Ended(_)) | None => {}
            }
            meter.count_arrivals(second, [], &mut streams);
            let key = StreamKey::new(end(1), end(2), ssrc);
            let size = (second, held.capture_point, held.ip_bytes);
            let progress = streams.advance_media(key, held).unwrap();
            meter.count_rtp(size, progress, &attribution).unwrap();
        }
        let mut given_up = Vec::new();
        streams.finish(&mut given_up, |mut stream, step, bookings| {
            meter.ended(&mut stream, step, bookings);
        });
        let last = meter.newest();
        booked.close(last, &mut meter, &mut streams);
        booked
    }

    fn close(&mut self, through: Second, meter: &mut Meter, streams: &mut Streams) {
        let closing = meter.close(through, streams);
        for (second, slot) in &closing.open {
            self.add(*second, slot);
            self.in_time += self.seconds.get(second).map_or(0, |of| of.lost);
        }
        for (second, slot) in &closing.amendments {
            self.add(*second, slot);
        }
        for (second, of) in &self.seconds {
            assert!(of.lost >= 0 && of.maybe_lost >= 0, "{second}: {of:?}");
        }
    }

    fn sum(&self) -> SequenceCounts {
        let mut sum = SequenceCounts::default();
        self.seconds.values().for_each(|of| sum.add(of));
        sum
    }
}

fn sender(seed: u64, acts: &[Act]) -> Sender {
    let mut sender = Sender::new(seed);
    sender.talk(60, [0; 3]);
    for act in acts {
        sender.act(act);
    }
    sender.talk(30, [0; 3]);
    sender
}

/// A thousand of each property, or as many as `PROPTEST_CASES` says.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.map_or(1_000, |cases| cases.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        rng_seed: RngSeed::Fixed(20_260_107),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_truth_lies_between_what_is_certain_and_what_may_be(
        seed in any::<u64>(),
        acts in prop::collection::vec(act(), 1..12),
    ) {
        let sender = sender(seed, &acts);
        let (sum, truth) = (Booked::of(&sender).sum(), sender.missing());
        prop_assert!(sum.lost <= truth, "{} certain, {truth} missing", sum.lost);
        prop_assert!(truth <= sum.lost + sum.maybe_lost, "{truth} missing, {sum:?}");
        prop_assert_eq!(sum.late, 0);
    }

    #[test]
    fn where_nothing_is_in_doubt_what_is_certain_is_the_truth(
        seed in any::<u64>(),
        acts in prop::collection::vec(plain_act(), 1..12),
    ) {
        let sender = sender(seed, &acts);
        let booked = Booked::of(&sender);
        let sum = booked.sum();
        prop_assert_eq!((sum.lost, sum.maybe_lost), (sender.missing(), 0));
        let came = sender.arrived.values().map(|came| came.len() as u64).sum::<u64>();
        prop_assert_eq!(sum.loss(booked.packets).expected, came.cast_signed() + sum.lost);
        prop_assert_eq!(sum.excused, SequenceCounts::default().excused);
    }
}

#[test]
fn what_was_found_out_of_its_bounds_is_within_them() {
    let found: [(u64, &[Act]); 5] = [
        // The clock of a type was measured over a step, and bounded what a stalled sender could have sent.
        (
            129_597_773_944_820_525,
            &[Act::Codec, Act::ClockStep(233), Act::Burst(302)],
        ),
        // The first packet behind a gap was out of tolerance, the next one was not: the first was called lost.
        (0, &[Act::Codec, Act::PacketTime, Act::Stall(63, 362)]),
        // Packets of another length, and a stall.
        (0, &[Act::Codec, Act::PacketTime, Act::Stall(63, 366)]),
        // A jump of an unknown clock was taken for one of the numbering before.
        (
            12_193_317_988_348_701_194,
            &[
                Act::Talk(141, [0; 3]),
                Act::Restart(0, true),
                Act::CodecGap(480, false),
            ],
        ),
        (
            12_193_317_988_348_701_194,
            &[Act::Restart(0, true), Act::CodecGap(480, false)],
        ),
    ];
    for (seed, acts) in found {
        let sender = sender(seed, acts);
        let (sum, truth) = (Booked::of(&sender).sum(), sender.missing());
        let bounds = sum.lost..=sum.lost + sum.maybe_lost;
        assert!(
            bounds.contains(&truth),
            "{acts:?}: {truth} missing, {sum:?}"
        );
    }
}

#[test]
fn a_tenth_that_is_lost_is_booked_before_its_second_is_judged() {
    let mut sender = Sender::new(7);
    sender.talk(3_000, [100, 0, 0]);
    let booked = Booked::of(&sender);
    let truth = sender.missing();
    assert_eq!(booked.sum().lost, truth);
    assert!(
        truth > 250 && booked.in_time == truth,
        "{} of {truth}",
        booked.in_time
    );
}

#[test]
fn packets_that_are_out_of_order_by_less_than_a_second_stays_open_are_never_lost() {
    let mut sender = Sender::new(8);
    sender.talk(3_000, [0; 3]);
    let mut rng = SplitMix::new(9);
    for (arrival, _, held) in &mut sender.packets {
        let later = rng.next_u64() % (90 * MILLISECOND);
        *arrival += later;
        held.time = Timestamp::from_nanos(*arrival);
    }
    let booked = Booked::of(&sender);
    assert_eq!((booked.sum().lost, booked.in_time), (0, 0));
    assert!(booked.sum().reordered > 500);
}
