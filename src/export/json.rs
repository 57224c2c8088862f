//! The JSON document of `asnmeter replay --format json` and of `/api/v1/asns`: one shape, a stable
//! interface. Additions are free, renames break it.
//!
//! Borrowed views over a snapshot, made for one output and dropped. Numbers are integers as
//! counted; only shares and milliseconds are divided, here and once. Times are RFC 3339 in UTC.

mod calls;
mod commitments;
pub mod page;
mod shapes;
pub mod streams;
mod voip_metrics;

use crate::export::Published;
use crate::snapshot::{Snapshot, StreamRow};
use commitments::CommitmentJson;
use serde::Serialize;
use shapes::{AsnJson, CaptureJson, Discarded, MeterJson, StreamJson, TotalsJson, TransitJson};

/// The keys of all documents; a document leaves out what it does not have.
#[derive(Serialize)]
struct Document<'a> {
    /// The judged second, or null; only of a meter that goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    judged: Option<serde_json::Value>,
    capture: CaptureJson,
    voice: TotalsJson,
    discarded: Discarded<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    streams: Option<Vec<StreamJson<'a>>>,
    asns: Vec<AsnJson<'a>>,
    transit: Vec<TransitJson<'a>>,
    commitments: Vec<CommitmentJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meter: Option<MeterJson<'a>>,
}

impl<'a> Document<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        let commitments = snapshot.commitments.iter();
        Self {
            judged: None,
            capture: CaptureJson::of(snapshot),
            voice: TotalsJson::of(snapshot.voice),
            discarded: Discarded(&snapshot.discards),
            streams: None,
            asns: snapshot.asns.iter().map(AsnJson::of).collect(),
            transit: snapshot.transit.iter().map(TransitJson::of).collect(),
            commitments: commitments.map(CommitmentJson::of).collect(),
            meter: None,
        }
    }

    fn write(&self, mut out: impl std::io::Write) -> std::io::Result<()> {
        serde_json::to_writer(&mut out, self)?;
        out.write_all(b"\n")?;
        out.flush()
    }
}

/// Writes a replay's document with a newline at its end. Streams are sorted by [`StreamRow::order`].
///
/// # Errors
/// What `out` fails with.
pub fn write_replay(
    out: impl std::io::Write,
    snapshot: &Snapshot,
    streams: &[StreamRow],
) -> std::io::Result<()> {
    let streams = StreamRow::sorted(streams).into_iter();
    let document = Document {
        streams: Some(streams.map(StreamJson::of).collect()),
        ..Document::of(snapshot)
    };
    document.write(out)
}

/// Writes the document of a fleet: a replay's without streams.
///
/// # Errors
/// What `out` fails with.
pub fn write_fleet(out: impl std::io::Write, snapshot: &Snapshot) -> std::io::Result<()> {
    Document::of(snapshot).write(out)
}

/// The document of `/api/v1/asns`: a replay's without streams, with the judged second (RFC 3339 or
/// null) and the meter's own health.
///
/// # Errors
/// What the serialiser refuses; no snapshot is known to make it.
pub fn live(published: &Published) -> Result<String, serde_json::Error> {
    let snapshot = &*published.snapshot;
    serde_json::to_string(&Document {
        judged: Some(snapshot.judged.map(|second| second.to_string()).into()),
        meter: Some(MeterJson::of(published)),
        ..Document::of(snapshot)
    })
}
