//! Round trips from the tap to one endpoint, passively: something that must be answered goes by,
//! and later its answer comes back. The time between, less what the answerer says it waited, is
//! the way to it and back. Never `now − LSR − DLSR`: the tap has no part in the sender's clock.
//!
//! One [`RttMatcher`] per worker; both directions of an address pair meet in one worker. What is
//! waited for is bounded and forgotten after a while. What cannot be a round trip is refused and
//! counted. What was asked again before its answer is an interval: the round trip lies between the last
//! question and the first (Karn).

pub mod method;
mod questions;

use crate::stream::rtt::method::RttMethod;
use crate::units::occupancy::Occupancy;
use crate::units::{Address, Endpoint, Timestamp};
use crate::voice::{Content, Packet, Segment};
use crate::wire::rtcp::{self, Block, Protection, ReportBlock};
use crate::wire::sip::{self, Start};
use crate::wire::stun::{StunClass, StunHeader};
use hashbrown::DefaultHashBuilder;
use questions::{PendingRequests, QuestionSubject};
use std::hash::BuildHasher;
use std::time::Duration;

/// A longer round trip is a mistake: no call survives it.
const LONGEST: Duration = Duration::from_secs(10);

/// TCP control bits (RFC 9293 §3.1).
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// A round trip to the sender of the packet at hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RttSample {
    /// How it was measured.
    pub method: RttMethod,
    /// At least so long: since the last question.
    pub shortest: Duration,
    /// At most so long: since the first. The same, where it was asked once.
    pub longest: Duration,
}

/// What waits for an answer, by everything that its answer must repeat.
#[derive(Hash)]
enum Question<'a> {
    /// The middle 32 bits of an NTP timestamp in a report of this source.
    Report(u32, u32),
    Stun(u128),
    Sip(&'a [u8], &'a [u8]),
    /// Call-ID, the tags of who accepted and who asked, and CSeq of an INVITE that is accepted.
    Accepted(&'a [u8], [&'a [u8]; 2], u32),
    /// The acknowledgment number that answers a segment with SYN.
    Tcp(u32),
}

impl Question<'_> {
    /// How its answer is measured.
    const fn method(&self) -> RttMethod {
        match self {
            Self::Report(..) => RttMethod::Rtcp,
            Self::Stun(_) => RttMethod::Stun,
            Self::Sip(..) | Self::Accepted(..) => RttMethod::Sip,
            Self::Tcp(_) => RttMethod::Tcp,
        }
    }
}

/// A round trip that nobody will measure, because its question had to leave a full table: it may have
/// taken any time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnmeasuredTrip {
    /// Who was asked.
    pub answerer: Address,
    /// Who asked.
    pub asker: Address,
    /// What may be.
    pub sample: RttSample,
}

/// What is waited for.
#[derive(Debug, Default)]
pub struct RttMatcher {
    hasher: DefaultHashBuilder,
    questions: PendingRequests,
    /// Of the packet at hand.
    unmeasured: Vec<UnmeasuredTrip>,
    refused: u64,
}

impl RttMatcher {
    /// Takes a packet that may ask or answer; what it answers goes to `samples`.
    pub fn observe(&mut self, packet: &Packet<'_>, samples: &mut Vec<RttSample>) {
        match packet.content {
            Content::Rtcp {
                payload,
                protection: Protection::Clear,
            } => {
                self.observe_rtcp(packet, payload, samples);
            }
            // What is encrypted cannot be read, and must not be guessed at.
            Content::Rtp { .. }
            | Content::Rtcp {
                protection: Protection::Encrypted,
                ..
            } => {}
            Content::Stun(header, octets) => self.observe_stun(packet, &header, octets, samples),
            Content::Sip(message) => self.observe_sip(packet, message, samples),
            Content::SipSegment(segment) => self.observe_tcp(packet, segment, samples),
        }
    }

    /// RFC 3550 §6.4.1 and RFC 3611 §4.4, §4.5: reports ask by their time stamp, later ones
    /// answer with the stamp and their own delay.
    fn observe_rtcp(&mut self, packet: &Packet<'_>, payload: &[u8], samples: &mut Vec<RttSample>) {
        for report in rtcp::packets(payload) {
            match report {
                rtcp::RtcpPacket::SenderReport {
                    ssrc, ntp, reports, ..
                } => {
                    self.ask(packet, &Question::Report(ssrc, middle(ntp)), &[]);
                    for block in reports {
                        self.answer_block(packet, ssrc, &block, samples);
                    }
                }
                rtcp::RtcpPacket::ReceiverReport { ssrc, reports } => {
                    for block in reports {
                        self.answer_block(packet, ssrc, &block, samples);
                    }
                }
                rtcp::RtcpPacket::Extended { ssrc, blocks } => {
                    for block in blocks {
                        match block {
                            Block::ReceiverReferenceTime(ntp) => {
                                self.ask(packet, &Question::Report(ssrc, middle(ntp)), &[]);
                            }
                            Block::Dlrr(answers) => answers.for_each(|answer| {
                                let of = (answer.ssrc, answer.last_rr);
                                self.answer_report(packet, ssrc, of, answer.delay, samples);
                            }),
                            Block::Voip(_) | Block::Other => {}
                        }
                    }
                }
                rtcp::RtcpPacket::Goodbye(_) | rtcp::RtcpPacket::Other => {}
            }
        }
    }

    fn answer_block(
        &mut self,
        packet: &Packet<'_>,
        reporter: u32,
        block: &ReportBlock,
        samples: &mut Vec<RttSample>,
    ) {
        let of = (block.ssrc, block.last_sr);
        self.answer_report(packet, reporter, of, block.delay, samples);
    }

    fn answer_report(
        &mut self,
        packet: &Packet<'_>,
        reporter: u32,
        (ssrc, stamp): (u32, u32),
        delay: u32,
        samples: &mut Vec<RttSample>,
    ) {
        // No stamp: no report has come yet (RFC 3550 §6.4.1). A stamp without a delay: how long the
        // reporter waited is not known. Neither is an answer, so there is nothing to refuse.
        if stamp == 0 || delay == 0 {
            return;
        }
        let key = self.key(packet.dst, packet.src, &Question::Report(ssrc, stamp));
        let Some(asked) = self.questions.answer_report(key, reporter) else {
            return;
        };
        // Units of 1/65536 s.
        let waited = Duration::from_nanos((u64::from(delay) * 1_000_000_000) >> 16);
        let time = packet.time.since(asked).checked_sub(waited);
        let time = time.unwrap_or_default();
        self.admit(RttMethod::Rtcp, time, time, samples);
    }

    fn observe_stun(
        &mut self,
        packet: &Packet<'_>,
        header: &StunHeader,
        octets: &[u8],
        samples: &mut Vec<RttSample>,
    ) {
        let question = Question::Stun(header.transaction);
        match header.class {
            StunClass::Request => self.ask(packet, &question, octets),
            StunClass::Success | StunClass::Error => {
                self.answer(packet, &question, RttMethod::Stun, samples);
            }
            StunClass::Indication => {}
        }
    }

    /// Request to first answer (RFC 3261 §17.1.3: branch and method name the transaction), and the caller's
    /// ACK of a 2xx to INVITE, which is a transaction of its own (RFC 3261 §13.2.2.4) and is sent as soon as
    /// each 2xx comes.
    fn observe_sip(&mut self, packet: &Packet<'_>, octets: &[u8], samples: &mut Vec<RttSample>) {
        let Some(message) = sip::parse(octets) else {
            return;
        };
        let (Some(branch), Some(cseq)) = (message.branch, message.cseq) else {
            return;
        };
        let accepted = message.call_id.map(|call_id| {
            let tags = [message.to_tag, message.from_tag].map(Option::unwrap_or_default);
            Question::Accepted(call_id, tags, cseq.number)
        });
        let question = Question::Sip(branch, cseq.method);
        match message.start {
            // An ACK is never answered.
            Start::Request { method: b"ACK", .. } => {
                if let Some(accepted) = accepted {
                    self.answer(packet, &accepted, RttMethod::Sip, samples);
                }
            }
            Start::Request { .. } => self.ask(packet, &question, octets),
            Start::Response { code } => {
                self.answer(packet, &question, RttMethod::Sip, samples);
                if let Some(accepted) = accepted
                    && matches!(code, 200..=299)
                    && cseq.method == b"INVITE"
                {
                    self.ask(packet, &accepted, octets);
                }
            }
        }
    }

    /// The handshake: SYN to SYN-ACK measures the server's side, SYN-ACK to ACK the client's.
    fn observe_tcp(
        &mut self,
        packet: &Packet<'_>,
        segment: Segment<'_>,
        samples: &mut Vec<RttSample>,
    ) {
        if segment.flags & ACK != 0 {
            let question = Question::Tcp(segment.acknowledgment);
            self.answer(packet, &question, RttMethod::Tcp, samples);
        }
        if segment.flags & SYN != 0 {
            self.ask(
                packet,
                &Question::Tcp(segment.sequence.wrapping_add(1)),
                &[],
            );
        }
    }

    /// What is sent again is the same, to the octet (RFC 8489 §6.2.1, RFC 3261 §17.1.1.2).
    fn ask(&mut self, packet: &Packet<'_>, question: &Question<'_>, octets: &[u8]) {
        let key = self.key(packet.src, packet.dst, question);
        let content = self.hasher.hash_one(octets);
        let of = QuestionSubject {
            ends: [packet.src.address, packet.dst.address],
            method: question.method(),
        };
        let forgotten = self.questions.ask((key, content), of, packet.time, LONGEST);
        let unmeasured = forgotten.map(|QuestionSubject { ends, method }| {
            let [asker, answerer] = ends;
            let sample = RttSample {
                method,
                shortest: Duration::ZERO,
                longest: LONGEST,
            };
            UnmeasuredTrip {
                answerer,
                asker,
                sample,
            }
        });
        self.unmeasured.extend(unmeasured);
    }

    /// Round trips that nobody will measure, since the last call.
    pub fn take_unmeasured(&mut self) -> impl Iterator<Item = UnmeasuredTrip> {
        self.unmeasured.drain(..)
    }

    fn answer(
        &mut self,
        packet: &Packet<'_>,
        question: &Question<'_>,
        method: RttMethod,
        samples: &mut Vec<RttSample>,
    ) {
        let key = self.key(packet.dst, packet.src, question);
        if let Some(asked) = self.questions.answer_once(key) {
            let since = |question| packet.time.since(question);
            self.admit(method, since(asked.last), since(asked.first), samples);
        }
    }

    fn admit(
        &mut self,
        method: RttMethod,
        shortest: Duration,
        longest: Duration,
        samples: &mut Vec<RttSample>,
    ) {
        if longest.is_zero() || shortest > LONGEST {
            self.refused += 1;
        } else {
            samples.push(RttSample {
                method,
                shortest,
                longest,
            });
        }
    }

    /// From whom to whom, and what. Ports count where one address has many (STUN, SIP, TCP);
    /// RTCP may come from another port than it was sent to, its SSRC says enough.
    fn key(&self, asker: Endpoint, answerer: Endpoint, question: &Question<'_>) -> u64 {
        match question {
            // An ACK may come from another port than the 2xx was sent to, a client's.
            Question::Report(..) | Question::Accepted(..) => {
                self.hasher
                    .hash_one((asker.address, answerer.address, question))
            }
            Question::Stun(_) | Question::Sip(..) | Question::Tcp(_) => {
                self.hasher.hash_one((asker, answerer, question))
            }
        }
    }

    /// Packet time has jumped: nothing that waits can be answered rightly.
    pub fn clear(&mut self) {
        self.questions.clear();
    }

    /// Forgets what has waited too long.
    pub fn expire(&mut self, now: Timestamp) {
        self.questions.expire(now);
    }

    /// How full the table of questions is.
    pub fn occupancy(&self) -> Occupancy {
        self.questions.occupancy()
    }

    /// Questions that nobody has answered in time, by method.
    pub fn unanswered(&self) -> [u64; RttMethod::ALL.len()] {
        self.questions.unanswered()
    }

    /// Answers that cannot be round trips.
    pub fn refused(&self) -> u64 {
        self.refused
    }
}

/// The middle 32 bits of an NTP timestamp (RFC 3550 §4).
#[expect(clippy::cast_possible_truncation, reason = "32 bits are what is meant")]
const fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

#[cfg(test)]
mod tests;
