//! Audio or video: decided once for a stream, before its first credit (MODEL §4.4).
//!
//! Assigned payload types define the kind. Other streams are classified by timestamps and sizes: audio
//! sends one packet per timestamp, with a clock of at most 48 kHz; video has a clock of 90 kHz (RFC 3551
//! §5), and sends a large picture as several packets with one timestamp.

pub use crate::voice::class::StreamKind;
use crate::voice::payload_type::assigned;
use crate::voice::rtp_summary::RtpSummary;
use std::time::Duration;

/// Highest clock rate that is certainly audio, in Hz: 48 kHz plus an eighth for arrival noise.
const CERTAINLY_AUDIO: u64 = 54_000;

/// Lowest clock rate that is certainly video, in Hz: 90 kHz minus an eighth.
const CERTAINLY_VIDEO: u64 = 78_750;

/// Between these rates, and for small packets in bursts, the decision waits for this much of the stream.
/// Then the threshold is the geometric mean of 48 and 90 kHz, in Hz.
const OBSERVATION: Duration = Duration::from_millis(200);
const THRESHOLD: u64 = 65_700;

/// Telephone events (RFC 4733 §2.3) are 4 octets, tones and their SRTP tags a few more.
const EVENT_BYTES: u16 = 24;

/// Packets with one timestamp and a larger mean size than this, in octets, are parts of a picture: 200
/// octets are 80 kbit/s at 20 ms, and audio would not split a frame.
const VIDEO_BYTES: u64 = 200;

/// Decides by packets in order of their sequence numbers, each number once; `None` while they do not
/// suffice.
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
        return match (events, mean > VIDEO_BYTES) {
            (true, _) => Some(StreamKind::Audio),
            (false, true) => Some(StreamKind::Video),
            (false, false) => None,
        };
    }
    let rate = clock_rate(first, last)?;
    let is_observed = last.time.since(first.time) >= OBSERVATION;
    match rate {
        0..=CERTAINLY_AUDIO => Some(StreamKind::Audio),
        CERTAINLY_VIDEO.. if mean > VIDEO_BYTES => Some(StreamKind::Video),
        // An emptying queue sends audio in a burst, so its clock seems to run fast.
        _ if !is_observed => None,
        rate if rate <= THRESHOLD => Some(StreamKind::Audio),
        _ => Some(StreamKind::Video),
    }
}

/// Decides when no more packets will come: by the size of most packets.
pub fn guess(run: &[RtpSummary]) -> StreamKind {
    decide(run).unwrap_or_else(|| {
        let large = run
            .iter()
            .filter(|held| u64::from(held.payload_bytes) > VIDEO_BYTES)
            .count();
        if large * 2 > run.len() {
            StreamKind::Video
        } else {
            StreamKind::Audio
        }
    })
}

/// Clock rate between two packets in Hz; `None` if they are too close together.
pub fn clock_rate(first: &RtpSummary, last: &RtpSummary) -> Option<u64> {
    /// Shortest time, in ns: three packets at 20 ms intervals, against 10 ms of arrival noise.
    const SHORTEST_NANOS: u128 = 35_000_000;
    let elapsed = last.time.since(first.time).as_nanos();
    let units = last.timestamp.wrapping_sub(first.timestamp);
    let rate = u128::from(units) * 1_000_000_000 / elapsed.max(1);
    (elapsed >= SHORTEST_NANOS).then(|| u64::try_from(rate).unwrap_or(u64::MAX))
}
