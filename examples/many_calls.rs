//! Writes a capture of many concurrent G.711 calls, for the comparison in `benches/compare`, with
//! a configuration and a prefix list beside it: the same octets for the same arguments.
//!
//! ```text
//! cargo run --release --example many_calls -- FILE.pcap PACKETS STREAMS
//! ```
//!
//! Every stream sends 160 octets each 20 ms (RFC 3551 §4.5.14), 230 octets a frame in the file.
//! Two streams are a call between one of 64 session borders of ours and a host in one of 250
//! prefixes of 250 ASNs. Frames arrive up to 3 ms late, one in 1000 is lost.

#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "a generator for benches: its numbers are its own"
)]

use asnmeter::capture::synthetic::scenario::SplitMix;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// 2026-01-05 09:00:00 UTC, a Monday morning, in nanoseconds.
const START: u64 = 1_767_603_600_000_000_000;
const TICK: u64 = 20_000_000;
const LATEST: u64 = 3_000_000;
const SAMPLES: u32 = 160;
const REMOTE_ASNS: u64 = 250;
const BORDERS: u64 = 64;

fn below(bound: u64, numbers: &mut SplitMix) -> u64 {
    numbers.next_u64() % bound
}

/// Where the fields that change stand in a frame.
mod place {
    pub(crate) const IP: usize = 14;
    pub(crate) const UDP: usize = IP + 20;
    pub(crate) const RTP: usize = UDP + 8;
    pub(crate) const END: usize = RTP + 12 + 160;
}

pub(crate) struct Stream {
    pub(crate) frame: Vec<u8>,
    /// From the start of a tick, nanoseconds.
    offset: u64,
    sequence: u16,
    timestamp: u32,
}

impl Stream {
    fn new(src: ([u8; 4], u16), dst: ([u8; 4], u16), numbers: &mut SplitMix) -> Self {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
        frame.extend([0x45, 0xb8, 0, 200, 0, 0, 0x40, 0, 64, 17, 0, 0]);
        frame.extend(src.0);
        frame.extend(dst.0);
        frame.extend(src.1.to_be_bytes());
        frame.extend(dst.1.to_be_bytes());
        frame.extend([0, 180, 0, 0, 0x80, 8, 0, 0, 0, 0, 0, 0]);
        frame.extend(numbers.next_u64().to_be_bytes().iter().take(4));
        frame.resize(place::END, 0xd5);
        Self {
            frame,
            offset: below(TICK, numbers),
            sequence: (numbers.next_u64() & 0x7fff) as u16,
            timestamp: (numbers.next_u64() >> 32) as u32,
        }
    }

    /// The next packet's numbers, whether it arrives or not.
    pub(crate) fn advance(&mut self) {
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(SAMPLES);
        self.frame[place::RTP + 2..place::RTP + 4].copy_from_slice(&self.sequence.to_be_bytes());
        self.frame[place::RTP + 4..place::RTP + 8].copy_from_slice(&self.timestamp.to_be_bytes());
    }
}

fn remote(asn: u64, host: u64) -> [u8; 4] {
    [20, asn as u8, (host >> 8) as u8, host as u8]
}

pub(crate) fn streams(count: u64, numbers: &mut SplitMix) -> Vec<Stream> {
    let mut streams = Vec::new();
    for call in 0..count / 2 {
        let border = call % BORDERS;
        // A border has 32 000 even ports; calls beyond that take the next one's turn again.
        let port = (1024 + call / BORDERS % 32_000 * 2) as u16;
        let ours = ([198, 51, 100, border as u8 + 1], port);
        // A few ASNs have most of the calls.
        let asn = below(REMOTE_ASNS, numbers).min(below(REMOTE_ASNS, numbers));
        let theirs = (
            remote(asn, below(1 << 16, numbers)),
            (16_384 + below(8_000, numbers) * 2) as u16,
        );
        streams.push(Stream::new(ours, theirs, numbers));
        streams.push(Stream::new(theirs, ours, numbers));
    }
    streams
}

fn write(path: &Path, packets: u64, count: u64) -> io::Result<u64> {
    let mut numbers = SplitMix::new(1);
    let mut streams = streams(count, &mut numbers);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        out.write_all(&word.to_le_bytes())?;
    }
    let (mut written, mut tick) = (0, START);
    let mut order = Vec::new();
    loop {
        order.clear();
        order.extend(streams.iter().enumerate().map(|(index, stream)| {
            let late = (stream.offset + below(LATEST, &mut numbers)).min(TICK - 1);
            (late, index)
        }));
        order.sort_unstable();
        for (late, index) in &order {
            let stream = &mut streams[*index];
            stream.advance();
            if below(1000, &mut numbers) == 0 {
                continue;
            }
            let time = tick + late;
            let length = place::END as u32;
            for word in [
                (time / 1_000_000_000) as u32,
                (time % 1_000_000_000) as u32,
                length,
                length,
            ] {
                out.write_all(&word.to_le_bytes())?;
            }
            out.write_all(&stream.frame)?;
            written += 1;
            if written == packets {
                out.flush()?;
                return Ok(written);
            }
        }
        tick += TICK;
    }
}

/// What the daemon of a session border would be given.
fn configure(path: &Path) -> io::Result<()> {
    let list = path.with_extension("tsv");
    let mut out = BufWriter::new(File::create(&list)?);
    for asn in 0..REMOTE_ASNS {
        writeln!(out, "20.{asn}.0.0/16\t{}\tREMOTE-{asn}", 64_600 + asn)?;
    }
    out.flush()?;
    let list = list.canonicalize()?;
    std::fs::write(
        path.with_extension("toml"),
        format!(
            "[asn]\nsources = [ {{ prefixes = \"{}\" }} ]\n\
             local_prefixes = [\"198.51.100.0/24\"]\n\n\
             [[commitment]]\nname = \"voice\"\ncommitted_rate = \"1 Gbps\"\nthreshold = \"1%\"\n\
             window = \"10s\"\nguarantee = {{ loss = \"0.5%\" }}\n",
            list.display()
        ),
    )
}

/// Writes capture, configuration and prefix list; how many packets there are.
pub(crate) fn generate(path: &Path, packets: u64, count: u64) -> io::Result<u64> {
    let written = write(path, packets, count)?;
    configure(path)?;
    Ok(written)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const USAGE: &str = "usage: many_calls FILE PACKETS STREAMS";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, packets, count] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let path = Path::new(path);
    let written = generate(path, packets.parse()?, count.parse()?)?;
    eprintln!("{}: {written} packets", path.display());
    Ok(())
}
