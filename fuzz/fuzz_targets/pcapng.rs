//! Any octets as a capture file; the seeds are of the pcapng format.
#![no_main]

mod support;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| support::capture(octets));
