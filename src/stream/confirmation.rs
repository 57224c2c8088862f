//! Which streams somebody answers (MODEL §3.4): decided at the end of each second with packets of them.
//!
//! A stream is confirmed by the stream that goes the opposite way, by the reports of a receiver, or by a
//! dialog that names its ends. Of several SSRCs of one flow one is, so that who knows the ports of a call and
//! not more adds nothing.

use super::Streams;
use super::flows::FlowId;
use super::record::Stream;
use super::silence::{ACTIVE, AFTER};
use crate::asn::Origin;
use crate::units::{Second, Timestamp};
use crate::voice::Packet;
use crate::voice::kind::StreamKind;
use crate::voice::signalling::Naming;
use crate::voice::stream_key::StreamKey;
use crate::wire::rtcp;
use std::time::Duration;

/// Streams that are brought near together, as many as stay there.
const NEAR: usize = 32;

/// A stream is one-way when nothing has gone opposite to it for longer.
const ONE_WAY: Duration = Duration::from_secs(5);

/// One of several streams of a flow. Sorted by flow, and within it the one that is confirmed comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Contender {
    flow: FlowId,
    /// No report and no dialog names it.
    is_unnamed: bool,
    first: Timestamp,
    ssrc: u32,
    index: u32,
}

impl Streams {
    /// Decides for streams with packets in a second, by their numbers, whether they are confirmed at the
    /// end of it: [`Stream::is_confirmed`].
    pub fn confirm(&mut self, numbers: &[u32], second: Second) {
        let (mut contenders, mut by_host) = (Vec::new(), Vec::new());
        for some in numbers.chunks(NEAR) {
            self.table.prefetch_whole(some);
            for index in some {
                self.confirm_stream(*index, second, &mut contenders, &mut by_host);
            }
        }
        self.confirm_one_of_each_way(contenders, second);
        self.confirm_one_of_each_end(by_host, numbers);
    }

    /// Decides for one stream by itself; it may be one of several of its flow, or of those that a dialog names by
    /// their host.
    fn confirm_stream(
        &mut self,
        index: u32,
        second: Second,
        contenders: &mut Vec<Contender>,
        by_host: &mut Vec<u32>,
    ) {
        let Some(stream) = self.table.get(index) else {
            return;
        };
        let flow = self.flows.of(&stream.key).filter(|_| stream.is_proven());
        let is_answered = stream.is_reported(second) || self.has_active_opposite(stream, second);
        let naming = if is_answered || flow.is_none() {
            Naming::None
        } else {
            let (src, dst) = (stream.key.src(), stream.key.dst());
            self.signalling.naming(src, dst)
        };
        let is_confirmed = flow.is_some() && (is_answered || naming == Naming::Exact);
        if let Some((flow, streams)) = flow
            && streams > 1
            && is_confirmed
        {
            contenders.push(self.contender(flow, index, stream, second));
        }
        if naming == Naming::Host {
            by_host.push(index);
        }
        if let Some(stream) = self.table.get_mut(index) {
            stream.set_confirmed(is_confirmed);
        }
    }

    fn contender(&self, flow: FlowId, index: u32, stream: &Stream, second: Second) -> Contender {
        let (src, dst) = (stream.key.src(), stream.key.dst());
        let known = self.signalling.about(src, dst, stream.payload_type());
        Contender {
            flow,
            is_unnamed: !stream.is_reported(second) && known.is_none(),
            first: stream.first(),
            ssrc: stream.key.ssrc(),
            index,
        }
    }

    /// Of the streams of one flow the one is confirmed that a report or a dialog names, else the oldest that
    /// goes on.
    fn confirm_one_of_each_way(&mut self, mut contenders: Vec<Contender>, second: Second) {
        let asked = contenders.len();
        for place in 0..asked {
            let Some(flow) = contenders.get(place).map(|one| one.flow) else {
                continue;
            };
            // One that has held the flow may pause, as it has done before.
            if let Some(holder) = self.flows.holder(flow)
                && let Some(stream) = self.table.get(holder)
                && self.flows.of(&stream.key).is_some_and(|(of, _)| of == flow)
                && goes_on(stream, second)
            {
                contenders.push(self.contender(flow, holder, stream, second));
            }
        }
        contenders.sort_unstable();
        contenders.dedup();
        for of_flow in contenders.chunk_by(|one, other| one.flow == other.flow) {
            let Some((chosen, others)) = of_flow.split_first() else {
                continue;
            };
            self.flows.set_holder(chosen.flow, chosen.index);
            for other in others {
                if let Some(stream) = self.table.get_mut(other.index) {
                    stream.set_confirmed(false);
                }
            }
        }
    }

    /// A dialog names an end of ours and the other host, and the ports of the other side are others than it
    /// said: of such streams the oldest is confirmed, where no other of these ends is.
    fn confirm_one_of_each_end(&mut self, mut by_host: Vec<u32>, numbers: &[u32]) {
        if by_host.is_empty() {
            return;
        }
        let named = |index: &u32| {
            let stream = self.table.get(*index)?;
            let (src, dst) = (stream.key.src(), stream.key.dst());
            let end = self.signalling.named_end(src, dst)?;
            Some((
                end,
                !stream.is_confirmed(),
                stream.first(),
                stream.key,
                *index,
            ))
        };
        let mut all: Vec<_> = numbers.iter().filter_map(named).collect();
        by_host.sort_unstable();
        // Those that are confirmed otherwise come first.
        all.retain(|(_, is_open, .., index)| !is_open || by_host.binary_search(index).is_ok());
        all.sort_by_key(|(end, is_open, first, key, _)| {
            (*end, *is_open, *first, key.src(), key.dst(), key.ssrc())
        });
        let chosen: Vec<u32> = all
            .chunk_by(|one, other| one.0 == other.0)
            .filter_map(|of_end| of_end.first())
            .filter(|(_, is_open, ..)| *is_open)
            .map(|one| one.4)
            .collect();
        for index in chosen {
            if let Some(stream) = self.table.get_mut(index) {
                stream.set_confirmed(true);
            }
        }
    }

    /// Whether a stream goes the opposite way: one that is proven, with a packet in the last ten seconds, or
    /// as long ago as it has paused before.
    fn has_active_opposite(&self, stream: &Stream, second: Second) -> bool {
        let opposite = self.opposite(&stream.key);
        opposite.is_some_and(|opposite| {
            let silent = second.end().since(opposite.last);
            opposite.kind == StreamKind::Audio && (silent <= ACTIVE || goes_on(opposite, second))
        })
    }

    /// The origins of the two ends of a stream that is one-way at the end of a second (MODEL §17.2): a dialog about
    /// it was accepted over five seconds ago, and nothing has come the opposite way for as long, though it might.
    pub fn one_way(&self, index: u32, second: Second) -> Option<(Origin, Origin)> {
        if self.signalling.is_empty() {
            return None;
        }
        let stream = self.table.get(index)?;
        let now = second.end();
        let is_call = stream.kind == StreamKind::Audio && stream.is_proven();
        if !is_call || now.since(stream.first()) <= ONE_WAY {
            return None;
        }
        let is_silent = |opposite: Option<&Stream>| {
            opposite.is_none_or(|opposite| {
                let silent = now.since(opposite.last);
                silent > ONE_WAY.max(opposite.longest_pause() + AFTER)
                    && !self.ends_in_silence_descriptor(opposite)
            })
        };
        let (src, dst) = (stream.key.src(), stream.key.dst());
        if !is_silent(self.opposite(&stream.key)) {
            return None;
        }
        let standing = self.signalling.standing(src, dst)?;
        let agreed = StreamKey::new(standing.opposite.0, standing.opposite.1, 0);
        let latest = self.flows.latest(&agreed);
        let is_held = standing
            .opposite_hold
            .is_some_and(|hold| hold.until > now.minus(ONE_WAY));
        let is_one_way = now.since(standing.since) > ONE_WAY
            && !is_held
            && is_silent(latest.and_then(|latest| self.table.get(latest)));
        is_one_way.then(|| (stream.pair().src, stream.pair().dst))
    }

    /// Whether RTCP bears the SSRC of a confirmed stream between its two hosts, as sender or as what is
    /// reported on: who does not see the call does not know that.
    pub(super) fn is_confirmed_control(
        &self,
        packet: &Packet<'_>,
        payload: &[u8],
        is_clear: bool,
    ) -> bool {
        let (here, there) = (packet.src.address, packet.dst.address);
        let is_confirmed = |index: Option<u32>, ssrc| {
            let stream = index.and_then(|index| self.table.get(index));
            stream.is_some_and(|stream| {
                stream.key.ssrc() == ssrc
                    && stream.is_confirmed()
                    && packet.time.since(stream.last) <= ACTIVE
            })
        };
        let sends = |ssrc| is_confirmed(self.transports.source(here, there, ssrc), ssrc);
        let receives = |ssrc| is_confirmed(self.transports.source(there, here, ssrc), ssrc);
        rtcp::sender(payload).is_some_and(sends)
            || (is_clear && rtcp::reports(payload).any(|(_, block)| receives(block.ssrc)))
    }
}

/// Whether a stream is within a pause of its own, or in none.
fn goes_on(stream: &Stream, second: Second) -> bool {
    second.end().since(stream.last) < stream.longest_pause() + AFTER
}
