use super::*;
use crate::units::Address;
use crate::voice::kind::StreamKind;
use crate::voice::{CapturePoint, Segment};

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
m=audio 4000 RTP/AVP 8 111\r\na=rtpmap:111 opus/48000/2\r\n\
m=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\nm=audio 0 RTP/AVP 0\r\n";

fn end(last: u8, port: u16) -> Endpoint {
    Endpoint {
        address: Address::v4([192, 0, 2, last]),
        port,
    }
}

fn invite() -> Vec<u8> {
    let head =
        "INVITE sip:b@example.net SIP/2.0\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{SDP}", SDP.len()).into_bytes()
}

fn packet(content: Content<'_>) -> Packet<'_> {
    let (src, dst) = (end(1, 5060), end(9, 5060));
    Packet {
        time: Timestamp::default(),
        capture_point: CapturePoint::default(),
        src,
        dst,
        ip_bytes: 0,
        dedup_key: crate::wire::DedupKey::default(),
        content,
    }
}

/// Kind and codec of media to an address, from an unknown source.
fn known(signalling: &Signalling, to: Endpoint, payload_type: u8) -> Option<(StreamKind, String)> {
    let known = signalling.about(end(200, 7), to, payload_type)?;
    Some((known.kind, known.format.codec.to_string()))
}

fn check(signalling: &Signalling, how: &str) {
    let audio = |codec: &str| Some((StreamKind::Audio, codec.to_owned()));
    assert_eq!(known(signalling, end(1, 4000), 8), audio("PCMA"), "{how}");
    assert_eq!(known(signalling, end(1, 4000), 111), audio("opus"), "{how}");
    assert_eq!(
        known(signalling, end(1, 4000), 0),
        None,
        "{how}: not offered"
    );
    assert_eq!(
        known(signalling, end(1, 4002), 96),
        Some((StreamKind::Video, "VP8".into())),
        "{how}"
    );
    assert_eq!(known(signalling, end(1, 4001), 8), None, "{how}");
}

#[test]
fn a_message_in_one_datagram_gives_facts_about_its_media() {
    let mut signalling = Signalling::default();
    signalling.observe(&packet(Content::Sip(&invite())));
    check(&signalling, "datagram");
    let symmetric = signalling.about(end(1, 4000), end(77, 9), 111);
    assert_eq!(
        symmetric.unwrap().format.clock.unwrap().get(),
        48_000,
        "media from there"
    );
}

#[test]
fn fragments_in_any_order_are_reassembled() {
    let mut datagram = vec![0; 8];
    datagram.extend(invite());
    let fragments: Vec<(usize, &[u8])> = datagram
        .chunks(104)
        .enumerate()
        .map(|(index, octets)| (index * 104, octets))
        .collect();
    let take = |signalling: &mut Signalling, (offset, octets): (usize, &[u8]), identification| {
        signalling.observe_fragment(&Fragment {
            time: Timestamp::default(),
            src: end(1, 0).address,
            dst: end(9, 0).address,
            identification,
            offset: u16::try_from(offset).unwrap(),
            more: offset + octets.len() < datagram.len(),
            octets,
            length: octets.len(),
            ip_bytes: 0,
        });
    };
    for order in [false, true] {
        let mut signalling = Signalling::default();
        let mut sent = fragments.clone();
        if order {
            sent.reverse();
        }
        for (index, fragment) in sent.iter().enumerate() {
            assert!(signalling.is_empty(), "before fragment {index}");
            take(&mut signalling, *fragment, 7);
            take(&mut signalling, *fragment, 8);
        }
        check(&signalling, "fragments");
    }
}

#[test]
fn reordered_and_duplicate_segments_are_reassembled() {
    let stream = [invite(), b"\r\n\r\n".to_vec(), invite()].concat();
    let parts: Vec<(u32, &[u8])> = (0..).step_by(97).zip(stream.chunks(97)).collect();
    let mut orders = vec![parts.clone(); 3];
    orders[1].swap(1, 2);
    orders[2].insert(2, parts[1]);
    for order in orders {
        let mut signalling = Signalling::default();
        let first = u32::MAX - 50;
        let segment = |sequence: u32, flags, payload| {
            let sequence = first.wrapping_add(sequence);
            Content::SipSegment(Segment {
                sequence,
                acknowledgment: 0,
                flags,
                payload,
            })
        };
        signalling.observe(&packet(segment(u32::MAX, 0x02, &[])));
        for (offset, part) in order {
            signalling.observe(&packet(segment(offset, 0x10, part)));
        }
        check(&signalling, "segments");
    }
}

#[test]
fn octets_that_are_not_sip_are_not_buffered() {
    let mut signalling = Signalling::default();
    let noise = vec![0x16; 1400];
    for sequence in 0..200_u32 {
        let segment = Segment {
            sequence: sequence * 1400,
            acknowledgment: 0,
            flags: 0,
            payload: &noise,
        };
        signalling.observe(&packet(Content::SipSegment(segment)));
    }
    assert!(signalling.is_empty());
}

#[test]
fn a_fact_expires_an_hour_after_its_last_announcement() {
    let mut signalling = Signalling::default();
    signalling.observe(&packet(Content::Sip(&invite())));
    signalling.expire(Second(3600));
    check(&signalling, "after an hour");
    signalling.expire(Second(3601));
    assert!(signalling.is_empty());
}
