//! Proves that origins, paths and names are what independent tools say of the same files: mrtparse
//! (`oracle_*.tsv` beside the captures) and `bgpdump` on routing tables, `location lookup` on
//! Debian's libloc-database.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod location;
mod swap;
mod tables;

use asnmeter::asn::{OriginSettings, Origins, Source};
use asnmeter::files::Load;
use asnmeter::units::{Address, Timestamp};
use std::net::IpAddr;
use std::path::Path;

/// The real tables; a test that needs them fails where they are not.
const TABLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/captures/asn");

fn load(source: Source) -> Origins {
    let settings = OriginSettings {
        sources: vec![source],
        ..OriginSettings::default()
    };
    Origins::load(&settings, None, &Load::default(), Timestamp::default).unwrap()
}

fn mrt(path: &Path) -> Origins {
    load(Source::Mrt(path.into()))
}

fn address(text: &str) -> Address {
    text.parse::<IpAddr>().unwrap().into()
}
