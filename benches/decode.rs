//! What one frame costs from its first octet to its payload: `cargo bench --bench decode`.

use asnmeter::frame::{Frame, InterfaceId, LinkType, Offload};
use asnmeter::units::Timestamp;
use asnmeter::wire::{Transport, decode, rtp};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn udp(src: u16, dst: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).expect("short");
    let ports = [src.to_be_bytes(), dst.to_be_bytes()].concat();
    [&ports[..], &length.to_be_bytes(), &[0, 0], payload].concat()
}

fn ipv4(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 20).expect("short");
    let rest = [0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2];
    [&[0x45, 0][..], &length.to_be_bytes(), &rest, payload].concat()
}

fn ipv6(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("short");
    let rest = [&[17, 64][..], &[0x20; 16], &[0x2a; 16]].concat();
    [&[0x60, 0, 0, 0][..], &length.to_be_bytes(), &rest, payload].concat()
}

fn ethernet(types: &[u8], payload: &[u8]) -> Vec<u8> {
    [&[2; 12][..], types, payload].concat()
}

fn benchmark(criterion: &mut Criterion) {
    // 20 ms of G.711.
    let mut voice = vec![0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4];
    voice.resize(172, 0xd5);
    let voice = udp(4000, 4002, &voice);
    let plain = ethernet(&[8, 0], &ipv4(&voice));
    let tagged = ethernet(&[0x81, 0, 0, 5, 0x86, 0xdd], &ipv6(&voice));
    let tunnel = [&[8, 0, 0, 0, 0, 0, 1, 0][..], &plain].concat();
    let tunnel = ethernet(&[8, 0], &ipv4(&udp(50_000, 4789, &tunnel)));
    let mut group = criterion.benchmark_group("decode");
    for (name, octets) in [
        ("ethernet_ipv4_udp", &plain),
        ("vlan_ipv6_udp", &tagged),
        ("vxlan_ipv4_udp", &tunnel),
    ] {
        let frame = Frame {
            time: Timestamp::default(),
            link: LinkType::Ethernet,
            octets,
            length: u32::try_from(octets.len()).expect("short"),
            interface: InterfaceId(0),
            vlan: None,
            offload: Offload::Unknown,
        };
        assert!(decode(frame).is_ok_and(|datagram| datagram.dst.port == 4002));
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(&decode(*black_box(&frame))).is_ok());
        });
        if name == "ethernet_ipv4_udp" {
            group.bench_function("ethernet_ipv4_udp_and_rtp", |bencher| {
                bencher.iter(|| match decode(*black_box(&frame)).ok()?.transport {
                    Transport::Udp {
                        payload, length, ..
                    } => rtp::parse(payload, length),
                    Transport::Tcp { .. } => None,
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
