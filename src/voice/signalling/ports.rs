//! The transport addresses that answered dialogs name for media on our side, with the formats and the
//! directions that were agreed (RFC 8866, RFC 3264).

use crate::units::occupancy::Occupancy;
use crate::units::{Endpoint, Timestamp};
use crate::voice::class::StreamKind;
use crate::voice::payload_type::assigned;
use crate::wire::sdp::{MediaDescription, MediaType, SdpFormat};
use hashbrown::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// Most transport addresses named at a time; those beyond are not used. A call names one or two.
const MAX_PORTS: usize = 131_072;

/// Most media sections that name one address: audio and video of one call, and calls that follow each
/// other or share it. Those beyond are not used.
const MAX_NAMED: usize = 8;

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

/// Formats with their kinds.
pub(super) type Formats = Arc<[MediaFact]>;

/// One media section of an answered dialog, from our side.
#[derive(Clone, Debug)]
pub(super) struct NamedMedia {
    /// The session that names it, and the place of its section.
    pub(super) owner: (u64, usize),
    /// Where the other side wants media.
    pub(super) remote: Endpoint,
    /// Where we and where it wants RTCP, if not beside it (RFC 3605).
    pub(super) rtcp: Option<Endpoint>,
    pub(super) remote_rtcp: Option<Endpoint>,
    /// What each side receives: we, the other one.
    pub(super) formats: [Formats; 2],
    /// Which direction was forbidden last: to us, from us.
    pub(super) holds: [Option<Hold>; 2],
    /// When that was accepted for good first; the beginning of time: it is not.
    pub(super) accepted: Timestamp,
}

/// Media of a dialog that was accepted for good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StandingMedia {
    /// Since when.
    pub since: Timestamp,
    /// When the opposite direction was forbidden last, if it was.
    pub opposite_hold: Option<Hold>,
    /// Where the opposite direction goes, as it was agreed: from, to.
    pub opposite: (Endpoint, Endpoint),
}

/// A stretch of time in which a direction was forbidden.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hold {
    /// When that was answered.
    pub from: Timestamp,
    /// When something else was answered; far ahead until then.
    pub until: Timestamp,
}

/// Names by transport address.
#[derive(Debug, Default)]
pub(super) struct NamedPorts {
    media: HashMap<Endpoint, Vec<NamedMedia>>,
    /// Our addresses of RTCP that are not beside those of media, with these.
    rtcp: HashMap<Endpoint, Endpoint>,
    /// What was settled lately about our addresses; no more than [`MAX_PORTS`].
    settled: HashMap<Endpoint, Settled>,
}

/// When dialogs settled something about an address last; the beginning of time: never.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Settled {
    /// An offer that names it, or no longer does, was answered; or a transfer of its call was accepted, or
    /// told of (RFC 3515).
    pub agreed: Timestamp,
    /// A dialog that names it ended with an answered BYE.
    pub over: Timestamp,
}

/// How answered dialogs name media between two endpoints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Naming {
    /// Not at all.
    None,
    /// One names our end and the other host, at another port.
    Host,
    /// One names both ends.
    Exact,
}

/// What was settled is remembered for so long: whoever asks, asks within seconds.
const SETTLED_FOR: Duration = Duration::from_secs(30);

impl NamedPorts {
    /// How full it is; what it refuses its dialogs count, so many.
    pub(super) fn occupancy(&self, refused: u64) -> Occupancy {
        Occupancy::new(self.media.len(), MAX_PORTS, refused)
    }

    /// Names an address from now on; whether it found room. `allowed`: media to us, from us.
    pub(super) fn name(
        &mut self,
        end: Endpoint,
        mut media: NamedMedia,
        allowed: [bool; 2],
        now: Timestamp,
    ) -> bool {
        if !self.media.contains_key(&end) && self.media.len() >= MAX_PORTS {
            return false;
        }
        self.note_agreed(end, now);
        let named = self.media.entry(end).or_default();
        for other in named.iter_mut() {
            if other.owner == media.owner {
                media.holds = other.holds;
                if other.accepted > Timestamp::default() {
                    media.accepted = other.accepted;
                }
            } else if other.remote == media.remote && other.owner.0 != media.owner.0 {
                // Between the same two ends what was answered last holds.
                other
                    .holds
                    .iter_mut()
                    .flatten()
                    .for_each(|hold| hold.end(now));
            }
        }
        for (hold, is_allowed) in media.holds.iter_mut().zip(allowed) {
            match hold {
                Some(hold) if is_allowed => hold.end(now),
                Some(hold) if hold.until > now => {}
                _ if is_allowed => {}
                hold => *hold = Some(Hold::since(now)),
            }
        }
        named.retain(|other| other.owner != media.owner);
        let has_room = named.len() < MAX_NAMED;
        if has_room {
            if let Some(rtcp) = media.rtcp
                && self.rtcp.len() < MAX_PORTS
            {
                self.rtcp.insert(rtcp, end);
            }
            named.push(media);
        }
        has_room
    }

    fn settle(&mut self, end: Endpoint) -> Option<&mut Settled> {
        let has_room = self.settled.len() < MAX_PORTS || self.settled.contains_key(&end);
        has_room.then(|| self.settled.entry(end).or_default())
    }

    /// A dialog has changed what becomes of media at an address.
    pub(super) fn note_agreed(&mut self, end: Endpoint, now: Timestamp) {
        if let Some(settled) = self.settle(end) {
            settled.agreed = now;
        }
    }

    /// A dialog that names an address is over.
    pub(super) fn note_over(&mut self, end: Endpoint, now: Timestamp) {
        if let Some(settled) = self.settle(end) {
            settled.over = now;
        }
    }

    /// What was settled lately about either of two endpoints.
    pub(super) fn settled(&self, src: Endpoint, dst: Endpoint) -> Option<Settled> {
        let each = [src, dst].into_iter();
        let known = each.filter_map(|end| self.settled.get(&end));
        known.copied().reduce(|one, other| Settled {
            agreed: one.agreed.max(other.agreed),
            over: one.over.max(other.over),
        })
    }

    /// Forgets what was settled too long ago.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let from = now.minus(SETTLED_FOR);
        self.settled
            .retain(|_, settled| settled.agreed >= from || settled.over >= from);
    }

    /// The session no longer names an address.
    pub(super) fn forget(&mut self, end: Endpoint, session: u64) {
        if let Some(named) = self.media.get_mut(&end) {
            for media in named.extract_if(.., |media| media.owner.0 == session) {
                if let Some(rtcp) = media.rtcp
                    && self.rtcp.get(&rtcp) == Some(&end)
                {
                    self.rtcp.remove(&rtcp);
                }
            }
            if named.is_empty() {
                self.media.remove(&end);
            }
        }
    }

    /// The fact about media with a payload type between two endpoints: at our address by what its
    /// receiver said, then by what its sender said. What says audio comes before what says video.
    pub(super) fn about(
        &self,
        src: Endpoint,
        dst: Endpoint,
        payload_type: u8,
    ) -> Option<MediaFact> {
        let named = |end| self.media.get(&end).into_iter().flatten();
        let to_us = named(dst).map(|media| {
            let [ours, theirs] = &media.formats;
            [ours, theirs]
        });
        let from_us = named(src).map(|media| {
            let [ours, theirs] = &media.formats;
            [theirs, ours]
        });
        let facts = to_us
            .chain(from_us)
            .flatten()
            .flat_map(|formats| formats.iter());
        let of_type = facts.filter(|fact| fact.format.payload_type == payload_type);
        of_type.min_by_key(|fact| fact.kind).cloned()
    }

    /// How answered dialogs name media between two endpoints. What an offer alone names has no other end.
    pub(super) fn naming(&self, src: Endpoint, dst: Endpoint) -> Naming {
        let by = |ours: Endpoint, theirs: Endpoint| {
            let named = self.media.get(&ours).map_or(&[][..], Vec::as_slice);
            let of_kind = |media: &&NamedMedia| media.is_audio();
            let remotes = named.iter().filter(of_kind).map(|media| media.remote);
            remotes.fold(Naming::None, |best, remote| match best {
                Naming::Exact => best,
                _ if remote == theirs => Naming::Exact,
                _ if remote.address == theirs.address => Naming::Host,
                _ => best,
            })
        };
        match (by(dst, src), by(src, dst)) {
            (Naming::Exact, _) | (_, Naming::Exact) => Naming::Exact,
            (Naming::Host, _) | (_, Naming::Host) => Naming::Host,
            (Naming::None, Naming::None) => Naming::None,
        }
    }

    /// What a dialog that was accepted says of media between two endpoints: one that names our end and the
    /// other host.
    pub(super) fn standing(&self, src: Endpoint, dst: Endpoint) -> Option<StandingMedia> {
        let of = |ours: Endpoint, theirs: Endpoint, to_us: bool| {
            let named = self.media.get(&ours).into_iter().flatten();
            let mut named = named.filter(|media| {
                let is_its = media.remote.address == theirs.address && media.is_audio();
                is_its && media.accepted > Timestamp::default()
            });
            let media = named.next()?;
            let [hold_to_us, hold_from_us] = media.holds;
            let (opposite_hold, opposite) = if to_us {
                (hold_from_us, (ours, media.remote))
            } else {
                (hold_to_us, (media.remote, ours))
            };
            Some(StandingMedia {
                since: media.accepted,
                opposite_hold,
                opposite,
            })
        };
        of(dst, src, true).or_else(|| of(src, dst, false))
    }

    /// Our end of media between two endpoints that an answered dialog names for the other host, and whether
    /// the media goes to it.
    pub(super) fn named_end(&self, src: Endpoint, dst: Endpoint) -> Option<(Endpoint, bool)> {
        let names = |ours: Endpoint, theirs: Endpoint| {
            let mut named = self.media.get(&ours).into_iter().flatten();
            named.any(|media| media.is_audio() && media.remote.address == theirs.address)
        };
        let to_us = names(dst, src).then_some((dst, true));
        to_us.or_else(|| names(src, dst).then_some((src, false)))
    }

    /// When media between two endpoints was forbidden last, by each dialog that names our one for the
    /// other host, or is alone there (the other side behind a NAT).
    pub(super) fn holds(&self, src: Endpoint, dst: Endpoint) -> impl Iterator<Item = Hold> {
        let of = |end: Endpoint, other: Endpoint, direction: usize| {
            let named = self.media.get(&end).map_or(&[][..], Vec::as_slice);
            let mut remotes = named.iter().map(|media| media.remote);
            let is_alone = remotes
                .next()
                .is_some_and(|first| remotes.all(|other| other == first));
            named.iter().filter_map(move |media| {
                let is_its = media.remote.address == other.address || is_alone;
                media
                    .holds
                    .get(direction)
                    .copied()
                    .flatten()
                    .filter(|_| is_its)
            })
        };
        of(dst, src, 0).chain(of(src, dst, 1))
    }

    /// The endpoints of the media that RTCP between two endpoints is about, by `a=rtcp` of either side.
    pub(super) fn media_of(&self, src: Endpoint, dst: Endpoint) -> Option<(Endpoint, Endpoint)> {
        let of = |ours: Endpoint, theirs: Endpoint| {
            let media = self.rtcp.get(&ours).copied();
            let ends = [media, Some(ours), Some(ours.below())];
            ends.into_iter().flatten().find_map(|end| {
                let named = self.media.get(&end)?;
                let by_theirs = named.iter().find(|named| named.remote_rtcp == Some(theirs));
                let found = by_theirs.or_else(|| named.first().filter(|_| media.is_some()));
                found.map(|named| (end, named.remote))
            })
        };
        let to_us = of(dst, src).map(|(ours, theirs)| (theirs, ours));
        to_us.or_else(|| of(src, dst))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.media.is_empty()
    }
}

impl NamedMedia {
    /// Whether it names audio with both ends.
    fn is_audio(&self) -> bool {
        let mut facts = self.formats.iter().flat_map(|formats| formats.iter());
        self.remote != Endpoint::default() && facts.any(|fact| fact.kind == StreamKind::Audio)
    }
}

impl Hold {
    const fn since(now: Timestamp) -> Self {
        Self {
            from: now,
            until: Timestamp::from_nanos(u64::MAX),
        }
    }

    fn end(&mut self, now: Timestamp) {
        self.until = self.until.min(now);
    }
}

/// The stream kind of a media section; `None` for fax, text and data.
pub(super) fn kind(media: &MediaDescription) -> Option<StreamKind> {
    match media.kind {
        MediaType::Audio if media.rtp => Some(StreamKind::Audio),
        MediaType::Video if media.rtp => Some(StreamKind::Video),
        MediaType::Audio | MediaType::Video | MediaType::Image | MediaType::Other => None,
    }
}

/// The formats of a section. An assigned payload type is what RFC 3551 assigns it to, whatever is said.
pub(super) fn formats(media: &MediaDescription, kind: StreamKind) -> Formats {
    let fact = |format: &SdpFormat| {
        let (kind, codec, clock) = match (assigned(format.payload_type), &format.map) {
            (Some(known), _) => (known.kind, known.codec, Some(known.clock)),
            (None, Some(map)) => (kind, map.encoding.as_str(), NonZeroU32::new(map.clock_rate)),
            (None, None) => (kind, "", None),
        };
        let format = CodecFormat {
            payload_type: format.payload_type,
            codec: codec.into(),
            clock,
        };
        MediaFact {
            kind,
            format: format.into(),
        }
    };
    media.formats.iter().map(fact).collect()
}
