//! The blocks of reports: reception reports (RFC 3550 §6.4), and of extended reports (RFC 3611) those of
//! round trips and of what a receiver hears.
//!
//! Iterators over the borrowed octets of one packet.

use super::voip_metrics::{VOIP_METRICS, VoipMetrics};

/// Octets of a report block.
pub(super) const REPORT: usize = 24;

/// Blocks of an extended report that carry round trips (RFC 3611 §4.4, §4.5).
const RECEIVER_REFERENCE_TIME: u8 = 4;
const DLRR: u8 = 5;

/// A report block: reception of one source (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReportBlock {
    /// The source reported on.
    pub ssrc: u32,
    /// Fraction lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; negative if duplicates outnumber losses.
    pub lost: i32,
    /// Extended highest sequence number: cycles in the upper, the number in the lower 16 bits.
    pub highest_sequence: u32,
    /// Interarrival jitter in units of the RTP clock.
    pub jitter: u32,
    /// Middle 32 bits of the last sender report's NTP timestamp; 0 if there was none.
    pub last_sr: u32,
    /// Delay since that report, in 1/65536 s.
    pub delay: u32,
}

impl ReportBlock {
    fn parse(block: &[u8; REPORT]) -> Self {
        let word = |at: usize| match block.get(at..).and_then(<[u8]>::first_chunk) {
            Some(octets) => u32::from_be_bytes(*octets),
            None => 0,
        };
        let fraction_and_lost = word(4);
        Self {
            ssrc: word(0),
            fraction_lost: fraction_and_lost.to_be_bytes()[0],
            // 24 bits, signed (RFC 3550 §6.4.1): shifted up and arithmetically down again.
            lost: (fraction_and_lost << 8).cast_signed() >> 8,
            highest_sequence: word(8),
            jitter: word(12),
            last_sr: word(16),
            delay: word(20),
        }
    }
}

/// The report blocks of a report.
#[derive(Clone, Debug)]
pub struct ReportBlocks<'a>(std::slice::Iter<'a, [u8; REPORT]>);

impl<'a> ReportBlocks<'a> {
    pub(super) fn new(octets: &'a [u8], count: u8) -> Self {
        let blocks = octets.as_chunks().0;
        Self(blocks.get(..count.into()).unwrap_or(blocks).iter())
    }
}

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        self.0.next().map(ReportBlock::parse)
    }
}

/// The sources that leave with a BYE.
#[derive(Clone, Debug)]
pub struct Sources<'a>(std::slice::Iter<'a, [u8; 4]>);

impl<'a> Sources<'a> {
    pub(super) fn new(octets: &'a [u8], count: u8) -> Self {
        let sources = octets.as_chunks().0;
        Self(sources.get(..count.into()).unwrap_or(sources).iter())
    }
}

impl Iterator for Sources<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.0.next().map(|ssrc| u32::from_be_bytes(*ssrc))
    }
}

/// A block of an extended report.
#[derive(Clone, Debug)]
pub enum Block<'a> {
    /// The receiver's own clock (RFC 3611 §4.4), an NTP timestamp.
    ReceiverReferenceTime(u64),
    /// Delays since such blocks (RFC 3611 §4.5).
    Dlrr(LastReports<'a>),
    /// What the receiver hears (RFC 3611 §4.7).
    Voip(VoipMetrics),
    /// Anything else.
    Other,
}

/// The blocks of an extended report.
///
/// ```text
/// |      BT       | type-specific |   length in words, less one   |
/// ```
#[derive(Clone, Debug)]
pub struct Blocks<'a>(&'a [u8]);

impl<'a> Blocks<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        let ([kind, _, high, low], rest) = self.0.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes([*high, *low])) * 4;
        let (block, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(match (*kind, block.first_chunk()) {
            (RECEIVER_REFERENCE_TIME, Some(ntp)) => {
                Block::ReceiverReferenceTime(u64::from_be_bytes(*ntp))
            }
            (DLRR, _) => Block::Dlrr(LastReports(block.as_chunks().0.iter())),
            (VOIP_METRICS, _) => match VoipMetrics::parse(block) {
                Some(metrics) => Block::Voip(metrics),
                None => Block::Other,
            },
            _ => Block::Other,
        })
    }
}

/// The answer of a sender to a receiver's reference time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LastReport {
    /// The receiver.
    pub ssrc: u32,
    /// Middle 32 bits of its reference time; 0 if there was none.
    pub last_rr: u32,
    /// Delay since then, in 1/65536 s.
    pub delay: u32,
}

/// The answers of a DLRR block.
#[derive(Clone, Debug)]
pub struct LastReports<'a>(std::slice::Iter<'a, [u8; 12]>);

impl Iterator for LastReports<'_> {
    type Item = LastReport;

    fn next(&mut self) -> Option<LastReport> {
        let [s3, s2, s1, s0, r3, r2, r1, r0, delay @ ..] = *self.0.next()?;
        Some(LastReport {
            ssrc: u32::from_be_bytes([s3, s2, s1, s0]),
            last_rr: u32::from_be_bytes([r3, r2, r1, r0]),
            delay: u32::from_be_bytes(delay),
        })
    }
}
