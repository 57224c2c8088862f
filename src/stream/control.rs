//! RTCP beside the streams of a worker: which of it is audio's, and what its reports say of which stream.

use super::record::Stream;
use super::{Finding, Streams};
use crate::voice::Packet;
use crate::voice::kind::StreamKind;
use crate::voice::rtp_summary::RtpSummary;
use crate::voice::stream_key::StreamKey;
use crate::wire::rtcp::RtcpPacket;
use crate::wire::{rtcp, rtp};

impl Streams {
    /// A packet that has the form of RTCP by chance, and is media of a payload type of 64 to 95 with the
    /// marker: its SSRC is that of a stream here of that type, or a dialog names the type.
    pub(super) fn media_like_control(
        &self,
        packet: &Packet<'_>,
        payload: &[u8],
    ) -> Option<(StreamKey, RtpSummary)> {
        let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
        let header = rtp::parse_any(payload, length)?;
        let key = StreamKey::new(packet.src, packet.dst, header.ssrc);
        let stream = self
            .table
            .find(&key)
            .and_then(|index| self.table.get(index));
        let of = header.payload_type;
        let is_media = if let Some(stream) = stream {
            stream.payload_type() == of
        } else {
            let named = self.signalling.about(packet.src, packet.dst, of);
            !rtcp::is_compound(payload) && named.is_some()
        };
        let header_len = u16::try_from(header.header_len).unwrap_or(u16::MAX);
        let summary = RtpSummary::new(
            packet.time,
            packet.capture_point,
            packet.ip_bytes,
            (&header, length.saturating_sub(header_len)),
            packet.dedup_key.identification,
        );
        is_media.then_some((key, summary))
    }

    /// Whether an RTCP packet belongs to audio: by its ports, or by an SSRC between its two hosts.
    pub(super) fn is_audio_control(
        &self,
        packet: &Packet<'_>,
        payload: &[u8],
        is_clear: bool,
    ) -> bool {
        let (src, dst) = (packet.src, packet.dst);
        let named = self.signalling.media_of_rtcp(src, dst);
        let by_dialog = named.is_some_and(|(src, dst)| self.transports.carry_audio(src, dst));
        if self.transports.carry_audio(src, dst) || by_dialog {
            return true;
        }
        let (here, there) = (src.address, dst.address);
        let sends = |ssrc| self.transports.source(here, there, ssrc).is_some();
        let receives = |ssrc| self.transports.source(there, here, ssrc).is_some();
        rtcp::sender(payload).is_some_and(sends)
            || (is_clear && rtcp::reports(payload).any(|(_, block)| receives(block.ssrc)))
    }

    /// What the sender of an RTCP packet says of the streams that it sends, which go where the packet
    /// goes: how many packets they have, or that there will be none.
    pub(super) fn note_senders(&mut self, packet: &Packet<'_>, payload: &[u8]) {
        let now = packet.time;
        for said in rtcp::packets(payload) {
            match said {
                RtcpPacket::SenderReport { ssrc, packets, .. } => {
                    self.tell_sender(packet, ssrc, |stream| {
                        stream.note_sender_report(packets, now);
                    });
                }
                RtcpPacket::ReceiverReport { ssrc, .. } => {
                    self.tell_sender(packet, ssrc, |stream| stream.note_receiver_report(now));
                }
                RtcpPacket::Goodbye(sources) => {
                    for ssrc in sources {
                        self.tell_sender(packet, ssrc, |stream| stream.say_goodbye(now));
                    }
                }
                RtcpPacket::Extended { .. } | RtcpPacket::Other => {}
            }
        }
    }

    /// Tells the stream of an SSRC that goes between the hosts of an RTCP packet.
    fn tell_sender(&mut self, packet: &Packet<'_>, ssrc: u32, tell: impl FnOnce(&mut Stream)) {
        let (src, dst) = (packet.src.address, packet.dst.address);
        let index = self.transports.source(src, dst, ssrc);
        let stream = index.and_then(|index| self.table.get_mut(index));
        if let Some(stream) = stream.filter(|stream| stream.key.ssrc() == ssrc) {
            tell(stream);
        }
    }

    /// How many packets the sender of an RTCP packet says that it has sent: on streams that go where it goes.
    pub(super) fn note_sent(&mut self, packet: &Packet<'_>, payload: &[u8]) {
        for (ssrc, sent) in rtcp::sent(payload) {
            let (src, dst) = (packet.src.address, packet.dst.address);
            let index = self.transports.source(src, dst, ssrc);
            let stream = index.and_then(|index| self.table.get_mut(index));
            let Some(stream) = stream
                .filter(|stream| stream.key.ssrc() == ssrc && stream.kind == StreamKind::Audio)
            else {
                continue;
            };
            // Of several of one SSRC another may have what is counted: it moved there (MODEL §7.10).
            let is_only = self.transports.is_only_source(src, dst, ssrc);
            let changed = &mut self.changed;
            if !stream.count_sent((sent, is_only), packet.time, &self.unseen, changed) {
                self.contradicting_reports += 1;
            }
            let pair = stream.pair();
            let found = changed
                .drain(..)
                .map(|booking| Finding::Changed(pair.clone(), booking));
            self.findings.extend(found);
        }
    }

    /// The audio stream that the sender of an RTCP packet receives from an SSRC: it goes the other
    /// way, on the same ports (RFC 5761), on the next lower ones (RFC 3550 §11), or on any between the
    /// two hosts (RFC 3605, NAT). None where there is none of this SSRC.
    fn received(&self, packet: &Packet<'_>, ssrc: u32) -> Option<u32> {
        let (src, dst) = (packet.dst, packet.src);
        let ends = [(src, dst), (src.below(), dst.below())];
        let keys = ends.map(|(src, dst)| StreamKey::new(src, dst, ssrc));
        let index = keys.iter().find_map(|key| self.table.find(key));
        let by_host = || self.transports.source(src.address, dst.address, ssrc);
        let index = index.or_else(by_host)?;
        let stream = self.table.get(index)?;
        (stream.key.ssrc() == ssrc).then_some(index)
    }

    /// What the sender of an RTCP packet says of the streams that it receives.
    pub(super) fn note_reports(&mut self, packet: &Packet<'_>, payload: &[u8]) {
        let now = packet.time.second();
        for (reporter, block) in rtcp::reports(payload) {
            let index = self.received(packet, block.ssrc);
            let Some(stream) = index.and_then(|index| self.table.get_mut(index)) else {
                self.unmatched_reports += 1;
                continue;
            };
            if stream.kind == StreamKind::Video {
                continue;
            }
            let (reported, changed) = (&mut self.reported, &mut self.changed);
            if !stream.report((reporter, now), &block, reported, changed) {
                self.unmatched_reports += 1;
            }
            let pair = stream.pair();
            let reported = reported.drain(..);
            let found = reported.map(|reported| Finding::Reported(pair.clone(), reported));
            self.findings.extend(found);
            let changed = changed.drain(..);
            let found = changed.map(|booking| Finding::Changed(pair.clone(), booking));
            self.findings.extend(found);
        }
        for (reporter, block) in rtcp::voip_metrics(payload) {
            let index = self.received(packet, block.ssrc);
            let stream = index.and_then(|index| self.table.get_mut(index));
            if stream
                .as_ref()
                .is_some_and(|stream| stream.kind == StreamKind::Video)
            {
                continue;
            }
            match stream.and_then(|stream| Some((stream.note_metrics(reporter, now)?, stream))) {
                Some((true, stream)) => {
                    let pair = stream.pair().clone();
                    self.findings.push(Finding::VoipMetrics(pair, block));
                }
                Some((false, _)) => {}
                None => self.unmatched_reports += 1,
            }
        }
    }
}
