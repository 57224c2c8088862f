//! The tables of seconds by their verdict: as given, as settled, without maintenance, by another contract.

use super::{ReportTable, name, rows};
use crate::report::credit;
use crate::report::model::{
    CommitmentReport, CreditByMeasure, CreditRow, Exclusion, GivenByMeasure, ReportRow, WithReport,
};
use crate::report::words::{changed_terms, count, percent, share, time};
use crate::sla::measure::Measure;

const HEAD: [&str; 6] = ["ASN", "met", "missed", "void", "indeterminate", "silent"];

/// All of them for a contract.
pub(super) fn tables(of: &CommitmentReport) -> Vec<ReportTable> {
    let measures = Measure::ALL.into_iter().map(Measure::as_str);
    let measures: Vec<_> = measures
        .filter(|measure| of.guaranteed_s.contains_key(measure))
        .collect();
    let mut tables: Vec<_> = measures.iter().map(|measure| given(of, measure)).collect();
    tables.extend(measures.iter().filter_map(|measure| settled(of, measure)));
    tables.extend(measures.iter().filter_map(|measure| credit(of, measure)));
    if credit::changes(of) {
        tables.push(ReportTable {
            title: "Credit".to_owned(),
            note: "The steps changed in the period: nobody can say which holds. Report each part of it by itself.",
            head: vec!["ASN", "credit"],
            is_prose: true,
            rows: Vec::new(),
        });
    }
    if !of.exclusions.is_empty() {
        tables.push(exclusions(&of.exclusions));
        for measure in &measures {
            tables.extend(without(of, measure));
        }
    }
    if let Some(with) = &of.with {
        tables.push(other_contract(of, with));
        for measure in with.guaranteed_s.keys().chain(
            of.guaranteed_s
                .keys()
                .filter(|measure| !with.guaranteed_s.contains_key(*measure)),
        ) {
            tables.push(side_by_side(of, with, measure));
        }
    }
    tables
}

/// What is credited for a measure, where the contract has steps for that.
fn credit(of: &CommitmentReport, measure: &str) -> Option<ReportTable> {
    let steps = credit::steps(of)?;
    let steps = steps.iter().map(|step| {
        format!(
            "{} below {}",
            percent(step.credit.into()),
            percent(step.below.into())
        )
    });
    let steps: Vec<_> = steps.collect();
    let has_exclusions = !of.exclusions.is_empty();
    let mut head = vec!["ASN", "kept at least", "kept at most", "credit", "up to"];
    if has_exclusions {
        head.extend(["w/o maint.", "up to", "w/o any", "up to"]);
    }
    Some(ReportTable {
        title: format!("Credit for {measure}: {}", steps.join(", ")),
        note: "By the settled seconds: the share of those met among those met, missed or indeterminate. Up to: if all indeterminate ones were missed.",
        head,
        is_prose: false,
        rows: rows(of, |row| {
            let of = |credit: &CreditByMeasure| credit.get(measure).copied();
            let ends = |row: Option<CreditRow>| {
                let ends = row.map(|row| [row.credit_at_least_ppm, row.credit_at_most_ppm]);
                ends.map_or_else(
                    || ["–".to_owned(), "–".to_owned()],
                    |ends| ends.map(percent),
                )
            };
            let kept = of(&row.credit);
            let kept = kept.map(|row| [row.kept_at_least_ppm, row.kept_at_most_ppm].map(share));
            let mut cells: Vec<_> = kept
                .unwrap_or_else(|| ["–".to_owned(), "–".to_owned()])
                .into();
            cells.extend(ends(of(&row.credit)));
            if has_exclusions {
                cells.extend(ends(of(&row.credit_without_maintenance)));
                cells.extend(ends(of(&row.credit_without_retroactive)));
            }
            cells
        }),
    })
}

fn cells(seconds: &GivenByMeasure, measure: &str) -> Vec<String> {
    let given = seconds.get(measure).copied().unwrap_or_default();
    let each = [
        given.met_s,
        given.missed_s,
        given.void_s,
        given.indeterminate_s,
        given.silent_s,
    ];
    each.map(count).into()
}

/// The seconds of a measure that was guaranteed.
fn given(of: &CommitmentReport, measure: &str) -> ReportTable {
    let seconds = of.guaranteed_s.get(measure).copied().unwrap_or(0);
    ReportTable {
        title: format!("Guarantee of {measure}: {} s in force", count(seconds)),
        note: "Seconds by their verdict, as it was given. Each row adds up to the seconds in which the measure was guaranteed.",
        head: HEAD.into(),
        is_prose: false,
        rows: rows(of, |row| cells(&row.given, measure)),
    }
}

/// The same as settled, of the rows that differ.
fn settled(of: &CommitmentReport, measure: &str) -> Option<ReportTable> {
    let differs = |row: &&ReportRow| row.settled.get(measure) != row.given.get(measure);
    if of.all.settled.is_empty() {
        return None;
    }
    let rows = of.asns.iter().filter(differs).chain([&of.all]);
    Some(ReportTable {
        title: format!("Guarantee of {measure}, settled"),
        note: "Judged again with all that became known later of each second. ASNs without a difference are left out.",
        head: HEAD.into(),
        is_prose: false,
        rows: rows
            .map(|row| [vec![name(row)], cells(&row.settled, measure)].concat())
            .collect(),
    })
}

fn exclusions(of: &[Exclusion]) -> ReportTable {
    let rows = of.iter().map(|one| {
        let asns = match one.asns.as_slice() {
            [] => "all ASNs".to_owned(),
            asns => asns
                .iter()
                .map(|asn| format!("AS{asn}"))
                .collect::<Vec<_>>()
                .join(", "),
        };
        let retroactive = if one.retroactive { "RETROACTIVE, " } else { "" };
        let text = format!(
            "until {}, {asns}: {} ({retroactive}entered {}; {} s of it in the period)",
            time(&one.until),
            one.reason,
            time(&one.entered),
            count(one.period_s)
        );
        vec![time(&one.from), text]
    });
    ReportTable {
        title: "Announced maintenance".to_owned(),
        note: "",
        head: vec!["from", "what"],
        is_prose: true,
        rows: rows.collect(),
    }
}

/// The settled seconds without maintenance; where some was entered afterwards, also without that. Where
/// nothing could be settled: as given.
fn without(of: &CommitmentReport, measure: &str) -> Vec<ReportTable> {
    let is_settled = !of.all.settled.is_empty();
    let how = if is_settled { "settled" } else { "as given" };
    let table = |title: &str, note, seconds: fn(&ReportRow, bool) -> &GivenByMeasure| ReportTable {
        title: format!("Guarantee of {measure}, {how}, {title}"),
        note,
        head: HEAD.into(),
        is_prose: false,
        rows: rows(of, |row| cells(seconds(row, is_settled), measure)),
    };
    let mut tables = vec![table(
        "without announced maintenance",
        "Without the seconds of maintenance that was entered before it began.",
        |row, is_settled| {
            if is_settled {
                &row.settled_without_maintenance
            } else {
                &row.given_without_maintenance
            }
        },
    )];
    if of.exclusions.iter().any(|one| one.retroactive) {
        tables.push(table(
            "without all maintenance",
            "Also without the seconds of maintenance that was entered after it had begun (retroactive).",
            |row, is_settled| {
                if is_settled {
                    &row.settled_without_retroactive
                } else {
                    &row.given_without_retroactive
                }
            },
        ));
    }
    tables
}

/// What is other in another contract, and what of it the ledger cannot answer.
fn other_contract(of: &CommitmentReport, with: &WithReport) -> ReportTable {
    let before = of.versions.last().map(|version| &version.terms);
    let mut rows: Vec<_> = changed_terms(&with.terms, before)
        .into_iter()
        .map(|(key, value)| vec![key.to_owned(), value])
        .collect();
    if rows.is_empty() {
        rows.push(vec![
            "all".to_owned(),
            "as in force at the end of the period".to_owned(),
        ]);
    }
    rows.extend(
        with.unanswered
            .iter()
            .map(|why| vec!["NOT ANSWERED".to_owned(), why.clone()]),
    );
    ReportTable {
        title: "Judged again under another contract".to_owned(),
        note: "The same leaves, by the other contract in place of those in force. The verdicts above stand.",
        head: vec!["other", "value"],
        is_prose: true,
        rows,
    }
}

/// Two lines for each ASN of which something is other.
fn side_by_side(of: &CommitmentReport, with: &WithReport, measure: &str) -> ReportTable {
    let others = |row: &ReportRow| {
        let asn = row.asn;
        let mut rows = with.asns.iter().chain([&with.all]);
        rows.find(move |other| other.asn == asn)
    };
    let mut rows = Vec::new();
    for row in of.asns.iter().chain([&of.all]) {
        let Some(other) = others(row) else { continue };
        let seconds = |row: &ReportRow| cells(&row.given, measure);
        if row.asn.is_some() && seconds(row) == seconds(other) {
            continue;
        }
        rows.push([vec![name(row)], seconds(row)].concat());
        rows.push([vec!["  other contract".to_owned()], seconds(other)].concat());
    }
    ReportTable {
        title: format!("Guarantee of {measure}, given and under the other contract"),
        note: "ASNs without a difference are left out.",
        head: HEAD.into(),
        is_prose: false,
        rows,
    }
}
