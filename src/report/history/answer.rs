//! An answer of the history: sums by steps, and the times out of SLA, as one line of JSON.

use super::request::{HistoryError, HistoryRequest};
use crate::report::minute_file::{AsnDay, PastInterval};
use crate::report::minutes::{DirectionSums, HistorySums, SECONDS_IN_MINUTE, SampleSums};
use crate::report::seconds::GivenSeconds;
use crate::sla::measure::Measure;
use crate::units::Second;
use serde::Serialize;
use std::collections::BTreeMap;

/// An answer that is being made.
pub(super) struct HistoryAnswer<'a> {
    request: &'a HistoryRequest,
    /// For each step the seconds that are known of it, and their sums.
    steps: Vec<(u64, HistorySums)>,
    intervals: Vec<PastInterval>,
}

impl<'a> HistoryAnswer<'a> {
    pub(super) fn new(request: &'a HistoryRequest) -> Self {
        let steps = (request.until.0 - request.from.0) / request.step;
        let steps = usize::try_from(steps).unwrap_or_default();
        Self {
            request,
            steps: vec![(0, HistorySums::default()); steps],
            intervals: Vec::new(),
        }
    }

    /// Adds what is known of a time.
    pub(super) fn add(&mut self, (first, end): (u64, u64), row: &AsnDay) {
        let HistoryRequest {
            from, until, step, ..
        } = self.request;
        for (number, (known, _)) in (0..).zip(&mut self.steps) {
            let begin = from.0 + number * step;
            *known += (begin + step).min(end).saturating_sub(begin.max(first));
        }
        for (minute, sums) in &row.minutes {
            let second = minute * SECONDS_IN_MINUTE;
            if second >= first.max(from.0)
                && second < end.min(until.0)
                && let Ok(place) = usize::try_from((second - from.0) / step)
                && let Some((_, step)) = self.steps.get_mut(place)
            {
                step.add(sums);
            }
        }
        let touches = |one: &&PastInterval| one.from < until.0 && one.until > from.0;
        self.intervals
            .extend(row.intervals.iter().filter(touches).cloned());
    }

    /// As one line; `known`: the first second of which anything is known, and the first of which nothing is.
    pub(super) fn written(
        self,
        guaranteed: [bool; Measure::COUNT],
        known: Option<(u64, u64)>,
    ) -> Result<String, HistoryError> {
        let json = serde_json::to_string(&self.json(guaranteed, known));
        json.map_err(|error| HistoryError::Request(error.to_string()))
    }

    fn json(
        self,
        guaranteed: [bool; Measure::COUNT],
        known: Option<(u64, u64)>,
    ) -> HistoryJson<'a> {
        let request = self.request;
        let steps = (0..).zip(self.steps).map(|(number, (known, sums))| {
            let measures = Measure::ALL.into_iter().zip(sums.given).zip(guaranteed);
            let given = measures.filter(|(_, is_guaranteed)| *is_guaranteed && known > 0);
            let given = given.map(
                |((measure, [met_s, missed_s, void_s, indeterminate_s]), _)| {
                    let all = met_s + missed_s + void_s + indeterminate_s;
                    let given = GivenSeconds {
                        met_s,
                        missed_s,
                        void_s,
                        indeterminate_s,
                        silent_s: known.saturating_sub(all),
                    };
                    (measure.as_str(), given)
                },
            );
            StepJson {
                start: Second(request.from.0 + number * request.step).to_string(),
                known_s: known,
                peak_thousandths: (known > 0).then_some(sums.peak),
                out_of_sla_s: sums.out_of_sla_s,
                from: sums.from,
                to: sums.to,
                latency: sums.latency,
                jitter: sums.jitter,
                given: given.collect(),
            }
        });
        let intervals = self.intervals.into_iter();
        HistoryJson {
            commitment: &request.commitment,
            asn: request.asn,
            from: request.from.to_string(),
            until: request.until.to_string(),
            step_s: request.step,
            known_from: known.map(|(from, _)| Second(from).to_string()),
            complete_until: known.map(|(_, until)| Second(until).to_string()),
            steps: steps.collect(),
            intervals: intervals.map(IntervalJson::from).collect(),
        }
    }
}

#[derive(Serialize)]
struct HistoryJson<'a> {
    commitment: &'a str,
    asn: u32,
    from: String,
    until: String,
    step_s: u64,
    known_from: Option<String>,
    complete_until: Option<String>,
    steps: Vec<StepJson>,
    intervals: Vec<IntervalJson>,
}

#[derive(Serialize)]
struct StepJson {
    start: String,
    known_s: u64,
    peak_thousandths: Option<u64>,
    out_of_sla_s: u64,
    from: DirectionSums,
    to: DirectionSums,
    latency: SampleSums,
    jitter: SampleSums,
    given: BTreeMap<&'static str, GivenSeconds>,
}

#[derive(Serialize)]
struct IntervalJson {
    direction: String,
    from: String,
    until: String,
    open: bool,
    peak_share: f64,
    committed_bps: u64,
    threshold: f64,
    window_s: u32,
}

impl From<PastInterval> for IntervalJson {
    fn from(one: PastInterval) -> Self {
        Self {
            direction: one.direction,
            from: Second(one.from).to_string(),
            until: Second(one.until).to_string(),
            open: false,
            peak_share: one.peak_share,
            committed_bps: one.committed_bps,
            threshold: one.threshold,
            window_s: one.window_s,
        }
    }
}
