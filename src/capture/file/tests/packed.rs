use super::writer::{Pcap, Pcapng};
use super::{broadcast, file, run};
use crate::capture::file::FileSource;
use crate::capture::file::byte_order::ByteOrder;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::Write;

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(octets).unwrap();
    packed.finish().unwrap()
}

fn zstd(octets: &[u8]) -> Vec<u8> {
    compress_to_vec(octets, CompressionLevel::Fastest)
}

/// Octets that cannot be packed well.
fn noise(length: usize) -> Vec<u8> {
    (0_u32..)
        .map(|it| it.wrapping_mul(0x9e37_79b9).rotate_left(7).to_le_bytes()[2])
        .take(length)
        .collect()
}

fn captures() -> [Vec<u8>; 2] {
    let octets = noise(900);
    let pcap = Pcap::new(ByteOrder::Little, 0xa1b2_c3d4, 1);
    let pcap = (0..3000).fold(pcap, |file, second| file.frame(second, 0, &octets));
    let pcapng = Pcapng::new(ByteOrder::Big).named(1, "eth0");
    let pcapng = (0..3000_u64).fold(pcapng, |file, second| {
        file.enhanced(0, second * 1_000_000, &octets, &[])
    });
    [pcap.octets, pcapng.octets]
}

#[test]
fn a_packed_capture_is_the_same_capture_whatever_its_name() {
    for octets in captures() {
        let plain = run(&[file(&octets).path().to_owned()]);
        assert_eq!(plain.frames().len(), 3000);
        for packed in [gzip(&octets), zstd(&octets)] {
            let unpacked = run(&[file(&packed).path().to_owned()]);
            assert_eq!(unpacked.seen, plain.seen);
            assert!(unpacked.warnings.is_empty());
        }
        // Cut before it was packed.
        let cut = run(&[file(&gzip(&octets[..70_000])).path().to_owned()]);
        let seen = cut.frames();
        assert_eq!(cut.warnings.len(), 1);
        assert!(seen.len() > 70 && seen[..] == plain.frames()[..seen.len()]);
    }
}

#[test]
fn the_size_of_a_packed_capture_is_not_known_before_its_end() {
    let [pcap, _] = captures();
    let total = |octets: &[u8]| {
        let file = file(octets);
        let paths = [file.path().to_owned()];
        let sources = FileSource::open_for(1, &paths, broadcast).unwrap();
        sources[0].progress().total()
    };
    assert_eq!(total(&pcap), Some(pcap.len() as u64));
    assert_eq!(total(&gzip(&pcap)), None);
}

#[test]
fn a_packed_capture_that_is_cut_or_a_bomb_is_refused_with_its_packing() {
    let [pcap, _] = captures();
    let packed = gzip(&pcap);
    let run_of = |octets: &[u8]| run(&[file(octets).path().to_owned()]).error();
    let error = run_of(&packed[..packed.len() / 2]);
    assert!(error.contains("gzip: "), "{error}");
    // One frame of zeros after the other.
    let zeros = Pcap::new(ByteOrder::Little, 0xa1b2_c3d4, 1);
    let zeros = (0..400).fold(zeros, |file, _| file.frame(1, 0, &vec![0; 262_144]));
    let error = run_of(&gzip(&zeros.octets));
    assert!(error.contains("unpacks to more than 100 times"), "{error}");
}
