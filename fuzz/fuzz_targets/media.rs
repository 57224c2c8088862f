//! Any octets as RTP, RTCP, STUN, TURN and DTLS: the first octet says how many octets the capture
//! cut off.
#![no_main]

use asnmeter::wire::rtcp::{Block, RtcpPacket};
use asnmeter::wire::{rtcp, rtp, stun};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [cut, payload @ ..] = input else {
        return;
    };
    let Ok(captured) = u16::try_from(payload.len()) else {
        return;
    };
    let length = captured.saturating_add(u16::from(*cut));
    let header = rtp::parse(payload, length);
    assert!(header.is_none_or(|header| header.header_len <= usize::from(length)));
    assert!(header.is_none() || !rtp::is_rtcp(payload));
    rtp::FirstOctet::of(payload);
    rtp::is_dtls(payload, length);
    if let Some(header) = stun::parse(payload, length) {
        stun::relayed(&header, payload);
    }
    if let Some(channel) = stun::channel(payload, length) {
        assert!(channel.payload.len() <= usize::from(channel.length));
    }
    rtcp::assess(payload, length);
    rtcp::sender(payload);
    for packet in rtcp::packets(payload) {
        match packet {
            RtcpPacket::SenderReport { reports, .. }
            | RtcpPacket::ReceiverReport { reports, .. } => {
                assert!(reports.count() <= 31);
            }
            RtcpPacket::Goodbye(sources) => assert!(sources.count() <= 31),
            RtcpPacket::Extended { blocks, .. } => {
                for block in blocks {
                    if let Block::Dlrr(reports) = block {
                        reports.for_each(drop);
                    }
                }
            }
            RtcpPacket::Other => {}
        }
    }
});
