//! Any octets as what a router sends over a BMP connection (RFC 7854), and the table of it.
#![no_main]

use asnmeter::asn::bmp::{self, Feed};
use asnmeter::units::{Asn, Timestamp};
use libfuzzer_sys::fuzz_target;
use std::net::IpAddr;
use std::time::Duration;

fuzz_target!(|octets: &[u8]| {
    let mut feed = Feed::new(&[Asn(64500)], Duration::from_secs(1));
    let router = feed.connected(IpAddr::from([192, 0, 2, 1]));
    let (mut rest, now) = (octets, Timestamp::default());
    while let Some(header) = rest.first_chunk::<{ bmp::HEADER }>() {
        let Ok(length) = bmp::length(*header) else {
            break;
        };
        let Some((message, behind)) = rest.split_at_checked(length) else {
            break;
        };
        rest = behind;
        if !feed.receive(router, message, now) {
            break;
        }
    }
    let mut table = feed.begin_table(now);
    while feed.extend_table(&mut table) {}
    table.finish("fuzz", || now);
    feed.disconnected(router, now);
    feed.expire(now.plus(Duration::from_secs(2)));
    assert_eq!(feed.state().routes, 0);
});
