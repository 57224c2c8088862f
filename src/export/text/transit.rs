//! Transit in the report: what an exclusion covers besides, which transit ASNs are judged, and what
//! went through each. Nothing is written where no source has paths.

use super::commitments::{STANDING, standing, write_intervals};
use super::numbers::{grouped, octets, percent};
use super::table::{Align, TextTable};
use crate::snapshot::{CommitmentAsnRow, CommitmentRow, Snapshot};
use crate::units::Asn;
use std::io::{self, Write};

/// Transit ASNs named in one line; the JSON output has them all.
const MAX_NAMED: usize = 12;

/// What the exclusion of an ASN covers besides: `; covers transit AS174, AS1299`.
pub(super) fn covered(transit: &[Asn]) -> String {
    if transit.is_empty() {
        return String::new();
    }
    let named = transit.iter().take(MAX_NAMED).map(|asn| format!("AS{asn}"));
    let named: Vec<String> = named.collect();
    let more = match transit.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("; covers transit {}{more}", named.join(", "))
}

/// How an ASN stands now: by its own traffic, and by what lies on its paths.
pub(super) fn now(row: &CommitmentAsnRow) -> String {
    let mut guarantees = row.guarantees.iter();
    let void = guarantees.find_map(|(_, guarantee)| guarantee.as_ref()?.void_by_transit);
    match (row.out_of_sla, void) {
        (true, _) => "over".to_owned(),
        (false, None) => "within".to_owned(),
        (false, Some(asn)) => format!("void: transit AS{asn}"),
    }
}

/// The transit ASNs that a commitment judges.
pub(super) fn write_judged(
    out: &mut impl Write,
    commitment: &CommitmentRow,
    page: usize,
) -> io::Result<()> {
    if commitment.transit.is_empty() {
        return Ok(());
    }
    writeln!(out, "  Transit, by all that goes through it")?;
    let mut table = TextTable::new(page, &STANDING);
    for row in &commitment.transit {
        table.row(standing(row, commitment.direction));
    }
    table.write(out)?;
    for row in &commitment.transit {
        write_intervals(out, "transit ", row)?;
    }
    Ok(())
}

/// What went through each transit ASN.
pub(super) fn write_totals(
    out: &mut impl Write,
    snapshot: &Snapshot,
    page: usize,
) -> io::Result<()> {
    if snapshot.transit.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\nTransit: through an ASN to its destination (known) or from its source (assumed)"
    )?;
    let mut table = TextTable::new(
        page,
        &[
            ("ASN", Align::Right),
            ("Name", Align::Left),
            ("From packets", Align::Right),
            ("bytes", Align::Right),
            ("To packets", Align::Right),
            ("bytes", Align::Right),
            ("Of all voice", Align::Right),
        ],
    );
    #[expect(clippy::cast_precision_loss, reason = "for display only")]
    let part = |packets: u64| percent(packets as f64 / snapshot.voice.packets.max(1) as f64);
    for row in &snapshot.transit {
        table.row([
            row.label.to_string(),
            row.name.as_deref().unwrap_or_default().to_owned(),
            grouped(row.from.packets),
            octets(row.from.bytes),
            grouped(row.to.packets),
            octets(row.to.bytes),
            part(row.from.packets + row.to.packets),
        ]);
    }
    table.write(out)
}
