//! What belongs to a stream beside its packets: RTCP, by ports or by hosts.

use super::*;
use crate::stream::tally::LossCounts;
use crate::units::Address;
use crate::units::Endpoint;
use crate::units::Second;
use crate::voice::{CapturePoint, Rules};
use crate::wire::{Datagram, DedupKey, Transport, Vlans};

const OURS: (u8, u16) = (1, 40_000);
const THEIRS: (u8, u16) = (2, 30_000);
const SSRC: u32 = 0x0102_0304;

fn end((host, port): (u8, u16)) -> Endpoint {
    Endpoint {
        address: Address::v4([192, 0, 2, host]),
        port,
    }
}

/// What becomes of a UDP payload at a time in milliseconds.
fn take(
    streams: &mut Streams,
    millis: u64,
    [src, dst]: [(u8, u16); 2],
    payload: &[u8],
) -> Result<bool, Discard> {
    let length = u16::try_from(payload.len()).unwrap();
    let datagram = Datagram {
        time: Timestamp::from_nanos(1_000_000_000_000 + millis * 1_000_000),
        interface: CapturePoint::default().interface,
        vlans: Vlans::default(),
        src: end(src),
        dst: end(dst),
        ip_bytes: 28 + u32::from(length),
        dedup_key: DedupKey::default(),
        transport: Transport::Udp {
            payload,
            length,
            fragment: false,
        },
    };
    let packet = Rules::default().recognise(&datagram)?;
    let progress = streams.advance(&packet)?;
    Ok(matches!(
        progress,
        PacketOutcome::Media(..) | PacketOutcome::Proven(..)
    ))
}

fn rtp(payload_type: u8, number: u16) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type];
    packet.extend(number.to_be_bytes());
    packet.extend((u32::from(number) * 160).to_be_bytes());
    packet.extend(SSRC.to_be_bytes());
    packet.resize(172, 0xd5);
    packet
}

/// A receiver's report of one block.
fn report(reporter: u32, ssrc: u32, highest: u32, lost: u32) -> Vec<u8> {
    let words = [reporter, ssrc, lost, highest, 0, 0, 0].map(u32::to_be_bytes);
    [&[0x81, 201, 0, 7], words.as_flattened()].concat()
}

/// A stream from us to the far end of so many packets.
fn running(packets: u16) -> Streams {
    let mut streams = Streams::new(StreamLimits::default());
    for number in 0..packets {
        let at = u64::from(number) * 20;
        take(&mut streams, at, [OURS, THEIRS], &rtp(8, number)).unwrap();
    }
    streams
}

fn reported(streams: &mut Streams) -> Vec<LossCounts> {
    let found = streams.take_findings().into_iter();
    let reported = found.filter_map(|finding| match finding {
        Finding::Reported(_, (_, counts)) => Some(counts),
        Finding::RoundTrip(_)
        | Finding::Unmeasured(_)
        | Finding::VoipMetrics(..)
        | Finding::Changed(..) => None,
    });
    reported.collect()
}

#[test]
fn a_report_from_other_ports_is_matched_by_ssrc_and_hosts() {
    let mut streams = running(10);
    let ports = [(2, 50_123), (1, 40_777)];
    take(&mut streams, 200, ports, &report(9, SSRC, 8, 0)).unwrap();
    for number in 10..30 {
        take(
            &mut streams,
            u64::from(number) * 20,
            [OURS, THEIRS],
            &rtp(8, number),
        )
        .unwrap();
    }
    take(&mut streams, 600, ports, &report(9, SSRC, 28, 3)).unwrap();
    assert_eq!(reported(&mut streams), [LossCounts::certain(20, 3)]);
    assert_eq!(streams.unmatched_reports(), 0);
}

#[test]
fn rtcp_between_other_hosts_or_of_another_ssrc_is_not_audios() {
    let mut streams = running(10);
    let foreign = take(
        &mut streams,
        200,
        [(3, 50_123), (1, 40_777)],
        &report(9, SSRC, 8, 0),
    );
    assert_eq!(foreign, Err(Discard::Rtcp), "another host");
    let stranger = take(
        &mut streams,
        200,
        [(2, 50_123), (1, 40_777)],
        &report(9, 77, 8, 0),
    );
    assert_eq!(stranger, Err(Discard::Rtcp), "another source");
    assert_eq!(reported(&mut streams), []);
}

#[test]
fn a_block_that_names_no_stream_is_counted() {
    let mut streams = running(10);
    take(&mut streams, 200, [THEIRS, OURS], &report(9, 77, 8, 0)).unwrap();
    assert_eq!(streams.unmatched_reports(), 1);
}

#[test]
fn reduced_size_rtcp_beside_a_stream_is_rtcp() {
    let mut streams = running(10);
    // A generic NACK (RFC 4585 §6.2.1), without a report before it (RFC 5506).
    let nack = [&[0x81, 205, 0, 3][..], &[0; 12]].concat();
    assert_eq!(take(&mut streams, 200, [THEIRS, OURS], &nack), Ok(false));
}

#[test]
fn media_with_the_octets_of_rtcp_is_media_of_a_stream_that_has_its_type() {
    // As RTCP: type 205, a length of 43 words, which is all of the packet.
    let alike = rtp(0x80 + 77, 42);
    let mut strangers = running(10);
    let taken = take(&mut strangers, 840, [OURS, THEIRS], &alike);
    assert_eq!(taken, Ok(false), "no stream of type 77: RTCP");
    let mut streams = Streams::new(StreamLimits::default());
    let stream = {
        let first = RtpSummary {
            payload_type: 77,
            sequence: 41,
            ..RtpSummary::default()
        };
        let key = StreamKey::new(end(OURS), end(THEIRS), SSRC);
        Stream::new(key, StreamKind::Audio, &first, None)
    };
    streams.insert(stream, Second(1_000)).unwrap();
    assert_eq!(take(&mut streams, 840, [OURS, THEIRS], &alike), Ok(true));
    assert_eq!(
        take(&mut streams, 860, [OURS, THEIRS], &rtp(0x80 + 77, 43)),
        Ok(true)
    );
}
