//! Dialogs of SIP by Call-ID and tags, from offer and answer to BYE (RFC 3261 §12, RFC 3264).
//!
//! A description counts once its offer is answered from the host that it was sent to, and one of the two
//! came from our own addresses; until then our own offer names what it says of our own addresses, because
//! who offers must be ready to receive (RFC 3264 §5.1). Calls that are not answered are kept apart from those that are, so that
//! a flood of them takes nothing from a dialog that stands.

use super::message::{DialogMessage, DialogStep};
use super::ports::{NamedMedia, NamedPorts};
use super::section::Section;
use crate::units::occupancy::Occupancy;
use crate::units::{Address, Endpoint, Prefix, Second, Timestamp};
use crate::wire::sdp::Description;
use hashbrown::{DefaultHashBuilder, HashMap};
use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::sync::Arc;

/// Most calls without an answer; the oldest gives way. 100 a second for 160 s.
const MAX_OPEN: usize = 16_384;

/// Most calls with one; a further one is refused, unless one has been silent for [`SILENT_SECONDS`].
const MAX_DIALOGS: usize = 65_536;

/// Most offers of a call that wait for their answers: one of each side, and an attempt at each again.
const MAX_OFFERS: usize = 4;

/// Most sessions of a call: an INVITE forks to so many phones (RFC 3261 §19.3).
const MAX_FORKS: usize = 8;

/// A call without an answer is forgotten after so many seconds: Timer C is more than 3 minutes (RFC
/// 3261 §16.6).
const OPEN_SECONDS: u64 = 300;

/// A dialog without a message for so many seconds gives its room to another; none is set up again by
/// session timers (RFC 4028: half an hour).
const SILENT_SECONDS: u64 = 3_600;

/// A dialog without a message for so many seconds is forgotten: no call lasts for half a day.
const STANDING_SECONDS: u64 = 43_200;

/// The calls, and what they name.
#[derive(Debug, Default)]
pub(super) struct Dialogs {
    /// Keyed at random: whoever sends cannot choose which calls are taken for the same.
    hasher: DefaultHashBuilder,
    calls: HashMap<u64, Call>,
    /// Calls without an answer by their beginning, those with one by a message; whether there was one
    /// since is found when their turn comes.
    open: BTreeSet<(Timestamp, u64)>,
    standing: BTreeSet<(Timestamp, u64)>,
    ports: NamedPorts,
    local: Arc<[Prefix]>,
    next_session: u64,
    refused: Refused,
}

/// What found no room, by table.
#[derive(Clone, Copy, Debug, Default)]
struct Refused {
    /// Calls without an answer that gave way.
    offers: u64,
    /// Calls with an answer, and forks of one.
    dialogs: u64,
    /// Addresses, and sections that name one.
    addresses: u64,
}

/// All dialogs of one Call-ID.
#[derive(Debug, Default)]
struct Call {
    /// Its place in the one or the other order.
    queued: Timestamp,
    last: Timestamp,
    offers: Vec<Offer>,
    sessions: Vec<Session>,
    is_answered: bool,
}

/// A description that waits for its answer.
#[derive(Debug)]
struct Offer {
    message: DialogMessage,
    description: Description,
    /// What it names before it is answered.
    early: EarlyNames,
}

/// Our addresses that an offer of ours names before its answer.
#[derive(Debug, Default)]
struct EarlyNames {
    id: u64,
    ends: Vec<Endpoint>,
}

impl EarlyNames {
    fn forget(&mut self, ports: &mut NamedPorts) {
        for end in self.ends.drain(..) {
            ports.forget(end, self.id);
        }
    }
}

/// What two sides have agreed on.
#[derive(Debug)]
struct Session {
    id: u64,
    tags: [Box<[u8]>; 2],
    cseq: u32,
    /// Agreed by a final response.
    is_final: bool,
    /// Who was asked for its end, and under which number.
    bye: Option<(Address, u32)>,
    /// The same of a transfer, and of news of it; and whether one was accepted.
    transfer: Option<(Address, u32)>,
    is_transferred: bool,
    /// Our addresses, with the place of their section.
    ends: Vec<(usize, Endpoint)>,
}

impl Call {
    /// Offers that wait no longer.
    fn withdraw(&mut self, ports: &mut NamedPorts, which: impl Fn(&Offer) -> bool) {
        self.offers.retain_mut(|offer| {
            let is_over = which(offer);
            if is_over {
                offer.early.forget(ports);
            }
            !is_over
        });
    }
}

impl Session {
    /// It names nothing any more.
    fn forget(&self, ports: &mut NamedPorts) {
        for (_, end) in &self.ends {
            ports.forget(*end, self.id);
        }
    }

    fn is_between(&self, message: &DialogMessage) -> bool {
        let [one, other] = &self.tags;
        let (sender, receiver) = (&message.sender, &message.receiver);
        (one == sender && other == receiver) || (one == receiver && other == sender)
    }
}

/// The sessions of a call that a message is of, by its tags.
fn sessions_of<'a>(
    calls: &'a mut HashMap<u64, Call>,
    key: u64,
    message: &'a DialogMessage,
) -> impl Iterator<Item = &'a mut Session> {
    let call = calls.get_mut(&key).into_iter();
    let sessions = call.flat_map(|call| &mut call.sessions);
    sessions.filter(|session| session.is_between(message))
}

impl Dialogs {
    /// Our own addresses; none: not known.
    pub(super) fn set_local(&mut self, local: Arc<[Prefix]>) {
        self.local = local;
    }

    /// Whether our own addresses are known.
    pub(super) fn knows_local(&self) -> bool {
        !self.local.is_empty()
    }

    pub(super) const fn ports(&self) -> &NamedPorts {
        &self.ports
    }

    /// Dialogs, forks and addresses that found no room.
    pub(super) const fn refused(&self) -> u64 {
        self.refused.offers + self.refused.dialogs + self.refused.addresses
    }

    /// Whether there is any dialog of a call.
    pub(super) fn has_call(&self, call_id: &[u8]) -> bool {
        self.calls.contains_key(&self.hasher.hash_one(call_id))
    }

    /// Whether a call has an offer and its answer.
    pub(super) fn is_answered(&self, call_id: &[u8]) -> bool {
        let key = self.hasher.hash_one(call_id);
        let call = self.calls.get(&key).filter(|_| self.knows_local());
        call.is_some_and(|call| call.is_answered)
    }

    /// How full the tables of offers, dialogs and addresses are.
    pub(super) fn occupancy(&self) -> [Occupancy; 3] {
        [
            Occupancy::new(self.open.len(), MAX_OPEN, self.refused.offers),
            Occupancy::new(self.standing.len(), MAX_DIALOGS, self.refused.dialogs),
            self.ports.occupancy(self.refused.addresses),
        ]
    }

    /// Takes a message.
    pub(super) fn take(&mut self, message: &DialogMessage) {
        let key = self.hasher.hash_one(&message.call_id);
        if let Some(call) = self.calls.get_mut(&key) {
            call.last = call.last.max(message.time);
        }
        match (message.step, &message.description) {
            (DialogStep::Refused, _) => self.refuse(key, message),
            (DialogStep::Bye, _) => {
                for session in sessions_of(&mut self.calls, key, message) {
                    session.bye = Some((message.dst, message.cseq));
                }
            }
            (DialogStep::Refer | DialogStep::Notify, _) => {
                let is_refer = message.step == DialogStep::Refer;
                for session in sessions_of(&mut self.calls, key, message) {
                    // News of anything else says nothing of a call.
                    if is_refer || session.is_transferred {
                        session.transfer = Some((message.dst, message.cseq));
                    }
                }
            }
            (DialogStep::TransferAnswered, _) => {
                let answered = Some((message.src, message.cseq));
                for session in sessions_of(&mut self.calls, key, message) {
                    if session.transfer == answered {
                        session.is_transferred = true;
                        for (_, end) in &session.ends {
                            self.ports.note_agreed(*end, message.time);
                        }
                    }
                }
            }
            (DialogStep::ByeAnswered, _) => {
                let answered = Some((message.src, message.cseq));
                let over = self.end_sessions(key, |session| {
                    session.bye == answered && session.is_between(message)
                });
                for end in over {
                    self.ports.note_over(end, message.time);
                }
            }
            (_, Some(description)) => self.describe(key, message, description),
            (_, None) => {}
        }
    }

    /// A description is the answer to an offer of the other side, or an offer.
    fn describe(&mut self, key: u64, message: &DialogMessage, description: &Description) {
        let answers = |offer: &Offer| {
            let asked = &offer.message;
            asked.is_request() != message.is_request()
                && (asked.src, asked.dst) == (message.dst, message.src)
                && asked.sender == message.receiver
                && (asked.cseq == message.cseq || message.step == DialogStep::Acknowledgment)
        };
        let call = self.calls.get_mut(&key);
        let place = call.and_then(|call| {
            let place = call.offers.iter().position(answers)?;
            Some(call.offers.swap_remove(place))
        });
        match place {
            Some(offer) => self.agree(key, offer, message, description),
            None if message.step == DialogStep::Acknowledgment => {}
            None => self.offer(key, message, description),
        }
    }

    fn offer(&mut self, key: u64, message: &DialogMessage, description: &Description) {
        if !self.calls.contains_key(&key) {
            self.make_room();
            self.open.insert((message.time, key));
        }
        let early = self.name_early(message, description);
        let ports = &mut self.ports;
        let call = self.calls.entry(key).or_insert_with(|| Call {
            queued: message.time,
            last: message.time,
            ..Call::default()
        });
        let full = call.offers.len() >= MAX_OFFERS;
        let oldest = call
            .offers
            .first()
            .map(|offer| offer.message.cseq)
            .filter(|_| full);
        call.withdraw(ports, |offer| {
            let before = &offer.message;
            let (one, other) = (before, message);
            (&one.sender, one.src, one.dst) == (&other.sender, other.src, other.dst)
                || Some(before.cseq) == oldest
        });
        call.offers.push(Offer {
            message: DialogMessage {
                description: None,
                ..message.clone()
            },
            description: description.clone(),
            early,
        });
    }

    fn is_local(&self, address: Address) -> bool {
        self.local.iter().any(|local| local.contains(address))
    }

    /// What an offer that comes from our own addresses says of them.
    fn name_early(&mut self, message: &DialogMessage, description: &Description) -> EarlyNames {
        let mut early = EarlyNames::default();
        if !self.is_local(message.src) {
            return early;
        }
        self.next_session += 1;
        early.id = self.next_session;
        for (place, ours) in (0..).zip(&description.media) {
            let theirs = ours;
            let section = Section {
                ours,
                theirs,
                place,
            };
            for (end, media, _) in section.media(early.id, None) {
                let [received, _] = media.formats;
                let media = NamedMedia {
                    remote: Endpoint::default(),
                    remote_rtcp: None,
                    formats: [received, [].into()],
                    ..media
                };
                if self.is_local(end.address)
                    && self.ports.name(end, media, [true; 2], message.time)
                {
                    early.ends.push(end);
                }
            }
        }
        early
    }

    /// Of too many calls without an answer the oldest are forgotten.
    fn make_room(&mut self) {
        while self.open.len() >= MAX_OPEN
            && let Some((_, oldest)) = self.open.pop_first()
        {
            self.remove(oldest);
            self.refused.offers += 1;
        }
    }

    /// An offer is answered: the session between these two sides is what both say. The offer stays, for
    /// other forks and for a later answer of the same.
    fn agree(&mut self, key: u64, mut offer: Offer, message: &DialogMessage, answer: &Description) {
        let is_ours = |address| self.local.is_empty() || self.is_local(address);
        let (asker, answerer) = (is_ours(offer.message.src), is_ours(message.src));
        let has_room = self.calls.get(&key).is_some_and(|call| call.is_answered)
            || self.standing.len() < MAX_DIALOGS
            || self.retire(message.time.second(), SILENT_SECONDS);
        let Some(call) = self.calls.get_mut(&key).filter(|_| asker || answerer) else {
            return;
        };
        offer.early.forget(&mut self.ports);
        if !has_room {
            self.refused.dialogs += 1;
            self.remove(key);
            return;
        }
        if !call.is_answered {
            call.is_answered = true;
            self.open.remove(&(call.queued, key));
            call.queued = message.time;
            self.standing.insert((call.queued, key));
        }
        let place = call
            .sessions
            .iter()
            .position(|session| session.is_between(message));
        if place.is_none() {
            if call.sessions.len() >= MAX_FORKS {
                self.refused.dialogs += 1;
                call.offers.push(offer);
                return;
            }
            self.next_session += 1;
            call.sessions.push(Session {
                id: self.next_session,
                tags: [message.sender.clone(), message.receiver.clone()],
                cseq: message.cseq,
                is_final: false,
                bye: None,
                transfer: None,
                is_transferred: false,
                ends: Vec::new(),
            });
        }
        let place = place.unwrap_or(call.sessions.len() - 1);
        let Some(session) = call.sessions.get_mut(place) else {
            return;
        };
        session.is_final |= message.is_final;
        session.cseq = message.cseq;
        let before = std::mem::take(&mut session.ends);
        let halves = offer.description.media.iter().zip(&answer.media);
        for (place, (offered, answered)) in (0..).zip(halves) {
            let sides = [(asker, offered, answered), (answerer, answered, offered)];
            for (_, ours, theirs) in sides.into_iter().filter(|(is_ours, ..)| *is_ours) {
                let known = before.iter().find(|(known, _)| *known == place);
                let section = Section {
                    ours,
                    theirs,
                    place,
                };
                let known = known.map(|(_, end)| *end);
                for (end, mut media, allowed) in section.media(session.id, known) {
                    if session.is_final {
                        media.accepted = message.time;
                    }
                    if self.ports.name(end, media, allowed, message.time) {
                        session.ends.push((place, end));
                    } else {
                        self.refused.addresses += 1;
                    }
                }
            }
        }
        for (_, end) in before {
            if !session.ends.iter().any(|(_, kept)| *kept == end) {
                // Refused, moved, or fax in its place (T.38): its audio may end.
                self.ports.note_agreed(end, message.time);
                self.ports.forget(end, session.id);
            }
        }
        call.offers.push(offer);
    }

    /// An offer is refused: what was agreed before stands, and an early session of it ends.
    fn refuse(&mut self, key: u64, message: &DialogMessage) {
        let Some(call) = self.calls.get_mut(&key) else {
            return;
        };
        call.withdraw(&mut self.ports, |offer| {
            let asked = &offer.message;
            (&asked.sender, asked.cseq, asked.dst) == (&message.receiver, message.cseq, message.src)
        });
        self.end_sessions(key, |session| {
            !session.is_final && session.cseq == message.cseq && session.is_between(message)
        });
    }

    /// Ends some sessions of a call; our addresses that they named.
    fn end_sessions(&mut self, key: u64, ends: impl Fn(&Session) -> bool) -> Vec<Endpoint> {
        let Some(call) = self.calls.get_mut(&key) else {
            return Vec::new();
        };
        let (ports, mut named) = (&mut self.ports, Vec::new());
        for session in call.sessions.extract_if(.., |session| ends(session)) {
            session.forget(ports);
            named.extend(session.ends.iter().map(|(_, end)| *end));
        }
        if call.sessions.is_empty() && (call.is_answered || call.offers.is_empty()) {
            self.remove(key);
        }
        named
    }

    fn remove(&mut self, key: u64) {
        let Some(mut call) = self.calls.remove(&key) else {
            return;
        };
        call.withdraw(&mut self.ports, |_| true);
        for session in &call.sessions {
            session.forget(&mut self.ports);
        }
        let place = (call.queued, key);
        if !self.standing.remove(&place) {
            self.open.remove(&place);
        }
    }

    /// Forgets dialogs without a message for so long; whether there was one.
    fn retire(&mut self, now: Second, silent: u64) -> bool {
        let before = Second(now.0.saturating_sub(silent)).start();
        let mut found = false;
        while let Some((queued, key)) = self.standing.first().copied()
            && queued < before
        {
            self.standing.pop_first();
            match self.calls.get_mut(&key) {
                Some(call) if call.last >= before => {
                    call.queued = call.last;
                    self.standing.insert((call.queued, key));
                }
                _ => {
                    self.remove(key);
                    found = true;
                }
            }
        }
        found
    }

    pub(super) fn expire(&mut self, now: Second) {
        self.retire(now, STANDING_SECONDS);
        self.ports.expire(now.start());
        let before = Second(now.0.saturating_sub(OPEN_SECONDS)).start();
        while let Some((began, key)) = self.open.first().copied()
            && began < before
        {
            self.open.pop_first();
            self.remove(key);
        }
    }
}
