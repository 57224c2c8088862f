//! What a contract says, as parameters of the arithmetic: built by `config`, used by the meter
//! (which packets count) and by the verdicts.

use crate::attribution::scopes::Scope;
use crate::sla::credit::CreditStep;
use crate::sla::measure::Guarantee;
use crate::stream::tally::Layer;
use crate::units::{BitRate, Ratio};
use crate::voice::class::Classes;
use std::num::NonZeroU32;

/// The longest window, in seconds: no verdict rests on anything further back.
pub const MAX_WINDOW: u64 = 3600;

/// A contract's committed data rate with its scope, threshold, window and guarantees.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Commitment {
    /// Its name: unique, the `commitment` label.
    pub name: String,
    /// The committed data rate; above 0.
    pub committed_rate: BitRate,
    /// The share above which no guarantee is given.
    pub threshold: Ratio,
    /// Seconds in the window, 1 to [`MAX_WINDOW`].
    pub window: NonZeroU32,
    /// Which traffic is held against the threshold.
    pub direction: DirectionRule,
    /// Which of its octets.
    pub count: CountRule,
    /// Which octets of a packet count.
    pub layer: Layer,
    /// Which classes of voice count.
    pub classes: Classes,
    /// Which packets the commitment is about.
    pub scope: Scope,
    /// What is done about transit ASNs.
    pub transit: TransitRule,
    /// What is guaranteed below the threshold.
    pub guarantee: Guarantee,
    /// What is credited where it is not kept, from the largest share down.
    pub credit: Vec<CreditStep>,
}

/// What is done about the ASNs on the way to an origin.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum TransitRule {
    /// Those on the paths of an origin that is out of SLA are listed: the exclusion covers them,
    /// for its traffic.
    #[default]
    List,
    /// As well, each is held against the threshold itself, with all that goes through it. While it
    /// exceeds, no guarantee is judged by packets that cross it.
    Judge,
}

impl TransitRule {
    /// Every rule, in the order of the enum.
    pub const ALL: [Self; 2] = [Self::List, Self::Judge];

    /// The value in the configuration and in the ledger.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Judge => "judge",
        }
    }
}

/// Whether unconfirmed traffic is held against the threshold (MODEL §6.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum CountRule {
    /// All voice is: the words of the clause.
    #[default]
    All,
    /// Only what is confirmed.
    Confirmed,
    /// The guarantee is void if what is confirmed exceeds; if only all of it does, nobody can say.
    Both,
}

impl CountRule {
    /// Every rule, in the order of the enum.
    pub const ALL: [Self; 3] = [Self::All, Self::Confirmed, Self::Both];

    /// The value in JSON, in the configuration and in the ledger.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Confirmed => "confirmed",
            Self::Both => "both",
        }
    }
}

/// Which traffic is held against the threshold.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum DirectionRule {
    /// From and to are judged apart; out of SLA is the union.
    #[default]
    Either,
    /// Only what comes from the ASN.
    From,
    /// Only what goes to the ASN.
    To,
    /// Both together; a packet counts once even when both its ends are in the ASN.
    Sum,
}

impl DirectionRule {
    /// Every rule, in the order of the enum.
    pub const ALL: [Self; 4] = [Self::Either, Self::From, Self::To, Self::Sum];

    /// The value in metrics and JSON, and in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Either => "either",
            Self::From => "from",
            Self::To => "to",
            Self::Sum => "sum",
        }
    }
}

/// The clause with its defaults: 100 Mbps, 10 %, 60 s, 0.5 % loss, 150 ms at the 95th percentile.
#[cfg(test)]
pub(crate) fn example(name: &str) -> Commitment {
    use crate::sla::measure::{latency::LatencyGuarantee, loss::LossGuarantee};
    use std::time::Duration;
    Commitment {
        name: name.into(),
        committed_rate: BitRate(100_000_000),
        threshold: Ratio::from_ppm(100_000),
        window: NonZeroU32::new(60).unwrap(),
        direction: DirectionRule::Either,
        count: CountRule::All,
        layer: Layer::Ip,
        classes: Classes::ALL,
        scope: Scope::default(),
        transit: TransitRule::List,
        guarantee: Guarantee {
            loss: Some(LossGuarantee::new(Ratio::from_ppm(5_000))),
            latency: Some(LatencyGuarantee::new(Duration::from_millis(150))),
            ..Guarantee::default()
        },
        credit: Vec::new(),
    }
}
