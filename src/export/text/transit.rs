//! What went through each transit ASN. Nothing is written where no source has paths.

use super::numbers::{grouped, octets, percent};
use super::table::{Align, TextTable};
use crate::snapshot::Snapshot;
use std::io::{self, Write};

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
