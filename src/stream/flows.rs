//! Which streams follow each other on one flow: from one transport address to another, in one
//! direction.
//!
//! A sender may begin a new numbering or take a new SSRC whenever it likes (RFC 3550 §8), and nobody
//! can tell what was lost in between. Once that is an event; a flow on which it happens again and again
//! hides loss, or may.

use crate::units::{Endpoint, Timestamp};
use crate::voice::stream_key::StreamKey;
use hashbrown::{DefaultHashBuilder, HashMap};
use std::hash::BuildHasher;
use std::time::Duration;

/// From the third gap in so long on, each may be loss.
const TOO_OFTEN: Duration = Duration::from_secs(60);

/// Streams of one flow whose gaps end within so long have one gap in common.
const BATCH: Duration = Duration::from_secs(1);

/// The flows that carry audio.
#[derive(Clone, Debug, Default)]
pub(super) struct Flows {
    /// Keyed at random: whoever sends cannot choose which flows are taken for the same.
    hasher: DefaultHashBuilder,
    /// By the hash of both ends; two of 100,000 are the same once in 10^9 runs.
    flows: HashMap<u64, Flow>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Flow {
    /// The stream that began last.
    latest: u32,
    streams: u32,
    /// Of several, the one whose octets are confirmed; by its number plus 1, 0: none.
    holder: u32,
    /// In milliseconds: when the last three gaps ended, the newest first. 0: none.
    gaps: [u64; 3],
}

/// A flow by its hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct FlowId(u64);

impl Flows {
    /// An audio stream begins; the one that began before it, if any is left.
    pub(super) fn add(&mut self, key: &StreamKey, stream: u32) -> Option<u32> {
        let hash = self.hash(key);
        let flow = self.flows.entry(hash).or_default();
        let before = std::mem::replace(&mut flow.latest, stream);
        flow.streams += 1;
        (flow.streams > 1).then_some(before)
    }

    /// An audio stream has ended.
    pub(super) fn remove(&mut self, key: &StreamKey) {
        let hash = self.hash(key);
        if let Some(flow) = self.flows.get_mut(&hash) {
            flow.streams -= 1;
            if flow.streams == 0 {
                self.flows.remove(&hash);
            }
        }
    }

    /// The stream that began last on a stream's flow.
    pub(super) fn latest(&self, key: &StreamKey) -> Option<u32> {
        self.flows.get(&self.hash(key)).map(|flow| flow.latest)
    }

    /// A stream's flow, if it is known, and how many streams are left of it.
    pub(super) fn of(&self, key: &StreamKey) -> Option<(FlowId, u32)> {
        let hash = self.hash(key);
        let flow = self.flows.get(&hash)?;
        Some((FlowId(hash), flow.streams))
    }

    /// The stream of a flow of several that is confirmed; it may have ended.
    pub(super) fn holder(&self, FlowId(hash): FlowId) -> Option<u32> {
        self.flows.get(&hash)?.holder.checked_sub(1)
    }

    /// Another stream of the flow is confirmed from now on.
    pub(super) fn set_holder(&mut self, FlowId(hash): FlowId, stream: u32) {
        if let Some(flow) = self.flows.get_mut(&hash) {
            flow.holder = stream.saturating_add(1);
        }
    }

    /// A gap ends with a new numbering or a new SSRC; whether there are too many of them.
    pub(super) fn end_gap(&mut self, key: &StreamKey, at: Timestamp) -> bool {
        let hash = self.hash(key);
        let Some(flow) = self.flows.get_mut(&hash) else {
            return false;
        };
        let millis = |time: Timestamp| time.as_nanos() / 1_000_000;
        let [last, before, _] = flow.gaps;
        if last == 0 || millis(at.minus(BATCH)) >= last {
            flow.gaps = [millis(at).max(1), last, before];
        }
        let [_, _, third] = flow.gaps;
        third > 0 && third >= millis(at.minus(TOO_OFTEN))
    }

    /// Packet time has jumped: when was what is not known.
    pub(super) fn clear_gaps(&mut self) {
        self.flows.values_mut().for_each(|flow| flow.gaps = [0; 3]);
    }

    fn hash(&self, key: &StreamKey) -> u64 {
        let ends: (Endpoint, Endpoint) = (key.src(), key.dst());
        self.hasher.hash_one(ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(port: u16, ssrc: u32) -> StreamKey {
        let end = Endpoint {
            port,
            ..Endpoint::default()
        };
        StreamKey::new(end, Endpoint::default(), ssrc)
    }

    #[test]
    fn the_third_gap_in_a_minute_is_one_too_many_on_its_own_way() {
        let mut flows = Flows::default();
        assert_eq!(flows.add(&key(1, 1), 7), None);
        assert_eq!(flows.add(&key(1, 2), 8), Some(7));
        assert_eq!(flows.add(&key(2, 1), 9), None);
        let second = |second: u64| Timestamp::from_nanos(second * 1_000_000_000);
        let mut end = |port, at| flows.end_gap(&key(port, 5), second(at));
        assert_eq!(
            [100, 150, 160, 170].map(|at| end(1, at)),
            [false, false, true, true]
        );
        assert_eq!([300, 330, 361].map(|at| end(1, at)), [false; 3]);
        assert!(!end(2, 361));
        let mut end = |at: u64| flows.end_gap(&key(2, 5), Timestamp::from_nanos(at * 1_000_000));
        let together = [900_000, 900_400, 900_800].map(&mut end);
        assert_eq!(together, [false; 3], "one event");
        let often = [901_200, 901_700, 902_200].map(&mut end);
        assert_eq!(often, [false, false, true], "no chain of them");
        flows.remove(&key(1, 1));
        assert_eq!(flows.latest(&key(1, 1)), Some(8));
        flows.remove(&key(1, 2));
        assert_eq!(flows.latest(&key(1, 1)), None);
    }
}
