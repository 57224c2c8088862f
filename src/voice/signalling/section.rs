//! What two descriptions of one media section say of our addresses (RFC 3264 §6, §8.4).

use super::ports::{NamedMedia, formats, kind};
use crate::units::{Endpoint, Timestamp};
use crate::wire::sdp::{MediaDescription, MediaDirection};

/// A media section as both sides have described it.
pub(super) struct Section<'a> {
    pub(super) ours: &'a MediaDescription,
    pub(super) theirs: &'a MediaDescription,
    pub(super) place: usize,
}

impl Section<'_> {
    /// Our addresses of the section, or the one of before where media to us is held by an address of
    /// zeroes (RFC 3264 §8.4); and whether media is allowed to us and from us.
    pub(super) fn media(
        &self,
        session: u64,
        before: Option<Endpoint>,
    ) -> impl Iterator<Item = (Endpoint, NamedMedia, [bool; 2])> {
        let (ours, theirs) = (self.ours, self.theirs);
        // Port 0 refuses media (RFC 3264 §6).
        let is_refused = ours.port == 0 || theirs.port == 0;
        let kind = kind(ours).filter(|of| kind(theirs) == Some(*of) && !is_refused);
        let own = end(ours).or(before);
        let allowed = [
            receives(ours) && sends(theirs),
            sends(ours) && receives(theirs),
        ];
        kind.zip(own).into_iter().flat_map(move |(kind, own)| {
            let media = NamedMedia {
                owner: (session, self.place),
                remote: end(theirs).unwrap_or_default(),
                rtcp: rtcp(ours),
                remote_rtcp: rtcp(theirs),
                formats: [formats(ours, kind), formats(theirs, kind)],
                holds: [None; 2],
                accepted: Timestamp::default(),
            };
            (0..ours.count.clamp(1, 8)).map(move |index| {
                let port = own.port.saturating_add(2 * index);
                (Endpoint { port, ..own }, media.clone(), allowed)
            })
        })
    }
}

/// Where the side that describes a section wants media.
fn end(media: &MediaDescription) -> Option<Endpoint> {
    let address = media
        .address
        .filter(|address| !address.ip().is_unspecified())?;
    let port = media.port;
    Some(Endpoint { address, port })
}

/// Where it wants RTCP, if it says so.
fn rtcp(media: &MediaDescription) -> Option<Endpoint> {
    let rtcp = media.rtcp?;
    let (address, port) = (rtcp.address.or(media.address)?, rtcp.port);
    Some(Endpoint { address, port })
}

fn sends(media: &MediaDescription) -> bool {
    match media.direction {
        MediaDirection::SendReceive | MediaDirection::SendOnly => true,
        MediaDirection::ReceiveOnly | MediaDirection::Inactive => false,
    }
}

fn receives(media: &MediaDescription) -> bool {
    match media.direction {
        MediaDirection::SendReceive | MediaDirection::ReceiveOnly => end(media).is_some(),
        MediaDirection::SendOnly | MediaDirection::Inactive => false,
    }
}
