//! Rows of the ASN sources, and of the routers behind one that is BMP.

use super::number;
use crate::asn::bmp;
use crate::export::Published;
use crate::export::series::Series;
use crate::units::NANOS_PER_SECOND;

pub(crate) fn table_prefixes(published: &Published, series: &mut Series) {
    for source in &published.daemon.sources {
        series.add(&[&source.name], number(source.prefixes));
    }
}

pub(crate) fn table_loaded(published: &Published, series: &mut Series) {
    for source in &published.daemon.sources {
        if let Some(loaded) = source.loaded {
            // Whole seconds: a double does not hold nanoseconds since 1970.
            series.add(
                &[&source.name],
                number(loaded.as_nanos() / NANOS_PER_SECOND),
            );
        }
    }
}

pub(crate) fn table_built(published: &Published, series: &mut Series) {
    for source in &published.daemon.sources {
        if let Some(built) = source.built {
            let seconds = number(built.as_nanos() / NANOS_PER_SECOND);
            series.add(&[&source.name], seconds);
        }
    }
}

pub(crate) fn table_written(published: &Published, series: &mut Series) {
    for source in &published.daemon.sources {
        if let Some(written) = source.written {
            let seconds = number(written.as_nanos() / NANOS_PER_SECOND);
            series.add(&[&source.name], seconds);
        }
    }
}

pub(crate) fn table_failures(published: &Published, series: &mut Series) {
    for source in &published.daemon.sources {
        series.add(&[&source.name], number(source.failures));
    }
}

pub(crate) fn disputed(published: &Published, series: &mut Series) {
    for (source, octets) in &published.snapshot.disputed {
        series.add(&[source], number(*octets));
    }
}

/// Every BMP source.
fn each_bmp(published: &Published, mut add: impl FnMut(&str, &bmp::State)) {
    for source in &published.daemon.sources {
        if let Some(state) = &source.bmp {
            add(&source.name, state);
        }
    }
}

pub(crate) fn bmp_routers(published: &Published, series: &mut Series) {
    each_bmp(published, |source, state| {
        series.add(&[source], number(state.routers as u64));
    });
}

pub(crate) fn bmp_peers(published: &Published, series: &mut Series) {
    each_bmp(published, |source, state| {
        series.add(&[source], number(state.peers as u64));
    });
}

pub(crate) fn bmp_routes(published: &Published, series: &mut Series) {
    each_bmp(published, |source, state| {
        series.add(&[source], number(state.routes as u64));
    });
}

pub(crate) fn bmp_messages(published: &Published, series: &mut Series) {
    each_bmp(published, |source, state| {
        let stats = state.stats;
        for (outcome, count) in [
            ("routes", stats.routes),
            ("peer_up", stats.peers_up),
            ("peer_down", stats.peers_down),
            ("passed_over", stats.passed_over),
            ("malformed", stats.malformed),
            ("refused", stats.refused),
        ] {
            series.add(&[source, outcome], number(count));
        }
    });
}

pub(crate) fn bmp_refused_connections(published: &Published, series: &mut Series) {
    each_bmp(published, |source, state| {
        let refused_connections = state.refused_connections;
        for (reason, count) in [
            ("address", refused_connections.address),
            ("limit", refused_connections.limit),
            ("share", refused_connections.share),
            ("slow", refused_connections.slow),
        ] {
            series.add(&[source, reason], number(count));
        }
    });
}
