//! What a SIP message says of a dialog and its media: the part of it that is kept, and told to peers.

use super::calls::CallMessage;
use crate::units::{Address, Timestamp};
use crate::wire::sdp::{self, Description};
use crate::wire::sip::{self, Message, Start};
use std::sync::Arc;

/// Most octets of a Call-ID or a tag; a message with a longer one is counted and not used.
const MAX_IDENTIFIER: usize = 256;

/// What a message does to a dialog.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DialogStep {
    /// A request that may carry an offer, or an answer to an offer in a response.
    Request,
    /// PRACK and ACK, which answer an offer in a response (RFC 3261 §13.2.1, RFC 3262 §5).
    Acknowledgment,
    /// A response of 101 to 299.
    Accepted,
    /// A response of 300 and more.
    Refused,
    /// BYE.
    Bye,
    /// The answer to BYE: 2xx, or 481, that there is no such dialog.
    ByeAnswered,
    /// REFER: asks the other side to go on with somebody else (RFC 3515).
    Refer,
    /// NOTIFY of what became of that, or of anything else.
    Notify,
    /// 2xx to REFER or NOTIFY.
    TransferAnswered,
}

/// A message of a dialog.
#[derive(Clone, Debug)]
pub(super) struct DialogMessage {
    pub(super) time: Timestamp,
    pub(super) src: Address,
    pub(super) dst: Address,
    pub(super) step: DialogStep,
    pub(super) call_id: Box<[u8]>,
    /// The tag of who sent the message, and of the other side; empty without one.
    pub(super) sender: Box<[u8]>,
    pub(super) receiver: Box<[u8]>,
    pub(super) cseq: u32,
    /// Whether it agrees for good: 2xx to INVITE, or its ACK.
    pub(super) is_final: bool,
    pub(super) description: Option<Description>,
}

/// What a complete SIP message says.
#[derive(Clone, Debug)]
pub(super) struct SipFacts {
    /// Whose dialogs it is of.
    pub(super) call_id: Box<[u8]>,
    /// What it says of a dialog's media, if anything.
    pub(super) dialog: Option<DialogMessage>,
    /// What it says of a call, if anything.
    pub(super) call: Option<CallMessage>,
}

impl SipFacts {
    /// Reads a message; `None` if it is of no call.
    pub(super) fn read(time: Timestamp, ends: [Address; 2], octets: &[u8]) -> Option<Self> {
        let message = sip::parse(octets)?;
        let call_id = message.call_id.filter(|id| id.len() <= MAX_IDENTIFIER)?;
        Some(Self {
            call_id: call_id.into(),
            dialog: DialogMessage::of(time, ends, &message),
            call: CallMessage::of(time, ends, &message),
        })
    }
}

/// What a message says, for other workers.
#[derive(Clone, Debug)]
pub struct Announcement {
    pub(super) facts: Arc<SipFacts>,
    pub(super) source: AnnouncementSource,
}

/// Where an announcement is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AnnouncementSource {
    /// Another worker has seen the message.
    Peer,
    /// A server mirrors it.
    Mirror {
        /// Whether who learns it counts the call.
        is_counted: bool,
    },
}

impl Announcement {
    /// Reads a complete SIP message that a server mirrors; `None` if it says nothing.
    pub fn read(time: Timestamp, ends: [Address; 2], octets: &[u8]) -> Option<Self> {
        let facts = SipFacts::read(time, ends, octets)?;
        let says_something = facts.dialog.is_some() || facts.call.is_some();
        says_something.then(|| Self {
            facts: facts.into(),
            source: AnnouncementSource::Mirror { is_counted: false },
        })
    }

    /// What a worker has seen itself.
    pub(super) const fn of(facts: Arc<SipFacts>) -> Self {
        Self {
            facts,
            source: AnnouncementSource::Peer,
        }
    }

    /// The same for the one worker that counts the call.
    #[must_use]
    pub fn counted(&self) -> Self {
        Self {
            facts: self.facts.clone(),
            source: AnnouncementSource::Mirror { is_counted: true },
        }
    }
}

impl DialogMessage {
    /// What a SIP message says of a dialog's media; `None` if nothing.
    fn of(time: Timestamp, [src, dst]: [Address; 2], message: &Message<'_>) -> Option<Self> {
        let cseq = message.cseq?;
        let step = match (message.start, cseq.method) {
            (Start::Request { .. }, b"BYE") => DialogStep::Bye,
            (Start::Request { .. }, b"ACK" | b"PRACK") => DialogStep::Acknowledgment,
            (Start::Request { .. }, b"REFER") => DialogStep::Refer,
            (Start::Request { .. }, b"NOTIFY") => DialogStep::Notify,
            (Start::Request { .. }, _) => DialogStep::Request,
            (
                Start::Response {
                    code: 200..=299 | 481,
                },
                b"BYE",
            ) => DialogStep::ByeAnswered,
            (Start::Response { code: 200..=299 }, b"REFER" | b"NOTIFY") => {
                DialogStep::TransferAnswered
            }
            (Start::Response { .. }, b"BYE" | b"REFER" | b"NOTIFY") => return None,
            (Start::Response { code: 101..=299 }, _) => DialogStep::Accepted,
            (Start::Response { code: 300.. }, b"INVITE" | b"UPDATE") => DialogStep::Refused,
            (Start::Response { .. }, _) => return None,
        };
        let description = match step {
            DialogStep::Request | DialogStep::Acknowledgment | DialogStep::Accepted => {
                Some(sdp::parse(message.description()?)?)
            }
            DialogStep::Refused
            | DialogStep::Bye
            | DialogStep::ByeAnswered
            | DialogStep::Refer
            | DialogStep::Notify
            | DialogStep::TransferAnswered => None,
        };
        let is_final = match message.start {
            Start::Request { method, .. } => method == b"ACK",
            Start::Response { code } => code >= 200 && cseq.method == b"INVITE",
        };
        let (from, to) = (message.from_tag, message.to_tag);
        let (sender, receiver) = match message.start {
            Start::Request { .. } => (from, to),
            Start::Response { .. } => (to, from),
        };
        let short = |identifier: Option<&[u8]>| {
            let identifier = identifier.unwrap_or_default();
            (identifier.len() <= MAX_IDENTIFIER).then(|| identifier.into())
        };
        Some(Self {
            time,
            src,
            dst,
            step,
            call_id: short(Some(message.call_id?))?,
            sender: short(sender)?,
            receiver: short(receiver)?,
            cseq: cseq.number,
            is_final,
            description,
        })
    }

    /// Whether it may be of no call at all: presence and message waiting are told in NOTIFY as well.
    pub(super) const fn is_perhaps_of_no_call(&self) -> bool {
        matches!(self.step, DialogStep::Notify | DialogStep::TransferAnswered)
    }

    /// Whether it is a request.
    pub(super) const fn is_request(&self) -> bool {
        match self.step {
            DialogStep::Request
            | DialogStep::Acknowledgment
            | DialogStep::Bye
            | DialogStep::Refer
            | DialogStep::Notify => true,
            DialogStep::Accepted
            | DialogStep::Refused
            | DialogStep::ByeAnswered
            | DialogStep::TransferAnswered => false,
        }
    }
}
