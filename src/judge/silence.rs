//! When streams that fell silent leave a verdict open (MODEL §11.5). Decided after the sums over all
//! workers: one phone that fell silent is no evidence.

use crate::meter::asn_silence::AsnSilence;
use crate::snapshot::{Outage, SilenceRow};
use crate::units::{Ratio, Second};

/// At least so many streams fell silent lately, or all that are active are silent.
const STREAMS: u64 = 2;
/// Or at least so many are silent, however long, and twice the share; or two, if they are a third.
const LASTING_STREAMS: u64 = 3;
/// So many seconds after it went on, or another stream in its place, it is known how a silence ended.
pub(super) const DECIDED: u64 = 3;
/// So many streams that fall silent within a second are an outage.
const OUTAGE_STREAMS: u64 = 3;
/// If they are one in so many of the active ones.
const OUTAGE_SHARE: u64 = 3;

/// Whether so many streams are a third of the active ones.
const fn is_third(streams: u64, active: u64) -> bool {
    streams.saturating_mul(OUTAGE_SHARE) >= active
}

/// The silence of one ASN under one commitment.
#[derive(Clone, Debug, Default)]
pub(super) struct SilenceState {
    /// Of the second that is judged next.
    pub(super) next: AsnSilence,
    /// Of the last judged one.
    last: AsnSilence,
    /// The last second in which what is open was judged.
    judged: Option<Second>,
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
    /// Judges a second with what came for it. `share` of the active streams have to be silent for what
    /// is open to count.
    pub(super) fn judge(&mut self, second: Second, share: Ratio) -> JudgedSilence {
        self.last = std::mem::take(&mut self.next);
        let AsnSilence { active, counts } = &self.last;
        let are_share = |streams: u64, times: u64| {
            streams.saturating_mul(1_000_000)
                >= active.saturating_mul(times * u64::from(share.ppm()))
        };
        let is_judged = (counts.recent >= STREAMS && are_share(counts.recent, 1))
            || (counts.silent >= LASTING_STREAMS && are_share(counts.silent, 2))
            || (counts.silent >= STREAMS && is_third(counts.silent, *active))
            || (counts.silent > 0 && counts.silent >= *active);
        let was_judged = self
            .judged
            .is_some_and(|judged| judged.0 + DECIDED >= second.0);
        let judged = JudgedSilence {
            open: if is_judged { counts.open } else { 0 },
            ended: if is_judged || was_judged {
                counts.ended
            } else {
                0
            },
        };
        self.unjudged += counts.ended - judged.ended;
        if is_judged {
            self.judged = Some(second);
        }
        let together = self.last.stopped_together();
        self.outage = together
            .filter(|(_, streams)| *streams >= OUTAGE_STREAMS && is_third(*streams, *active))
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
        let AsnSilence { active, counts } = self.last.recorded();
        SilenceRow {
            active: if self.last.is_silent() { active } else { 0 },
            silent: counts.silent,
            open: counts.open,
            unjudged: self.unjudged,
            outage: self.outage,
        }
    }

    /// The window has run empty: nothing that was silent has a part in a verdict.
    pub(super) fn forget_judged(&mut self) {
        (self.judged, self.outage_until) = (None, None);
    }

    /// What was judged before is not counted again.
    pub(super) fn forget_counters(&mut self) {
        self.unjudged = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sla::policy::USUAL_SILENCE_SHARE;
    use crate::stream::silence::SilenceCounts;

    #[test]
    fn two_that_are_a_third_are_judged_however_long_they_are_silent() {
        // Active streams, silent ones, and those of them that fell silent lately.
        for (active, silent, recent, is_judged) in [
            (6, 2, 0, true),
            (7, 2, 0, false),
            (7, 2, 2, true),
            (2, 1, 1, false),
            (1, 1, 0, true),
            (15, 3, 0, true),
            (16, 3, 0, false),
        ] {
            let counts = SilenceCounts {
                open: 500,
                silent,
                recent,
                ..SilenceCounts::default()
            };
            let mut state = SilenceState {
                next: AsnSilence { active, counts },
                ..SilenceState::default()
            };
            let judged = state.judge(Second(100), USUAL_SILENCE_SHARE);
            assert_eq!(judged.open > 0, is_judged, "{silent} of {active}, {recent}");
        }
    }
}
