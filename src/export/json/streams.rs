//! The document of `/api/v1/streams`: the worst streams of an ASN. Addresses are personal data in some
//! countries: `export.streams = false` turns it off.

use super::shapes::StreamJson;
use crate::asn::Origin;
use crate::export::questions::StreamsQuestion;
use crate::snapshot::WorstStream;
use serde::Serialize;

#[derive(Serialize)]
struct WorstJson<'a> {
    asn: u32,
    by: &'static str,
    streams: Vec<WorstRow<'a>>,
}

#[derive(Serialize)]
struct WorstRow<'a> {
    /// `from` the ASN or `to` it.
    direction: &'static str,
    #[serde(flatten)]
    stream: StreamJson<'a>,
    jitter_ms: Option<f64>,
    /// No stream goes the opposite way; null where another worker may have it.
    one_way: Option<bool>,
}

/// The document, as one line.
///
/// # Errors
/// What the serialiser refuses; no stream is known to make it.
pub fn worst_streams(
    question: &StreamsQuestion,
    streams: &[WorstStream],
) -> Result<String, serde_json::Error> {
    serde_json::to_string(&WorstJson {
        asn: question.asn.0,
        by: question.by.as_str(),
        streams: streams.iter().map(|one| row(question, one)).collect(),
    })
}

fn row<'a>(question: &StreamsQuestion, one: &'a WorstStream) -> WorstRow<'a> {
    let is_from = one.row.src_asn == Origin::As(question.asn);
    WorstRow {
        direction: if is_from { "from" } else { "to" },
        stream: StreamJson::of(&one.row),
        jitter_ms: one.jitter_nanos.map(super::shapes::jitter_ms),
        one_way: one.is_one_way,
    }
}
