//! Prints what a worker's streams cost when there are many: resident memory of each, and time of a
//! packet, steady state and start apart.
//!
//! ```sh
//! cargo run --release --example stream_figures -- 4000 200000
//! ```
//!
//! G.711 in packets of 20 ms, half of the streams each way, one packet of 1000 lost, told at a glance
//! already: what is left are streams, meter, and the closing of seconds. Each number of streams is
//! measured in a process of its own.

#![allow(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a measurement"
)]

use asnmeter::capture::synthetic::scenario::SplitMix;
use asnmeter::capture::{CaptureError, Event};
use asnmeter::clock;
use asnmeter::meter::second::WorkerReport;
use asnmeter::pipeline::packet_clock::Boundary;
use asnmeter::pipeline::timed_source::{PacketBatch, Selection, TimedEvent, TimedSource};
use asnmeter::pipeline::{Worker, WorkerSettings, WorkerSink};
use asnmeter::sla::policy::Policy;
use asnmeter::stream::record::Stream;
use asnmeter::units::{Address, Endpoint, Second, Timestamp};
use asnmeter::voice::RtpPacket;
use asnmeter::voice::rtp_summary::RtpSummary;
use asnmeter::voice::stream_key::StreamKey;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// Packets that each stream sends: five seconds.
const TICKS: u32 = 250;
const TICKS_A_SECOND: u32 = 50;

/// The first of them set streams up.
const START_TICKS: u32 = TICKS_A_SECOND;

/// Calls that never end while they are measured.
struct Calls {
    streams: u32,
    opened: bool,
    place: u32,
    tick: u32,
    numbers: SplitMix,
    waiting: PacketBatch,
    /// When streams were set up, and when all was sent.
    started: Duration,
    ended: Duration,
    resident_kib: u64,
}

impl Calls {
    fn new(streams: u32) -> Self {
        Self {
            streams,
            opened: false,
            place: 0,
            tick: 0,
            numbers: SplitMix::new(1),
            waiting: PacketBatch::default(),
            started: Duration::ZERO,
            ended: Duration::ZERO,
            resident_kib: 0,
        }
    }

    const fn second(tick: u32) -> Second {
        Second(1_767_603_600 + (tick / TICKS_A_SECOND) as u64)
    }

    fn packet(&self) -> RtpPacket {
        let call = self.place / 2;
        let ours = Endpoint {
            address: Address::v4([198, 51, 100, call as u8]),
            port: (1024 + (call >> 8) * 2) as u16,
        };
        let [_, a, b, c] = call.to_be_bytes();
        let theirs = Endpoint {
            address: Address::v4([20, a, b, c]),
            port: 16_384,
        };
        let (src, dst) = match self.place % 2 {
            0 => (ours, theirs),
            _ => (theirs, ours),
        };
        let within = u64::from(self.tick % TICKS_A_SECOND) * 20_000_000;
        let offset = u64::from(self.place) * 20_000_000 / u64::from(self.streams);
        let time = Self::second(self.tick).start().as_nanos() + within + offset;
        RtpPacket {
            key: StreamKey::new(src, dst, self.place),
            length: 214,
            summary: RtpSummary {
                time: Timestamp::from_nanos(time),
                ip_bytes: 200,
                timestamp: self.tick * 160,
                sequence: self.tick as u16,
                payload_bytes: 160,
                payload_type: 8,
                ..RtpSummary::default()
            },
        }
    }
}

impl TimedSource for Calls {
    fn next(&mut self) -> Result<TimedEvent<'_>, CaptureError> {
        let mut event = Event::Idle(Timestamp::default());
        let mut boundary = None;
        if !self.opened {
            self.opened = true;
            boundary = Some(Boundary::Opened(Self::second(0)));
        } else if self.place == self.streams {
            (self.tick, self.place) = (self.tick + 1, 0);
            if self.tick.is_multiple_of(TICKS_A_SECOND) {
                boundary = Some(Boundary::Closed(Self::second(self.tick - 1)));
            }
        }
        if self.tick == START_TICKS && self.place == 0 {
            self.started = clock::uptime();
        }
        if self.tick == TICKS {
            self.ended = clock::uptime();
            self.resident_kib = resident_kib();
            event = Event::End;
        }
        Ok(TimedEvent { boundary, event })
    }

    fn next_batch(&mut self, _: &Selection) -> &[RtpPacket] {
        self.waiting.clear();
        while self.opened && self.place < self.streams && self.waiting.has_room() {
            if !self.numbers.next_u64().is_multiple_of(1000) {
                self.waiting.push(self.packet());
            }
            self.place += 1;
        }
        self.waiting.packets()
    }
}

/// Wants nothing.
struct Nobody;

impl WorkerSink for Nobody {
    fn report(&mut self, _: WorkerReport) {}
    fn ended(&mut self, _: &Stream) {}
    fn new_policy(&mut self) -> Option<Arc<Policy>> {
        None
    }
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn measure(streams: u32) -> Result<(), CaptureError> {
    let before = resident_kib();
    let mut worker = Worker::new(WorkerSettings::default(), &Policy::default(), Nobody);
    let mut calls = Calls::new(streams);
    let begun = clock::uptime();
    worker.run(&mut calls)?;
    let nanos = |from: Duration, to: Duration, ticks: u32| {
        to.saturating_sub(from).as_nanos() as f64 / f64::from(streams) / f64::from(ticks)
    };
    let octets = (calls.resident_kib.saturating_sub(before)) as f64 * 1024.0 / f64::from(streams);
    println!(
        "{streams} {octets:.0} {:.1} {:.1}",
        nanos(begun, calls.started, START_TICKS),
        nanos(calls.started, calls.ended, TICKS - START_TICKS)
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => return Err("usage: stream_figures STREAMS...".into()),
        [streams] => measure(streams.parse()?)?,
        several => {
            println!(
                "streams, octets of memory each, ns a packet in the first second, ns a packet later"
            );
            for streams in several {
                Command::new(std::env::current_exe()?)
                    .arg(streams)
                    .status()?;
            }
        }
    }
    Ok(())
}
