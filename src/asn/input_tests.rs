use super::*;
use crate::asn::source_builder::SourceBuilder;
use flate2::write::GzEncoder;
use std::io::Write;

/// Octets that are read at once, at most.
const BUFFER: usize = 1 << 16;

#[test]
fn a_mark_of_byte_order_is_skipped_or_named() {
    let path = Path::new("list");
    let mut lines = Lines::new(path, &b"\xef\xbb\xbf192.0.2.0/24 1\r\n\xef\xbb\xbfx"[..]);
    assert!(lines.advance().unwrap());
    assert_eq!(lines.text(), "192.0.2.0/24 1");
    assert!(lines.advance().unwrap());
    assert_eq!(lines.text(), "\u{feff}x", "only at the head");
    for text in [&b"\xff\xfe1\0\n\0"[..], b"\xfe\xff\x001\0\n"] {
        let error = Lines::new(path, text).advance().unwrap_err().to_string();
        let reason = "list: is text in UTF-16 (byte order mark): save it as UTF-8";
        assert_eq!(error, reason);
    }
}

#[test]
fn a_load_that_is_called_off_ends_between_two_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list");
    let line = "192.0.2.0/24 64500\n";
    let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::none());
    packed.write_all(line.repeat(100_000).as_bytes()).unwrap();
    for (name, octets) in [
        ("plain", line.repeat(100_000).into_bytes()),
        ("gzip", packed.finish().unwrap()),
    ] {
        std::fs::write(&path, octets).unwrap();
        let load = Load::default();
        let mut lines = Lines::new(&path, open(&path, &load).unwrap());
        assert!(lines.advance().unwrap());
        load.cancel();
        let (mut read, mut error) = (1, None);
        while error.is_none() {
            match lines.advance() {
                Ok(more) => assert!(more, "{name}: read to the end"),
                Err(told) => error = Some(told),
            }
            read += 1;
        }
        let told = format!("{}: loading was called off", path.display());
        assert_eq!(error.unwrap().to_string(), told);
        assert!(read * line.len() < 3 * BUFFER, "{name}: {read} lines");
    }
}

#[test]
fn a_file_of_records_that_are_no_routes_is_refused_when_a_part_of_it_is_read() {
    let mut listed = SourceBuilder::default();
    let path = Path::new("rib");
    let mut records = 0;
    let error = loop {
        listed.passed_over();
        records += 1;
        if let Err(error) = listed.bounded(path) {
            break error.to_string();
        }
    };
    assert_eq!(records, (1 << 20) + 1);
    assert_eq!(
        error,
        "rib: has more than 1048576 records that are no routes to a network"
    );
}
