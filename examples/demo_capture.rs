//! Writes the calls of `asnmeter demo` as a capture file: 90 seconds, the same octets every time.
//! With `demo.toml` and `demo.tsv` beside this file it is what the pictures in the documents are made of:
//!
//! ```text
//! cargo run --release --example demo_capture -- demo.pcap
//! cargo run --release -- replay demo.pcap --config examples/demo/demo.toml
//! ```

use asnmeter::capture::synthetic::pcap::write_pcap;
use asnmeter::capture::synthetic::{SendPace, Synthetic, demo};
use asnmeter::units::Second;
use std::path::PathBuf;
use std::sync::Arc;

/// 2026-01-05 09:00:00 UTC, a Monday morning.
const START: Second = Second(1_767_603_600);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path: PathBuf = std::env::args_os()
        .nth(1)
        .ok_or("usage: demo_capture FILE")?
        .into();
    let (mut scenario, _) = demo();
    scenario.repeat = None;
    let pace = SendPace::AsFastAsPossible {
        start: START.start(),
    };
    let frames = write_pcap(&path, &mut Synthetic::new(&scenario, pace, Arc::default()))?;
    eprintln!("{}: {frames} frames", path.display());
    Ok(())
}
