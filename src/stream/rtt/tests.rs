use super::questions::QuestionTimes;
use super::*;
use crate::units::Address;
use crate::voice::CapturePoint;

const A: [u8; 4] = [192, 0, 2, 1];
const B: [u8; 4] = [203, 0, 113, 9];

fn end(octets: [u8; 4], port: u16) -> Endpoint {
    Endpoint {
        address: Address::v4(octets),
        port,
    }
}

fn packet(millis: u64, src: Endpoint, dst: Endpoint, content: Content<'_>) -> Packet<'_> {
    let time = Timestamp::from_nanos(1_000_000_000_000 + millis * 1_000_000);
    Packet {
        time,
        capture_point: CapturePoint::default(),
        src,
        dst,
        ip_bytes: 100,
        dedup_key: crate::wire::DedupKey::default(),
        content,
    }
}

fn clear(payload: &[u8]) -> Content<'_> {
    Content::Rtcp {
        payload,
        protection: Protection::Clear,
    }
}

fn sender_report(ssrc: u32, ntp: u64) -> Vec<u8> {
    let mut out = vec![0x80, 200, 0, 6];
    out.extend(ssrc.to_be_bytes());
    out.extend(ntp.to_be_bytes());
    out.extend([0; 12]);
    out
}

fn receiver_report(about: u32, last_sr: u32, delay: u32) -> Vec<u8> {
    let mut out = vec![0x81, 201, 0, 7];
    out.extend(7_u32.to_be_bytes());
    out.extend(about.to_be_bytes());
    out.extend([0; 12]);
    out.extend(last_sr.to_be_bytes());
    out.extend(delay.to_be_bytes());
    out
}

/// What a sequence of packets measures, in milliseconds, and how many answers were refused.
fn measure(packets: &[Packet<'_>]) -> (Vec<(RttMethod, u128)>, u64) {
    let (mut round_trips, mut samples) = (RttMatcher::default(), Vec::new());
    for packet in packets {
        round_trips.observe(packet, &mut samples);
    }
    let shown = samples.iter().map(|sample| {
        assert_eq!(sample.shortest, sample.longest, "asked once");
        (sample.method, sample.shortest.as_millis())
    });
    (shown.collect(), round_trips.refused())
}

/// The same of what may have been asked again: shortest and longest.
fn measure_between(packets: &[Packet<'_>]) -> (Vec<(u128, u128)>, u64) {
    let (mut round_trips, mut samples) = (RttMatcher::default(), Vec::new());
    for packet in packets {
        round_trips.observe(packet, &mut samples);
    }
    let both = |sample: &RttSample| (sample.shortest.as_millis(), sample.longest.as_millis());
    (samples.iter().map(both).collect(), round_trips.refused())
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_report_and_its_answer_measure_the_way_from_the_tap_and_back() {
    let (a, b) = (end(A, 5005), end(B, 6005));
    let asked = sender_report(0xaa, 0x1111_2222_3333_4444);
    let stamp = 0x2222_3333;
    // Answered 80 ms later, of which 50 ms were spent at the other end: 50/1000 of 65536.
    let answer = receiver_report(0xaa, stamp, 3277);
    let other = receiver_report(0xab, stamp, 3277);
    let late = receiver_report(0xaa, stamp, 65_536);
    let mut of_another = late.clone();
    of_another[4..8].copy_from_slice(&8_u32.to_be_bytes());
    let at_once = receiver_report(0xaa, stamp, 0);
    let rtcp = RttMethod::Rtcp;
    let ask = packet(0, a, b, clear(&asked));
    let cases = [
        (
            "answered",
            vec![ask, packet(80, b, a, clear(&answer))],
            vec![(rtcp, 29)],
            0,
        ),
        (
            "from another port",
            vec![ask, packet(80, end(B, 7), a, clear(&answer))],
            vec![(rtcp, 29)],
            0,
        ),
        (
            "about another source",
            vec![ask, packet(80, b, a, clear(&other))],
            vec![],
            0,
        ),
        (
            "from the wrong side",
            vec![ask, packet(80, a, b, clear(&answer))],
            vec![],
            0,
        ),
        (
            "never asked",
            vec![packet(80, b, a, clear(&answer))],
            vec![],
            0,
        ),
        (
            "a mirrored copy",
            vec![
                ask,
                packet(80, b, a, clear(&answer)),
                packet(80, b, a, clear(&answer)),
            ],
            vec![(rtcp, 29)],
            0,
        ),
        (
            "two answers of one reporter",
            vec![
                ask,
                packet(80, b, a, clear(&answer)),
                packet(1100, b, a, clear(&late)),
            ],
            vec![(rtcp, 29)],
            0,
        ),
        (
            "answers of two reporters",
            vec![
                ask,
                packet(80, b, a, clear(&answer)),
                packet(1100, b, a, clear(&of_another)),
            ],
            vec![(rtcp, 29), (rtcp, 100)],
            0,
        ),
        (
            "the time of the report stands in a second one",
            vec![
                ask,
                packet(60, a, b, clear(&asked)),
                packet(80, b, a, clear(&answer)),
            ],
            vec![],
            0,
        ),
        (
            "no delay stated",
            vec![ask, packet(80, b, a, clear(&at_once))],
            vec![],
            0,
        ),
        (
            "longer there than gone by",
            vec![ask, packet(900, b, a, clear(&late))],
            vec![],
            1,
        ),
        (
            "over ten seconds",
            vec![ask, packet(12_000, b, a, clear(&late))],
            vec![],
            1,
        ),
    ];
    for (name, packets, samples, refused) in cases {
        assert_eq!(measure(&packets), (samples, refused), "{name}");
    }
}

#[test]
fn what_is_encrypted_is_not_read() {
    let (a, b) = (end(A, 5005), end(B, 6005));
    let asked = sender_report(0xaa, 0x1111_2222_3333_4444);
    let answer = receiver_report(0xaa, 0x2222_3333, 3277);
    let hidden = Content::Rtcp {
        payload: &answer,
        protection: Protection::Encrypted,
    };
    let packets = [packet(0, a, b, clear(&asked)), packet(80, b, a, hidden)];
    assert_eq!(measure(&packets), (vec![], 0));
}

#[test]
fn no_report_yet_is_no_answer() {
    let answer = receiver_report(0xaa, 0, 0);
    assert_eq!(
        measure(&[packet(0, end(B, 1), end(A, 1), clear(&answer))]),
        (vec![], 0)
    );
}

#[test]
fn extended_reports_measure_the_sender_of_media() {
    // B only receives: it sends its clock (RRTR), A answers with DLRR.
    let mut clock = vec![0x80, 207, 0, 4];
    clock.extend(0xbb_u32.to_be_bytes());
    clock.extend([4, 0, 0, 2]);
    clock.extend(0x5555_6666_7777_8888_u64.to_be_bytes());
    let mut answer = vec![0x80, 207, 0, 5];
    answer.extend(0xaa_u32.to_be_bytes());
    answer.extend([5, 0, 0, 3]);
    answer.extend(0xbb_u32.to_be_bytes());
    answer.extend(0x6666_7777_u32.to_be_bytes());
    answer.extend(6554_u32.to_be_bytes());
    let (a, b) = (end(A, 5005), end(B, 6005));
    let packets = [
        packet(0, b, a, clear(&clock)),
        packet(130, a, b, clear(&answer)),
    ];
    assert_eq!(measure(&packets), (vec![(RttMethod::Rtcp, 29)], 0));
}

#[test]
fn stun_is_paired_by_its_transaction_and_a_repeated_request_gives_an_interval() {
    let (a, b) = (end(A, 5000), end(B, 3478));
    let stun = |class| {
        let header = StunHeader {
            class,
            method: 1,
            transaction: 42,
        };
        Content::Stun(header, b"octets")
    };
    let ask = packet(0, a, b, stun(StunClass::Request));
    let again = packet(10, a, b, stun(StunClass::Request));
    let answer = packet(25, b, a, stun(StunClass::Success));
    let copy = packet(26, b, a, stun(StunClass::Success));
    assert_eq!(
        measure(&[ask, answer, copy]),
        (vec![(RttMethod::Stun, 25)], 0)
    );
    assert_eq!(
        measure_between(&[ask, again, answer, copy]),
        (vec![(15, 25)], 0),
        "Karn"
    );
    let mut another = again;
    if let Content::Stun(_, octets) = &mut another.content {
        *octets = b"others";
    }
    assert_eq!(
        measure(&[ask, another, answer]),
        (vec![], 0),
        "another request of the same transaction"
    );
    let late = packet(10_005, b, a, stun(StunClass::Success));
    assert_eq!(
        measure_between(&[ask, again, late]),
        (vec![(9_995, 10_005)], 0),
        "it may be the answer to the last"
    );
    let too_late = packet(10_011, b, a, stun(StunClass::Success));
    assert_eq!(measure_between(&[ask, again, too_late]), (vec![], 1));
    assert_eq!(
        measure(&[ask, packet(25, end(B, 9), a, stun(StunClass::Success))]),
        (vec![], 0)
    );
}

#[test]
fn a_sip_request_is_answered_by_its_first_response() {
    let invite = b"INVITE sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nCSeq: 1 INVITE\r\n\r\n";
    let trying =
        b"SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nCSeq: 1 INVITE\r\n\r\n";
    let (a, b) = (end(A, 5060), end(B, 5060));
    let packets = [
        packet(0, a, b, Content::Sip(invite)),
        packet(12, b, a, Content::Sip(trying)),
        packet(900, b, a, Content::Sip(trying)),
    ];
    assert_eq!(measure(&packets), (vec![(RttMethod::Sip, 12)], 0));
}

/// A message of an INVITE's transactions: its start, the method of its CSeq, a branch.
fn sip_message(start: &str, method: &str, branch: u8, cseq: u8) -> Vec<u8> {
    format!(
        "{start}\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK{branch}\r\nFrom: <sip:a@example.net>;tag=a\r\n\
         To: <sip:b@example.net>;tag=b\r\nCall-ID: c\r\nCSeq: {cseq} {method}\r\n\r\n"
    )
    .into_bytes()
}

#[test]
fn a_call_that_is_accepted_is_answered_by_its_acknowledgment() {
    let (caller, called) = (end(A, 5060), end(B, 5060));
    let ok = |method, cseq| sip_message("SIP/2.0 200 OK", method, 1, cseq);
    let ack = |branch, cseq| sip_message("ACK sip:b@example.net SIP/2.0", "ACK", branch, cseq);
    let (accepted, refused) = (
        ok("INVITE", 1),
        sip_message("SIP/2.0 486 Busy", "INVITE", 1, 1),
    );
    let (updated, acknowledged) = (ok("UPDATE", 1), ack(2, 1));
    let (of_another, of_refused) = (ack(2, 7), ack(1, 1));
    let sent = |millis, octets| packet(millis, called, caller, Content::Sip(octets));
    // The caller answers from another port.
    let answered = |millis, octets| packet(millis, end(A, 40_123), called, Content::Sip(octets));
    let sip = RttMethod::Sip;
    let once = [
        sent(0, &accepted),
        answered(70, &acknowledged),
        answered(90, &acknowledged),
    ];
    assert_eq!(measure(&once), (vec![(sip, 70)], 0));
    let again = [
        sent(0, &accepted),
        sent(500, &accepted),
        answered(570, &acknowledged),
    ];
    assert_eq!(measure_between(&again), (vec![(70, 570)], 0));
    for (name, asked, answer) in [
        ("of another INVITE", &accepted, &of_another),
        ("refused, hop by hop", &refused, &of_refused),
        ("of no INVITE", &updated, &acknowledged),
    ] {
        assert_eq!(
            measure(&[sent(0, asked), answered(70, answer)]),
            (vec![], 0),
            "{name}"
        );
    }
    let own = packet(70, called, caller, Content::Sip(&acknowledged));
    assert_eq!(measure(&[sent(0, &accepted), own]), (vec![], 0), "its own");
}

#[test]
fn what_nobody_answers_is_counted_by_method_once_it_has_waited() {
    let (a, b) = (end(A, 5060), end(B, 5060));
    let invite = sip_message("INVITE sip:b@example.net SIP/2.0", "INVITE", 1, 1);
    let ok = sip_message("SIP/2.0 200 OK", "INVITE", 1, 1);
    let report = sender_report(0xaa, 0x1111_2222_3333_4444);
    let (mut trips, mut samples) = (RttMatcher::default(), Vec::new());
    for packet in [
        packet(0, a, b, Content::Sip(&invite)),
        packet(500, a, b, Content::Sip(&invite)),
        packet(600, b, a, Content::Sip(&ok)),
        packet(700, a, b, clear(&report)),
    ] {
        trips.observe(&packet, &mut samples);
    }
    let at = |millis| packet(millis, a, b, clear(&report)).time;
    trips.expire(at(30_000));
    assert_eq!(trips.unanswered(), [0; 4]);
    trips.expire(at(40_000));
    // The sender report, and the 200 that nobody acknowledges.
    assert_eq!((trips.unanswered(), samples.len()), ([1, 0, 1, 0], 1));
}

#[test]
fn a_handshake_measures_both_sides() {
    let segment = |flags, sequence, acknowledgment| {
        Content::SipSegment(Segment {
            sequence,
            acknowledgment,
            flags,
            payload: &[],
        })
    };
    let (a, b) = (end(A, 40_000), end(B, 5061));
    let packets = [
        packet(0, a, b, segment(SYN, 100, 0)),
        packet(30, b, a, segment(SYN | ACK, 900, 101)),
        packet(34, a, b, segment(ACK, 101, 901)),
        packet(50, a, b, segment(ACK, 101, 901)),
    ];
    assert_eq!(
        measure(&packets),
        (vec![(RttMethod::Tcp, 30), (RttMethod::Tcp, 4)], 0)
    );
}

/// A question that an endpoint was asked by STUN.
fn asked(questions: &mut PendingRequests, key: u64, now: Timestamp) -> Option<QuestionSubject> {
    let of = QuestionSubject {
        ends: [A, B].map(Address::v4),
        method: RttMethod::Stun,
    };
    questions.ask((key, 0), of, now, LONGEST)
}

#[test]
fn what_waits_is_bounded_and_what_is_forgotten_unanswered_in_its_time_is_told() {
    let mut questions = PendingRequests::default();
    let mut told = 0;
    for key in 0..70_000 {
        // Each of the first thousand has its answer.
        told += u64::from(asked(&mut questions, key, Timestamp::from_nanos(key)).is_some());
        if key < 1_000 {
            assert!(questions.answer_once(key).is_some());
        }
    }
    assert_eq!(told, 70_000 - 65_536 - 1_000);
    let late = Timestamp::from_nanos(20_000_000_000);
    assert_eq!(
        asked(&mut questions, 70_000, late),
        None,
        "too long ago to be a sample"
    );
    assert_eq!(questions.answer_once(0), None, "pushed out");
    let asked = Timestamp::from_nanos(69_999);
    let once = QuestionTimes {
        first: asked,
        last: asked,
    };
    assert_eq!(questions.answer_once(69_999), Some(once));
    questions.expire(Timestamp::from_nanos(40_000_000_000));
    assert_eq!(questions.answer_once(69_998), None, "too long ago");
    // One has been answered, and one may be; the others that had room have not.
    let unanswered: u64 = questions.unanswered().iter().sum();
    assert_eq!(unanswered, 65_536 - 2);
}

#[test]
fn a_time_that_is_repeated_for_longer_than_questions_wait_gives_no_sample() {
    let mut questions = PendingRequests::default();
    for second in (0..100).step_by(5) {
        let now = Timestamp::from_nanos(second * 1_000_000_000);
        questions.expire(now);
        asked(&mut questions, 1, now);
        if second > 0 {
            assert_eq!(questions.answer_report(1, 7), None, "{second} s");
        }
    }
}
