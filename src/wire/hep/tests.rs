//! A packet that Kamailio has sent, and slips of it.

use super::*;

/// Chunks before the message of what Kamailio 5.6.3 (siptrace, `hep_version` 3) mirrored of its own answer; its length is that of the
/// whole answer.
const HEAD: &str = "\
    48455033016d000000010007020000000200071100000003000a7f00000100000004000a7f000001\
    00000007000813ce00000008000813ca00000009000a6b08ad3c0000000a000a0005a3da0000000b\
    0007010000000c000a000000010000000f0110";

const ANSWER: &str = "SIP/2.0 486 Busy Here\r\n\
    Via: SIP/2.0/UDP 127.0.0.1:5066;branch=z9hG4bKx1\r\n\
    From: <sip:a@127.0.0.1>;tag=a\r\n\
    To: <sip:b@127.0.0.1>;tag=df673b98c9e0bd9172cfc0d849035098.c86a3314\r\n\
    Call-ID: kam1\r\n\
    CSeq: 1 INVITE\r\n\
    Server: kamailio (5.6.3 (x86_64/linux))\r\n\
    Content-Length: 0\r\n\
    \r\n\
    ";

fn octets(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2);
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(octet).collect()
}

fn packet() -> Vec<u8> {
    [octets(HEAD), ANSWER.as_bytes().to_vec()].concat()
}

#[test]
fn a_packet_of_kamailio_is_read() {
    let packet = packet();
    let read = parse(&packet).unwrap();
    let end = |port| Endpoint {
        address: Address::v4([127, 0, 0, 1]),
        port,
    };
    assert_eq!((read.src, read.dst), (end(5070), end(5066)));
    assert_eq!(
        read.time,
        Some(Timestamp::from_nanos(1_795_730_748_369_626_000))
    );
    assert_eq!(read.payload, ANSWER.as_bytes());
}

#[test]
fn ipv6_and_what_is_behind_the_packet_are_told_apart() {
    let mut packet = packet();
    packet.extend(b"more");
    assert_eq!(parse(&packet).unwrap().payload, ANSWER.as_bytes());
    let chunk = |kind: u8, value: &[u8]| {
        let length = u8::try_from(6 + value.len()).unwrap();
        [&[0, 0, 0, kind, 0, length][..], value].concat()
    };
    let v6 = |last: u8| [0x20, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    let chunks = [
        chunk(5, &v6(1)),
        chunk(6, &v6(2)),
        chunk(11, &[1]),
        chunk(15, b"BYE"),
    ];
    let chunks = chunks.concat();
    let length = u16::try_from(6 + chunks.len()).unwrap().to_be_bytes();
    let packet = [&b"HEP3"[..], &length, &chunks].concat();
    let read = parse(&packet).unwrap();
    assert_eq!(read.dst.address.ip().to_string(), "2001:db8::2");
    assert_eq!((read.time, read.payload), (None, &b"BYE"[..]));
}

#[test]
fn an_address_of_another_length_and_a_packet_without_one_are_malformed() {
    let mut wrong = packet();
    // The chunk of the IPv4 source says that it is one of IPv6.
    wrong[23] = 5;
    assert_eq!(parse(&wrong), Err(HepError::Malformed));
    wrong[23] = 99;
    assert_eq!(parse(&wrong), Err(HepError::Malformed));
    let mut other = packet();
    let place = other
        .windows(6)
        .position(|octets| octets == [0, 0, 0, 11, 0, 7])
        .unwrap();
    other[place + 6] = 34;
    assert_eq!(parse(&other), Err(HepError::NotSip));
}
