//! Facts from session descriptions, by transport address: the media that it receives, and the formats
//! (RFC 8866, RFC 3264).

use crate::units::{Endpoint, Second, Timestamp};
use crate::voice::kind::StreamKind;
use crate::voice::payload_type::assigned;
use crate::wire::sdp::{Description, MediaDescription, MediaType};
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;

/// Most facts; a further one removes the oldest. A call has about four.
const MAX_FACTS: usize = 65_536;

/// Lifetime of a fact after its last announcement: no call is set up an hour before its media.
const MEMORY_SECONDS: u64 = 3600;

/// A format of a session description.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodecFormat {
    /// RTP payload type.
    pub payload_type: u8,
    /// Encoding name, as written.
    pub codec: Arc<str>,
    /// RTP clock rate in Hz, if known.
    pub clock: Option<NonZeroU32>,
}

/// The kind and format of a stream, from signalling.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaFact {
    /// Audio or video.
    pub kind: StreamKind,
    /// Its format.
    pub format: Arc<CodecFormat>,
}

#[derive(Clone, Debug)]
struct Fact {
    announced: Timestamp,
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
    /// Learns the media of a description. Replaces an earlier fact of the same address.
    pub(super) fn learn(&mut self, announced: Timestamp, description: &Description) {
        for media in &description.media {
            let (Some(address), Some(kind)) = (media.address, kind(media)) else {
                continue;
            };
            // Port 0 refuses media, address 0 holds the call (RFC 3264 §6, §8.4): no address is known.
            if media.port == 0 || address.ip().is_unspecified() {
                continue;
            }
            let formats = formats(media);
            for index in 0..media.count.clamp(1, 8) {
                let port = media.port.saturating_add(2 * index);
                let fact = Fact {
                    announced,
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
        let announced = fact.announced;
        if self.known.insert(end, fact).is_none() {
            self.order.push_back((announced, end));
        }
    }

    /// The fact about media between two endpoints. The fact of the receiver comes first; if it is behind a
    /// NAT, only the address of the sender matches its description.
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
                // Announced again since: its lifetime starts again.
                Some(fact) if fact.announced >= before => {
                    self.order.push_back((fact.announced, end));
                }
                Some(_) => drop(self.known.remove(&end)),
                None => {}
            }
        }
    }
}

/// The stream kind of a media section; `None` for fax, text and data.
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
