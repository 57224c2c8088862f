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

use asnmeter::asn::{Origins, Settings, Source};
use asnmeter::units::{Address, Timestamp};
use std::net::IpAddr;
use std::path::Path;

/// The real tables; a test that needs them fails where they are not.
const TABLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/captures/asn");

fn load(source: Source) -> Origins {
    let settings = Settings {
        sources: vec![source],
        ..Settings::default()
    };
    Origins::load(&settings, None, Timestamp::default).unwrap()
}

fn mrt(path: &Path) -> Origins {
    load(Source::Mrt(path.into()))
}

fn address(text: &str) -> Address {
    text.parse::<IpAddr>().unwrap().into()
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}
