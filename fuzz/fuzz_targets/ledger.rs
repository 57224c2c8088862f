//! Any text as a line of the ledger, and as its notes: what is read is written the same.
#![no_main]

use asnmeter::ledger::checkpoint::{SignedCheckpoint, read_notes};
use asnmeter::ledger::leaf::Leaf;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(leaf) = Leaf::from_line(text) {
        let line = leaf.to_line();
        let again = Leaf::from_line(&line).expect("what is written can be read");
        assert_eq!(again.to_line(), line);
    }
    if let Some(note) = SignedCheckpoint::from_note(text) {
        assert_eq!(note.to_note(), text);
    }
    for (_, end) in read_notes(text) {
        assert!(end <= text.len());
    }
});
