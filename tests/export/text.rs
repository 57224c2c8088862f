use crate::{assert_golden, example};
use asnmeter::export::text;
use asnmeter::snapshot::{Snapshot, StreamRow};

fn report(snapshot: &Snapshot, streams: &[StreamRow]) -> String {
    let mut out = Vec::new();
    text::write_replay(&mut out, snapshot, streams, text::PAGE).unwrap();
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
    let (mut out, page) = (Vec::new(), 300);
    text::write_replay(&mut out, &example::published().snapshot, &[], page).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.chars()
            .all(|character| character == '\n' || !character.is_control())
    );
    assert!(text.contains("\\u{a}\\u{1b}[31m"));
}

#[test]
fn no_line_is_wider_than_the_page_and_no_figure_is_lost_by_folding() {
    let published = example::published();
    let streams: Vec<StreamRow> = (0..3).map(example::stream).collect();
    let figures = |page| {
        let mut out = Vec::new();
        text::write_replay(&mut out, &published.snapshot, &streams, page).unwrap();
        let text = String::from_utf8(out).unwrap();
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest.unwrap() <= page, "{page} columns:\n{text}");
        // Neither the titles of columns (p50), nor a name, which gives way.
        let digits = |word: &&str| {
            word.chars().any(|one| one.is_ascii_digit()) && !word.contains(['p', '\\', '<'])
        };
        let strip = |word: &str| word.trim_end_matches([',', ';']).to_owned();
        let mut words: Vec<_> = text.split_whitespace().filter(digits).map(strip).collect();
        words.sort();
        words
    };
    let wide = figures(400);
    for page in [80, 100, 120, 200] {
        assert_eq!(figures(page), wide, "{page} columns");
    }
}

#[test]
fn csv_has_a_line_for_each_contract_asn_and_measure_with_as_many_fields_as_its_head() {
    let mut out = Vec::new();
    asnmeter::export::csv::write_replay(&mut out, &example::published().snapshot).unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    let fields = |line: &str| {
        let mut is_quoted = false;
        let commas = line.chars().filter(|one| {
            is_quoted ^= *one == '"';
            *one == ',' && !is_quoted
        });
        commas.count() + 1
    };
    for line in &lines {
        assert_eq!(fields(line), fields(lines[0]), "{line}");
    }
    let of = |begin: &str| lines.iter().filter(|line| line.starts_with(begin)).count();
    assert_eq!(of("voice-fra,origin,3320,Deutsche Telekom AG,"), 3);
    assert!(of("\"voice-\"\"ber\"\"\",transit,174,") >= 1, "{text}");
    assert!(!text.contains('\u{1b}'), "a name moves no cursor");
}
