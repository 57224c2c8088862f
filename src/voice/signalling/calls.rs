//! Calls as their signalling shows them, by the names of RFC 6076: session requests, what became of them,
//! how long they took, and how long sessions lasted (MODEL §17.1).
//!
//! A call is one Call-ID between two hosts: from the INVITE that begins it to the answer to it, and from there
//! to BYE. Only the worker that counts a message takes it here. Nothing of who calls whom is kept but the
//! two hosts.

use super::call_counts::{CallCounts, CallOutcome};
use crate::units::{Address, Second, Timestamp};
use crate::wire::sip::{Message, Start};
use hashbrown::{DefaultHashBuilder, HashMap};
use std::collections::{BTreeSet, VecDeque};
use std::hash::BuildHasher;
use std::time::Duration;

/// Most calls at a time. Where there are more, the one gives way that would be over first: one that is set
/// up, or has ended. One that is refused is counted.
const MAX_CALLS: usize = 65_536;

/// News of calls that wait for the worker; more than a batch of frames can bring.
const MAX_NEWS: usize = 65_536;

/// A request without any answer has failed after so long: Timer B (RFC 3261 §17.1.1.2). After its final answer a
/// call is remembered as long, for what is sent again (Timer D); and after a challenge, for who does not
/// try again.
const UNANSWERED: Duration = Duration::from_secs(32);

/// One with a provisional answer after so long: Timer C is more than 3 minutes (RFC 3261 §16.6).
const RINGING: Duration = Duration::from_secs(300);

/// What is told of a call that only a mirror shows waits for so long, in case another worker sees it on the
/// wire: messages between workers take less, while frames come.
const MIRRORED: Duration = Duration::from_secs(1);

/// Most calls that other workers count, and as many that a mirror has shown first; of further ones that are mirrored
/// too, both count.
const MAX_ELSEWHERE: usize = 65_536;

/// No call lasts for half a day.
const LASTING: Duration = Duration::from_secs(43_200);

/// Who shows a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CallSource {
    /// This worker counts its packet.
    Wire,
    /// A server mirrors it, and other workers may see it on the wire.
    Mirror,
}

/// What a message says of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum CallStep {
    /// INVITE outside of a dialog.
    Invite,
    /// A response to INVITE.
    Response(u16),
    Bye,
}

/// A message of a call.
#[derive(Clone, Debug)]
pub(super) struct CallMessage {
    time: Timestamp,
    src: Address,
    dst: Address,
    step: CallStep,
    cseq: u32,
    call_id: Box<[u8]>,
}

impl CallMessage {
    /// Whether it begins a call.
    pub(super) fn is_invite(&self) -> bool {
        self.step == CallStep::Invite
    }

    /// What a SIP message says of a call; `None` if nothing.
    pub(super) fn of(
        time: Timestamp,
        [src, dst]: [Address; 2],
        message: &Message<'_>,
    ) -> Option<Self> {
        let cseq = message.cseq?;
        let step = match (message.start, cseq.method) {
            (Start::Request { .. }, b"INVITE") if message.to_tag.is_none() => CallStep::Invite,
            (Start::Request { .. }, b"BYE") => CallStep::Bye,
            (Start::Response { code }, b"INVITE") => CallStep::Response(code),
            (Start::Request { .. } | Start::Response { .. }, _) => return None,
        };
        Some(Self {
            time,
            src,
            dst,
            step,
            cseq: cseq.number,
            call_id: message.call_id?.into(),
        })
    }
}

/// What became of a call, for the two hosts as the caller's request went between them.
#[derive(Clone, Debug)]
pub struct CallNews {
    /// When.
    pub time: Timestamp,
    /// The host that set the call up.
    pub src: Address,
    /// The host that was asked.
    pub dst: Address,
    /// What is to be counted.
    pub counts: CallCounts,
}

/// How far a call is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Asked for, and not answered for good.
    Asked,
    /// The caller is to try again with credentials.
    Challenged(u16),
    /// Accepted.
    Lasting(Timestamp),
    /// Over; what is sent again means nothing.
    Over,
}

#[derive(Debug)]
struct CallState {
    src: Address,
    dst: Address,
    cseq: u32,
    /// When the request was sent that is being answered.
    asked: Timestamp,
    /// Its delay is known.
    is_heard: bool,
    phase: Phase,
    /// When it is given up.
    due: Timestamp,
    /// What is not told yet, as long as another worker may count the call.
    held: Option<Vec<(Timestamp, CallCounts)>>,
}

/// The calls that one worker counts.
#[derive(Debug, Default)]
pub(super) struct CallTable {
    /// Keyed at random: whoever sends cannot choose which calls are taken for the same.
    hasher: DefaultHashBuilder,
    calls: HashMap<u64, CallState>,
    /// The same by when they are given up.
    due: BTreeSet<(Timestamp, u64)>,
    news: Vec<CallNews>,
    /// Calls with something held, in the order in which they began.
    held: VecDeque<(Timestamp, u64)>,
    /// Calls that other workers count, and until when that is remembered.
    elsewhere: HashMap<u64, Timestamp>,
    /// Calls that a mirror shows, which another worker takes, and when they began there.
    mirrored: HashMap<u64, Timestamp>,
    refused: u64,
}

impl CallTable {
    /// Calls that found no room, or gave theirs: what became of them is not counted.
    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }

    /// What became of calls since the last call.
    pub(super) fn take_news(&mut self) -> Vec<CallNews> {
        std::mem::take(&mut self.news)
    }

    /// Whether anything did.
    pub(super) const fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// Packet time has jumped: how long anything took is not known.
    pub(super) fn clear(&mut self) {
        self.calls.clear();
        self.due.clear();
        self.held.clear();
        self.elsewhere.clear();
        self.mirrored.clear();
    }

    fn key(&self, message: &CallMessage) -> u64 {
        let (src, dst) = (message.src, message.dst);
        let hosts = (src.min(dst), src.max(dst));
        self.hasher.hash_one((&message.call_id, hosts))
    }

    /// Another worker counts the call of a message: it saw that on the wire. Here it counts no more, if nothing
    /// was told of it.
    pub(super) fn leave(&mut self, message: &CallMessage) {
        if !message.is_invite() {
            return;
        }
        let key = self.key(message);
        if let Some(call) = self.calls.get(&key) {
            let held = call.held.as_ref().and_then(|held| held.first());
            if held.is_none_or(|(began, _)| message.time > began.plus(MIRRORED)) {
                // Told already, or about to be: who sees it so late does not count it.
                return;
            }
            self.remove(key);
        }
        let until = message.time.plus(UNANSWERED);
        if self.elsewhere.len() < MAX_ELSEWHERE || self.elsewhere.contains_key(&key) {
            self.elsewhere.insert(key, until);
        }
    }

    /// A mirror shows a message, which another worker takes. If its call comes on the wire here later than that
    /// worker waits, it counts there.
    pub(super) fn note_mirrored(&mut self, message: &CallMessage) {
        let key = self.key(message);
        let has_room = self.mirrored.len() < MAX_ELSEWHERE;
        if message.is_invite() && has_room && !self.calls.contains_key(&key) {
            self.mirrored.entry(key).or_insert(message.time);
        }
    }

    /// Takes a message.
    pub(super) fn take(&mut self, message: &CallMessage, source: CallSource) {
        let key = self.key(message);
        if source == CallSource::Mirror && self.elsewhere.contains_key(&key) {
            return;
        }
        match message.step {
            CallStep::Invite => self.invite(key, message, source),
            CallStep::Response(code) => self.respond(key, message, code),
            CallStep::Bye => self.end(key, message),
        }
    }

    fn invite(&mut self, key: u64, message: &CallMessage, source: CallSource) {
        if let Some(call) = self.calls.get_mut(&key) {
            let is_new = call.src == message.src && call.cseq != message.cseq;
            match call.phase {
                Phase::Challenged(_) if is_new => {
                    // The same request again, with credentials.
                    (call.cseq, call.asked, call.phase) =
                        (message.cseq, message.time, Phase::Asked);
                    self.postpone(key, message.time.plus(UNANSWERED));
                    return;
                }
                Phase::Over if is_new => self.remove(key),
                Phase::Asked | Phase::Challenged(_) | Phase::Lasting(_) | Phase::Over => return,
            }
        }
        let counts_elsewhere = self
            .mirrored
            .get(&key)
            .is_some_and(|began| source == CallSource::Wire && message.time > began.plus(MIRRORED));
        if counts_elsewhere {
            return;
        }
        let attempt = CallCounts::attempt();
        let held = (source == CallSource::Mirror).then(|| vec![(message.time, attempt.clone())]);
        let call = CallState {
            src: message.src,
            dst: message.dst,
            cseq: message.cseq,
            asked: message.time,
            is_heard: false,
            phase: Phase::Asked,
            due: message.time.plus(UNANSWERED),
            held,
        };
        if call.held.is_none() {
            self.tell(&call, message.time, attempt);
        }
        if self.make_room() {
            if call.held.is_some() {
                self.held.push_back((message.time.plus(MIRRORED), key));
            }
            self.due.insert((call.due, key));
            self.calls.insert(key, call);
        } else if call.held.is_some() {
            self.tell(&call, message.time, CallCounts::attempt());
        }
    }

    /// Makes room for a call; whether there is any.
    fn make_room(&mut self) -> bool {
        if self.calls.len() < MAX_CALLS {
            return true;
        }
        let first = self.due.first().map(|(_, key)| *key);
        let phase = first
            .and_then(|key| self.calls.get(&key))
            .map(|call| call.phase);
        // What is over leaves nothing uncounted.
        self.refused += u64::from(phase != Some(Phase::Over));
        let gives_way = !matches!(phase, Some(Phase::Lasting(_)));
        if let Some(key) = first.filter(|_| gives_way) {
            self.release(key);
            self.remove(key);
        }
        gives_way
    }

    fn respond(&mut self, key: u64, message: &CallMessage, code: u16) {
        let Some(call) = self.calls.get_mut(&key) else {
            return;
        };
        let answers = (call.src, call.dst, call.cseq) == (message.dst, message.src, message.cseq);
        if !answers || call.phase != Phase::Asked {
            return;
        }
        let (now, since) = (message.time, message.time.since(call.asked));
        let mut counts = CallCounts::default();
        // The first answer but 100 says how the request stands; a challenge and a redirection do not (RFC 6076 §4.3).
        if matches!(code, 101..=299) && !call.is_heard {
            call.is_heard = true;
            counts.request_delay.record(since);
        }
        let (phase, wait) = match code {
            ..=199 => (Phase::Asked, RINGING),
            200..=299 => (Phase::Lasting(now), LASTING),
            401 | 407 => (Phase::Challenged(code), UNANSWERED),
            300.. => (Phase::Over, UNANSWERED),
        };
        call.phase = phase;
        if matches!(phase, Phase::Lasting(_) | Phase::Over) {
            counts.add(&CallCounts::outcome(CallOutcome::of(code)));
        }
        self.tell_of(key, now, counts);
        self.postpone(key, now.plus(wait));
    }

    fn end(&mut self, key: u64, message: &CallMessage) {
        let Some(call) = self.calls.get_mut(&key) else {
            return;
        };
        let Phase::Lasting(since) = call.phase else {
            return;
        };
        call.phase = Phase::Over;
        let mut counts = CallCounts::default();
        counts.session_duration.record(message.time.since(since));
        self.tell_of(key, message.time, counts);
        self.postpone(key, message.time.plus(UNANSWERED));
    }

    fn tell_of(&mut self, key: u64, now: Timestamp, counts: CallCounts) {
        if let Some(call) = self.calls.get_mut(&key)
            && let Some(held) = &mut call.held
        {
            held.push((now, counts));
        } else if let Some(call) = self.calls.remove(&key) {
            self.tell(&call, now, counts);
            self.calls.insert(key, call);
        }
    }

    /// Tells what is held of a call: nobody else has seen it.
    fn release(&mut self, key: u64) {
        let Some(call) = self.calls.get_mut(&key) else {
            return;
        };
        let Some(held) = call.held.take() else {
            return;
        };
        if let Some(call) = self.calls.remove(&key) {
            for (time, counts) in held {
                self.tell(&call, time, counts);
            }
            self.calls.insert(key, call);
        }
    }

    fn tell(&mut self, call: &CallState, time: Timestamp, counts: CallCounts) {
        if counts == CallCounts::default() {
            return;
        }
        if self.news.len() >= MAX_NEWS {
            self.refused += 1;
            return;
        }
        self.news.push(CallNews {
            time,
            src: call.src,
            dst: call.dst,
            counts,
        });
    }

    fn postpone(&mut self, key: u64, due: Timestamp) {
        if let Some(call) = self.calls.get_mut(&key) {
            self.due.remove(&(call.due, key));
            call.due = due;
            self.due.insert((due, key));
        }
    }

    fn remove(&mut self, key: u64) {
        if let Some(call) = self.calls.remove(&key) {
            self.due.remove(&(call.due, key));
        }
    }

    /// Gives up what nobody answered in time. It is told for the second before.
    pub(super) fn expire(&mut self, now: Second) {
        while let Some((until, key)) = self.held.front().copied()
            && until < now.start()
        {
            self.held.pop_front();
            self.release(key);
        }
        self.elsewhere.retain(|_, until| *until >= now.start());
        self.mirrored
            .retain(|_, began| began.plus(UNANSWERED) >= now.start());
        while let Some((due, key)) = self.due.first().copied()
            && due < now.start()
        {
            self.due.pop_first();
            let Some(call) = self.calls.remove(&key) else {
                continue;
            };
            let outcome = match call.phase {
                Phase::Asked => CallOutcome::NONE,
                Phase::Challenged(code) => CallOutcome::of(code),
                Phase::Lasting(_) | Phase::Over => continue,
            };
            let at = now.start().minus(Duration::from_nanos(1));
            self.tell(&call, at, CallCounts::outcome(outcome));
        }
    }
}
