//! Proves the HEP listener with the daemon: a call whose signalling only a SIP server sees is counted for its
//! ASN, and its dialog confirms the stream that it names; who is not allowed tells nothing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use asnmeter::clock;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;
use support::desk::Desk;
use support::frames::Media;
use support::netns;
use support::running::{Running, until};

const CONFIGURATION: &str = r#"
[capture]
interface = "tap0"
[asn]
sources = [{ prefixes = "asns.tsv" }]
local_prefixes = ["198.51.100.0/24"]
[hep]
listen = "127.0.0.1:9060"
allow = ["127.0.0.1/32"]
"#;

const FAR: [u8; 4] = [203, 0, 113, 1];
const OURS: [u8; 4] = [198, 51, 100, 1];

fn chunk(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(6 + value.len()).unwrap().to_be_bytes();
    [&[0, 0, 0, kind][..], &length, value].concat()
}

/// What a server mirrors of a message now.
fn mirrored([src, dst]: [[u8; 4]; 2], message: &str) -> Vec<u8> {
    let now = clock::now().as_nanos();
    let seconds = u32::try_from(now / 1_000_000_000).unwrap();
    let micros = u32::try_from(now % 1_000_000_000 / 1000).unwrap();
    let chunks = [
        chunk(1, &[2]),
        chunk(2, &[6]),
        chunk(3, &src),
        chunk(4, &dst),
        chunk(7, &5061_u16.to_be_bytes()),
        chunk(8, &5061_u16.to_be_bytes()),
        chunk(9, &seconds.to_be_bytes()),
        chunk(10, &micros.to_be_bytes()),
        chunk(11, &[1]),
        chunk(15, message.as_bytes()),
    ]
    .concat();
    let length = u16::try_from(6 + chunks.len()).unwrap().to_be_bytes();
    [&b"HEP3"[..], &length, &chunks].concat()
}

fn sip(start: &str, cseq: &str, to_tag: &str, host: [u8; 4]) -> String {
    let host = Ipv4Addr::from(host);
    let body = format!(
        "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8\r\n"
    );
    format!(
        "{start}\r\nFrom: <sip:a@example.net>;tag=a\r\nTo: <sip:b@example.net>{to_tag}\r\nCall-ID: 1\r\n\
         CSeq: {cseq}\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn a_call_that_is_mirrored_is_counted_and_confirms_its_stream() {
    netns::inside(
        "a_call_that_is_mirrored_is_counted_and_confirms_its_stream",
        &[],
        session,
    );
}

fn session() {
    netns::ip("link set lo up");
    netns::ip("address add 127.0.0.2/8 dev lo");
    netns::pair();
    let desk = Desk::new();
    let file = desk.file("asnmeter.toml", CONFIGURATION);
    desk.file("asns.tsv", "203.0.113.0/24 64500\n");
    let running = Running::start(&desk, "127.0.0.1:0", &["run", "--config", &file]);
    let from = |address: &str| {
        let socket = UdpSocket::bind(address).unwrap();
        socket.connect("127.0.0.1:9060").unwrap();
        socket
    };
    let (server, stranger) = (from("127.0.0.1:0"), from("127.0.0.2:0"));
    let packets = |outcome: &str| {
        running
            .scrape()
            .sum("hep_packets_total", &[("outcome", outcome)])
    };
    let invite = sip("INVITE sip:b@example.net SIP/2.0", "1 INVITE", "", FAR);
    stranger.send(&mirrored([FAR, OURS], &invite)).unwrap();
    until("the stranger is refused", || packets("foreign") == 1);
    server.send(b"HEP3 or not").unwrap();
    until("garbage is malformed", || packets("malformed") == 1);
    let ringing = sip("SIP/2.0 180 Ringing", "1 INVITE", ";tag=b", OURS);
    let accepted = sip("SIP/2.0 200 OK", "1 INVITE", ";tag=b", OURS);
    for (ends, message) in [
        ([FAR, OURS], &invite),
        ([OURS, FAR], &ringing),
        ([OURS, FAR], &accepted),
    ] {
        server.send(&mirrored(ends, message)).unwrap();
    }
    until("all are taken", || packets("taken") == 3);
    // One way, from the end that the dialog names: nobody answers it but the dialog.
    let media = Media::g711("203.0.113.1:20000", "198.51.100.1:20000", 1);
    let mut sender = netns::sender("far0");
    for number in 0..100 {
        netns::send(&mut sender, &media.packet(number));
        clock::wait(Duration::from_millis(20));
    }
    let of = |name: &str, more: &[(&str, &str)]| {
        let labels = [&[("asn", "64500"), ("direction", "from")], more].concat();
        running.scrape().sum(name, &labels)
    };
    until("its octets are confirmed", || {
        of("voice_confirmed_bytes_total", &[]) >= 19_000
    });
    assert_eq!(of("voice_bytes_total", &[]), 20_000);
    assert_eq!(of("sip_session_requests_total", &[]), 1);
    assert_eq!(of("sip_session_outcomes_total", &[("response", "2xx")]), 1);
    let bye = sip("BYE sip:b@example.net SIP/2.0", "2 BYE", ";tag=b", FAR);
    server.send(&mirrored([FAR, OURS], &bye)).unwrap();
    until("the session has ended", || {
        of("sip_session_duration_seconds_count", &[]) == 1
    });
    assert_eq!(running.end("TERM"), Some(0));
}
