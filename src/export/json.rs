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

/// What a replay prints.
#[derive(Serialize)]
struct Replay<'a> {
    capture: CaptureJson,
    voice: TotalsJson,
    discarded: Discarded<'a>,
    streams: Vec<StreamJson<'a>>,
    asns: Vec<AsnJson<'a>>,
    transit: Vec<TransitJson<'a>>,
    commitments: Vec<CommitmentJson<'a>>,
}

/// What `asnmeter fleet --once` prints.
#[derive(Serialize)]
struct Fleet<'a> {
    capture: CaptureJson,
    voice: TotalsJson,
    discarded: Discarded<'a>,
    asns: Vec<AsnJson<'a>>,
    transit: Vec<TransitJson<'a>>,
    commitments: Vec<CommitmentJson<'a>>,
}

/// What `/api/v1/asns` answers.
#[derive(Serialize)]
struct Live<'a> {
    judged: Option<String>,
    capture: CaptureJson,
    voice: TotalsJson,
    discarded: Discarded<'a>,
    asns: Vec<AsnJson<'a>>,
    transit: Vec<TransitJson<'a>>,
    commitments: Vec<CommitmentJson<'a>>,
    meter: MeterJson<'a>,
}

/// Writes a replay's document with a newline at its end. Streams are sorted by [`StreamRow::order`].
///
/// # Errors
/// What `out` fails with.
pub fn write_replay(
    mut out: impl std::io::Write,
    snapshot: &Snapshot,
    streams: &[StreamRow],
) -> std::io::Result<()> {
    let document = Replay {
        capture: CaptureJson::of(snapshot),
        voice: TotalsJson::of(snapshot.voice),
        discarded: Discarded(&snapshot.discards),
        streams: StreamRow::sorted(streams)
            .into_iter()
            .map(StreamJson::of)
            .collect(),
        asns: snapshot.asns.iter().map(AsnJson::of).collect(),
        transit: snapshot.transit.iter().map(TransitJson::of).collect(),
        commitments: snapshot
            .commitments
            .iter()
            .map(CommitmentJson::of)
            .collect(),
    };
    serde_json::to_writer(&mut out, &document)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Writes the document of a fleet: a replay's without streams.
///
/// # Errors
/// What `out` fails with.
pub fn write_fleet(mut out: impl std::io::Write, snapshot: &Snapshot) -> std::io::Result<()> {
    let commitments = snapshot.commitments.iter();
    let document = Fleet {
        capture: CaptureJson::of(snapshot),
        voice: TotalsJson::of(snapshot.voice),
        discarded: Discarded(&snapshot.discards),
        asns: snapshot.asns.iter().map(AsnJson::of).collect(),
        transit: snapshot.transit.iter().map(TransitJson::of).collect(),
        commitments: commitments.map(CommitmentJson::of).collect(),
    };
    serde_json::to_writer(&mut out, &document)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// The document of `/api/v1/asns`: a replay's without streams, with the judged second (RFC 3339 or
/// null) and the meter's own health.
///
/// # Errors
/// What the serialiser refuses; no snapshot is known to make it.
pub fn live(published: &Published) -> Result<String, serde_json::Error> {
    let snapshot = &*published.snapshot;
    serde_json::to_string(&Live {
        judged: snapshot.judged.map(|second| second.to_string()),
        capture: CaptureJson::of(snapshot),
        voice: TotalsJson::of(snapshot.voice),
        discarded: Discarded(&snapshot.discards),
        asns: snapshot.asns.iter().map(AsnJson::of).collect(),
        transit: snapshot.transit.iter().map(TransitJson::of).collect(),
        commitments: snapshot
            .commitments
            .iter()
            .map(CommitmentJson::of)
            .collect(),
        meter: MeterJson::of(published),
    })
}
