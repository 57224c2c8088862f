//! Proves that origins, paths and names are what independent tools say of the same files: mrtparse
//! (tests/captures/oracle) and `bgpdump` on routing tables, `location lookup` on
//! Debian's libloc-database.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/captures.rs"]
#[allow(dead_code, reason = "the tables are needed, not the captures")]
mod captures;
mod location;
mod swap;
mod tables;

use asnmeter::asn::{OriginSettings, Origins, Source};
use asnmeter::files::Load;
use asnmeter::units::{Address, Timestamp};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// A real table; a test that needs it fails where it is not.
fn table(name: &str) -> PathBuf {
    captures::path("asn").join(name)
}

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
