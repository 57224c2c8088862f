//! One who sends media: what is sent, what becomes of it on the way, and the memory of both.

use super::model::Arrival;
use super::octets;
use super::support::frames::Shot;
use super::way::Way;
use super::{START, Sent};
use asnmeter::capture::synthetic::scenario::SplitMix;
use std::net::SocketAddr;

const MILLISECOND: u64 = 1_000_000;

/// How sound is put into packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Codec {
    pub(crate) payload_type: u8,
    pub(crate) clock: u32,
    pub(crate) packet_ms: u64,
    pub(crate) octets: usize,
}

pub(crate) const PCMA: Codec = Codec {
    payload_type: 8,
    clock: 8_000,
    packet_ms: 20,
    octets: 160,
};

pub(crate) const G729: Codec = Codec {
    payload_type: 18,
    octets: 20,
    ..PCMA
};

/// A dynamic payload type: its clock has to be found out.
pub(crate) const OPUS: Codec = Codec {
    payload_type: 111,
    clock: 48_000,
    packet_ms: 20,
    octets: 90,
};

/// What becomes of a packet on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Arrives,
    Lost,
    /// Arrives so many packet times later.
    HeldBack(u64),
    /// Its sender sends it again, so many microseconds later.
    SentTwice(u64),
}

/// One who sends.
pub(crate) struct Line {
    pub(crate) way: Way,
    pub(crate) src: SocketAddr,
    pub(crate) dst: SocketAddr,
    pub(crate) codec: Codec,
    /// Nanoseconds from START until the next packet.
    pub(crate) now: u64,
    /// Each packet is up to so much late.
    pub(crate) noise_ms: u64,
    /// Fragments after so many octets of IP payload.
    pub(crate) fragment: Option<usize>,
    ssrc: u32,
    numbering: u32,
    first: u16,
    number: u64,
    /// What its clock says, in nanoseconds, and where its timestamps begin.
    clock: u64,
    origin: u32,
    identification: u16,
    withheld: u64,
    rng: SplitMix,
    sent: Sent,
}

impl Line {
    /// Number and timestamp begin by chance.
    pub(crate) fn new(way: Way, ends: (SocketAddr, SocketAddr), codec: Codec, seed: u64) -> Self {
        let mut rng = SplitMix::new(seed);
        let random = rng.next_u64();
        Self {
            way,
            src: ends.0,
            dst: ends.1,
            codec,
            now: rng.next_u64() % (20 * MILLISECOND),
            noise_ms: 4,
            fragment: None,
            ssrc: random as u32,
            numbering: 0,
            first: (random >> 32) as u16,
            number: 0,
            clock: 0,
            origin: rng.next_u64() as u32,
            identification: (random >> 48) as u16,
            withheld: 0,
            rng,
            sent: Sent::default(),
        }
    }

    /// A random number below a bound.
    pub(crate) fn chance(&mut self, below: u64) -> u64 {
        self.rng.next_u64() % below
    }

    /// Begins with this number.
    pub(crate) fn beginning_at(mut self, first: u16) -> Self {
        self.first = first;
        self
    }

    fn packet_time(&self) -> u64 {
        self.codec.packet_ms * MILLISECOND
    }

    /// Sends so many packets; all arrive.
    pub(crate) fn talk(&mut self, packets: u64) {
        self.talk_with(packets, |_, _| Fate::Arrives);
    }

    /// Sends so many packets; the first and the last arrive, whatever is said of them.
    pub(crate) fn talk_with(
        &mut self,
        packets: u64,
        mut fate: impl FnMut(u64, &mut SplitMix) -> Fate,
    ) {
        for place in 0..packets {
            let fate = fate(place, &mut self.rng);
            let is_edge = place == 0 || place + 1 == packets;
            self.send(
                self.codec,
                false,
                if is_edge { Fate::Arrives } else { fate },
            );
            self.pass(self.packet_time());
        }
    }

    /// Time goes by, for the clock too; nothing is sent.
    pub(crate) fn pass(&mut self, nanos: u64) {
        self.now += nanos;
        self.clock += nanos;
    }

    /// Time goes by; the clock stands still.
    pub(crate) fn stand(&mut self, nanos: u64) {
        self.now += nanos;
    }

    /// So many packets are sent into a cable that is out.
    pub(crate) fn outage(&mut self, packets: u64) {
        self.number += packets;
        self.pass(packets * self.packet_time());
    }

    /// The sender begins a new numbering and a new clock.
    pub(crate) fn restart(&mut self) {
        let random = self.rng.next_u64();
        self.numbering += 1;
        self.number = 0;
        // Far from where it was, as a random number nearly always is.
        let last = self.first.wrapping_add(self.number as u16);
        self.first = last.wrapping_add(20_000 + (random % 20_000) as u16);
        self.origin = (random >> 32) as u32;
        self.clock = 0;
    }

    /// The sender takes another SSRC, as after a re-INVITE: another stream.
    pub(crate) fn change_ssrc(&mut self) {
        self.ssrc = self.rng.next_u64() as u32;
        self.restart();
    }

    /// Comfort noise (RFC 3389): one octet, and silence until the next.
    pub(crate) fn comfort_noise(&mut self, packets: u64, every_ms: u64) {
        let codec = Codec {
            payload_type: 13,
            octets: 1,
            packet_ms: every_ms,
            ..self.codec
        };
        for _ in 0..packets {
            self.send(codec, false, Fate::Arrives);
            self.pass(every_ms * MILLISECOND);
        }
    }

    /// A key pressed (RFC 4733 §2.5): all packets bear the timestamp of its beginning, the last
    /// three are the same but for their numbers.
    pub(crate) fn key_press(&mut self, packets: u64) {
        let codec = Codec {
            payload_type: 101,
            octets: 4,
            ..self.codec
        };
        let began = self.clock;
        for place in 0..packets {
            let now = std::mem::replace(&mut self.clock, began);
            self.send(codec, place == 0, Fate::Arrives);
            self.clock = now;
            self.pass(self.packet_time());
        }
    }

    fn send(&mut self, codec: Codec, marker: bool, fate: Fate) {
        let units = u128::from(self.clock) * u128::from(codec.clock) / 1_000_000_000;
        let timestamp = self.origin.wrapping_add(units as u32);
        let sequence = self.first.wrapping_add(self.number as u16);
        let payload = vec![0x55 ^ sequence as u8; codec.octets];
        let rtp = octets::rtp(
            codec.payload_type,
            marker,
            sequence,
            timestamp,
            self.ssrc,
            &payload,
        );
        let noise = self.rng.next_u64() % (self.noise_ms * MILLISECOND).max(1);
        let at = START + self.now + noise;
        match fate {
            Fate::Arrives => self.arrive(at, codec, &rtp),
            Fate::Lost => self.withheld += 1,
            Fate::HeldBack(times) => {
                self.arrive(at + times * self.packet_time(), codec, &rtp);
            }
            Fate::SentTwice(micros) => {
                self.arrive(at, codec, &rtp);
                self.arrive(at + micros * 1000, codec, &rtp);
            }
        }
        self.number += 1;
    }

    /// A packet reaches the tap: another IP packet each time.
    fn arrive(&mut self, nanos: u64, codec: Codec, rtp: &[u8]) {
        // 0 would say that it is not used (RFC 6864 §4.1).
        self.identification = self.identification.wrapping_add(1).max(1);
        let (src, dst) = (self.src.ip(), self.dst.ip());
        let udp = octets::udp(self.src, self.dst, rtp);
        let id = self.identification;
        let packets = match self.fragment {
            Some(first) if first < udp.len() => {
                octets::fragments((src, dst), 17, id, &udp, first).into()
            }
            Some(_) | None => vec![octets::ip(src, dst, 17, id, &udp)],
        };
        let arrival = Arrival {
            nanos,
            numbering: self.numbering,
            number: self.number,
            sent: self.clock,
            payload_type: codec.payload_type,
            pace: codec.packet_ms * MILLISECOND,
            bytes: packets[0].len() as u64,
            copy: false,
            frames: packets
                .iter()
                .map(|packet| self.way.frame(packet))
                .collect(),
        };
        self.sent.entry(self.name()).or_default().push(arrival);
    }

    /// The number of the last packet, with the cycles that it has gone through.
    pub(crate) fn highest(&self) -> u32 {
        u32::from(self.first) + self.number as u32 - 1
    }

    /// Packets lost on the way to the tap.
    pub(crate) fn withheld(&self) -> u64 {
        self.withheld
    }

    pub(crate) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    fn name(&self) -> String {
        format!("{} > {} {:#010x}", self.src, self.dst, self.ssrc)
    }

    /// What arrived of each stream, in order.
    pub(crate) fn streams(&self) -> Sent {
        let mut sent = self.sent.clone();
        for arrivals in sent.values_mut() {
            arrivals.sort_by_key(|arrival| arrival.nanos);
        }
        sent
    }

    /// Every frame.
    pub(crate) fn shots(&self) -> Vec<Shot> {
        let arrivals = self.sent.values().flatten();
        let shots = arrivals.flat_map(|arrival| {
            arrival.frames.iter().map(|frame| Shot {
                nanos: arrival.nanos,
                octets: frame.clone(),
            })
        });
        shots.collect()
    }
}
