//! What session descriptions say of transport addresses: which media is wanted there, in which
//! formats (RFC 8866, RFC 3264).

use crate::units::{Endpoint, Second, Timestamp};
use crate::voice::kind::StreamKind;
use crate::voice::payload_type::assigned;
use crate::wire::sdp::{Description, MediaDescription, MediaType};
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;

/// Addresses known at a time; the oldest leaves for the next. Four are said per call.
const MAX_FACTS: usize = 65_536;

/// A fact is forgotten so long after it was said last: no call is set up an hour before its media.
const MEMORY_SECONDS: u64 = 3600;

/// One format that was agreed on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodecFormat {
    /// RTP payload type.
    pub payload_type: u8,
    /// Encoding name, as written.
    pub codec: Arc<str>,
    /// RTP clock rate.
    pub clock: Option<NonZeroU32>,
}

/// What is known of a stream beforehand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaFact {
    /// Audio or video.
    pub kind: StreamKind,
    /// Its format.
    pub format: Arc<CodecFormat>,
}

#[derive(Clone, Debug)]
struct Fact {
    said: Timestamp,
    kind: StreamKind,
    formats: Arc<[Arc<CodecFormat>]>,
}

/// Facts by transport address.
#[derive(Debug, Default)]
pub(super) struct Facts {
    known: HashMap<Endpoint, Fact>,
    order: VecDeque<(Timestamp, Endpoint)>,
}

impl Facts {
    /// Takes a description: where each of its media is wanted, and how. What was said before of
    /// the same address is replaced.
    pub(super) fn learn(&mut self, said: Timestamp, description: &Description) {
        for media in &description.media {
            let (Some(address), Some(kind)) = (media.address, kind(media)) else {
                continue;
            };
            // Port 0 refuses; address 0 holds (RFC 3264 §6, §8.4): neither says where.
            if media.port == 0 || address.ip().is_unspecified() {
                continue;
            }
            let formats = formats(media);
            for place in 0..media.count.clamp(1, 8) {
                let port = media.port.saturating_add(2 * place);
                let fact = Fact {
                    said,
                    kind,
                    formats: formats.clone(),
                };
                self.insert(Endpoint { address, port }, fact);
            }
        }
    }

    fn insert(&mut self, end: Endpoint, fact: Fact) {
        if self.order.len() >= MAX_FACTS
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        let said = fact.said;
        if self.known.insert(end, fact).is_none() {
            self.order.push_back((said, end));
        }
    }

    /// What is known of media between two ends. The receiver's own wish counts first; behind a
    /// NAT only the other end is where its description says.
    pub(super) fn about(
        &self,
        src: Endpoint,
        dst: Endpoint,
        payload_type: u8,
    ) -> Option<MediaFact> {
        [dst, src].into_iter().find_map(|end| {
            let fact = self.known.get(&end)?;
            let agreed = |format: &&Arc<CodecFormat>| format.payload_type == payload_type;
            let format = fact.formats.iter().find(agreed)?.clone();
            Some(MediaFact {
                kind: fact.kind,
                format,
            })
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub(super) fn expire(&mut self, now: Second) {
        let before = Second(now.0.saturating_sub(MEMORY_SECONDS)).start();
        while let Some((queued, end)) = self.order.front().copied()
            && queued < before
        {
            self.order.pop_front();
            match self.known.get(&end) {
                // Said again since: it waits anew.
                Some(fact) if fact.said >= before => self.order.push_back((fact.said, end)),
                Some(_) => drop(self.known.remove(&end)),
                None => {}
            }
        }
    }
}

/// What a media section is to us; fax, text and data are nothing.
fn kind(media: &MediaDescription) -> Option<StreamKind> {
    match media.kind {
        MediaType::Audio if media.rtp => Some(StreamKind::Audio),
        MediaType::Video if media.rtp => Some(StreamKind::Video),
        MediaType::Audio | MediaType::Video | MediaType::Image | MediaType::Other => None,
    }
}

fn formats(media: &MediaDescription) -> Arc<[Arc<CodecFormat>]> {
    let format = |format: &crate::wire::sdp::SdpFormat| {
        let assigned = assigned(format.payload_type);
        let (codec, clock) = match (&format.map, assigned) {
            (Some(map), _) => (map.encoding.as_str(), NonZeroU32::new(map.clock_rate)),
            (None, Some(known)) => (known.codec, Some(known.clock)),
            (None, None) => ("", None),
        };
        Arc::new(CodecFormat {
            payload_type: format.payload_type,
            codec: codec.into(),
            clock,
        })
    };
    media.formats.iter().map(format).collect()
}
