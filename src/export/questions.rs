//! Questions that a published state cannot answer: about the past (the ledger answers), and about the
//! worst streams now (the workers answer). Whoever answers owns the other end of a bounded channel; a
//! question that finds no room is refused at once.

use crate::units::{Asn, Second};
use std::sync::mpsc::SyncSender;
use tokio::sync::{mpsc, oneshot};

/// Streams of an answer at most.
pub const MAX_STREAMS_ANSWERED: usize = 100;

/// What happened to an ASN under a contract, in steps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistoryQuestion {
    /// The contract's name.
    pub commitment: String,
    /// The ASN.
    pub asn: Asn,
    /// The first second.
    pub from: Second,
    /// The second behind the last.
    pub until: Second,
    /// Seconds of a step.
    pub step: u64,
}

/// By what streams are the worst.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamOrder {
    /// The share of expected packets that is lost, then that which may be.
    Loss,
    /// The running jitter.
    Jitter,
}

/// The worst streams of an ASN, now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamsQuestion {
    /// One end of them is its.
    pub asn: Asn,
    /// What is bad.
    pub by: StreamOrder,
    /// How many at most, up to [`MAX_STREAMS_ANSWERED`].
    pub limit: usize,
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unanswered {
    /// What is asked is no question.
    Malformed(String),
    /// There is no such thing.
    Unknown(String),
    /// Not now.
    Failed(String),
}

/// A document, as JSON.
pub type Answer = Result<String, Unanswered>;

/// A question, and where its answer goes.
pub type PendingQuestion<T> = (T, oneshot::Sender<Answer>);

/// Where questions go.
#[derive(Clone, Debug, Default)]
pub struct Answerers {
    /// The reader of the ledger; none where none is kept.
    pub history: Option<SyncSender<PendingQuestion<HistoryQuestion>>>,
    /// The workers; none where `export.streams` is off.
    pub streams: Option<mpsc::Sender<PendingQuestion<StreamsQuestion>>>,
}

impl StreamOrder {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Jitter => "jitter",
        }
    }
}
