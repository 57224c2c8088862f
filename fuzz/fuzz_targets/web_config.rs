//! Any octets as the web configuration: taken, or refused with one line.
#![no_main]

mod support;

use asnmeter::export::http::security::Security;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    if let Err(error) = Security::load(&support::file(octets)) {
        assert!(!error.to_string().contains('\n'), "{error}");
    }
});
