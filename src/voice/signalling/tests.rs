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

/// Our side (192.0.2.1) offers, and 192.0.2.9 answers with its own media.
fn invite() -> Vec<u8> {
    request("INVITE", 1, "", SDP)
}

/// A request of ours under a tag for the other side.
fn request(method: &str, cseq: u32, to: &str, sdp: &str) -> Vec<u8> {
    message(
        &format!("{method} sip:b@example.net SIP/2.0"),
        cseq,
        method,
        ("a", to),
        sdp,
    )
}

fn answer(code: u16, method: &str, cseq: u32, to: &str, sdp: &str) -> Vec<u8> {
    message(
        &format!("SIP/2.0 {code} Reason"),
        cseq,
        method,
        ("a", to),
        sdp,
    )
}

fn message(start: &str, cseq: u32, method: &str, (from, to): (&str, &str), sdp: &str) -> Vec<u8> {
    let tag = |tag: &str| {
        if tag.is_empty() {
            String::new()
        } else {
            format!(";tag={tag}")
        }
    };
    format!(
        "{start}\r\nCall-ID: c\r\nFrom: <sip:a@example.net>{}\r\nTo: <sip:b@example.net>{}\r\n\
         CSeq: {cseq} {method}\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        tag(from),
        tag(to),
        sdp.len()
    )
    .into_bytes()
}

/// What the other side says: the same sections, elsewhere.
fn theirs() -> String {
    SDP.replace("192.0.2.1", "192.0.2.9").replace("400", "900")
}

fn agreed() -> Signalling {
    let mut signalling = Signalling::default();
    signalling.set_local_prefixes([Prefix::new(end(1, 0).address, 128)].into());
    signalling.observe(&packet(Content::Sip(&invite())));
    reply(
        &mut signalling,
        0,
        &answer(200, "INVITE", 1, "b", &theirs()),
    );
    signalling
}

/// A message of the other side, at a second.
fn reply(signalling: &mut Signalling, second: u64, message: &[u8]) {
    let (dst, src) = (end(1, 5060), end(9, 5060));
    let time = Second(second).start();
    signalling.observe(&Packet {
        time,
        src,
        dst,
        ..packet(Content::Sip(message))
    });
}

/// A message of ours, at a second.
fn ask(signalling: &mut Signalling, second: u64, message: &[u8]) {
    let time = Second(second).start();
    signalling.observe(&Packet {
        time,
        ..packet(Content::Sip(message))
    });
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
fn an_answered_offer_names_the_media_of_both_sides() {
    let signalling = agreed();
    check(&signalling, "datagram");
    let from_us = signalling.about(end(1, 4000), end(77, 9), 111);
    assert_eq!(from_us.unwrap().format.clock.unwrap().get(), 48_000);
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
        signalling.take_fragment(
            &Fragment {
                time: Timestamp::default(),
                src: end(1, 0).address,
                dst: end(9, 0).address,
                identification,
                offset: u16::try_from(offset).unwrap(),
                more: offset + octets.len() < datagram.len(),
                octets,
                length: octets.len(),
                ip_bytes: 0,
            },
            false,
        );
    };
    for order in [false, true] {
        let mut signalling = Signalling::default();
        let mut sent = fragments.clone();
        if order {
            sent.reverse();
        }
        for fragment in &sent {
            take(&mut signalling, *fragment, 7);
            take(&mut signalling, *fragment, 8);
        }
        assert!(signalling.is_empty(), "not answered yet");
        reply(
            &mut signalling,
            0,
            &answer(200, "INVITE", 1, "b", &theirs()),
        );
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
        reply(
            &mut signalling,
            0,
            &answer(200, "INVITE", 1, "b", &theirs()),
        );
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
fn what_nobody_answered_or_another_host_did_names_nothing() {
    let mut signalling = Signalling::default();
    signalling.observe(&packet(Content::Sip(&invite())));
    assert!(signalling.is_empty(), "an offer alone");
    let accepted = answer(200, "INVITE", 1, "b", &theirs());
    let dst = end(1, 5060);
    signalling.observe(&Packet {
        src: end(66, 5060),
        dst,
        ..packet(Content::Sip(&accepted))
    });
    assert!(signalling.is_empty(), "a third party's answer");
    reply(
        &mut signalling,
        0,
        &answer(488, "INVITE", 1, "b", &theirs()),
    );
    reply(&mut signalling, 0, &accepted);
    assert!(signalling.is_empty(), "refused before");
}

#[test]
fn one_of_offer_and_answer_must_come_from_our_own_addresses() {
    let prefix = |last| Prefix::new(end(last, 0).address, 128);
    for (local, is_named) in [
        (vec![], true),
        (vec![prefix(1)], true),
        (vec![prefix(9)], true),
        (vec![prefix(5)], false),
    ] {
        let mut signalling = Signalling::default();
        signalling.set_local_prefixes(local.into());
        signalling.observe(&packet(Content::Sip(&invite())));
        reply(
            &mut signalling,
            0,
            &answer(200, "INVITE", 1, "b", &theirs()),
        );
        assert_eq!(!signalling.is_empty(), is_named);
    }
    let mut signalling = Signalling::default();
    signalling.set_local_prefixes([prefix(1)].into());
    signalling.observe(&packet(Content::Sip(&invite())));
    reply(
        &mut signalling,
        0,
        &answer(200, "INVITE", 1, "b", &theirs()),
    );
    assert!(signalling.about(end(200, 7), end(1, 4000), 8).is_some());
    assert!(
        signalling.about(end(9, 9000), end(200, 7), 8).is_none(),
        "not our half"
    );
}

#[test]
fn our_own_offer_names_our_own_address_until_it_is_answered_or_refused() {
    let offered = |local: u8| {
        let mut signalling = Signalling::default();
        let local = Prefix::new(end(local, 0).address, 128);
        signalling.set_local_prefixes([local].into());
        signalling.observe(&packet(Content::Sip(&invite())));
        signalling
    };
    assert!(offered(9).is_empty(), "another's offer names nothing");
    let mut signalling = offered(1);
    check(&signalling, "offered");
    reply(&mut signalling, 1, &answer(486, "INVITE", 1, "b", ""));
    assert!(signalling.is_empty(), "refused");
    let mut signalling = offered(1);
    signalling.expire(Second(301));
    assert!(signalling.is_empty(), "never answered");
    let mut signalling = offered(1);
    reply(
        &mut signalling,
        1,
        &answer(200, "INVITE", 1, "b", &theirs()),
    );
    check(&signalling, "answered");
    ask(&mut signalling, 2, &request("BYE", 2, "b", ""));
    reply(&mut signalling, 2, &answer(200, "BYE", 2, "b", ""));
    assert!(signalling.is_empty(), "over");
}

#[test]
fn a_static_payload_type_is_what_it_is_whatever_is_said_of_it() {
    let odd = SDP.replace(
        "m=audio 4000 RTP/AVP 8 111",
        "m=video 4000 RTP/AVP 8 111\r\na=rtpmap:8 VP8/90000",
    );
    let mut signalling = Signalling::default();
    ask(&mut signalling, 0, &request("INVITE", 1, "", &odd));
    reply(
        &mut signalling,
        0,
        &answer(
            200,
            "INVITE",
            1,
            "b",
            &odd.replace("192.0.2.1", "192.0.2.9"),
        ),
    );
    let fact = signalling.about(end(200, 7), end(1, 4000), 8).unwrap();
    assert_eq!(
        (fact.kind, fact.format.clock.unwrap().get()),
        (StreamKind::Audio, 8_000)
    );
}

#[test]
fn sections_that_share_a_port_are_all_known() {
    let bundled = SDP.replace("m=video 4002", "m=video 4000");
    let mut signalling = Signalling::default();
    ask(&mut signalling, 0, &request("INVITE", 1, "", &bundled));
    reply(
        &mut signalling,
        0,
        &answer(
            200,
            "INVITE",
            1,
            "b",
            &bundled.replace("192.0.2.1", "192.0.2.9"),
        ),
    );
    let kinds = [111, 96].map(|of| known(&signalling, end(1, 4000), of).unwrap().0);
    assert_eq!(kinds, [StreamKind::Audio, StreamKind::Video]);
}

#[test]
fn early_media_and_forks_are_sessions_of_their_own() {
    let mut signalling = Signalling::default();
    ask(&mut signalling, 0, &invite());
    reply(
        &mut signalling,
        1,
        &answer(183, "INVITE", 1, "b", &theirs()),
    );
    check(&signalling, "early media");
    reply(
        &mut signalling,
        2,
        &answer(183, "INVITE", 1, "c", &theirs().replace("900", "700")),
    );
    reply(
        &mut signalling,
        3,
        &answer(200, "INVITE", 1, "c", &theirs().replace("900", "700")),
    );
    check(&signalling, "answered by a fork");
    ask(&mut signalling, 4, &request("BYE", 2, "c", ""));
    reply(&mut signalling, 4, &answer(200, "BYE", 2, "c", ""));
    check(&signalling, "the other fork stands");
}

#[test]
fn an_offer_in_the_answer_is_answered_in_the_acknowledgment() {
    let mut signalling = Signalling::default();
    reply(
        &mut signalling,
        0,
        &answer(200, "INVITE", 1, "b", &theirs()),
    );
    assert!(signalling.is_empty());
    ask(&mut signalling, 1, &request("ACK", 1, "b", SDP));
    check(&signalling, "late offer");
}

#[test]
fn a_dialog_holds_until_its_bye_is_answered() {
    let mut signalling = agreed();
    signalling.expire(Second(7_200));
    check(&signalling, "after two hours");
    ask(&mut signalling, 7_201, &request("BYE", 2, "b", ""));
    check(&signalling, "not answered");
    reply(&mut signalling, 7_202, &answer(200, "BYE", 3, "b", ""));
    check(&signalling, "another BYE answered");
    reply(&mut signalling, 7_203, &answer(200, "BYE", 2, "b", ""));
    assert!(signalling.is_empty());
}

#[test]
fn a_refused_change_leaves_what_was_agreed() {
    let mut signalling = agreed();
    ask(
        &mut signalling,
        5,
        &request("INVITE", 2, "b", &SDP.replace("4000", "5000")),
    );
    reply(&mut signalling, 5, &answer(488, "INVITE", 2, "b", ""));
    check(&signalling, "refused");
}

#[test]
fn a_flood_of_calls_takes_nothing_from_a_dialog_that_stands() {
    let mut signalling = agreed();
    for number in 0..20_000_u32 {
        let flood = invite();
        let text = String::from_utf8(flood)
            .unwrap()
            .replace("Call-ID: c", &format!("Call-ID: {number}"));
        reply(&mut signalling, 1, text.as_bytes());
    }
    check(&signalling, "after the flood");
    assert!(
        signalling.dialogs_refused() > 3_000,
        "what found no room is counted"
    );
    ask(&mut signalling, 2, &request("BYE", 2, "b", ""));
    reply(&mut signalling, 2, &answer(200, "BYE", 2, "b", ""));
    assert!(signalling.is_empty());
}

#[test]
fn what_an_address_has_no_room_for_is_told_of_the_addresses() {
    let mut signalling = agreed();
    // With the one that stands ten calls name the same two addresses of ours.
    for number in 0..9 {
        let of_call = |message: Vec<u8>| {
            let text = String::from_utf8(message).unwrap();
            text.replace("Call-ID: c", &format!("Call-ID: {number}"))
        };
        ask(&mut signalling, 0, of_call(invite()).as_bytes());
        let answer = of_call(answer(200, "INVITE", 1, "b", &theirs()));
        reply(&mut signalling, 0, answer.as_bytes());
    }
    let refused = signalling.occupancy();
    let refused = refused.map(|(table, occupancy)| (table, occupancy.refused));
    let (offers, dialogs) = (BoundedTable::SipOffers, BoundedTable::SipDialogs);
    assert!(
        refused.contains(&(BoundedTable::SipAddresses, 4)),
        "{refused:?}"
    );
    assert!(refused.contains(&(offers, 0)) && refused.contains(&(dialogs, 0)));
    assert_eq!(signalling.dialogs_refused(), 4);
}

#[test]
fn a_direction_is_held_from_its_answer_until_the_next() {
    let held = |signalling: &Signalling, [src, dst]: [Endpoint; 2]| {
        let seconds = |hold: Hold| (hold.from.second().0, hold.until.second().0.min(1_000));
        signalling.holds(src, dst).map(seconds).collect::<Vec<_>>()
    };
    let (to_us, from_us) = ([end(9, 9000), end(1, 4000)], [end(1, 4000), end(9, 9000)]);
    let mut signalling = agreed();
    let change = |signalling: &mut Signalling, second, cseq, direction: [&str; 2]| {
        let [ours, other] = direction.map(|direction| format!("t=0 0\r\na={direction}\r\n"));
        ask(
            signalling,
            second,
            &request("INVITE", cseq, "b", &SDP.replace("t=0 0\r\n", &ours)),
        );
        let answered = theirs().replace("t=0 0\r\n", &other);
        reply(
            signalling,
            second + 1,
            &answer(200, "INVITE", cseq, "b", &answered),
        );
    };
    change(&mut signalling, 10, 2, ["sendonly", "recvonly"]);
    assert_eq!(
        (held(&signalling, to_us), held(&signalling, from_us)),
        (vec![(11, 1_000)], vec![])
    );
    change(&mut signalling, 20, 3, ["sendrecv", "sendrecv"]);
    assert_eq!(
        (held(&signalling, to_us), held(&signalling, from_us)),
        (vec![(11, 21)], vec![])
    );
    change(&mut signalling, 30, 4, ["inactive", "inactive"]);
    assert_eq!(
        (held(&signalling, to_us), held(&signalling, from_us)),
        (vec![(31, 1_000)], vec![(31, 1_000)])
    );
    assert_eq!(
        held(&signalling, [end(9, 9000), end(1, 4444)]),
        vec![],
        "another port"
    );
}

#[test]
fn an_address_of_zeroes_holds_media_to_who_gives_it() {
    let mut signalling = agreed();
    ask(
        &mut signalling,
        10,
        &request(
            "INVITE",
            2,
            "b",
            &SDP.replace("IP4 192.0.2.1", "IP4 0.0.0.0"),
        ),
    );
    reply(
        &mut signalling,
        11,
        &answer(200, "INVITE", 2, "b", &theirs()),
    );
    let held = |src, dst| signalling.holds(src, dst).count();
    assert_eq!(
        (
            held(end(9, 9000), end(1, 4000)),
            held(end(1, 4000), end(9, 9000))
        ),
        (1, 0)
    );
}

#[test]
fn rtcp_is_where_a_description_wants_it() {
    let with = |sdp: &str, rtcp: &str| sdp.replace("m=video", &format!("a=rtcp:{rtcp}\r\nm=video"));
    let mut signalling = Signalling::default();
    ask(
        &mut signalling,
        0,
        &request("INVITE", 1, "", &with(SDP, "4777")),
    );
    reply(
        &mut signalling,
        0,
        &answer(
            200,
            "INVITE",
            1,
            "b",
            &with(&theirs(), "9777 IN IP4 192.0.2.99"),
        ),
    );
    let media = Some((end(9, 9000), end(1, 4000)));
    assert_eq!(
        signalling.media_of_rtcp(end(50, 1), end(1, 4777)),
        media,
        "ours"
    );
    assert_eq!(
        signalling.media_of_rtcp(end(99, 9777), end(1, 4001)),
        media,
        "theirs"
    );
    assert_eq!(signalling.media_of_rtcp(end(98, 9777), end(1, 4001)), None);
    ask(&mut signalling, 1, &request("BYE", 2, "b", ""));
    reply(&mut signalling, 1, &answer(200, "BYE", 2, "b", ""));
    assert_eq!(signalling.media_of_rtcp(end(50, 1), end(1, 4777)), None);
}
