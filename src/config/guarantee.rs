//! `commitment.guarantee`: the guarantees of a contract, one function for each measure.

use super::check::{Check, one_of};
use super::error::ConfigError;
use super::{file, values};
use crate::sla::measure::jitter::JitterGuarantee;
use crate::sla::measure::latency::LatencyGuarantee;
use crate::sla::measure::loss::{LossDirection, LossGuarantee};
use crate::sla::measure::{Guarantee, Measure};
use crate::stream::rtt::method::{RttMethod, RttMethods};
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;

/// The largest latency that can be guaranteed: beyond it nobody calls it a conversation.
const MAX_LATENCY: Duration = Duration::from_secs(10);

/// The largest jitter that can be guaranteed: no receiver's buffer is that long, and the meter tells
/// jitter apart up to here and further.
const MAX_JITTER: Duration = Duration::from_secs(1);

/// The largest `min_samples`.
const MAX_SAMPLES: i64 = 1_000_000_000;

impl Check<'_> {
    /// What is guaranteed; what only says more of a guarantee that is not given is refused.
    pub(super) fn guarantee(
        &self,
        written: &file::GuaranteeSection,
    ) -> Result<Guarantee, ConfigError> {
        let guarantee = Guarantee {
            loss: self.loss(written)?,
            latency: self.latency(written)?,
            jitter: self.jitter(written)?,
        };
        for (key, measure, span) in details(written) {
            if let (Some(span), None) = (span, guarantee.get(measure)) {
                let reason = format!("says nothing without guarantee.{}", measure.as_str());
                let key = format!("commitment.guarantee.{key}");
                return Err(self.text.wrong(&key, span, &reason));
            }
        }
        Ok(guarantee)
    }

    fn loss(&self, written: &file::GuaranteeSection) -> Result<Option<LossGuarantee>, ConfigError> {
        let (key, limit) = ("commitment.guarantee.loss", written.loss.as_ref());
        let read = |text: &String| values::percentage(text).map(LossGuarantee::new).map(Some);
        let Some(with_defaults) = self.value(key, limit, None, read)? else {
            return Ok(None);
        };
        let (direction, packets) = (
            written.loss_direction.as_ref(),
            written.min_samples.packets.as_ref(),
        );
        Ok(Some(LossGuarantee {
            direction: self.value(
                "commitment.guarantee.loss_direction",
                direction,
                with_defaults.direction,
                |word| one_of(word, &LossDirection::ALL.map(|one| (one.as_str(), one))),
            )?,
            min_packets: self.least("packets", packets, with_defaults.min_packets)?,
            ..with_defaults
        }))
    }

    fn latency(
        &self,
        written: &file::GuaranteeSection,
    ) -> Result<Option<LatencyGuarantee>, ConfigError> {
        let (key, limit) = ("commitment.guarantee.latency", written.latency.as_ref());
        let read = |text: &String| {
            limit_of(text, MAX_LATENCY)
                .map(LatencyGuarantee::new)
                .map(Some)
        };
        let Some(with_defaults) = self.value(key, limit, None, read)? else {
            return Ok(None);
        };
        let methods = written.latency_methods.as_ref();
        let methods = self.set("commitment.guarantee.latency_methods", methods, |word| {
            one_of(
                word,
                &RttMethod::ALL.map(|method| (method.as_str(), method)),
            )
        })?;
        let (percentile, least) = (
            written.latency_percentile.as_ref(),
            written.min_samples.round_trips.as_ref(),
        );
        Ok(Some(LatencyGuarantee {
            percentile: self.percentile("latency", percentile, with_defaults.percentile)?,
            methods: methods.map_or(with_defaults.methods, |methods| {
                methods.into_iter().fold(RttMethods::NONE, RttMethods::with)
            }),
            min_round_trips: self.least("round_trips", least, with_defaults.min_round_trips)?,
            ..with_defaults
        }))
    }

    fn jitter(
        &self,
        written: &file::GuaranteeSection,
    ) -> Result<Option<JitterGuarantee>, ConfigError> {
        let (key, limit) = ("commitment.guarantee.jitter", written.jitter.as_ref());
        let read = |text: &String| {
            limit_of(text, MAX_JITTER)
                .map(JitterGuarantee::new)
                .map(Some)
        };
        let Some(with_defaults) = self.value(key, limit, None, read)? else {
            return Ok(None);
        };
        let (percentile, least) = (
            written.jitter_percentile.as_ref(),
            written.min_samples.stream_seconds.as_ref(),
        );
        Ok(Some(JitterGuarantee {
            percentile: self.percentile("jitter", percentile, with_defaults.percentile)?,
            min_stream_seconds: self.least(
                "stream_seconds",
                least,
                with_defaults.min_stream_seconds,
            )?,
            ..with_defaults
        }))
    }

    fn percentile(
        &self,
        measure: &str,
        written: Option<&Spanned<i64>>,
        default: u8,
    ) -> Result<u8, ConfigError> {
        let key = format!("commitment.guarantee.{measure}_percentile");
        self.value(&key, written, default, |percentile| {
            values::whole(*percentile, 1, 100)
        })
    }

    fn least(
        &self,
        samples: &str,
        written: Option<&Spanned<i64>>,
        default: u64,
    ) -> Result<u64, ConfigError> {
        let key = format!("commitment.guarantee.min_samples.{samples}");
        self.value(&key, written, default, |least| {
            values::whole(*least, 1, MAX_SAMPLES)
        })
    }
}

/// A limit in time, above 0.
fn limit_of(text: &str, most: Duration) -> Result<Duration, String> {
    values::duration(text, Duration::from_nanos(1), most)
}

/// What only says more of the guarantee of a measure: key, measure, and where it is written.
fn details(written: &file::GuaranteeSection) -> [(&'static str, Measure, Option<Range<usize>>); 7] {
    fn at<T>(written: Option<&Spanned<T>>) -> Option<Range<usize>> {
        written.map(Spanned::span)
    }
    let (samples, loss, latency) = (&written.min_samples, Measure::Loss, Measure::Latency);
    [
        ("loss_direction", loss, at(written.loss_direction.as_ref())),
        ("min_samples.packets", loss, at(samples.packets.as_ref())),
        (
            "latency_percentile",
            latency,
            at(written.latency_percentile.as_ref()),
        ),
        (
            "latency_methods",
            latency,
            at(written.latency_methods.as_ref()),
        ),
        (
            "min_samples.round_trips",
            latency,
            at(samples.round_trips.as_ref()),
        ),
        (
            "jitter_percentile",
            Measure::Jitter,
            at(written.jitter_percentile.as_ref()),
        ),
        (
            "min_samples.stream_seconds",
            Measure::Jitter,
            at(samples.stream_seconds.as_ref()),
        ),
    ]
}
