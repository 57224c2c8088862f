//! Any text as the configuration: taken, or refused with a line that names the file.
#![no_main]

use asnmeter::config::checked::Config;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|text: &str| {
    if let Err(error) = Config::parse(text, Path::new("asnmeter.toml")) {
        assert!(error.to_string().starts_with("asnmeter.toml"), "{error}");
    }
});
