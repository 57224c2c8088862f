//! Messages as RFC 3261 and RFC 4475 (the torture tests) write them.

use super::*;
use proptest::prelude::*;

const INVITE: &[u8] = b"INVITE sip:bob@example.net SIP/2.0\r\n\
Via: SIP/2.0/UDP pc33.example.com;branch=z9hG4bKtop;rport\r\n\
Via: SIP/2.0/UDP other.example.com;branch=z9hG4bKlower\r\n\
From: \"tag=1;\" <sip:alice@example.com;tag=2>;tag=88sja8x\r\n\
To: Bob <sip:bob@example.net;tag=3>\r\n\
Call-ID: a84b4c76e66710@pc33\r\n\
CSeq: 314159 INVITE\r\n\
Content-Type: application/sdp\r\n\
Content-Length: 5\r\n\
\r\n\
v=0\r\nBYE sip:bob@example.net SIP/2.0\r\n";

#[test]
fn a_request_is_read_and_the_next_message_follows_it() {
    let message = parse(INVITE).unwrap();
    let expected = Message {
        start: Start::Request {
            method: b"INVITE",
            uri: b"sip:bob@example.net",
        },
        call_id: Some(b"a84b4c76e66710@pc33"),
        from_tag: Some(b"88sja8x"),
        to_tag: None,
        cseq: Some(CSeq {
            number: 314_159,
            method: b"INVITE",
        }),
        branch: Some(b"z9hG4bKtop"),
        content_type: Some(b"application/sdp"),
        content_length: Some(5),
        body: b"v=0\r\n",
        rest: b"BYE sip:bob@example.net SIP/2.0\r\n",
    };
    assert_eq!(message, expected);
    assert_eq!(message.description(), Some(&b"v=0\r\n"[..]));
}

#[test]
fn compact_names_folded_lines_and_bare_line_feeds_are_read() {
    let message = parse(
        b"SIP/2.0 200 OK\n\
v:  SIP/2.0/UDP first.example.com\r\n ;Branch = z9hG4bKtop ;received=192.0.2.1, SIP/2.0/TCP b;branch=x\n\
i :\tcall\r\n\
cSEQ: 2\n  INVITE\n\
l: 0\r\n\
\r\n",
    )
    .unwrap();
    assert_eq!(message.start, Start::Response { code: 200 });
    assert_eq!(message.branch, Some(&b"z9hG4bKtop"[..]));
    assert_eq!(message.call_id, Some(&b"call"[..]));
    let cseq = message.cseq.unwrap();
    assert_eq!((cseq.number, cseq.method), (2, &b"INVITE"[..]));
    assert_eq!(message.content_length, Some(0));
}

#[test]
fn only_a_start_line_makes_a_payload_sip() {
    let table: [(&[u8], bool); 16] = [
        (b"OPTIONS sip:a SIP/2.0\r\n\r\n", true),
        (b"x-Method tel:+1 sip/2.0\r\n", true),
        (b"SIP/2.0 180 Ringing\r\n", true),
        (b"SIP/2.0 603\r\n", true),
        (b"SIP/2.0 099 No\r\n", false),
        (b"SIP/2.0 700 No\r\n", false),
        (b"SIP/2.0 2000 No\r\n", false),
        (b"SIP/2.0 20\r\n", false),
        (b"SIP/3.0 200 OK\r\n", false),
        (b"GET / HTTP/1.1\r\n", false),
        (b"INVITE sip:a SIP/2.1\r\n", false),
        (b"INVITE  SIP/2.0\r\n", false),
        (b"INV(TE sip:a SIP/2.0\r\n", false),
        (b"\x80\x08 sip:a SIP/2.0\r\n", false),
        (b"INVITE", false),
        (b"", false),
    ];
    for (payload, sip) in table {
        let text = String::from_utf8_lossy(payload);
        assert_eq!(is_sip(payload), sip, "{text}");
        assert_eq!(parse(payload).is_some(), sip, "{text}");
    }
}

#[test]
fn malformed_fields_are_ignored_and_the_first_valid_one_counts() {
    let message = parse(
        b"BYE sip:a SIP/2.0\r\nContent-Length: -1\r\nCSeq: 4294967296 BYE\r\nCSeq: 4294967295 BYE\r\n\
Via: SIP/2.0/UDP a\r\nno colon\r\n: no name\r\nl: 99999999\r\nl: 1\r\n\r\nbody",
    )
    .unwrap();
    assert_eq!(message.cseq.map(|cseq| cseq.number), Some(u32::MAX));
    assert_eq!(message.branch, None);
    assert_eq!(message.content_length, Some(99_999_999));
    assert_eq!(message.body, b"body");
}

#[test]
fn the_description_is_found_among_parts() {
    let parts = "preamble\r\n--x y\r\nContent-Type: text/plain\r\n\r\nv=1\r\n--x y\r\n\
        Content-ID: <a>\r\nc: no\r\ncontent-type: Application/SDP; x=1\r\n\r\nv=0\r\ns=-\r\n--x y--\r\n";
    for (content_type, body, found) in [
        ("application/sdp;charset=utf-8", "v=0\r\n", Some("v=0\r\n")),
        ("APPLICATION/SDP", "v=0\r\n", Some("v=0\r\n")),
        ("application/isup", "v=0\r\n", None),
        (
            "multipart/mixed; a=b ; Boundary = \"x y\"",
            parts,
            Some("v=0\r\ns=-\r\n"),
        ),
        ("multipart/mixed;boundary=other", parts, None),
        ("multipart/mixed", parts, None),
    ] {
        let text = format!("INVITE a SIP/2.0\r\nContent-Type: {content_type}\r\n\r\n{body}");
        let message = parse(text.as_bytes()).unwrap();
        assert_eq!(
            message.description(),
            found.map(str::as_bytes),
            "{content_type}"
        );
    }
}

#[test]
fn a_truncated_message_is_parsed_up_to_its_end() {
    let whole = parse(INVITE).unwrap();
    for cut in 0..INVITE.len() {
        let Some(message) = parse(&INVITE[..cut]) else {
            assert!(cut < "INVITE sip:bob@example.net SIP/2.0".len());
            continue;
        };
        assert_eq!(message.start, whole.start);
        assert!(message.body.len() <= whole.body.len());
    }
}

proptest! {
    #[test]
    fn random_text_never_panics_and_every_stream_of_messages_ends(
        lines in proptest::collection::vec("[ -~]{0,40}\r?\n|v: ;branch=|CSeq: 1|l: 3\r\n| \r\n", 0..30),
    ) {
        let text = format!("ACK a SIP/2.0\r\n{}", lines.concat());
        let mut rest = text.as_bytes();
        while let Some(message) = parse(rest) {
            prop_assert!(message.rest.len() < rest.len());
            rest = message.rest;
        }
    }
}
