//! What contracts say, as a leaf has it: all values, in base units. It can be read back, so that the
//! same judge judges by it.

use crate::attribution::scopes::Scope;
use crate::sla::commitment::{Commitment, CountRule, DirectionRule, TransitRule};
use crate::sla::credit::{self, CreditStep};
use crate::sla::measure::Guarantee;
use crate::sla::measure::jitter::JitterGuarantee;
use crate::sla::measure::latency::LatencyGuarantee;
use crate::sla::measure::loss::{LossDirection, LossGuarantee};
use crate::sla::policy::USUAL_SILENCE_SHARE;
use crate::stream::USUAL_SILENCE_LIMIT;
use crate::stream::rtt::method::{RttMethod, RttMethods};
use crate::stream::tally::Layer;
use crate::units::{BitRate, Prefix, Ratio};
use crate::voice::class::{Class, Classes};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

/// One contract.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CommitmentTerms {
    /// Its name.
    pub name: String,
    /// The committed data rate in bit/s.
    pub committed_rate: u64,
    /// The threshold in millionths.
    pub threshold: u32,
    /// Seconds in the window.
    pub window: u32,
    /// `either`, `from`, `to`, `sum`.
    pub direction: String,
    /// `confirmed`, `both`; none: all is held against the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<String>,
    /// `ip`, `ethernet`, `wire`.
    pub layer: String,
    /// Of `rtp`, `rtcp`, `sip` those that count.
    pub classes: Vec<String>,
    /// Which packets it is about; a key without values: all.
    pub scope: ScopeTerms,
    /// `list`, `judge`.
    pub transit: String,
    /// What is guaranteed.
    pub guarantee: GuaranteedTerms,
    /// What is credited where it is not kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credit: Vec<CreditTerms>,
}

/// A step of the credit.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct CreditTerms {
    /// The share of kept seconds in millionths.
    pub below: u32,
    /// What is credited below it, in millionths.
    pub credit: u32,
}

/// The packets that a contract is about.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct ScopeTerms {
    /// One end lies in one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub local_prefixes: Vec<String>,
    /// Captured on one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<String>,
    /// With one of these tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vlans: Vec<u16>,
}

/// What is guaranteed; a measure that is not there is not.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct GuaranteedTerms {
    /// Packet loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<LossTerms>,
    /// Round trips.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyTerms>,
    /// Jitter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<JitterTerms>,
}

/// Guaranteed packet loss.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct LossTerms {
    /// The limit in millionths.
    pub limit: u32,
    /// `from`, `to`, `both`.
    pub direction: String,
    /// Fewer expected packets are too few.
    pub min_packets: u64,
}

/// Guaranteed latency.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct LatencyTerms {
    /// The limit in nanoseconds.
    pub limit: u64,
    /// So many per cent have to keep it.
    pub percentile: u8,
    /// Of `rtcp`, `stun`, `sip`, `tcp` those that count.
    pub methods: Vec<String>,
    /// Fewer round trips are too few.
    pub min_round_trips: u64,
}

/// Guaranteed jitter.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct JitterTerms {
    /// The limit in nanoseconds.
    pub limit: u64,
    /// So many per cent have to keep it.
    pub percentile: u8,
    /// Fewer stream-seconds are too few.
    pub min_stream_seconds: u64,
}

/// Settings that change what is counted.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct CountingTerms {
    /// Whether copies of a frame are taken out.
    pub deduplicate: bool,
    /// Ranges of UDP ports for RTP, both ends in it; empty: all.
    pub voice_ports: Vec<(u16, u16)>,
    /// Prefixes for voice; empty: all.
    pub voice_prefixes: Vec<String>,
    /// Where SIP is looked for.
    pub sip_ports: Vec<u16>,
    /// Streams at the same time.
    pub max_streams: u32,
    /// Seconds after which a stream without a packet ends.
    pub stream_timeout: u64,
    /// Our addresses.
    pub local_prefixes: Vec<String>,
    /// Our AS numbers.
    pub own: Vec<u32>,
    /// Seconds of a silence that may have been loss; none: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_limit: Option<u64>,
    /// The share of an ASN's streams that have to be silent before that is judged, in millionths; none: a
    /// tenth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_share: Option<u32>,
}

impl CountingTerms {
    /// The same with the limit and the share of silences in force.
    #[must_use]
    pub fn with_silence(self, limit: Duration, share: Ratio) -> Self {
        let limit = (limit != USUAL_SILENCE_LIMIT).then_some(limit.as_secs());
        Self {
            silence_limit: limit,
            ..self
        }
        .with_silence_share(share)
    }

    /// The same with the share in force.
    pub(in crate::ledger) fn with_silence_share(self, share: Ratio) -> Self {
        let share = (share != USUAL_SILENCE_SHARE).then_some(share.ppm());
        Self {
            silence_share: share,
            ..self
        }
    }

    /// The share of silences that was in force.
    pub fn silence_share(&self) -> Ratio {
        self.silence_share
            .map_or(USUAL_SILENCE_SHARE, Ratio::from_ppm)
    }

    /// Whether nothing is written that would be left out.
    pub(super) fn is_shortest(&self) -> bool {
        self.silence_limit != Some(USUAL_SILENCE_LIMIT.as_secs())
            && self.silence_share != Some(USUAL_SILENCE_SHARE.ppm())
    }

    /// Leaves that out.
    pub(super) fn shorten(&mut self) {
        self.silence_limit
            .take_if(|limit| *limit == USUAL_SILENCE_LIMIT.as_secs());
        self.silence_share
            .take_if(|share| *share == USUAL_SILENCE_SHARE.ppm());
    }
}

/// A word of a leaf that has no meaning. Holds key and word.
#[derive(thiserror::Error, Clone, PartialEq, Eq, Debug)]
#[error("{0}: {1:?} is not known")]
pub struct UnknownTerm(pub &'static str, pub String);

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The value that is written as this word.
fn word<T: Copy>(
    key: &'static str,
    word: &str,
    all: &[T],
    as_str: impl Fn(T) -> &'static str,
) -> Result<T, UnknownTerm> {
    let found = all.iter().copied().find(|value| as_str(*value) == word);
    found.ok_or_else(|| UnknownTerm(key, word.to_owned()))
}

impl From<&Commitment> for CommitmentTerms {
    fn from(of: &Commitment) -> Self {
        let classes = Class::ALL.into_iter();
        let classes = classes.filter(|class| of.classes.contains(*class));
        Self {
            name: of.name.clone(),
            committed_rate: of.committed_rate.0,
            threshold: of.threshold.ppm(),
            window: of.window.get(),
            direction: of.direction.as_str().into(),
            count: (of.count != CountRule::All).then(|| of.count.as_str().into()),
            layer: of.layer.as_str().into(),
            classes: classes.map(|class| class.as_str().into()).collect(),
            scope: ScopeTerms {
                local_prefixes: of
                    .scope
                    .local_prefixes
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                interfaces: of.scope.interfaces.clone(),
                vlans: of.scope.vlans.clone(),
            },
            transit: of.transit.as_str().into(),
            guarantee: (&of.guarantee).into(),
            credit: of
                .credit
                .iter()
                .map(|step| CreditTerms {
                    below: step.below.ppm(),
                    credit: step.credit.ppm(),
                })
                .collect(),
        }
    }
}

impl From<&Guarantee> for GuaranteedTerms {
    fn from(of: &Guarantee) -> Self {
        let methods = |of: RttMethods| {
            let all = RttMethod::ALL.into_iter();
            let counted = all.filter(|method| of.contains(*method));
            counted.map(|method| method.as_str().into()).collect()
        };
        Self {
            loss: of.loss.map(|loss| LossTerms {
                limit: loss.limit.ppm(),
                direction: loss.direction.as_str().into(),
                min_packets: loss.min_packets,
            }),
            latency: of.latency.map(|latency| LatencyTerms {
                limit: nanos(latency.limit),
                percentile: latency.percentile,
                methods: methods(latency.methods),
                min_round_trips: latency.min_round_trips,
            }),
            jitter: of.jitter.map(|jitter| JitterTerms {
                limit: nanos(jitter.limit),
                percentile: jitter.percentile,
                min_stream_seconds: jitter.min_stream_seconds,
            }),
        }
    }
}

impl CommitmentTerms {
    /// Whether nothing is written that would be left out.
    pub(super) fn is_shortest(&self) -> bool {
        self.count.as_deref() != Some(CountRule::All.as_str())
    }

    /// Leaves that out.
    pub(super) fn shorten(&mut self) {
        self.count.take_if(|count| count == CountRule::All.as_str());
    }

    /// The contract that the terms describe.
    ///
    /// # Errors
    /// [`UnknownTerm`], for a word or number that no contract has.
    pub fn commitment(&self) -> Result<Commitment, UnknownTerm> {
        let layers = [Layer::Ip, Layer::Ethernet, Layer::Wire];
        let mut classes = Classes::NONE;
        for name in &self.classes {
            classes = classes.with(word("classes", name, &Class::ALL, Class::as_str)?);
        }
        let window = NonZeroU32::new(self.window);
        Ok(Commitment {
            name: self.name.clone(),
            committed_rate: BitRate(self.committed_rate),
            threshold: Ratio::from_ppm(self.threshold),
            window: window.ok_or_else(|| UnknownTerm("window", "0".into()))?,
            direction: word(
                "direction",
                &self.direction,
                &DirectionRule::ALL,
                DirectionRule::as_str,
            )?,
            count: self.count.as_ref().map_or(Ok(CountRule::All), |count| {
                word("count", count, &CountRule::ALL, CountRule::as_str)
            })?,
            layer: word("layer", &self.layer, &layers, Layer::as_str)?,
            classes,
            scope: self.scope.scope()?,
            transit: word(
                "transit",
                &self.transit,
                &TransitRule::ALL,
                TransitRule::as_str,
            )?,
            guarantee: self.guarantee.guarantee()?,
            credit: self.credit()?,
        })
    }
}

impl CommitmentTerms {
    fn credit(&self) -> Result<Vec<CreditStep>, UnknownTerm> {
        let steps = self.credit.iter().map(|step| CreditStep {
            below: Ratio::from_ppm(step.below),
            credit: Ratio::from_ppm(step.credit),
        });
        let steps: Vec<_> = steps.collect();
        credit::check(&steps).map_err(|(_, reason)| UnknownTerm("credit", reason))?;
        Ok(steps)
    }
}

impl ScopeTerms {
    fn scope(&self) -> Result<Scope, UnknownTerm> {
        let prefix = |text: &String| {
            let unknown = || UnknownTerm("scope.local_prefixes", text.clone());
            prefix(text).ok_or_else(unknown)
        };
        let prefixes = self.local_prefixes.iter().map(prefix);
        Ok(Scope {
            local_prefixes: prefixes.collect::<Result<_, _>>()?,
            interfaces: self.interfaces.clone(),
            vlans: self.vlans.clone(),
        })
    }
}

/// A prefix as it is written: `192.0.2.0/24`.
fn prefix(text: &str) -> Option<Prefix> {
    let (address, length) = text.split_once('/')?;
    let (address, length): (IpAddr, u8) = (address.parse().ok()?, length.parse().ok()?);
    let most = if address.is_ipv4() { 32 } else { 128 };
    (length <= most).then(|| Prefix::new(address.into(), 128 - most + length))
}

impl GuaranteedTerms {
    fn guarantee(&self) -> Result<Guarantee, UnknownTerm> {
        let loss = self.loss.as_ref().map(|terms| {
            let all = &LossDirection::ALL;
            let direction = word(
                "loss.direction",
                &terms.direction,
                all,
                LossDirection::as_str,
            )?;
            Ok(LossGuarantee {
                limit: Ratio::from_ppm(terms.limit),
                direction,
                min_packets: terms.min_packets,
            })
        });
        let latency = self.latency.as_ref().map(|terms| {
            let mut methods = RttMethods::NONE;
            for name in &terms.methods {
                let method = word("latency.methods", name, &RttMethod::ALL, RttMethod::as_str)?;
                methods = methods.with(method);
            }
            Ok(LatencyGuarantee {
                limit: Duration::from_nanos(terms.limit),
                percentile: terms.percentile,
                methods,
                min_round_trips: terms.min_round_trips,
            })
        });
        let jitter = self.jitter.as_ref().map(|terms| JitterGuarantee {
            limit: Duration::from_nanos(terms.limit),
            percentile: terms.percentile,
            min_stream_seconds: terms.min_stream_seconds,
        });
        Ok(Guarantee {
            loss: loss.transpose()?,
            latency: latency.transpose()?,
            jitter,
        })
    }
}
