//! How each row of the metrics table gets its series from a snapshot: one small function per row.
//!
//! Pure functions. Only ASNs with a row in the snapshot get series (the judge bounds those), and
//! any that was ever out of SLA: an ASN over its threshold is never hidden in `other`.

pub(crate) mod asns;
pub(crate) mod calls;
pub(crate) mod capture;
pub(crate) mod commitments;
pub(crate) mod evidence;
pub(crate) mod fleet;
pub(crate) mod reload;
pub(crate) mod sources;
pub(crate) mod tables;
pub(crate) mod transit;
pub(crate) mod voip_metrics;

use crate::export::Published;
use crate::export::series::Series;
use crate::snapshot::AsnRow;
use std::sync::atomic::Ordering;

/// A sample's value: Prometheus knows nothing but doubles.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact below 2^53, which 10 Gbit/s of octets reach after 83 days; rates stay right"
)]
fn number(count: u64) -> f64 {
    count as f64
}

fn flag(set: bool) -> f64 {
    f64::from(u8::from(set))
}

fn each_asn(published: &Published, mut visit: impl FnMut(&AsnRow, &str)) {
    for row in &published.snapshot.asns {
        visit(row, &row.label.to_string());
    }
}

pub(crate) fn http_refused(published: &Published, series: &mut Series) {
    let refused = &published.refused;
    for (reason, count) in [
        ("connections", &refused.connections),
        ("displaced", &refused.displaced),
        ("slow", &refused.slow),
        ("tls", &refused.handshakes),
        ("credentials", &refused.credentials),
        ("rate", &refused.rate),
        ("host", &refused.hosts),
    ] {
        series.add(&[reason], number(count.load(Ordering::Relaxed)));
    }
}

pub(crate) fn build_info(published: &Published, series: &mut Series) {
    let daemon = &published.daemon;
    series.add(&[&daemon.version, &daemon.revision], 1.0);
}
