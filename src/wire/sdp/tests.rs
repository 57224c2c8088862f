//! Offers and answers of phones.

use super::*;
use proptest::prelude::*;

const OFFER: &[u8] = b"v=0\r\n\
o=- 1 1 IN IP4 192.0.2.9\r\n\
s=-\r\n\
c=IN IP4 192.0.2.1\r\n\
t=0 0\r\n\
a=sendonly\r\n\
m=audio 4000/2 RTP/AVP 8 111 101 999\r\n\
a=rtpmap:111 opus/48000/2\r\n\
a=rtpmap:101 telephone-event/8000\r\n\
a=rtpmap:5 DVI4/8000\r\n\
a=ptime:20\r\n\
a=rtcp:4009 IN IP4 192.0.2.7\r\n\
m=video 0 UDP/TLS/RTP/SAVPF 96\r\n\
c=IN IP6 2001:db8::5\r\n\
a=rtpmap:96 VP8/0\r\n\
a=rtcp-mux\r\n\
a=inactive\r\n\
m=image 5000 udptl t38\r\n";

fn address(text: &str) -> Option<Address> {
    text.parse::<IpAddr>().ok().map(Address::from)
}

#[test]
fn an_offer_is_read_section_by_section() {
    let plain = |payload_type| SdpFormat {
        payload_type,
        map: None,
    };
    let mapped = |payload_type, encoding: &str, clock_rate, channels| SdpFormat {
        payload_type,
        map: Some(RtpMap {
            encoding: encoding.to_owned(),
            clock_rate,
            channels,
        }),
    };
    let audio = MediaDescription {
        kind: MediaType::Audio,
        port: 4000,
        count: 2,
        rtp: true,
        secure: false,
        address: address("192.0.2.1"),
        formats: vec![
            plain(8),
            mapped(111, "opus", 48_000, 2),
            mapped(101, "telephone-event", 8000, 1),
        ],
        packet_ms: Some(20),
        rtcp: Some(RtcpPort {
            port: 4009,
            address: address("192.0.2.7"),
        }),
        rtcp_mux: false,
        direction: MediaDirection::SendOnly,
    };
    let video = MediaDescription {
        kind: MediaType::Video,
        port: 0,
        count: 1,
        secure: true,
        address: address("2001:db8::5"),
        formats: vec![plain(96)],
        packet_ms: None,
        rtcp: None,
        rtcp_mux: true,
        direction: MediaDirection::Inactive,
        ..audio.clone()
    };
    let image = MediaDescription {
        kind: MediaType::Image,
        port: 5000,
        rtp: false,
        secure: false,
        address: address("192.0.2.1"),
        formats: vec![],
        rtcp_mux: false,
        direction: MediaDirection::SendOnly,
        ..video.clone()
    };
    let description = parse(OFFER).unwrap();
    assert_eq!(description.media, [audio, video, image]);
}

#[test]
fn connection_lines_give_an_address_or_none() {
    for (line, expected) in [
        ("IN IP4 192.0.2.1", address("192.0.2.1")),
        ("IN IP4 224.2.36.42/127/3", address("224.2.36.42")),
        ("IN IP6 ff15::101/3", address("ff15::101")),
        ("IN IP4 0.0.0.0", address("0.0.0.0")),
        ("IN IP4 media.example.com", None),
        ("ATM NSAP 192.0.2.1", None),
        ("IN IP4", None),
    ] {
        let text = format!("v=0\nc={line}\nm=audio 1 RTP/AVP 0\n");
        let description = parse(text.as_bytes()).unwrap();
        assert_eq!(description.media[0].address, expected, "{line}");
    }
}

#[test]
fn a_text_without_a_version_line_is_not_a_description() {
    assert_eq!(parse(b""), None);
    assert_eq!(parse(b"m=audio 1 RTP/AVP 0\r\n"), None);
    assert_eq!(parse(b"\r\nv=0\r\n"), Some(Description::default()));
}

#[test]
fn lines_after_a_malformed_media_line_belong_to_no_section() {
    let text =
        b"v=0\nm=audio 1 RTP/AVP 0\nm=audio 70000 RTP/AVP 0\na=rtcp-mux\nm=audio 2 RTP/AVP 0\n";
    let media = parse(text).unwrap().media;
    assert_eq!(media.len(), 1);
    assert!(!media[0].rtcp_mux);
}

#[test]
fn values_beyond_the_bounds_are_ignored() {
    let formats = " 0".repeat(99);
    let text = format!(
        "v=0\n{}",
        format!("m=audio 1 RTP/AVP{formats}\n").repeat(40)
    );
    let media = parse(text.as_bytes()).unwrap().media;
    assert_eq!(media.len(), MAX_MEDIA);
    assert!(media.iter().all(|media| media.formats.len() == MAX_FORMATS));
    let name = "x".repeat(33);
    let text = format!("v=0\nm=audio 1 RTP/AVP 96\na=rtpmap:96 {name}/8000\n");
    assert_eq!(
        parse(text.as_bytes()).unwrap().media[0].formats[0].map,
        None
    );
}

proptest! {
    #[test]
    fn random_lines_never_panic(
        lines in proptest::collection::vec(
            "[mca]=(audio|IN|rtpmap:|ptime:|rtcp:)?[ -~]{0,30}\r?\n|\\PC{0,20}\n", 0..60),
    ) {
        let text = format!("v=0\r\n{}", lines.concat());
        let description = parse(text.as_bytes()).unwrap();
        prop_assert!(description.media.len() <= MAX_MEDIA);
    }

    #[test]
    fn every_truncation_is_parsed_up_to_its_end(cut in 2..OFFER.len()) {
        let whole = parse(OFFER).unwrap();
        let description = parse(&OFFER[..cut]).unwrap();
        prop_assert!(description.media.len() <= whole.media.len());
    }
}
