//! A carrier's calls as they really are, packet by packet, with the truth beside them.
//!
//! The mix of situations is assumed, not measured: mostly plain calls, and what makes streams stop
//! without loss in about the shares that carriers speak of. Every random number comes from the seed.

use super::support::START;
use super::support::frames::{Shot, udp};
use asnmeter::capture::synthetic::scenario::SplitMix;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddrV4;

/// Between two packets, in milliseconds.
const PACE: u64 = 60;

/// What a call is, and how many of a thousand calls are so.
const MIX: [(Situation, u64); 19] = [
    (Situation::Plain, 590),
    (Situation::Events, 50),
    (Situation::Pauses { noise: true }, 50),
    (Situation::Pauses { noise: false }, 20),
    (Situation::AnnexB, 25),
    (Situation::HoldWithMusic, 30),
    (Situation::SilentHold, 30),
    (Situation::Voicemail, 40),
    (Situation::EarlyMedia, 50),
    (Situation::Announcements, 30),
    (Situation::Transfer, 12),
    (Situation::Refers, 8),
    (Situation::Mute, 15),
    (Situation::Fax, 5),
    (Situation::Dies, 3),
    (Situation::BeginsAnew, 10),
    (Situation::HangsUpFirst, 12),
    (Situation::Abandoned, 15),
    (Situation::PortMoves, 5),
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Situation {
    Plain,
    /// Telephone events (RFC 4733) between.
    Events,
    /// Silence suppression, with comfort noise at the beginning of each pause or without.
    Pauses {
        noise: bool,
    },
    /// Silence suppression of G.729 annex B: a silence descriptor of 2 octets begins each pause.
    AnnexB,
    /// The far end holds: music of another SSRC, then the first goes on.
    HoldWithMusic,
    /// The far end holds, and sends nothing.
    SilentHold,
    /// A prompt, then the far end records.
    Voicemail,
    /// Ringback of one SSRC, the answer of another.
    EarlyMedia,
    /// A machine that speaks, and waits without sending.
    Announcements,
    /// Another phone goes on, with another SSRC.
    Transfer,
    /// The far end asks us to go on with another phone, and sends no more.
    Refers,
    /// A phone that sends nothing while it is muted.
    Mute,
    /// T.38 takes over.
    Fax,
    /// The far phone loses its power.
    Dies,
    /// Another source is spliced in: numbers and clock begin anew.
    BeginsAnew,
    /// The far end hangs up, and we go on until we notice.
    HangsUpFirst,
    /// Nobody answers for long.
    Abandoned,
    /// A re-INVITE moves our end's port.
    PortMoves,
    /// The far end says at this time that it will send nothing, and we agree.
    SaysHold(u64),
    /// Its RTCP says goodbye at this time.
    SaysGoodbye(u64),
    /// The far end hangs up at this time, we agree, and media goes on all the same.
    SaysBye(u64),
    /// The far end sends nothing from this time on; we go on, and nobody hangs up.
    Stops(Stop, u64),
}

/// What is said, and by whom, when a far end stops.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    /// Nothing.
    Silently,
    /// It asks us to go on with somebody else, and we accept.
    Refer,
    /// It did so ten seconds before, and nothing was said since.
    ReferBefore,
    /// It did so, and now we tell that it is done.
    NotifyAfterRefer,
    /// We tell of something that nobody asked for.
    NotifyAlone,
    /// It asks, and nobody answers.
    ReferUnanswered,
    /// It asks, and we decline.
    ReferDeclined,
    /// Others ask and answer, under tags of their own.
    ReferOfOthers,
    /// An answered re-INVITE puts T.38 in the place of audio.
    Fax,
    /// Nobody answers it.
    FaxUnanswered,
    /// Its last packet is a silence descriptor of G.729 annex B.
    AnnexB,
    /// Of AMR, as SIP names it.
    Amr,
    /// The same, and no SIP can be read.
    UnnamedAmr,
    /// Its receiver reports take the place of its sender reports.
    ReceiverReport,
    /// Its sender report counts no more packets than came.
    SenderReport,
    /// It counts more.
    SenderReportOfMore,
}

/// Packets of the far ends in a second, by when they were due.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Truth {
    pub(crate) sent: u64,
    pub(crate) lost: u64,
}

/// One source of packets.
#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: u32,
    number: u16,
    timestamp: u32,
    /// Payload type, and octets of a packet.
    payload: (u8, usize),
    sent: u32,
}

/// What a carrier does to what it was given, from a millisecond until another one: packets of calls below
/// a number are lost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// So many of a hundred calls.
    pub(crate) percent: u64,
}

/// All calls of some minutes. Times are milliseconds since the start.
pub(crate) struct Day {
    pub(crate) shots: Vec<Shot>,
    pub(crate) truth: BTreeMap<u64, Truth>,
    random: SplitMix,
    /// Of a thousand packets of the far ends so many are lost.
    loss: u64,
    cuts: Vec<Cut>,
    calls: u16,
}

/// One call of it.
struct Call {
    far: SocketAddrV4,
    ours: SocketAddrV4,
    number: u16,
    is_visible: bool,
    is_cut: u64,
    cseq: u32,
    /// Of the far end, and of ours.
    tags: [&'static str; 2],
}

/// Tags of a dialog as they are.
const TAGS: [&str; 2] = ["far", "ours"];

/// In the place of a direction: T.38.
const FAX: &str = "t38";

impl Day {
    pub(crate) fn new(seed: u64, loss: u64) -> Self {
        Self {
            shots: Vec::new(),
            truth: BTreeMap::new(),
            random: SplitMix::new(seed),
            loss,
            cuts: Vec::new(),
            calls: 0,
        }
    }

    /// The carrier loses these besides.
    pub(crate) fn cut(mut self, cut: Cut) -> Self {
        self.cuts.push(cut);
        self
    }

    fn below(&mut self, most: u64) -> u64 {
        self.random.next_u64() % most.max(1)
    }

    fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least))
    }

    /// So many calls at once for so long, in the mix; `visible` of a hundred have SIP that can be read.
    pub(crate) fn mixed(mut self, at_once: u64, millis: u64, visible: u64) -> Self {
        // Exponential would do; two uniform ones are as uneven, and integers.
        let mean = 140_000;
        let mut begin = 1_000;
        // Who is there already when it begins.
        let residual = at_once;
        for _ in 0..residual {
            let length = self.between(15_000, 2 * mean);
            let begin = 1_000 + self.below(3_000);
            self.any_call(begin, begin + length, visible);
        }
        while begin < millis {
            begin += self.between(1, 2 * mean / at_once);
            let length = self.between(25_000, 2 * mean - 25_000);
            self.any_call(begin, begin + length, visible);
        }
        self.end(millis)
    }

    /// So many calls of one kind for so long, with SIP that can be read.
    pub(crate) fn all(mut self, situation: Situation, calls: u64, millis: u64) -> Self {
        for _ in 0..calls {
            let begin = 1_000 + self.below(1_000);
            self.call(situation, begin, millis + 2_000, true);
        }
        self.end(millis)
    }

    /// Two calls that stop, three seconds apart, beside ten plain ones.
    pub(crate) fn two_of_twelve(mut self, stop: Stop, at: u64, millis: u64) -> Self {
        for place in 0..12 {
            let situation = match place {
                0 | 1 => Situation::Stops(stop, at + 3_000 * place),
                _ => Situation::Plain,
            };
            self.call(situation, 1_000, millis + 2_000, stop != Stop::UnnamedAmr);
        }
        self.end(millis)
    }

    fn end(mut self, millis: u64) -> Self {
        let end = START * 1_000_000_000 + millis * 1_000_000;
        self.shots.retain(|shot| shot.nanos < end);
        self.shots.sort();
        self.truth.retain(|second, _| *second < millis / 1_000);
        self
    }

    fn any_call(&mut self, begin: u64, end: u64, visible: u64) {
        let is_visible = self.below(100) < visible;
        let mut place = self.below(MIX.iter().map(|(_, share)| share).sum());
        for (situation, share) in MIX {
            if place < share {
                return self.call(situation, begin, end, is_visible);
            }
            place -= share;
        }
    }

    fn source(&mut self) -> Source {
        let random = self.random.next_u128();
        Source {
            ssrc: random as u32,
            number: (random >> 32) as u16,
            timestamp: (random >> 64) as u32,
            payload: (8, 480),
            sent: 0,
        }
    }

    #[expect(clippy::too_many_lines, reason = "one situation after the other")]
    pub(crate) fn call(&mut self, situation: Situation, begin: u64, end: u64, is_visible: bool) {
        let place = self.calls;
        self.calls += 1;
        let port = |base: u16| base + 2 * (place % 5_000);
        let host = 1 + u8::try_from(place / 5_000).unwrap();
        let mut call = Call {
            far: SocketAddrV4::new([203, 0, 113, host].into(), port(20_000)),
            ours: SocketAddrV4::new([198, 51, 100, host].into(), port(40_000)),
            number: place,
            is_visible,
            is_cut: u64::from(place) * 37 % 100,
            cseq: 1,
            tags: TAGS,
        };
        let length = end - begin;
        let middle = begin + self.between(length / 8, length / 2);
        let (mut far, mut ours) = (self.source(), self.source());
        if situation != Situation::EarlyMedia {
            self.agree(&mut call, begin - 200, true, "sendrecv", "sendrecv");
        }
        let mut our_end = end;
        let mut says_goodbye = true;
        match situation {
            Situation::Plain | Situation::HangsUpFirst => {
                self.media(&call, true, &mut far, begin, end);
                if situation == Situation::HangsUpFirst {
                    our_end = end + self.between(500, 5_000);
                }
            }
            Situation::SaysHold(at) => {
                self.agree(&mut call, at, false, "inactive", "inactive");
                self.media(&call, true, &mut far, begin, end);
            }
            Situation::SaysGoodbye(at) => {
                self.goodbye(&call, far.ssrc, at);
                self.media(&call, true, &mut far, begin, end);
            }
            Situation::SaysBye(at) => {
                self.ask(&mut call, at, true, "BYE", Some(200));
                self.media(&call, true, &mut far, begin, end);
                says_goodbye = false;
            }
            Situation::Events => {
                self.media(&call, true, &mut far, begin, middle);
                for event in 0..12 {
                    self.packet(&call, true, &far, middle + event * PACE, (101, 4));
                    far.number = far.number.wrapping_add(1);
                }
                far.timestamp = far.timestamp.wrapping_add(12 * 8 * PACE as u32);
                self.media(&call, true, &mut far, middle + 12 * PACE, end);
            }
            Situation::Pauses { .. } | Situation::AnnexB => {
                let descriptor = match situation {
                    Situation::Pauses { noise } => noise.then_some((13, 1)),
                    _ => Some((18, 2)),
                };
                if situation == Situation::AnnexB {
                    far.payload = (18, 60);
                }
                let mut now = begin;
                while now < end {
                    let until = (now + self.between(1_000, 6_000)).min(end);
                    self.media(&call, true, &mut far, now, until);
                    let next = until + self.between(300, 9_000);
                    if let Some(descriptor) = descriptor {
                        self.packet(&call, true, &far, until, descriptor);
                        far.number = far.number.wrapping_add(1);
                    }
                    far.timestamp = far.timestamp.wrapping_add(8 * (next - until) as u32);
                    now = next;
                }
            }
            Situation::HoldWithMusic => {
                let until = (middle + self.between(5_000, 90_000)).min(end - 2_000);
                self.agree(&mut call, middle, false, "sendonly", "recvonly");
                self.agree(&mut call, until, false, "sendrecv", "sendrecv");
                self.media(&call, true, &mut far, begin, middle);
                let mut music = self.source();
                let gap = self.between(50, 1_600);
                self.media(&call, true, &mut music, middle + gap, until);
                let gap = self.between(50, 1_600);
                far.timestamp = far
                    .timestamp
                    .wrapping_add(8 * (until + gap - middle) as u32);
                self.media(&call, true, &mut far, until + gap, end);
            }
            Situation::SilentHold | Situation::Mute => {
                let until = (middle + self.between(3_000, 90_000)).min(end - 2_000);
                if situation == Situation::SilentHold {
                    self.agree(&mut call, middle, false, "inactive", "inactive");
                    self.agree(&mut call, until, false, "sendrecv", "sendrecv");
                }
                self.media(&call, true, &mut far, begin, middle);
                if self.below(10) < 6 {
                    far.timestamp = far.timestamp.wrapping_add(8 * (until - middle) as u32);
                }
                self.media(&call, true, &mut far, until, end);
            }
            Situation::Voicemail => {
                let until = begin + self.between(4_000, 15_000);
                our_end = (until + self.between(10_000, 50_000)).min(end);
                self.media(&call, true, &mut far, begin, until.min(our_end));
            }
            Situation::EarlyMedia => {
                let answer = begin + self.between(2_000, 15_000);
                let gap = self.between(20, 3_000);
                self.agree(&mut call, answer, true, "sendrecv", "sendrecv");
                self.media(&call, true, &mut far, begin, answer);
                far = self.source();
                self.media(&call, true, &mut far, answer + gap, end);
            }
            Situation::Announcements => {
                let mut now = begin;
                while now + 8_000 < end {
                    let until = now + self.between(2_000, 10_000);
                    self.media(&call, true, &mut far, now, until);
                    now = until + self.between(1_000, 6_000);
                    far.timestamp = far.timestamp.wrapping_add(8 * (now - until) as u32);
                }
                our_end = now;
            }
            Situation::Transfer => {
                let gap = self.between(100, 6_000);
                self.media(&call, true, &mut far, begin, middle);
                self.agree(&mut call, middle + gap, false, "sendrecv", "sendrecv");
                far = self.source();
                self.media(&call, true, &mut far, middle + gap, end);
            }
            Situation::Fax => {
                our_end = middle + self.between(0, 2_000);
                self.agree(&mut call, middle, false, FAX, FAX);
                self.media(&call, true, &mut far, begin, middle);
            }
            Situation::Refers => {
                let done = middle + self.between(2_000, 8_000);
                self.ask(&mut call, middle, true, "REFER", Some(202));
                self.ask(&mut call, done, false, "NOTIFY", Some(200));
                our_end = (done + self.between(100, 20_000)).min(end);
                self.media(&call, true, &mut far, begin, middle);
            }
            Situation::Stops(stop, at) => {
                our_end = end;
                says_goodbye = false;
                self.stop(&mut call, &mut far, stop, (begin, at));
            }
            Situation::Dies => {
                our_end = (middle + self.between(10_000, 60_000)).min(end);
                says_goodbye = false;
                self.media(&call, true, &mut far, begin, middle);
            }
            Situation::BeginsAnew => {
                let gap = self.between(100, 5_000);
                self.media(&call, true, &mut far, begin, middle);
                far = Source {
                    ssrc: far.ssrc,
                    ..self.source()
                };
                self.media(&call, true, &mut far, middle + gap, end);
            }
            Situation::Abandoned => {
                our_end = begin + self.between(300, 1_500);
                self.media(&call, true, &mut far, begin, our_end.min(end));
            }
            Situation::PortMoves => {
                self.media(&call, true, &mut far, begin, middle);
                self.media(&call, false, &mut ours, begin, middle);
                call.ours.set_port(call.ours.port() + 10_000);
                self.agree(&mut call, middle, false, "sendrecv", "sendrecv");
                self.media(&call, true, &mut far, middle, end);
                self.media(&call, false, &mut ours, middle, end);
            }
        }
        if situation != Situation::PortMoves {
            self.media(&call, false, &mut ours, begin, our_end);
        }
        if says_goodbye {
            self.bye(&call, our_end.min(end) + 20);
        }
    }

    /// A far end that goes on from a time until another one and stops.
    fn stop(&mut self, call: &mut Call, far: &mut Source, stop: Stop, (begin, at): (u64, u64)) {
        match stop {
            Stop::Silently => {}
            Stop::Refer => self.ask(call, at, true, "REFER", Some(202)),
            Stop::ReferBefore => self.ask(call, at - 10_000, true, "REFER", Some(202)),
            Stop::NotifyAfterRefer => {
                self.ask(call, at - 10_000, true, "REFER", Some(202));
                self.ask(call, at, false, "NOTIFY", Some(200));
            }
            Stop::NotifyAlone => self.ask(call, at, false, "NOTIFY", Some(200)),
            Stop::ReferUnanswered => self.ask(call, at, true, "REFER", None),
            Stop::ReferDeclined => self.ask(call, at, true, "REFER", Some(603)),
            Stop::ReferOfOthers => {
                call.tags = ["theirs", "others"];
                self.ask(call, at, true, "REFER", Some(202));
                call.tags = TAGS;
            }
            Stop::Fax => self.agree(call, at, false, FAX, FAX),
            Stop::FaxUnanswered => {
                call.cseq += 1;
                self.request(call, at, true, "INVITE", Some((call.far, FAX)));
            }
            Stop::AnnexB => far.payload = (18, 60),
            Stop::Amr | Stop::UnnamedAmr => far.payload = (96, 32),
            Stop::ReceiverReport | Stop::SenderReport | Stop::SenderReportOfMore => {
                self.media(call, true, far, begin, at - 5_000);
                self.report(call, far, Some(far.sent), at - 5_000);
                self.media(call, true, far, at - 5_000, at);
                let sent = match stop {
                    Stop::ReceiverReport => None,
                    Stop::SenderReport => Some(far.sent),
                    _ => Some(far.sent + 18),
                };
                return self.report(call, far, sent, at + 1_100);
            }
        }
        self.media(call, true, far, begin, at);
        match stop {
            Stop::AnnexB => self.packet(call, true, far, at, (18, 2)),
            Stop::Amr | Stop::UnnamedAmr => self.packet(call, true, far, at, (96, 7)),
            _ => {}
        }
    }

    /// The far end's sender report of so many packets (RFC 3550 §6.4.1), or a receiver report.
    fn report(&mut self, call: &Call, source: &Source, sent: Option<u32>, now: u64) {
        let beside = |end: SocketAddrV4| SocketAddrV4::new(*end.ip(), end.port() + 1);
        let mut rtcp = vec![0x80, 201, 0, 1];
        rtcp.extend(source.ssrc.to_be_bytes());
        if let Some(sent) = sent {
            (rtcp[1], rtcp[3]) = (200, 6);
            rtcp.extend((now << 32).to_be_bytes());
            rtcp.extend(source.timestamp.to_be_bytes());
            rtcp.extend(sent.to_be_bytes());
            rtcp.extend((480 * sent).to_be_bytes());
        }
        self.shots.push(Shot {
            nanos: START * 1_000_000_000 + now * 1_000_000,
            octets: udp(beside(call.far), beside(call.ours), &rtcp),
        });
    }

    /// Packets of a source from a time until another one.
    fn media(&mut self, call: &Call, is_far: bool, source: &mut Source, from: u64, until: u64) {
        let mut now = from;
        while now < until {
            self.packet(call, is_far, source, now, source.payload);
            source.sent += 1;
            source.number = source.number.wrapping_add(1);
            source.timestamp = source.timestamp.wrapping_add(8 * PACE as u32);
            now += PACE;
        }
    }

    /// One packet, if it is not lost: of a payload type, and so many octets.
    fn packet(
        &mut self,
        call: &Call,
        is_far: bool,
        source: &Source,
        now: u64,
        (kind, size): (u8, usize),
    ) {
        let is_cut = |cut: &Cut| call.is_cut < cut.percent && (cut.from..cut.until).contains(&now);
        let jitter = self.below(4_000_000);
        if is_far {
            let is_lost = self.below(1_000) < self.loss || self.cuts.iter().any(is_cut);
            let truth = self.truth.entry(now / 1_000).or_default();
            truth.sent += 1;
            truth.lost += u64::from(is_lost);
            if is_lost {
                return;
            }
        }
        let (src, dst) = if is_far {
            (call.far, call.ours)
        } else {
            (call.ours, call.far)
        };
        let mut rtp = vec![0x80, kind];
        rtp.extend(source.number.to_be_bytes());
        rtp.extend(source.timestamp.to_be_bytes());
        rtp.extend(source.ssrc.to_be_bytes());
        rtp.resize(12 + size, 0xd5);
        self.shots.push(Shot {
            nanos: START * 1_000_000_000 + now * 1_000_000 + jitter,
            octets: udp(src, dst, &rtp),
        });
    }

    /// An offer and its answer: the first by us, later ones by the far end.
    fn agree(&mut self, call: &mut Call, now: u64, is_first: bool, offered: &str, answered: &str) {
        call.cseq += 1;
        let (offer, answer) = if is_first {
            (call.ours, call.far)
        } else {
            (call.far, call.ours)
        };
        self.sip(
            call,
            now,
            (offer, answer),
            ("INVITE sip:b@example.net SIP/2.0", "INVITE", true),
            Some((offer, offered)),
        );
        self.sip(
            call,
            now + 30,
            (answer, offer),
            ("SIP/2.0 200 OK", "INVITE", false),
            Some((answer, answered)),
        );
    }

    /// The far end's receiver report and BYE (RFC 3550 §6.6), on the port beside its media.
    fn goodbye(&mut self, call: &Call, ssrc: u32, now: u64) {
        let beside = |end: SocketAddrV4| SocketAddrV4::new(*end.ip(), end.port() + 1);
        let mut rtcp = Vec::new();
        for head in [[0x80, 201, 0, 1], [0x81, 203, 0, 1]] {
            rtcp.extend(head);
            rtcp.extend(ssrc.to_be_bytes());
        }
        self.shots.push(Shot {
            nanos: START * 1_000_000_000 + now * 1_000_000,
            octets: udp(beside(call.far), beside(call.ours), &rtcp),
        });
    }

    fn bye(&mut self, call: &Call, now: u64) {
        let ends = (call.ours, call.far);
        self.request(call, now, false, "BYE", None);
        self.sip(
            call,
            now + 30,
            (ends.1, ends.0),
            ("SIP/2.0 200 OK", "BYE", false),
            None,
        );
    }

    /// A request within the dialog, and its answer if there is one.
    fn ask(&mut self, call: &mut Call, now: u64, is_far: bool, method: &str, code: Option<u16>) {
        call.cseq += 1;
        self.request(call, now, is_far, method, None);
        if let Some(code) = code {
            let (src, dst) = if is_far {
                (call.ours, call.far)
            } else {
                (call.far, call.ours)
            };
            let start = format!("SIP/2.0 {code} Reason");
            self.sip(call, now + 30, (src, dst), (&start, method, false), None);
        }
    }

    fn request(
        &mut self,
        call: &Call,
        now: u64,
        is_far: bool,
        method: &str,
        media: Option<(SocketAddrV4, &str)>,
    ) {
        let ends = if is_far {
            (call.far, call.ours)
        } else {
            (call.ours, call.far)
        };
        let start = format!("{method} sip:b@example.net SIP/2.0");
        self.sip(call, now, ends, (&start, method, true), media);
    }

    fn sip(
        &mut self,
        call: &Call,
        now: u64,
        (src, dst): (SocketAddrV4, SocketAddrV4),
        (start, method, is_request): (&str, &str, bool),
        media: Option<(SocketAddrV4, &str)>,
    ) {
        if !call.is_visible {
            return;
        }
        let [far, ours] = call.tags;
        let tag = |end: SocketAddrV4| if end.ip() == call.far.ip() { far } else { ours };
        let (from, to) = if is_request { (src, dst) } else { (dst, src) };
        let mut body = String::new();
        if let Some((end, direction)) = media {
            let (ip, port) = (end.ip(), end.port());
            let media = if direction == FAX {
                format!("m=image {port} udptl t38\r\n")
            } else {
                format!(
                    "m=audio {port} RTP/AVP 8 13 18 96 101\r\na=rtpmap:96 AMR/8000\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
                )
            };
            write!(
                body,
                "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n{media}"
            )
            .unwrap();
        }
        let message = format!(
            "{start}\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{}{method}{}\r\nFrom: <sip:a@example.net>;tag={}\r\nTo: <sip:b@example.net>;tag={}\r\nCall-ID: {}@example.net\r\nCSeq: {} {method}\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            call.number,
            call.cseq,
            tag(from),
            tag(to),
            call.number,
            call.cseq,
            body.len(),
        );
        let signalling = |end: SocketAddrV4| SocketAddrV4::new(*end.ip(), 5060);
        self.shots.push(Shot {
            nanos: START * 1_000_000_000 + now * 1_000_000,
            octets: udp(signalling(src), signalling(dst), message.as_bytes()),
        });
    }
}
