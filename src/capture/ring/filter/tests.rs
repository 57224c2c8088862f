//! Runs the program in the kernel: on a pair of Unix sockets whose datagrams are the frames.

use super::*;
use crate::capture::file::FileSource;
use crate::capture::ring::socket::{self, FilterKind};
use crate::capture::{Event, FrameSource};
use crate::captures;
use crate::frame::Frame;
use crate::voice::{Content, Rules};
use crate::wire;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;

const SIP: [u16; 2] = [5060, 5061];

/// Passes frames through the program in the kernel.
struct Kernel {
    near: UnixDatagram,
    far: UnixDatagram,
}

impl Kernel {
    fn new(link: LinkType) -> Self {
        Self::with(link, Media::Cut)
    }

    fn with(link: LinkType, media: Media) -> Self {
        let (near, far) = UnixDatagram::pair().unwrap();
        let far = OwnedFd::from(far);
        let program = filter(link, &SIP, media).unwrap();
        socket::attach(&far, &program, FilterKind::Filter).unwrap();
        let far = UnixDatagram::from(far);
        far.set_nonblocking(true).unwrap();
        Self { near, far }
    }

    /// The number of octets that pass; `None` if the frame is dropped.
    fn passes(&self, frame: &[u8]) -> Option<usize> {
        self.near.send(frame).unwrap();
        let mut buffer = vec![0; frame.len() + 1];
        let passed = self.far.recv(&mut buffer).ok()?;
        assert_eq!(buffer[..passed], frame[..passed]);
        Some(passed)
    }
}

fn udp(src: u16, dst: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).unwrap();
    let ports = [src, dst, length, 0].map(u16::to_be_bytes).concat();
    [&ports, payload].concat()
}

fn ipv4(options: &[u8], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header = 20 + options.len();
    let length = u16::try_from(payload.len() + header).unwrap().to_be_bytes();
    let first = [0x40 | u8::try_from(header / 4).unwrap(), 0];
    let rest = [
        0, 0, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2,
    ];
    [&first[..], &length, &rest, options, payload].concat()
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [
        &[0x60, 0, 0, 0][..],
        &length,
        &[next, 64],
        &[0x20; 16],
        &[0x2a; 16],
        payload,
    ]
    .concat()
}

fn ethernet(types: &[u8], payload: &[u8]) -> Vec<u8> {
    [&[2; 12][..], types, payload].concat()
}

/// RTP with `sources` contributing sources, and media that must not pass.
fn rtp(sources: u8) -> Vec<u8> {
    let header = [0x80 | sources, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4];
    [
        &header[..],
        &vec![7; 4 * usize::from(sources)],
        &[0xd5; 240],
    ]
    .concat()
}

#[test]
fn media_stays_in_the_kernel_in_every_known_format() {
    let plain = |payload: &[u8]| ethernet(&[8, 0], &ipv4(&[], 17, payload));
    let channel = [&[0x40, 1, 0, 172][..], &rtp(0)].concat();
    let voice = udp(4000, 4002, &rtp(0));
    let tunnel = |frame: &[u8]| {
        let vxlan = [&[8, 0, 0, 0, 0, 0, 1, 0][..], frame].concat();
        plain(&udp(50_000, 4789, &vxlan))
    };
    let kernel = Kernel::new(LinkType::Ethernet);
    let tagged = ethernet(&[0x81, 0, 0, 5, 0x86, 0xdd], &ipv6(17, &voice));
    let stacked = [&[0x88, 0xa8, 0, 6, 0x81, 0, 0, 5, 8, 0][..]].concat();
    let stacked = ethernet(&stacked, &ipv4(&[], 17, &voice));
    for (what, frame, header) in [
        ("ipv4", plain(&voice), 14 + 20 + 8 + 12),
        (
            "sources",
            plain(&udp(4000, 4002, &rtp(15))),
            14 + 20 + 8 + 12 + 60,
        ),
        (
            "options",
            ethernet(&[8, 0], &ipv4(&[1; 8], 17, &voice)),
            14 + 28 + 8 + 12,
        ),
        ("tag, ipv6", tagged.clone(), 18 + 40 + 8 + 12),
        ("two tags", stacked, 22 + 20 + 8 + 12),
        (
            "channel",
            plain(&udp(3478, 4002, &channel)),
            14 + 20 + 8 + 4 + 12,
        ),
        ("vxlan", tunnel(&plain(&voice)), 50 + 14 + 20 + 8 + 12),
        ("vxlan, tag, ipv6", tunnel(&tagged), 50 + 18 + 40 + 8 + 12),
    ] {
        assert_eq!(kernel.passes(&frame), Some(header), "{what}");
        for cut in 0..frame.len() {
            // A truncated frame is not dropped.
            let passed = kernel.passes(&frame[..cut]).expect(what);
            assert_eq!(passed, cut.min(passed), "{what} {cut}");
        }
    }
    let raw = Kernel::new(LinkType::RawIp);
    assert_eq!(raw.passes(&ipv4(&[], 17, &voice)), Some(20 + 8 + 12));
    assert_eq!(raw.passes(&ipv6(17, &voice)), Some(40 + 8 + 12));
}

#[test]
fn audio_that_may_be_several_packets_passes_whole_and_all_media_if_it_is() {
    let of = |payload_type: u8, octets: usize| {
        let header = [0x80, payload_type, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4];
        let media = [&header[..], &vec![0xd5; octets - 12]].concat();
        ethernet(&[8, 0], &ipv4(&[], 17, &udp(4000, 4002, &media)))
    };
    let (cut, whole) = (
        Kernel::new(LinkType::Ethernet),
        Kernel::with(LinkType::Ethernet, Media::Whole),
    );
    let header = 14 + 20 + 8 + 12;
    for (payload_type, octets, passes) in [
        (0, 343, false),
        (0, 344, true),
        (8 | 0x80, 688, true),
        (18, 400, true),
        (111, 400, false),
        (34, 1200, false),
    ] {
        let frame = of(payload_type, octets);
        let expected = if passes { frame.len() } else { header };
        assert_eq!(
            cut.passes(&frame),
            Some(expected),
            "{payload_type} {octets}"
        );
        assert_eq!(whole.passes(&frame), Some(frame.len()));
    }
    let channel = [&[0x40, 1, 0, 172][..], &[0x80; 172]].concat();
    let channel = ethernet(&[8, 0], &ipv4(&[], 17, &udp(3478, 4002, &channel)));
    assert_eq!(whole.passes(&channel), Some(channel.len()));
}

#[test]
fn control_and_signalling_pass_whole_and_unknown_formats_are_truncated() {
    let kernel = Kernel::new(LinkType::Ethernet);
    let plain = |payload: &[u8]| ethernet(&[8, 0], &ipv4(&[], 17, payload));
    let long = |first: &[u8]| [first, &[b'x'; 1000]].concat();
    let mut fragment = plain(&udp(4000, 5060, &long(b"INVITE ")));
    fragment[20] = 0x20;
    for whole in [
        plain(&udp(4001, 4003, &long(&[0x81, 201]))),
        plain(&udp(4001, 4003, &long(&[0, 1, 0, 0]))),
        plain(&udp(40_000, 5060, &long(b"INVITE "))),
        plain(&udp(5061, 40_000, &long(b"SIP/2.0 "))),
        ethernet(&[8, 0], &ipv4(&[], 6, &long(&[0x13, 0xc4, 0x99, 0x99]))),
        fragment,
        ethernet(&[0x86, 0xdd], &ipv6(44, &long(&[17, 0, 0, 0]))),
    ] {
        assert_eq!(kernel.passes(&whole), Some(whole.len()));
    }
    for unknown in [
        ethernet(&[0x88, 0x47], &long(&[0; 4])),
        ethernet(&[8, 0], &ipv4(&[], 47, &long(&[0; 4]))),
        plain(&udp(4000, 2152, &long(&[0x30, 255]))),
        plain(&udp(3478, 4002, &long(&[0, 0x16, 0, 0]))),
    ] {
        assert_eq!(kernel.passes(&unknown), Some(UNKNOWN_LENGTH as usize));
    }
    let web = ethernet(&[8, 0], &ipv4(&[], 6, &long(&[0, 80, 0x99, 0x99])));
    assert_eq!(kernel.passes(&web), Some(14 + 20 + 20));
    assert_eq!(
        kernel.passes(&plain(&udp(53, 5353, &long(&[0x55])))),
        Some(14 + 20 + 8 + 32)
    );
}

/// The classification of a frame, without its captured octets.
fn classification(frame: Frame<'_>) -> String {
    let datagram = match wire::decode(frame) {
        Ok(datagram) => datagram,
        Err(reason) => return reason.as_str().into(),
    };
    match Rules::default().recognise(&datagram) {
        Err(reason) => reason.as_str().into(),
        Ok(packet) => {
            let what = match packet.content {
                Content::Rtp { header, .. } => {
                    format!(
                        "{} {} {}",
                        header.ssrc, header.sequence, header.payload_type
                    )
                }
                Content::Rtcp { payload, .. } => format!("rtcp {payload:?}"),
                Content::Sip(message) => format!("sip {message:?}"),
                Content::SipSegment(segment) => format!("{segment:?}"),
                Content::Stun(header, _) => format!("{header:?}"),
            };
            let (src, dst) = (packet.src, packet.dst);
            format!("{src} {dst} {} {what}", packet.ip_bytes)
        }
    }
}

#[test]
fn real_frames_are_classified_the_same_after_truncation() {
    let kernels = [LinkType::Ethernet, LinkType::RawIp].map(|link| (link, Kernel::new(link)));
    let (mut seen, mut cut) = (0, 0);
    for (name, _) in captures::index() {
        let path = captures::path(name);
        let mut source = FileSource::open(std::slice::from_ref(&path)).unwrap();
        loop {
            let frame = match source.next() {
                Ok(Event::Frame(frame)) => frame,
                Ok(Event::End) | Err(_) => break,
                Ok(_) => continue,
            };
            let of_link = |(link, _): &&(LinkType, Kernel)| *link == frame.link;
            let Some((_, kernel)) = kernels.iter().find(of_link) else {
                continue;
            };
            if frame.octets.is_empty() || frame.octets.len() > 60_000 {
                continue;
            }
            let passed = kernel.passes(frame.octets).unwrap();
            let short = Frame {
                octets: &frame.octets[..passed],
                ..frame
            };
            seen += 1;
            cut += u32::from(passed < frame.octets.len());
            // A frame of unknown format may lose what its classification needs.
            if passed != UNKNOWN_LENGTH as usize {
                assert_eq!(
                    classification(short),
                    classification(frame),
                    "{name} {:?}",
                    frame.time
                );
            }
        }
    }
    assert!(seen > 50_000 && cut > 10_000, "{seen} {cut}");
}

#[test]
fn a_program_with_64_sip_ports_fits() {
    let ports: Vec<u16> = (0..64).map(|index| 5060 + index).collect();
    assert!(filter(LinkType::Ethernet, &ports, Media::Cut).is_some());
}
