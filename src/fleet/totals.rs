//! The totals of a replay's probe, on which no verdict rests: frames, classes, discards, round trips.
//! One line of JSON for each ASN; their hash stands in the probe's last head.
//!
//! A fleet's document has the sums, so that it is that of one meter which reads all captures.

mod lines;

use crate::asn::Origin;
use crate::discard::Discard;
use crate::judge::Judge;
use crate::judge::totals::AsnTotals;
use crate::ledger::tree::Hash;
use crate::snapshot::{Count, Label, Snapshot, TransitRow};
use crate::stream::reports::voip_counts::VoipCounts;
use crate::units::{Asn, Timestamp};
use lines::{AsnLine, CallsLine, CaptureLine, SamplesLine, loss_counts, losses, number};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a judge has counted, as lines.
pub fn lines(judge: &Judge) -> Vec<String> {
    let snapshot = judge.snapshot();
    let capture = &snapshot.capture;
    let first = CaptureLine {
        frames: capture.frames,
        bytes: capture.bytes,
        first: capture.first.map(Timestamp::as_nanos),
        last: capture.last.map(Timestamp::as_nanos),
        voice: [snapshot.voice.packets, snapshot.voice.bytes],
        mirror_copies: snapshot.mirror_copies,
        merged_packets: snapshot.merged_packets,
        unsplit_frames: snapshot.unsplit_frames,
        discards: snapshot.discards.iter().map(|(_, frames)| frames).collect(),
    };
    let names: BTreeMap<_, _> = snapshot
        .asns
        .iter()
        .map(|row| (row.label, &row.name))
        .collect();
    let name = |label: Label| names.get(&label)?.as_deref().map(str::to_owned);
    let mut origins: Vec<_> = judge.totals().each().collect();
    origins.sort_by_key(|(origin, _)| *origin);
    let origins = origins.into_iter().map(|(origin, totals)| AsnLine {
        asn: number(origin),
        name: name(Label::Origin(origin)),
        transit: None,
        directions: vec![(&totals.from).into(), (&totals.to).into()],
        reported: losses(totals.reported),
        received: losses(totals.received),
        calls: totals.calls.iter().map(CallsLine::from).collect(),
        voip_metrics: totals
            .voip_metrics
            .iter()
            .flat_map(|voip_metrics| voip_metrics.iter().map(VoipCounts::numbers))
            .collect(),
        round_trips: totals
            .round_trips
            .iter()
            .map(|samples| samples.as_ref().map(|samples| (&samples.samples()).into()))
            .collect(),
    });
    let transit = snapshot.transit.iter().filter_map(|row| {
        let Label::Origin(origin) = row.label else {
            return None;
        };
        let counts = [row.from, row.to].map(|count| [count.packets, count.bytes]);
        Some(AsnLine {
            asn: number(origin),
            name: row.name.as_deref().map(str::to_owned),
            transit: Some(counts),
            directions: Vec::new(),
            reported: [0; 3],
            received: [0; 3],
            calls: Vec::new(),
            voip_metrics: Vec::new(),
            round_trips: Vec::new(),
        })
    });
    // strings and integers: nothing in them can fail
    let line = |one: AsnLine| serde_json::to_string(&one).unwrap_or_default();
    let first = serde_json::to_string(&first).unwrap_or_default();
    std::iter::once(first)
        .chain(origins.chain(transit).map(line))
        .collect()
}

/// The hash of lines, each with its newline.
pub fn hash(lines: &[String]) -> Hash {
    Hash::of((lines.join("\n") + "\n").as_bytes())
}

/// The sums over probes.
#[derive(Debug, Default)]
pub struct FleetTotals {
    capture: Snapshot,
    origins: BTreeMap<Origin, (Option<Arc<str>>, AsnTotals)>,
    transit: BTreeMap<Asn, (Option<Arc<str>>, [Count; 2])>,
}

impl FleetTotals {
    /// Adds the lines of a probe; false where they are none. Nothing of them is added then.
    pub fn add(&mut self, lines: &[String]) -> bool {
        let Some((first, rest)) = lines.split_first() else {
            return false;
        };
        let first: Result<CaptureLine, _> = serde_json::from_str(first);
        let rest: Result<Vec<AsnLine>, _> =
            rest.iter().map(|line| serde_json::from_str(line)).collect();
        let (Ok(first), Ok(rest)) = (first, rest) else {
            return false;
        };
        if !(first.is_possible() && rest.iter().all(AsnLine::is_possible)) {
            return false;
        }
        self.add_capture(&first);
        for line in &rest {
            self.add_asn(line);
        }
        true
    }

    fn add_capture(&mut self, line: &CaptureLine) {
        let sum = &mut self.capture;
        sum.capture.frames += line.frames;
        sum.capture.bytes += line.bytes;
        let first = line.first.map(Timestamp::from_nanos);
        sum.capture.first = match (sum.capture.first, first) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        sum.capture.last = sum.capture.last.max(line.last.map(Timestamp::from_nanos));
        let [packets, bytes] = line.voice;
        sum.voice.add(Count { packets, bytes });
        sum.mirror_copies += line.mirror_copies;
        sum.merged_packets += line.merged_packets;
        sum.unsplit_frames += line.unsplit_frames;
        for (reason, frames) in Discard::ALL.into_iter().zip(&line.discards) {
            sum.discards.add(reason, *frames);
        }
    }

    fn add_asn(&mut self, line: &AsnLine) {
        let name = || line.name.as_deref().map(Arc::from);
        let origin = line.asn.map_or(Origin::Local, |asn| Origin::As(Asn(asn)));
        if let (Some(counts), Origin::As(asn)) = (&line.transit, origin) {
            let (known, sums) = self.transit.entry(asn).or_default();
            *known = known.take().or_else(name);
            for (sum, [packets, bytes]) in sums.iter_mut().zip(counts) {
                sum.add(Count {
                    packets: *packets,
                    bytes: *bytes,
                });
            }
            return;
        }
        let (known, sum) = self.origins.entry(origin).or_default();
        *known = known.take().or_else(name);
        for (sum, more) in [&mut sum.from, &mut sum.to]
            .into_iter()
            .zip(&line.directions)
        {
            more.add_to(sum);
        }
        sum.reported.add(loss_counts(line.reported));
        sum.received.add(loss_counts(line.received));
        for (sum, more) in sum.calls.iter_mut().zip(&line.calls) {
            more.add_to(sum);
        }
        for (place, numbers) in line.voip_metrics.iter().enumerate() {
            if let Some(sum) = sum.voip_metrics.get_or_insert_default().get_mut(place) {
                sum.add(&VoipCounts::from_numbers(numbers));
            }
        }
        for (sum, more) in sum.round_trips.iter_mut().zip(&line.round_trips) {
            if let Some(more) = more.as_ref().and_then(SamplesLine::samples) {
                sum.get_or_insert_default().add(&more);
            }
        }
    }

    /// Puts the sums into what is shown; names of ASNs too, where there are none.
    pub fn complete(self, snapshot: &mut Snapshot) {
        let named = |asn: Asn| {
            let (name, _) = self.origins.get(&Origin::As(asn))?;
            name.clone()
        };
        for commitment in &mut snapshot.commitments {
            for row in &mut commitment.asns {
                row.name = row.name.take().or_else(|| named(row.asn));
            }
            for row in &mut commitment.transit {
                let (name, _) = self.transit.get(&row.asn).cloned().unwrap_or_default();
                row.name = row.name.take().or(name);
            }
        }
        let origins = self.origins.iter();
        let rows =
            origins.map(|(origin, (name, sum))| sum.row(Label::Origin(*origin), name.clone()));
        snapshot.asns = rows.collect();
        snapshot.asns.sort_by_key(|row| row.label);
        let transit = self.transit.into_iter();
        let rows = transit.map(|(asn, (name, [from, to]))| TransitRow {
            label: Label::Origin(Origin::As(asn)),
            name,
            from,
            to,
        });
        snapshot.transit = rows.collect();
        let sum = self.capture;
        snapshot.capture = sum.capture;
        snapshot.voice = sum.voice;
        snapshot.discards = sum.discards;
        snapshot.mirror_copies = sum.mirror_copies;
        snapshot.merged_packets = sum.merged_packets;
        snapshot.unsplit_frames = sum.unsplit_frames;
    }
}
