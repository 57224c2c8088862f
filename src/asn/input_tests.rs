use super::*;
use crate::asn::listed::Listed;
use bzip2::write::BzEncoder;
use flate2::write::GzEncoder;
use std::io::Write;

/// Octets that unpack to so many MiB of zeros.
fn gzip(mib: u64) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::best());
    io::copy(&mut io::repeat(0).take(mib << 20), &mut packed).unwrap();
    packed.finish().unwrap()
}

fn bzip2(mib: u64) -> Vec<u8> {
    let mut packed = BzEncoder::new(Vec::new(), bzip2::Compression::best());
    io::copy(&mut io::repeat(0).take(mib << 20), &mut packed).unwrap();
    packed.finish().unwrap()
}

/// Reads to the end or to what is wrong: octets that came out, and what is wrong.
fn unpacked<D: Decoder>(decoder: D) -> (u64, Option<String>) {
    let mut unpacked = Unpacked::new(decoder);
    let error = io::copy(&mut unpacked, &mut io::sink()).err();
    (unpacked.octets, error.map(|error| error.to_string()))
}

fn input<'a>(octets: &'a [u8], load: &'a Load) -> BufReader<Packed<'a, &'a [u8]>> {
    BufReader::with_capacity(BUFFER, Packed::new(octets, load))
}

#[test]
fn a_bomb_is_refused_when_a_little_of_it_is_unpacked() {
    let load = Load::default();
    // 2.5 GiB and 12.5 GiB, many members one behind the other
    for (is_gzip, bomb) in [(true, gzip(32).repeat(80)), (false, bzip2(64).repeat(200))] {
        let (octets, error) = if is_gzip {
            unpacked(MultiGzDecoder::new(input(&bomb, &load)))
        } else {
            unpacked(MultiBzDecoder::new(input(&bomb, &load)))
        };
        let reason = "unpacks to more than 100 times its size: no table does";
        assert_eq!(error.as_deref(), Some(reason));
        let least = FREE.max(MAX_RATIO * BUFFER as u64);
        assert!(
            octets <= 2 * least,
            "{octets} octets unpacked, gzip {is_gzip}"
        );
    }
}

#[test]
fn what_is_small_may_unpack_to_any_multiple() {
    let load = Load::default();
    let packed = bzip2(16);
    assert!(packed.len() < 100);
    let (octets, error) = unpacked(MultiBzDecoder::new(input(&packed, &load)));
    assert_eq!((octets, error), (FREE, None));
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
    let mut listed = Listed::default();
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
