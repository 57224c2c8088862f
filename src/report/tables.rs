//! The tables of a report: text and HTML show the same ones.

mod verdicts;

use super::model::{
    ChangeKind, CommitmentReport, Coverage, EvidenceSummary, LedgerReport, Peak, ReportRow,
};
use super::words::{count, share, signed, time};

/// A table: the first column names the row, the others are figures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ReportTable {
    /// What it shows.
    pub(super) title: String,
    /// How to read it.
    pub(super) note: &'static str,
    /// The heads of its columns.
    pub(super) head: Vec<&'static str>,
    /// Two columns, of which the second is words.
    pub(super) is_prose: bool,
    /// Its rows; the last may be a sum.
    pub(super) rows: Vec<Vec<String>>,
}

/// What was verified, as sentences.
pub(super) fn evidence(of: &EvidenceSummary) -> Vec<String> {
    let sealed = match of.sealed {
        0 => "no checkpoint seals any of them".to_owned(),
        sealed if sealed >= of.end_leaf => "each is as it was when it was sealed".to_owned(),
        sealed => format!("no checkpoint seals those from {} on", count(sealed)),
    };
    let mut lines = vec![
        format!(
            "Leaves {} to {}, all verified: {sealed}.",
            count(of.first_leaf),
            count(of.end_leaf.saturating_sub(1))
        ),
        format!(
            "{} verdicts and {} intervals judged again from the counts: each is as recorded.",
            count(of.verdicts_recomputed),
            count(of.intervals_recomputed)
        ),
    ];
    if of.taken_as_recorded > 0 {
        lines.push(format!(
            "{} taken as recorded: seconds that they rest on are not in what was read.",
            count(of.taken_as_recorded)
        ));
    }
    if of.by_other_rules > 0 {
        lines.push(format!(
            "{} not judged again: they are by other rules than this version knows.",
            count(of.by_other_rules)
        ));
    }
    lines.push(match of.signed {
        0 => "UNSIGNED: no checkpoint is signed; the owner could have written it anew.".to_owned(),
        signed if signed >= of.end_leaf => "Signed up to the last leaf.".to_owned(),
        signed => format!(
            "Signed up to leaf {} only.",
            count(signed.saturating_sub(1))
        ),
    });
    lines
}

/// What is to be said of the settled verdicts.
pub(super) fn settled(late: Option<u64>) -> String {
    match late {
        None => "Not settled: some leaves are by rules that this version does not know.".to_owned(),
        Some(0) => "Settled with all that came later.".to_owned(),
        Some(late) => format!(
            "Settled with what came within an hour; {} counts came later, and are in the sums only.",
            count(late)
        ),
    }
}

/// What was seen of the period.
pub(super) fn coverage(of: &Coverage, period_s: u64) -> ReportTable {
    let mut rows = vec![vec!["seen whole".to_owned(), count(of.whole_s)]];
    let why = |why: &str| match why {
        "capture" => "incomplete: frames were lost or a source was away",
        "clock" => "incomplete: the clock jumped back",
        "stop" => "incomplete: the meter stopped or started",
        _ => "incomplete",
    };
    let incomplete = of.incomplete_by.iter().filter(|(_, seconds)| **seconds > 0);
    rows.extend(incomplete.map(|(reason, seconds)| vec![why(reason).to_owned(), count(*seconds)]));
    let why = |why: &str| match why {
        "before" => "not seen: the ledger begins later",
        "stop" => "not seen: the meter did not run",
        "disk" => "not seen: could not be written",
        "after" => "not seen: the ledger ends before",
        _ => "not seen",
    };
    let missing = of
        .not_running_by
        .iter()
        .filter(|(_, seconds)| **seconds > 0);
    rows.extend(missing.map(|(reason, seconds)| vec![why(reason).to_owned(), count(*seconds)]));
    if of.repeated_s > 0 {
        let text = "of these, ran twice (as they were judged first)".to_owned();
        rows.push(vec![text, count(of.repeated_s)]);
    }
    rows.push(vec!["period".to_owned(), count(period_s)]);
    ReportTable {
        title: "Coverage".to_owned(),
        note: "A second that was not seen whole is never silent: without a verdict it is indeterminate for every ASN.",
        head: vec!["what was seen", "seconds"],
        is_prose: false,
        rows,
    }
}

/// What changed.
pub(super) fn changes(of: &LedgerReport) -> ReportTable {
    let rows = of.changes.iter().map(|change| {
        let what = match &change.what {
            ChangeKind::Start {
                version,
                revision,
                rules,
            } => {
                format!("start: asnmeter {version} ({revision}), rules {rules}")
            }
            ChangeKind::Stop => "stop".to_owned(),
            ChangeKind::Policy { sha256 } => format!("contracts: sha256 {sha256}"),
            ChangeKind::Table { sources } => {
                let each = sources.iter().map(|source| {
                    format!(
                        "{} {} ({} prefixes)",
                        source.kind,
                        source.name,
                        count(source.prefixes)
                    )
                });
                format!("ASN tables: {}", each.collect::<Vec<_>>().join(", "))
            }
            ChangeKind::Revision {
                from,
                until,
                policy,
                sha256,
            } => {
                let names: Vec<_> = policy.iter().map(|terms| terms.name.as_str()).collect();
                format!(
                    "judged again: {} until {}, another contract of {}, document sha256 {sha256}",
                    time(from),
                    time(until),
                    names.join(", ")
                )
            }
        };
        vec![time(&change.second), what]
    });
    let mut rows: Vec<_> = rows.collect();
    if of.changes_left_out > 0 {
        let text = format!(
            "and {} more: asnmeter evidence show",
            count(of.changes_left_out)
        );
        rows.push(vec![String::new(), text]);
    }
    ReportTable {
        title: "Changes".to_owned(),
        note: "",
        head: vec!["from this second on", "what"],
        is_prose: true,
        rows,
    }
}

/// The name of a row.
pub(super) fn name(row: &ReportRow) -> String {
    row.asn
        .map_or_else(|| "all".to_owned(), |asn| format!("AS{asn}"))
}

/// The tables of a contract.
pub(super) fn commitment(of: &CommitmentReport) -> Vec<ReportTable> {
    let mut tables = vec![shares(of), confirmed(of), rates(of)];
    tables.extend(verdicts::tables(of));
    tables.extend([packets(of), samples(of)]);
    if !of.transit_asns.is_empty() {
        let rows = of.transit_asns.iter();
        tables.push(ReportTable {
            title: "Transit ASNs held against the threshold".to_owned(),
            note: "With all that goes through them.",
            rows: rows
                .map(|row| [vec![name(row)], traffic(row)].concat())
                .collect(),
            ..shares(of)
        });
    }
    tables
}

/// A row for each ASN, and one for all.
fn rows(of: &CommitmentReport, cells: impl Fn(&ReportRow) -> Vec<String>) -> Vec<Vec<String>> {
    let rows = of.asns.iter().chain([&of.all]);
    rows.map(|row| [vec![name(row)], cells(row)].concat())
        .collect()
}

fn shares(of: &CommitmentReport) -> ReportTable {
    ReportTable {
        title: "Share of the committed data rate".to_owned(),
        note: "Peak: the largest window, which ends with the second beside it. Out of SLA: seconds whose window was above the threshold.",
        head: vec![
            "ASN",
            "octets from",
            "octets to",
            "peak",
            "dir.",
            "at",
            "out, s",
            "times",
        ],
        is_prose: false,
        rows: rows(of, traffic),
    }
}

fn confirmed(of: &CommitmentReport) -> ReportTable {
    ReportTable {
        title: "Confirmed share".to_owned(),
        note: "Of it what somebody answered (MODEL §3.4): a lower bound. Mean over the seconds that were judged; peak: the largest window of it.",
        head: vec![
            "ASN",
            "octets from",
            "octets to",
            "mean from",
            "mean to",
            "peak",
            "dir.",
            "at",
        ],
        is_prose: false,
        rows: rows(of, |row| {
            let octets = [row.from, row.to].map(|one| count(one.confirmed_bytes));
            let means = [row.from, row.to].map(|one| share(one.mean_confirmed_ppm));
            let [at, direction, second] = peak(row.confirmed_peak.as_ref());
            [&octets[..], &means[..], &[at, direction, second][..]].concat()
        }),
    }
}

fn rates(of: &CommitmentReport) -> ReportTable {
    let p95 = |p95: Option<u64>| p95.map_or_else(|| "–".to_owned(), count);
    ReportTable {
        title: "Mean share and rates".to_owned(),
        note: "Over the seconds that were judged. The 95th percentile of the rates of 5 minutes is shown, not judged.",
        head: vec![
            "ASN",
            "mean from",
            "mean to",
            "95 % from, bit/s",
            "95 % to, bit/s",
        ],
        is_prose: false,
        rows: rows(of, |row| {
            vec![
                share(row.from.mean_share_ppm),
                share(row.to.mean_share_ppm),
                p95(row.from.p95_5min_bps),
                p95(row.to.p95_5min_bps),
            ]
        }),
    }
}

fn packets(of: &CommitmentReport) -> ReportTable {
    ReportTable {
        title: "Packets".to_owned(),
        note: "RTP packets that should have come; lost for certain; what may have been lost besides. To an ASN: as its end reports.",
        head: vec![
            "ASN",
            "expected from",
            "lost",
            "maybe",
            "expected to",
            "lost",
            "maybe",
        ],
        is_prose: false,
        rows: rows(of, |row| {
            let each = [row.from, row.to];
            let each = each.map(|one| [one.expected, one.lost, one.maybe_lost].map(signed));
            each.concat()
        }),
    }
}

fn samples(of: &CommitmentReport) -> ReportTable {
    ReportTable {
        title: "Round trips and stream-seconds".to_owned(),
        note: "Samples; over the limit for certain; those that may be besides.",
        head: vec![
            "ASN",
            "round trips",
            "over",
            "maybe",
            "jitter samples",
            "over",
            "maybe",
        ],
        is_prose: false,
        rows: rows(of, |row| {
            let each = [row.latency, row.jitter];
            let each = each.map(|one| [one.samples, one.over, one.maybe_over].map(count));
            each.concat()
        }),
    }
}

fn peak(of: Option<&Peak>) -> [String; 3] {
    match of {
        Some(peak) => [
            share(peak.share_ppm),
            peak.direction.to_owned(),
            time(&peak.second),
        ],
        None => ["–".to_owned(), String::new(), String::new()],
    }
}

fn traffic(row: &ReportRow) -> Vec<String> {
    let [peak, direction, at] = peak(row.peak.as_ref());
    vec![
        count(row.from.bytes),
        count(row.to.bytes),
        peak,
        direction,
        at,
        count(row.out_of_sla_s),
        count(row.intervals),
    ]
}

/// A line of a contract's values for each version.
pub(super) fn version_title(from: &str, until: &str) -> String {
    format!("in force from {} until {}", time(from), time(until))
}

/// How the other side checks it: the text and the command.
pub(super) const CHECK: [(&str, &str); 4] = [
    (
        "all of it, and every verdict again:",
        "asnmeter verify DIR --checkpoint FILE",
    ),
    (
        "without asnmeter, a leaf's hash:",
        "zcat DAY.jsonl.gz | sed -n 5p | head -c -1 | cat <(printf '\\0') - | sha256sum",
    ),
    (
        "a verdict's changes:",
        "zcat DAY.jsonl.gz | jq -c 'select(.kind == \"verdict\" and .asn == 64501)'",
    ),
    (
        "the signature (docs/EVIDENCE.md §7):",
        "openssl pkeyutl -verify -pubin -inkey ledger.pub -rawin -in text -sigfile signature",
    ),
];
