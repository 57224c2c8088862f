//! Audio or video: decided once for a stream, before its first credit (MODEL §4.4).
//!
//! Assigned payload types say so themselves. The others are told by their shape: audio sends one
//! packet a timestamp and its clock runs at 48 kHz at most; video runs at 90 kHz (RFC 3551 §5)
//! and sends large frames as several packets with one timestamp.

pub use crate::voice::class::StreamKind;
use crate::voice::payload_type::assigned;
use crate::voice::rtp_summary::RtpSummary;
use std::time::Duration;

/// Up to this rate a clock is audio's, in Hz: 48 kHz and an eighth for arrival noise.
const SURELY_AUDIO: u64 = 54_000;

/// From this rate on it is video's: 90 kHz less an eighth.
const SURELY_VIDEO: u64 = 78_750;

/// Between them, or where packets that small come in a bunch, the decision waits for so much of
/// the stream; then the geometric mean of 48 and 90 kHz parts them.
const LONG_LOOK: Duration = Duration::from_millis(200);
const BETWEEN: u64 = 65_700;

/// Telephone events (RFC 4733 §2.3) are 4 octets, tones and their SRTP tags a few more.
const EVENT_BYTES: u16 = 24;

/// Packets of one timestamp that are larger than this on average are pieces of a picture:
/// 200 octets are 80 kbit/s at 20 ms, and audio would have waited to fill the packet.
const PIECE_BYTES: u64 = 200;

/// What the held packets are, in order of their sequence numbers and each number once; `None`
/// while they do not tell.
pub fn decide(run: &[RtpSummary]) -> Option<StreamKind> {
    if let Some(known) = run.iter().find_map(|held| assigned(held.payload_type)) {
        return Some(known.kind);
    }
    let (first, last) = (run.first()?, run.last()?);
    let payload: u64 = run.iter().map(|held| u64::from(held.payload_bytes)).sum();
    let mean = payload / run.len() as u64;
    let repeats = run
        .iter()
        .zip(run.iter().skip(1))
        .filter(|(a, b)| a.timestamp == b.timestamp)
        .count();
    if repeats > 0 {
        let events = run.iter().all(|held| held.payload_bytes <= EVENT_BYTES);
        return match (events, mean > PIECE_BYTES) {
            (true, _) => Some(StreamKind::Audio),
            (false, true) => Some(StreamKind::Video),
            (false, false) => None,
        };
    }
    let rate = clock_rate(first, last)?;
    let long_look = last.time.since(first.time) >= LONG_LOOK;
    match rate {
        0..=SURELY_AUDIO => Some(StreamKind::Audio),
        SURELY_VIDEO.. if mean > PIECE_BYTES => Some(StreamKind::Video),
        // A queue that empties sends audio in a bunch too, so its clock seems to run fast.
        _ if !long_look => None,
        rate if rate <= BETWEEN => Some(StreamKind::Audio),
        _ => Some(StreamKind::Video),
    }
}

/// What to say when no more will come: nobody sends voice in pieces this large.
pub fn guess(run: &[RtpSummary]) -> StreamKind {
    decide(run).unwrap_or_else(|| {
        let large = run
            .iter()
            .filter(|held| u64::from(held.payload_bytes) > PIECE_BYTES)
            .count();
        if large * 2 > run.len() {
            StreamKind::Video
        } else {
            StreamKind::Audio
        }
    })
}

/// Timestamp units a second between two packets, if they are far enough apart to tell.
pub fn clock_rate(first: &RtpSummary, last: &RtpSummary) -> Option<u64> {
    /// Less than three packets' time of 20 ms says little against 10 ms of arrival noise.
    const SHORTEST_NANOS: u128 = 35_000_000;
    let gone = last.time.since(first.time).as_nanos();
    let units = last.timestamp.wrapping_sub(first.timestamp);
    let rate = u128::from(units) * 1_000_000_000 / gone.max(1);
    (gone >= SHORTEST_NANOS).then(|| u64::try_from(rate).unwrap_or(u64::MAX))
}
