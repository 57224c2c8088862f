//! What was known when a verdict was given: enough to give it again, by somebody else.

pub use crate::meter::window::{Cell, Losses, RoundTrips};
use crate::sla::Verdict;
use crate::units::{Asn, Second};
use std::sync::Arc;

/// One judged second of one ASN under one commitment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// The second.
    pub second: Second,
    /// The commitment's name.
    pub commitment: Arc<str>,
    /// The ASN.
    pub asn: Asn,
    /// What was counted in this second when it was judged.
    pub counted: Cell,
    /// What came since the last judgement for seconds judged before, by second.
    pub amendments: Vec<(Second, Cell)>,
    /// The window that ends with this second.
    pub window: Cell,
    /// Traffic over the threshold: from (or the sum) and to.
    pub over: (bool, bool),
    /// This second was not seen whole.
    pub tainted: bool,
    /// Every second of the window was seen whole.
    pub seen_whole: bool,
    /// The verdict on loss, if there is one.
    pub loss: Option<Verdict>,
    /// The verdict on latency, if there is one.
    pub latency: Option<Verdict>,
}

/// Who wants to know of every judgement.
pub trait Evidence {
    /// Takes one; seconds come in order, commitments and ASNs within a second too.
    fn judged(&mut self, judgement: &Judgement);
}

/// Nobody does.
impl Evidence for () {
    fn judged(&mut self, _: &Judgement) {}
}
