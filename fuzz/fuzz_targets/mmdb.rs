//! Any octets as a database in MaxMind's format, plain or packed.
#![no_main]

mod support;

use asnmeter::asn::Source;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| support::origins(octets, Source::Mmdb));
