//! Any octets as a stream of SIP messages, and as a session description.
#![no_main]

use asnmeter::wire::{sdp, sip};
use libfuzzer_sys::fuzz_target;

fn describe(text: &[u8]) {
    if let Some(description) = sdp::parse(text) {
        assert!(description.media.len() <= sdp::MAX_MEDIA);
        for media in description.media {
            assert!(media.formats.len() <= sdp::MAX_FORMATS);
        }
    }
}

fuzz_target!(|payload: &[u8]| {
    sip::is_sip(payload);
    describe(payload);
    let mut rest = payload;
    while let Some(message) = sip::parse(rest) {
        assert!(message.rest.len() < rest.len());
        if let Some(text) = message.description() {
            describe(text);
        }
        rest = message.rest;
    }
});
