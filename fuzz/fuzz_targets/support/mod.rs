//! What several targets need: a file of any octets, since formats are read from files as the daemon
//! reads them, and the tables of one source.
#![allow(dead_code, reason = "not every target needs every part")]

use asnmeter::asn::{OriginSettings, Origins, Source};
use asnmeter::capture::file::FileSource;
use asnmeter::capture::{Event, FrameSource};
use asnmeter::files::Load;
use asnmeter::units::Timestamp;
use std::path::PathBuf;

/// A file with these octets, in memory where the system has such a place; one for each process.
pub fn file(octets: &[u8]) -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let path = folder.join(format!("asnmeter-fuzz-{}", std::process::id()));
    std::fs::write(&path, octets).unwrap();
    path
}

/// Reads a source of these octets; asks it for some addresses if it is one.
pub fn origins(octets: &[u8], source: impl FnOnce(PathBuf) -> Source) {
    let settings = OriginSettings {
        sources: vec![source(file(octets))],
        ..OriginSettings::default()
    };
    let Ok(origins) = Origins::load(&settings, None, &Load::default(), Timestamp::default) else {
        return;
    };
    for address in ["0.0.0.1", "10.0.0.1", "203.0.113.7", "255.255.255.255", "2001:db8::1", "::"] {
        let address: std::net::IpAddr = address.parse().unwrap();
        origins.route(address.into());
        origins.explain(address.into());
    }
}

/// Reads a capture file of these octets to its end: times go with each frame, and no frame is longer
/// than it says.
pub fn capture(octets: &[u8]) {
    let Ok(mut source) = FileSource::open(&[file(octets)]) else {
        return;
    };
    loop {
        match source.next() {
            Ok(Event::Frame(frame)) => {
                assert!(frame.octets.len() <= 262_144, "longer than a frame may be");
            }
            Ok(Event::End) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
