use crate::{assert_golden, example};
use asnmeter::export::text;
use asnmeter::snapshot::{Snapshot, StreamRow};

fn report(snapshot: &Snapshot, streams: &[StreamRow]) -> String {
    let mut out = Vec::new();
    text::write_replay(&mut out, snapshot, streams).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_whole_report_is_the_golden_file() {
    let streams: Vec<StreamRow> = (0..45).rev().map(example::stream).collect();
    assert_golden(
        "tests/golden/replay.txt",
        &report(&example::published().snapshot, &streams),
    );
}

#[test]
fn a_long_list_of_streams_is_cut_and_says_so() {
    let streams: Vec<StreamRow> = (0..45).map(example::stream).collect();
    let text = report(&Snapshot::default(), &streams);
    assert_eq!(text.matches("0x0000").count(), text::MAX_STREAMS);
    assert!(text.ends_with("  … and 5 more (--format json lists all)\n"));
    assert!(!report(&Snapshot::default(), &streams[..40]).contains('…'));
}

#[test]
fn no_octet_of_a_name_reaches_the_terminal_as_a_control() {
    let text = report(&example::published().snapshot, &[]);
    assert!(
        text.chars()
            .all(|character| character == '\n' || !character.is_control())
    );
    assert!(text.contains("\\u{a}\\u{1b}[31m"));
}
