use super::*;
use bzip2::write::BzEncoder;
use flate2::write::GzEncoder;
use lzma_rust2::{CheckType, XzOptions, XzWriter};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::Write;

/// A way to pack octets.
type Pack = fn(&[u8]) -> Vec<u8>;

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(octets).unwrap();
    packed.finish().unwrap()
}

fn bzip2(octets: &[u8]) -> Vec<u8> {
    let mut packed = BzEncoder::new(Vec::new(), bzip2::Compression::best());
    packed.write_all(octets).unwrap();
    packed.finish().unwrap()
}

fn xz(octets: &[u8]) -> Vec<u8> {
    let mut options = XzOptions::with_preset(0);
    options.set_check_sum_type(CheckType::Crc64);
    let mut packed = XzWriter::new(Vec::new(), options).unwrap();
    packed.write_all(octets).unwrap();
    packed.finish().unwrap()
}

fn zstd(octets: &[u8]) -> Vec<u8> {
    compress_to_vec(octets, CompressionLevel::Fastest)
}

const ALL: [(&str, Pack); 4] = [("gzip", gzip), ("bzip2", bzip2), ("xz", xz), ("zstd", zstd)];

/// Reads to the end or to what is wrong: octets that came out, and what is wrong.
fn unpacked(octets: &[u8]) -> (Vec<u8>, Option<String>) {
    let load = Load::default();
    let mut input = match unpacking(octets, Some(&load)) {
        Ok(input) => input,
        Err(error) => return (Vec::new(), Some(error.to_string())),
    };
    let mut unpacked = Vec::new();
    let error = input.read_to_end(&mut unpacked).err();
    (unpacked, error.map(|error| error.to_string()))
}

#[test]
fn each_packing_is_unpacked_whole_and_so_are_several_one_behind_the_other() {
    let text: Vec<u8> = (0..200_000_u32)
        .flat_map(|it| it.wrapping_mul(it).to_le_bytes())
        .collect();
    assert_eq!(unpacked(&text), (text.clone(), None));
    for (name, pack) in ALL {
        let packed = pack(&text);
        assert!(unpacked(&packed) == (text.clone(), None), "{name}");
        let twice = unpacked(&packed.repeat(2));
        assert!(
            twice == (text.repeat(2), None),
            "{name} twice: {:?}",
            twice.1
        );
    }
    // a frame of zstd that is to be skipped (RFC 8878 §3.1.2)
    let skipped = [0x57, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let packed = [&skipped[..], &zstd(b"text"), &skipped].concat();
    assert_eq!(unpacked(&packed), (b"text".to_vec(), None));
}

#[test]
fn what_is_cut_or_damaged_is_refused_and_the_packing_named() {
    let text = b"192.0.2.0/24 64500\n".repeat(1000);
    for (name, pack) in ALL {
        let packed = pack(&text);
        for end in [packed.len() / 2, packed.len() - 1] {
            let error = unpacked(&packed[..end]).1.unwrap();
            assert!(
                error.starts_with(&format!("{name}: ")),
                "{name}, {end}: {error}"
            );
        }
        let mut damaged = packed.clone();
        let last = damaged.len() - 20;
        for octet in &mut damaged[last / 2..] {
            *octet ^= 0x55;
        }
        let error = unpacked(&damaged).1.unwrap();
        assert!(error.starts_with(&format!("{name}: ")), "{name}: {error}");
    }
    // the checksum of zstd is at its end, and ruzstd does not compare it
    let mut damaged = zstd(&text);
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(unpacked(&damaged).1.unwrap(), "zstd: wrong checksum");
}

#[test]
fn what_needs_too_much_memory_to_be_unpacked_is_refused_before_it_is_taken() {
    // LZMA2 with a dictionary of 4 GiB - 1
    let mut packed = xz(b"192.0.2.0/24 64500\n");
    let filter = packed
        .windows(3)
        .position(|it| it[..2] == [0x21, 1])
        .unwrap();
    packed[filter + 2] = 40;
    let header = usize::from(packed[12]) * 4;
    let mut sum = flate2::Crc::new();
    sum.update(&packed[12..12 + header]);
    let sum = sum.sum().to_le_bytes();
    packed[12 + header..16 + header].copy_from_slice(&sum);
    let error = unpacked(&packed).1.unwrap();
    assert!(error.starts_with("xz: needed memory too big"), "{error}");
    // a frame with a window of 2 GiB (RFC 8878 §3.1.1.1.2)
    let error = unpacked(&[0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 1, 0, 0])
        .1
        .unwrap();
    assert!(
        error.starts_with("zstd: ") && error.contains("indow"),
        "{error}"
    );
}

#[test]
fn what_is_packed_otherwise_is_named() {
    let mut tar = vec![b'a'; 512];
    tar[257..262].copy_from_slice(b"ustar");
    for (octets, reason) in [
        (
            &b"PK\x03\x04\x14\0"[..],
            "is a ZIP archive: unpack it first",
        ),
        (
            &gzip(&tar),
            "has, within gzip: a tar archive: unpack it first",
        ),
        (&xz(&gzip(b"text")), "has, within xz: gzip"),
        (
            b"<!DOCTYPE html>",
            "is an HTML page: was it downloaded correctly?",
        ),
    ] {
        assert_eq!(unpacked(octets).1.as_deref(), Some(reason));
    }
}

#[test]
fn a_bomb_is_refused_when_a_little_of_it_is_unpacked() {
    // 2.5 GiB of zeros and more, many members one behind the other
    for (name, pack) in ALL {
        let bomb = pack(&vec![0; 32 << 20]).repeat(if name == "bzip2" { 400 } else { 80 });
        let (octets, error) = unpacked(&bomb);
        let reason = "unpacks to more than 100 times its size: no table or capture does";
        assert_eq!(error.as_deref(), Some(reason), "{name}");
        let least = FREE.max(MAX_RATIO * BUFFER as u64);
        let octets = octets.len() as u64;
        assert!(octets <= 2 * least, "{octets} octets unpacked, {name}");
    }
}

#[test]
fn what_is_small_may_unpack_to_any_multiple() {
    let packed = bzip2(&vec![0; 16 << 20]);
    assert!(packed.len() < 100);
    let (octets, error) = unpacked(&packed);
    assert_eq!((octets.len() as u64, error), (FREE, None));
}
