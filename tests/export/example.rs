//! A made-up published state with everything in it that can be shown; used by the bench as well.
#![allow(dead_code, reason = "each user needs a part of it")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "made-up numbers, all small and above 0"
)]

use asnmeter::asn::{Origin, bmp};
use asnmeter::discard::Discard;
use asnmeter::export::{DaemonState, EvidenceStatus, Published, SourceRow};
use asnmeter::sla::commitment::{CountRule, DirectionRule, TransitRule};
use asnmeter::sla::direction::{Direction, Directions};
use asnmeter::sla::limit::Limit;
use asnmeter::sla::measure::jitter::JitterGuarantee;
use asnmeter::sla::measure::latency::LatencyGuarantee;
use asnmeter::sla::measure::loss::LossGuarantee;
use asnmeter::sla::measure::{Guarantee, Measure, PerMeasure};
use asnmeter::sla::{IndeterminateReason, Verdict};
use asnmeter::snapshot::evidence::{AsnCounts, SampleCounts};
use asnmeter::snapshot::fleet::{FleetProbeRow, ProbeStatus};
use asnmeter::snapshot::{
    AsnRow, CallTotals, CaptureTotals, CommitmentAsnRow, CommitmentRow, Count, DirectionTotals,
    Distribution, ExcessIntervalRow, GuaranteeRow, InterfaceRow, Label, Minute, Outage, SilenceRow,
    Snapshot, StreamKind, StreamRow, TransitRow,
};
use asnmeter::stream::reports::voip_counts::VoipCounts;
use asnmeter::stream::tally::{Layer, LossCounts, ShownLoss};
use asnmeter::units::{Address, Asn, BitRate, Endpoint, Ratio, Second, Timestamp};
use asnmeter::voice::signalling::{CallCounts, CallOutcome};
use asnmeter::wire::rtcp::VoipMetrics;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// 2026-01-01 00:10:00 UTC.
pub(crate) const JUDGED: Second = Second(1_767_226_200);

/// A name that would run, if anything let it.
pub(crate) const HOSTILE: &str = "<script>alert(\"1\")</script>\n\u{1b}[31m\\ & Co";

fn distribution(count: u64, p50_ms: f64) -> Distribution {
    let half = count / 2;
    let mut buckets = vec![0; 8];
    buckets.extend([half, half, count, count, count, count]);
    Distribution {
        count,
        sum_seconds: count as f64 * p50_ms / 1e3,
        buckets,
        p50_ms,
        p95_ms: p50_ms * 1.5,
        max_ms: p50_ms * 2.0 + 0.12345,
    }
}

fn direction(packets: u64, lost: u64) -> DirectionTotals {
    let count = |packets, octets| Count {
        packets,
        bytes: packets * octets,
    };
    let mut totals = DirectionTotals {
        classes: [
            count(packets, 200),
            count(packets / 250, 92),
            count(packets / 3000, 640),
        ],
        loss: LossCounts {
            expected: (packets + lost).cast_signed(),
            lost: lost.cast_signed(),
            maybe_lost: (lost / 5).cast_signed(),
        },
        duplicates: packets / 10_000,
        reordered: packets / 5000,
        late: packets / 20_000,
        unfollowed: 0,
        excused: [lost / 7, 0, lost / 5, 0, 0, 0, 0, 0, 0, 0].map(u64::cast_signed),
        ..DirectionTotals::default()
    };
    totals.raise();
    totals
}

fn asn_row(label: Label, name: Option<&str>, packets: u64, lost: u64) -> AsnRow {
    let is_measured = packets > 0;
    AsnRow {
        label,
        name: name.map(Arc::from),
        from: direction(packets, lost),
        to: direction(packets + 17, 0),
        reported: LossCounts::certain(packets.cast_signed(), (lost / 2).cast_signed()),
        received: LossCounts::certain((packets / 2).cast_signed(), 0),
        calls: [calls(is_measured), CallTotals::default()],
        voip_metrics: is_measured.then(|| Box::new([VoipCounts::default(), heard()])),
        jitter: is_measured.then(|| distribution(600, 2.5)),
        round_trips: [
            is_measured.then(|| distribution(240, 96.0)),
            None,
            None,
            None,
        ],
        streams: packets / 30_000,
    }
}

/// What the far end says of two streams, one of them bad.
fn heard() -> VoipCounts {
    let good = VoipMetrics {
        ssrc: 7,
        loss_rate: 0,
        discard_rate: 1,
        round_trip_ms: Some(96),
        end_system_delay_ms: Some(60),
        mos_lq: Some(43),
        mos_cq: Some(41),
    };
    let bad = VoipMetrics {
        loss_rate: 26,
        round_trip_ms: None,
        mos_lq: Some(24),
        mos_cq: None,
        ..good
    };
    let mut heard = VoipCounts::of(&good);
    heard.add(&VoipCounts::of(&bad));
    heard
}

/// Calls of which one is established after 1.2 s, and one fails; one stream is one-way.
fn calls(is_any: bool) -> CallTotals {
    let mut totals = CallTotals::default();
    if is_any {
        let counts = &mut totals.counts;
        for code in [200, 503] {
            counts.add(&CallCounts::attempt());
            counts.add(&CallCounts::outcome(CallOutcome::of(code)));
        }
        counts.request_delay.record(Duration::from_millis(1_200));
        counts.session_duration.record(Duration::from_secs(90));
        (totals.one_way_streams, totals.one_way_seconds) = (1, 17);
    }
    totals
}

fn transit(label: Label, name: Option<&str>, packets: u64) -> TransitRow {
    let count = |packets| Count {
        packets,
        bytes: packets * 200,
    };
    TransitRow {
        label,
        name: name.map(Arc::from),
        from: count(packets),
        to: count(packets + 5),
    }
}

fn numbered(asn: u32) -> Label {
    Label::Origin(Origin::As(Asn(asn)))
}

/// A minute that had one verdict.
fn seconds_of(verdict: Verdict) -> [u8; 4] {
    let mut seconds = [0; 4];
    if let Some(seconds) = seconds.get_mut(verdict as usize) {
        *seconds = 60;
    }
    seconds
}

/// A value for loss and one for latency.
fn of_each<T: Default>(loss: T, latency: T) -> PerMeasure<T> {
    let mut values = PerMeasure::default();
    *values.get_mut(Measure::Loss) = loss;
    *values.get_mut(Measure::Latency) = latency;
    values
}

fn judged(asn: u32, name: Option<&str>, from: f64, to: f64, threshold: f64) -> CommitmentAsnRow {
    let over = from > threshold || to > threshold;
    let window = |share: &f64| (share * 12_500_000.0).round() as u64;
    // What is shown of a commitment on both together is `from`, and `to` is nothing.
    let sum = from + to;
    let share = Directions { from, to, sum };
    let peak_share = share.map(|share| share * 1.1);
    let verdict = if over { Verdict::Void } else { Verdict::Met };
    let mut row = CommitmentAsnRow {
        asn: Asn(asn),
        name: name.map(Arc::from),
        window_bytes: share.map(window),
        confirmed_window_bytes: share.map(|share| window(&(share * 0.98))),
        confirmed_share: share.map(|share| share * 0.98),
        unconfirmed_excess: asn == 1_136,
        unconfirmed_excess_seconds: 17 * u64::from(asn == 1_136),
        share,
        peak_share,
        out_of_sla: over,
        out_of_sla_seconds: if over { 43 } else { 0 },
        out_of_sla_intervals: Vec::from_iter(over.then(|| ExcessIntervalRow {
            direction: Direction::From,
            from: Second(JUDGED.0 - 42),
            last: JUDGED,
            open: true,
            peak_window_bytes: window(&peak_share.from),
            peak_share: peak_share.from,
            limit: Limit {
                committed_rate: BitRate(10_000_000),
                threshold: Ratio::from_ppm(100_000),
                window: NonZeroU32::new(10).unwrap(),
                layer: Layer::Ip,
            },
            transit: vec![Asn(174), Asn(1299)],
        })),
        transit: vec![Asn(174), Asn(1299), Asn(64_667)],
        covered: if over {
            vec![Asn(174), Asn(1299), Asn(64_667)]
        } else {
            Vec::new()
        },
        // Of those within the limit one has fallen silent.
        silence: SilenceRow {
            active: 40 * u64::from(asn == 1_136),
            silent: 38 * u64::from(asn == 1_136),
            open: 4_000 * u64::from(asn == 1_136),
            unjudged: 120,
            outage: (asn == 1_136).then_some(Outage {
                since: Second(JUDGED.0 - 12),
                streams: 38,
                active: 40,
            }),
        },
        guarantees: of_each(
            Some(GuaranteeRow {
                verdict: Some(verdict),
                void_by_transit: None,
                indeterminate_reason: None,
                seconds: [500, 3, if over { 43 } else { 0 }, 10],
                indeterminate: [10, 0, 0],
                settled: Some([512, 1, 0, 0]),
            }),
            Some(GuaranteeRow {
                verdict: Some(verdict),
                void_by_transit: None,
                indeterminate_reason: None,
                seconds: [510, 0, if over { 43 } else { 0 }, 3],
                indeterminate: [3, 0, 0],
                settled: Some([512, 1, 0, 0]),
            }),
        ),
        remaining: AsnCounts {
            sent: LossCounts::certain(4500, 9),
            reported: LossCounts::certain(4490, 1),
            round_trips: SampleCounts {
                samples: 45,
                over: 1,
                maybe_over: 0,
            },
            stream_seconds: SampleCounts {
                samples: 500,
                over: 3,
                maybe_over: 0,
            },
            ..AsnCounts::default()
        },
        last_hour: (50..60)
            .map(|minute| Minute {
                start: Second(JUDGED.0 - 60 * (59 - minute)),
                peak_thousandths: (from * 10_000.0).round() as u32,
                verdicts: of_each(seconds_of(verdict), seconds_of(Verdict::Met)),
            })
            .collect(),
    };
    *row.guarantees.get_mut(Measure::Jitter) = Some(GuaranteeRow {
        verdict: Some(verdict),
        void_by_transit: None,
        indeterminate_reason: None,
        seconds: [505, 2, if over { 43 } else { 0 }, 6],
        indeterminate: [6, 0, 0],
        settled: Some([512, 1, 0, 0]),
    });
    row
}

fn commitment(name: &str, direction: DirectionRule, asns: Vec<CommitmentAsnRow>) -> CommitmentRow {
    CommitmentRow {
        name: name.into(),
        committed_rate: BitRate(10_000_000),
        threshold: Ratio::from_ppm(100_000),
        window_seconds: 10,
        direction,
        count: CountRule::All,
        layer: Layer::Ip,
        guarantee: Guarantee {
            loss: Some(LossGuarantee::new(Ratio::from_ppm(5_000))),
            latency: Some(LatencyGuarantee::new(Duration::from_millis(150))),
            jitter: Some(JitterGuarantee::new(Duration::from_millis(30))),
        },
        since: None,
        asns,
        tap_gap_seconds: 7,
        transit_rule: TransitRule::List,
        settled_until: Some(Second(1_700_000_000)),
        transit: Vec::new(),
    }
}

/// ASNs in every state.
fn either() -> Vec<CommitmentAsnRow> {
    let mut missed = judged(3269, Some("Telecom Italia S.p.A."), 0.0392, 0.04, 0.1);
    *missed.guarantees.get_mut(Measure::Loss) = Some(GuaranteeRow {
        verdict: Some(Verdict::Missed),
        void_by_transit: None,
        indeterminate_reason: None,
        seconds: [12, 560, 0, 10],
        indeterminate: [10, 0, 0],
        settled: Some([512, 1, 0, 0]),
    });
    let mut slow = judged(4713, Some("NTT Communications (OCN)"), 0.04, 0.04, 0.1);
    *slow.guarantees.get_mut(Measure::Latency) = Some(GuaranteeRow {
        verdict: Some(Verdict::Missed),
        void_by_transit: None,
        indeterminate_reason: None,
        seconds: [0, 572, 0, 10],
        indeterminate: [10, 0, 0],
        settled: Some([512, 1, 0, 0]),
    });
    let mut unsure = judged(1136, Some("KPN B.V."), 0.0321, 0.0318, 0.1);
    *unsure.guarantees.get_mut(Measure::Latency) = Some(GuaranteeRow {
        verdict: Some(Verdict::Indeterminate),
        void_by_transit: None,
        indeterminate_reason: Some(IndeterminateReason::FewSamples),
        seconds: [0, 0, 0, 20],
        indeterminate: [0, 1, 19],
        settled: Some([512, 1, 0, 0]),
    });
    let mut silent = judged(64_666, Some(HOSTILE), 0.0, 0.0, 0.1);
    silent.guarantees = of_each(Some(GuaranteeRow::default()), None);
    vec![
        unsure,
        judged(
            2856,
            Some("British Telecommunications PLC"),
            0.056,
            0.0561,
            0.1,
        ),
        missed,
        judged(3320, Some("Deutsche Telekom AG"), 0.128, 0.0984, 0.1),
        slow,
        judged(12_322, Some("Free SAS"), 0.0816, 0.072, 0.1),
        silent,
    ]
}

/// A commitment that judges transit: one ASN is over, another has no way around it.
fn judging_transit() -> CommitmentRow {
    let mut around = judged(12_322, Some("Free SAS"), 0.05, 0.0, 0.1);
    around.transit = vec![Asn(174)];
    let void = GuaranteeRow {
        verdict: Some(Verdict::Void),
        void_by_transit: Some(Asn(174)),
        indeterminate_reason: None,
        seconds: [560, 0, 12, 10],
        indeterminate: [10, 0, 0],
        settled: Some([512, 1, 0, 0]),
    };
    around.guarantees = of_each(Some(void), Some(void));
    let mut through = judged(174, Some("Cogent Communications"), 0.121, 0.0, 0.1);
    through.guarantees = of_each(None, None);
    (through.transit, through.covered) = (Vec::new(), Vec::new());
    for interval in &mut through.out_of_sla_intervals {
        interval.transit.clear();
    }
    let mut together = commitment(
        "voice-\"ber\"",
        DirectionRule::Sum,
        vec![
            judged(3320, Some("Deutsche Telekom AG"), 0.0971, 0.0, 0.1),
            around,
        ],
    );
    (together.transit_rule, together.transit) = (TransitRule::Judge, vec![through]);
    together
}

fn daemon_state() -> DaemonState {
    DaemonState {
        sources: vec![
            SourceRow {
                name: "/etc/asnmeter/overrides.tsv".into(),
                prefixes: 14,
                loaded: Some(JUDGED.start()),
                written: Some(Second(JUDGED.0 - 600).start()),
                ..SourceRow::default()
            },
            SourceRow {
                name: "/var/lib/asnmeter/asn.mmdb".into(),
                prefixes: 1_034_567,
                loaded: Some(Second(JUDGED.0 - 93_000).start()),
                built: Some(Second(JUDGED.0 - 1_382_400).start()),
                written: Some(Second(JUDGED.0 - 180_000).start()),
                failures: 2,
                bmp: None,
            },
            SourceRow {
                name: "192.0.2.1:11019".into(),
                prefixes: 1_012_345,
                loaded: Some(Second(JUDGED.0 - 2).start()),
                built: Some(JUDGED.start()),
                written: Some(JUDGED.start()),
                failures: 0,
                bmp: Some(bmp::State {
                    routers: 1,
                    peers: 4,
                    routes: 4_012_345,
                    stats: bmp::BmpStats {
                        routes: 1_234_567,
                        peers_up: 4,
                        malformed: 1,
                        passed_over: 60,
                        ..bmp::BmpStats::default()
                    },
                    refused_connections: bmp::RouterRefusals {
                        address: 3,
                        limit: 0,
                        share: 4,
                        slow: 2,
                    },
                    last: Some(JUDGED.start()),
                }),
            },
        ],
        config_ok: true,
        config_read: Some(JUDGED.start()),
        reload_began: Some(JUDGED.start()),
        version: "0.1.0".into(),
        revision: "0123abc".into(),
    }
}

/// The state most tests use.
#[expect(clippy::too_many_lines, reason = "a state with every row")]
pub(crate) fn published() -> Published {
    let names = [
        (64_500, None, 0, 0),
        (1136, Some("KPN B.V."), 120_000, 2),
        (2856, Some("British Telecommunications PLC"), 210_000, 400),
        (3269, Some("Telecom Italia S.p.A."), 150_000, 3100),
        (3320, Some("Deutsche Telekom AG"), 380_000, 12),
        (4713, Some("NTT Communications (OCN)"), 150_000, 8),
        (12_322, Some("Free SAS"), 280_000, 90),
    ];
    let mut asns = vec![
        asn_row(Label::Origin(Origin::Local), None, 1_300_000, 0),
        asn_row(numbered(0), None, 900, 3),
        asn_row(numbered(64_666), Some(HOSTILE), 1200, 0),
        asn_row(Label::Other, None, 5000, 5),
    ];
    asns.extend(
        names.map(|(asn, name, packets, lost)| asn_row(numbered(asn), name, packets, lost)),
    );
    asns.sort_by_key(|row| row.label);
    let mut snapshot = Snapshot {
        judged: Some(JUDGED),
        disputed: [("/var/lib/asnmeter/asn.mmdb".into(), 123_456)].into(),
        capture: CaptureTotals {
            frames: 2_660_120,
            bytes: 569_000_111,
            first: Some(Timestamp::from_nanos(1_767_225_600_000_000_001)),
            last: Some(JUDGED.end()),
            interfaces: vec![
                InterfaceRow {
                    down: 0,
                    name: "eth1".into(),
                    frames: 2_660_000,
                    dropped: 12,
                    unknown: 0,
                },
                InterfaceRow {
                    down: 0,
                    name: "eth2".into(),
                    frames: 120,
                    dropped: 0,
                    unknown: 0,
                },
            ],
        },
        voice: Count {
            packets: 2_610_400,
            bytes: 522_080_000,
        },
        pending_frames: 7,
        late_frames: 3,
        incomplete_seconds: 2,
        last_incomplete: Some(Second(JUDGED.0 - 400)),
        asns,
        transit: vec![
            transit(numbered(174), Some("Cogent Communications"), 310_000),
            transit(numbered(1299), Some(HOSTILE), 91_000),
            transit(Label::Other, None, 17),
        ],
        transit_left_out: 4,
        commitments: vec![
            commitment("voice-fra", DirectionRule::Either, either()),
            judging_transit(),
        ],
        ..Snapshot::default()
    };
    snapshot.discards.add(Discard::Stun, 48_000);
    snapshot.discards.add(Discard::NotVoice, 1713);
    Published {
        snapshot: Arc::new(snapshot),
        daemon: Arc::new(daemon_state()),
        refused: Arc::default(),
        evidence: Some(Arc::new(evidence())),
        hep: Some(Arc::default()),
        probe: Some(Arc::new(ProbeStatus {
            connected: true.into(),
            written: 86_410.into(),
            acknowledged: 86_400.into(),
            through: JUDGED.0.into(),
            again: 12.into(),
            failures: 2.into(),
        })),
        fleet: Arc::new(vec![
            FleetProbeRow {
                name: "fra-1".into(),
                is_signed: true,
                verified: 86_400,
                through: Some(JUDGED),
                ..FleetProbeRow::default()
            },
            FleetProbeRow {
                name: "ams-1".into(),
                absence: Some("late"),
                absent_seconds: 31,
                differs: [("voice-fra".into(), "threshold")].into(),
                refused_messages: 3,
                refused_leaves: 70,
                ..FleetProbeRow::default()
            },
        ]),
        is_confined: Some(true),
        ..Published::default()
    }
}

/// A ledger that could not be written for three seconds.
fn evidence() -> EvidenceStatus {
    EvidenceStatus {
        directory: "/var/lib/asnmeter/evidence".into(),
        failed: false.into(),
        size: 86_400.into(),
        root: 0x8f74_83a2_c561.into(),
        sealed: JUDGED.0.into(),
        unwritten: 3.into(),
        checkpoint: std::sync::Mutex::default(),
    }
}

/// The largest state the defaults allow: 500 ASNs, three commitments, every histogram.
pub(crate) fn large() -> Published {
    let asns: Vec<u32> = (1..=500).map(|place| place * 131).collect();
    let name = Some("Some Network of the World Ltd.");
    let row = |asn: &u32| {
        let mut row = asn_row(numbered(*asn), name, 1_000_000 + u64::from(*asn), 99);
        row.round_trips = std::array::from_fn(|_| Some(distribution(240, 96.0)));
        row
    };
    let commitments = ["voice-fra", "voice-ber", "voice-muc"].map(|place| {
        let asns = asns.iter().map(|asn| judged(*asn, name, 0.002, 0.002, 0.1));
        commitment(place, DirectionRule::Either, asns.collect())
    });
    let snapshot = Snapshot {
        judged: Some(JUDGED),
        asns: asns.iter().map(row).collect(),
        commitments: commitments.into(),
        ..Snapshot::default()
    };
    Published {
        snapshot: Arc::new(snapshot),
        daemon: published().daemon,
        ..Published::default()
    }
}

/// A stream, the later the larger `place`.
pub(crate) fn stream(place: u16) -> StreamRow {
    let end = |address, port| Endpoint { address, port };
    let mut v6 = [0; 16];
    (v6[0], v6[1], v6[15]) = (0x20, 0x03, 1);
    let first = Timestamp::from_nanos(1_767_225_600_000_000_000 + u64::from(place));
    StreamRow {
        src: end(Address::v6(v6), 10_000 + place),
        dst: end(Address::v4([198, 51, 100, 7]), 20_000),
        ssrc: 0x1646 + u32::from(place),
        payload_type: 8,
        codec: "PCMA".into(),
        kind: StreamKind::Audio,
        packets: 1000,
        bytes: 200_000,
        loss: ShownLoss {
            expected: 1003,
            lost: 5,
            maybe_lost: 3,
        },
        late: 1,
        duplicates: 1,
        reordered: 2,
        restarts: 0,
        jitter_mean_nanos: Some(1_234_567),
        jitter_max_nanos: Some(9_999_500),
        src_asn: Origin::As(Asn(3320)),
        dst_asn: Origin::Local,
        first,
        last: Timestamp::from_nanos(1_767_225_620_000_000_000),
    }
}
