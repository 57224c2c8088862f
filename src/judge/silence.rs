//! When streams that fell silent leave a verdict open (MODEL §11.5). Decided after the sums over all
//! workers: one phone that fell silent is no evidence.

use crate::meter::asn_silence::AsnSilence;
use crate::snapshot::{Outage, SilenceRow};
use crate::units::Second;

/// At least so many streams, or all that are active.
const STREAMS: u64 = 2;
/// And one in so many of the active ones.
const SHARE: u64 = 10;
/// So many streams that fall silent within a second are an outage.
const OUTAGE_STREAMS: u64 = 3;
/// If they are one in so many of the active ones.
const OUTAGE_SHARE: u64 = 3;

/// The silence of one ASN under one commitment.
#[derive(Clone, Debug, Default)]
pub(super) struct SilenceState {
    /// Of the second that is judged next.
    pub(super) next: AsnSilence,
    /// Of the last judged one.
    last: AsnSilence,
    was_judged: bool,
    outage: Option<Outage>,
    /// The last second of an outage.
    outage_until: Option<Second>,
    unjudged: u64,
}

/// What silence means for a second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct JudgedSilence {
    /// Packets that may be missing besides what is in the window.
    pub(super) open: u64,
    /// Packets of silences that have ended, to be booked in this second as maybe lost.
    pub(super) ended: u64,
}

impl SilenceState {
    /// Judges a second with what came for it.
    pub(super) fn judge(&mut self, second: Second) -> JudgedSilence {
        self.last = std::mem::take(&mut self.next);
        let AsnSilence { active, counts } = &self.last;
        let is_judged = (counts.silent >= STREAMS && counts.silent * SHARE >= *active)
            || (counts.silent > 0 && counts.silent >= *active);
        let judged = JudgedSilence {
            open: if is_judged { counts.open } else { 0 },
            ended: if is_judged || self.was_judged {
                counts.ended
            } else {
                0
            },
        };
        self.unjudged += counts.ended - judged.ended;
        self.was_judged = is_judged;
        let together = self.last.stopped_together();
        self.outage = together
            .filter(|(_, streams)| *streams >= OUTAGE_STREAMS && streams * OUTAGE_SHARE >= *active)
            .map(|(since, streams)| Outage {
                since,
                streams,
                active: *active,
            });
        if self.outage.is_some() {
            self.outage_until = Some(second);
        }
        judged
    }

    /// Whether a window that begins with `first` touches an outage.
    pub(super) fn touches_outage(&self, first: Second) -> bool {
        self.outage_until.is_some_and(|until| until >= first)
    }

    /// The row to show.
    pub(super) fn row(&self) -> SilenceRow {
        let AsnSilence { active, counts } = self.last.told();
        SilenceRow {
            active,
            silent: counts.silent,
            open: counts.open,
            unjudged: self.unjudged,
            outage: self.outage,
        }
    }

    /// What was judged before is not counted again.
    pub(super) fn forget_counters(&mut self) {
        self.unjudged = 0;
    }
}
