//! The contracts: `[[commitment]]` from what is written to what is judged.

use super::check::{Check, one_of, prefix};
use super::error::ConfigError;
use super::{file, values};
use crate::attribution::scopes::Scope;
use crate::sla::commitment::{Commitment, CountRule, DirectionRule, MAX_WINDOW, TransitRule};
use crate::sla::credit::{self, CreditStep};
use crate::sla::measure::Guarantee;
use crate::stream::tally::Layer;
use crate::units::{BitRate, Ratio};
use crate::voice::class::{Class, Classes};
use std::collections::HashSet;
use std::num::NonZeroU32;
use toml::Spanned;

/// Different scopes at most: each costs every packet a look.
const MAX_SCOPES: usize = 64;

/// Commitments at most.
const MAX_COMMITMENTS: usize = 1024;

/// What a commitment is where nothing is written. Name and rate have to be.
pub(super) fn default() -> Commitment {
    Commitment {
        name: String::new(),
        committed_rate: BitRate::default(),
        threshold: Ratio::from_ppm(100_000),
        window: NonZeroU32::MIN.saturating_add(59),
        direction: DirectionRule::default(),
        count: CountRule::default(),
        layer: Layer::default(),
        classes: Classes::ALL,
        scope: Scope::default(),
        transit: TransitRule::default(),
        guarantee: Guarantee::default(),
        credit: Vec::new(),
    }
}

/// Every commitment of a file; whether a source of it has AS paths.
pub(super) fn all(
    check: &Check<'_>,
    written: &[Spanned<file::CommitmentSection>],
    has_paths: bool,
) -> Result<Vec<Commitment>, ConfigError> {
    let mut commitments = Vec::new();
    let (mut names, mut scopes) = (HashSet::new(), HashSet::new());
    for one in written {
        let commitment = check.commitment(one, has_paths)?;
        if let Some(name) = &one.get_ref().name
            && !names.insert(commitment.name.clone())
        {
            let reason = "is the name of another commitment";
            return Err(check.text.wrong("commitment.name", name.span(), reason));
        }
        scopes.insert(commitment.scope.clone());
        let bounds = [
            (
                scopes.len() > MAX_SCOPES,
                format!("{MAX_SCOPES} different scopes"),
            ),
            (
                commitments.len() == MAX_COMMITMENTS,
                format!("{MAX_COMMITMENTS} commitments"),
            ),
        ];
        if let Some((_, bound)) = bounds.iter().find(|(over, _)| *over) {
            let reason = format!("is one more than {bound}");
            return Err(check.text.wrong("commitment", one.span(), &reason));
        }
        commitments.push(commitment);
    }
    Ok(commitments)
}

impl Check<'_> {
    fn commitment(
        &self,
        one: &Spanned<file::CommitmentSection>,
        has_paths: bool,
    ) -> Result<Commitment, ConfigError> {
        let (written, default) = (one.get_ref(), default());
        let missing = |key| self.text.missing(key, one.span());
        let name = written
            .name
            .as_ref()
            .ok_or_else(|| missing("commitment.name"))?;
        let rate = written.committed_rate.as_ref();
        let rate = rate
            .as_ref()
            .ok_or_else(|| missing("commitment.committed_rate"))?;
        let classes = self.set("commitment.classes", written.classes.as_ref(), |word| {
            one_of(word, &Class::ALL.map(|class| (class.as_str(), class)))
        })?;
        Ok(Commitment {
            name: self.read("commitment.name", name, |text| values::name(text))?,
            committed_rate: self
                .read("commitment.committed_rate", rate, |text| values::rate(text))?,
            threshold: self.value(
                "commitment.threshold",
                written.threshold.as_ref(),
                default.threshold,
                |text| values::ratio(text).and_then(above_zero),
            )?,
            window: self.value(
                "commitment.window",
                written.window.as_ref(),
                default.window,
                |text| window(text),
            )?,
            direction: self.value(
                "commitment.direction",
                written.direction.as_ref(),
                default.direction,
                |word| one_of(word, &DirectionRule::ALL.map(|rule| (rule.as_str(), rule))),
            )?,
            count: self.value(
                "commitment.count",
                written.count.as_ref(),
                default.count,
                |word| one_of(word, &CountRule::ALL.map(|rule| (rule.as_str(), rule))),
            )?,
            layer: self.value(
                "commitment.layer",
                written.layer.as_ref(),
                default.layer,
                |word| one_of(word, &LAYERS),
            )?,
            classes: classes.map_or(default.classes, |classes| {
                classes.into_iter().fold(Classes::NONE, Classes::with)
            }),
            scope: self.scope(&written.scope, default.scope)?,
            transit: self.transit(written, default.transit, has_paths)?,
            guarantee: self.guarantee(&written.guarantee)?,
            credit: self.credit(written.credit.as_ref())?,
        })
    }

    fn credit(
        &self,
        written: Option<&Spanned<Vec<Spanned<file::CreditSection>>>>,
    ) -> Result<Vec<CreditStep>, ConfigError> {
        let list = written.map_or(&[][..], |written| written.get_ref().as_slice());
        let mut steps = Vec::new();
        for one in list {
            let ratio = |key, written: &Option<Spanned<String>>| {
                let written = written.as_ref();
                let written = written.ok_or_else(|| self.text.missing(key, one.span()))?;
                self.read(key, written, |text| {
                    values::percentage(text).and_then(above_zero)
                })
            };
            steps.push(CreditStep {
                below: ratio("commitment.credit.below", &one.get_ref().below)?,
                credit: ratio("commitment.credit.credit", &one.get_ref().credit)?,
            });
        }
        credit::check(&steps).map_err(|(place, reason)| {
            let span = list.get(place).map_or(0..0, Spanned::span);
            self.text.wrong("commitment.credit", span, &reason)
        })?;
        Ok(steps)
    }

    /// A list that is not written, or has something in it.
    pub(super) fn set<T: Clone + Eq + std::hash::Hash>(
        &self,
        key: &str,
        written: Option<&Spanned<Vec<Spanned<String>>>>,
        read: impl Fn(&String) -> Result<T, String>,
    ) -> Result<Option<Vec<T>>, ConfigError> {
        let list = self.list(key, written, Vec::new(), read)?;
        match written {
            Some(written) if list.is_empty() => {
                Err(self.text.wrong(key, written.span(), "is empty"))
            }
            Some(_) => Ok(Some(list)),
            None => Ok(None),
        }
    }

    fn scope(&self, written: &file::ScopeSection, default: Scope) -> Result<Scope, ConfigError> {
        let (prefixes, interfaces) = (written.local_prefixes.as_ref(), written.interfaces.as_ref());
        Ok(Scope {
            local_prefixes: self.list(
                "commitment.scope.local_prefixes",
                prefixes,
                default.local_prefixes,
                prefix,
            )?,
            interfaces: self.list(
                "commitment.scope.interfaces",
                interfaces,
                default.interfaces,
                |text| values::name(text),
            )?,
            // 0 and 4095 are reserved (IEEE 802.1Q table 9-2)
            vlans: self.list(
                "commitment.scope.vlans",
                written.vlans.as_ref(),
                default.vlans,
                |id| values::whole(*id, 1, 4094),
            )?,
        })
    }

    fn transit(
        &self,
        written: &file::CommitmentSection,
        default: TransitRule,
        has_paths: bool,
    ) -> Result<TransitRule, ConfigError> {
        let (key, transit) = ("commitment.transit", written.transit.as_ref());
        self.value(key, transit, default, |word| {
            match one_of(word, &TRANSIT_RULES)? {
                TransitRule::Judge if !has_paths => {
                    Err("needs a source with AS paths (mrt or bmp) in asn.sources".into())
                }
                rule => Ok(rule),
            }
        })
    }
}

const LAYERS: [(&str, Layer); 3] = [
    ("ip", Layer::Ip),
    ("ethernet", Layer::Ethernet),
    ("wire", Layer::Wire),
];

const TRANSIT_RULES: [(&str, TransitRule); 2] =
    [("list", TransitRule::List), ("judge", TransitRule::Judge)];

/// A threshold of nothing would make every packet too much.
fn above_zero(ratio: Ratio) -> Result<Ratio, String> {
    if ratio.ppm() == 0 {
        Err("has to be above 0".into())
    } else {
        Ok(ratio)
    }
}

/// A window in whole seconds.
fn window(text: &str) -> Result<NonZeroU32, String> {
    let seconds = values::seconds(text, 1, MAX_WINDOW)?.as_secs();
    u32::try_from(seconds)
        .ok()
        .and_then(NonZeroU32::new)
        .ok_or_else(|| "is too long".into())
}
