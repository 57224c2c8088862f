//! Frames that hold several packets (receive offload, UDP_SEGMENT): each packet is counted, or the second
//! was not seen whole.

use super::{Worker, WorkerSink};
use crate::frame::Frame;
use crate::meter::second::IncompleteRange;
use crate::wire::merged::MergedDatagram;
use std::time::Duration;

/// How long the packets of one frame last, about: five of 20 ms.
const UNSPLIT_REACH: Duration = Duration::from_millis(100);

impl<O: WorkerSink> Worker<O> {
    /// Counts the packets of a frame that holds several. Where not all were captured, and they are
    /// voice, the second was not seen whole; what is not voice counts once, as a frame.
    #[cold]
    pub(super) fn count_merged(&mut self, frame: Frame<'_>, packets: MergedDatagram<'_>) {
        let found = packets.clone().count() as u64;
        let is_whole = found == u64::from(packets.packets());
        let mut packets = packets;
        let Some(first) = packets.next() else {
            return;
        };
        if !self.selection.shard.owns([first.src, first.dst]) {
            let all = std::iter::once(first).chain(packets);
            return all.for_each(|packet| self.observe_signalling(frame, Ok(packet)));
        }
        let second = self.count_arrival(frame);
        let is_voice = self.selection.rules.recognise(&first).is_ok();
        let others = packets.take(if is_whole || is_voice { usize::MAX } else { 0 });
        let mut counted = 0;
        for packet in std::iter::once(first).chain(others) {
            if let Err(reason) = self.account(frame, Ok(packet)) {
                self.meter.discard(second, reason);
            }
            counted += 1;
        }
        if is_whole || !is_voice {
            self.meter.count_merged(second, counted - 1, true);
        } else {
            self.note_unsplit(frame, counted - 1);
        }
    }

    /// A frame holds more packets than can be told apart; `more` of them beyond the first were found. The
    /// packets behind the first are due within moments, some perhaps in the next second.
    #[cold]
    pub(super) fn note_unsplit(&mut self, frame: Frame<'_>, more: u64) {
        let touched = IncompleteRange {
            first: frame.time.second(),
            last: frame.time.plus(UNSPLIT_REACH).second(),
            at_most: None,
        };
        if !self.incomplete.contains(&touched) {
            self.incomplete.push(touched);
        }
        self.meter.count_merged(frame.time.second(), more, false);
    }
}
