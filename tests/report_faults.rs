//! Proves the report over all that can happen to a meter: every figure equals what is known of a simulated
//! time with stops, kills, lost frames, a full disk, a change of the contract and one of the clocks; the
//! four formats say the same; and of a ledger that does not hold nothing is printed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use meter::{Schedule, write};
use serde_json::Value;
use std::fs;
use support::desk::Desk;
use support::program::{asnmeter, assert_verifies, list, number, text};
use truth::compare;

#[path = "report_faults/meter.rs"]
mod meter;

#[path = "report_faults/truth.rs"]
mod truth;

/// 2026-10-25T00:00:00+02:00: a day of 25 hours in Paris.
const LONG_DAY: u64 = 1_792_879_200;

/// That day and the one before it.
fn two_days() -> Schedule {
    let begin = LONG_DAY - 86_400;
    let end = LONG_DAY + 25 * 3600;
    let at = |hours: u64, seconds: u64| begin + hours * 3600 + seconds;
    Schedule {
        period: (begin, end),
        networks: 9,
        quiet: 40,
        start: begin - 900,
        stop: end - 1800,
        stops: vec![(at(5, 17), at(5, 620)), (at(25, 0), at(26, 1))],
        kills: vec![(at(9, 59), at(9, 200))],
        gaps: vec![
            (at(3, 100), at(3, 102), None),
            (at(3, 130), at(3, 130), Some(5)),
            (at(30, 0), at(30, 299), Some(100_000)),
        ],
        disk: vec![(at(12, 10), at(12, 45)), (at(40, 59), at(40, 61))],
        late_gaps: vec![
            (at(4, 100), at(4, 110), at(4, 900)),
            (at(33, 5), at(33, 5), at(33, 3000)),
        ],
        doubled: Some(at(20, 30)),
        maintenance: vec![
            (at(1, 0), at(6, 0), at(6, 1800), Vec::new()),
            (at(7, 1000), at(7, 0), at(7, 1800), Vec::new()),
            (
                at(20, 0),
                at(22, 0),
                at(23, 7),
                vec![64_501, 64_505, 64_507],
            ),
            (at(24, 0), at(22, 3000), at(23, 3000), vec![64_500]),
        ],
    }
}

/// Three hours of it.
fn three_hours() -> Schedule {
    let schedule = two_days();
    Schedule {
        stop: schedule.start + 3 * 3600,
        maintenance: vec![(
            schedule.start + 60,
            schedule.period.0 + 10,
            schedule.period.0 + 70,
            Vec::new(),
        )],
        stops: Vec::new(),
        kills: Vec::new(),
        ..schedule
    }
}

/// Twenty minutes of it.
fn twenty_minutes() -> Schedule {
    let schedule = two_days();
    Schedule {
        stop: schedule.start + 1200,
        maintenance: Vec::new(),
        stops: Vec::new(),
        kills: Vec::new(),
        ..schedule
    }
}

fn report(ledger: &str, more: &[&str]) -> String {
    let arguments = ["report", ledger, "--time-zone", "Europe/Paris"];
    let outcome = asnmeter(arguments.iter().chain(more));
    assert_eq!(outcome.code, Some(0), "{more:?}: {}", outcome.stderr);
    outcome.stdout
}

const PERIOD: [&str; 4] = ["--from", "2026-10-24", "--until", "2026-10-26"];

fn json(ledger: &str) -> Value {
    let text = report(ledger, &[&PERIOD[..], &["--format", "json"]].concat());
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_figure_equals_what_is_known_whatever_happens_to_the_meter() {
    let desk = Desk::new();
    let written = write(&desk.path("ledger"), &two_days());
    let document = json(&desk.name("ledger"));
    assert_eq!(number(&document, "/period_s"), 49 * 3600);
    compare(&document, &written);
    assert!(written.amended > 1000, "{} amendments", written.amended);
    let differ = written.networks.values();
    let differ = differ.filter(|truth| truth.given.columns != truth.settled.columns);
    assert!(differ.count() > 2, "what came late changes verdicts");
    for column in 0..5 {
        let networks = written.networks.values();
        let seconds: u64 = networks
            .map(|truth| truth.given.columns[0][0][column])
            .sum();
        assert!(seconds > 1000, "only {seconds} seconds in column {column}");
    }
    let versions = list(&document, "/ledgers/0/commitments/0/versions");
    assert_eq!(versions.len(), 2, "before and after the rate was doubled");
    assert_eq!(text(&versions[1], "from"), "2026-10-24T20:00:30+02:00");
}

#[test]
fn the_formats_say_the_same_and_say_it_again_to_the_octet() {
    let desk = Desk::new();
    write(&desk.path("ledger"), &three_hours());
    let ledger = desk.name("ledger");
    let document = json(&ledger);
    let row = &list(&document, "/ledgers/0/commitments/0/asns")[0];
    let figures = [
        number(row, "/given/loss/missed_s"),
        number(row, "/from/bytes"),
    ];
    let in_format = |format| {
        let more = [&PERIOD[..], &["--format", format]].concat();
        let once = report(&ledger, &more);
        assert_eq!(once, report(&ledger, &more), "{format} twice");
        once
    };
    let csv = in_format("csv");
    let mut lines = csv.split_terminator("\r\n");
    let head: Vec<_> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<_>> = lines.map(|line| line.split(',').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == head.len()), "ragged");
    let column = |name| head.iter().position(|head| *head == name).unwrap();
    let first = rows.iter().find(|row| row[column("measure")] == "loss");
    let first = first.unwrap();
    assert_eq!(first[column("missed_s")], figures[0].to_string());
    assert_eq!(first[column("from_bytes")], figures[1].to_string());
    for (name, pointer) in [
        ("from_confirmed_bytes", "/from/confirmed_bytes"),
        ("mean_confirmed_to_ppm", "/to/mean_confirmed_ppm"),
        ("confirmed_peak_ppm", "/confirmed_peak/share_ppm"),
    ] {
        assert_eq!(
            first[column(name)],
            number(row, pointer).to_string(),
            "{name}"
        );
    }
    let text = in_format("text");
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "a line of {widest:?} columns");
    let html = in_format("html");
    for word in ["<script", "http:", "https:", "<img", "@import", "<link"] {
        assert!(!html.contains(word), "{word} in the HTML");
    }
    let grouped = |number: u64| {
        let digits = number.to_string();
        let parts = digits.as_bytes().rchunks(3).rev();
        let parts: Vec<_> = parts.map(String::from_utf8_lossy).collect();
        parts.join(" ")
    };
    for (name, written) in [("text", &text), ("html", &html)] {
        for figure in figures {
            assert!(written.contains(&grouped(figure)), "{figure}: {name}");
        }
    }
}

#[test]
fn of_a_ledger_that_does_not_hold_nothing_is_printed() {
    let desk = Desk::new();
    write(&desk.path("ledger"), &twenty_minutes());
    let notes = desk.path("ledger").join("2026-10-23.notes");
    let written = fs::read_to_string(&notes).unwrap();
    let root = written.lines().nth(2).unwrap();
    let mut other = root.to_owned();
    let first = if root.starts_with('A') { "B" } else { "A" };
    other.replace_range(0..1, first);
    fs::write(&notes, written.replace(root, &other)).unwrap();
    let ledger = desk.name("ledger");
    let arguments = ["report", &ledger, "--time-zone", "Europe/Paris"];
    let outcome = asnmeter(arguments.iter().chain(&PERIOD));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    let said = "no report of what does not hold";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("2026-10-23.notes"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn what_cannot_be_answered_is_said() {
    let desk = Desk::new();
    write(&desk.path("ledger"), &twenty_minutes());
    let ledger = desk.name("ledger");
    let cases = [
        ("--month 2026-13", 2, "month \"2026-13\""),
        (
            "--from 2026-10-25T02:30 --until 2026-10-26",
            2,
            "does not exist once",
        ),
        ("--from 2026-10-26 --until 2026-10-24", 2, "is no period"),
        ("--month 2026-12", 1, "has no second from"),
        ("--month 2026-10 --commitment vocie", 1, "there are: voice"),
        (
            "--month 2026-10 --from 2026-10-01 --until 2026-10-02",
            2,
            "cannot be used with",
        ),
        (
            "--month 2026-10 --time-zone Europe/Pariss",
            2,
            "tz database",
        ),
        ("", 2, "--month"),
    ];
    for (more, code, said) in cases {
        let arguments = ["report", &ledger]
            .into_iter()
            .chain(more.split_whitespace());
        let zone = if more.contains("zone") {
            vec![]
        } else {
            vec!["--time-zone", "Europe/Paris"]
        };
        let outcome = asnmeter(arguments.chain(zone));
        assert_eq!(outcome.code, Some(code), "{more:?}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains(said),
            "{more:?}: {}",
            outcome.stderr
        );
        assert_eq!(outcome.stdout, "");
    }
}

fn shown(ledger: &str, more: &[&str]) -> Vec<Value> {
    let outcome = asnmeter(["evidence", "show", ledger].iter().chain(more));
    assert_eq!(outcome.code, Some(0), "{more:?}: {}", outcome.stderr);
    let lines = outcome.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn the_leaves_that_are_asked_for_are_shown_as_they_are() {
    let desk = Desk::new();
    write(&desk.path("ledger"), &twenty_minutes());
    let ledger = desk.name("ledger");
    let all = shown(&ledger, &[]);
    assert_eq!(text(&all[0], "kind"), "day");
    let verified = asnmeter(["verify", &ledger, "--format", "json"]).stdout;
    let verified: Value = serde_json::from_str(&verified).unwrap();
    assert_eq!(all.len() as u64, number(&verified, "/leaves"));
    let of_asn = shown(&ledger, &["--asn", "64500"]);
    let kinds = ["second", "amendment", "verdict", "interval"];
    assert!(!of_asn.is_empty() && of_asn.len() < all.len());
    assert!(
        of_asn
            .iter()
            .all(|leaf| kinds.contains(&text(leaf, "kind")))
    );
    let (from, until) = ("2026-10-23T21:50:00Z", "2026-10-23T21:51:00Z");
    let minute = shown(
        &ledger,
        &["--from", from, "--until", until, "--asn", "64500"],
    );
    assert_eq!(
        minute
            .iter()
            .filter(|leaf| leaf["kind"] == "second")
            .count(),
        60
    );
    let is_in = |leaf: &Value| {
        let about = leaf.get("for").unwrap_or(&leaf["second"]);
        about.as_str().is_some_and(|at| (from..until).contains(&at))
    };
    assert!(minute.iter().all(is_in), "{minute:?}");
    assert!(shown(&ledger, &["--commitment", "other", "--asn", "64500"]).is_empty());
}

/// A configuration with the contract of the ledger, but for its rate and something more.
fn contract(desk: &Desk, rate: &str, more: &str, latency: &str) -> String {
    let text = format!(
        "[[commitment]]\nname = \"voice\"\ncommitted_rate = \"{rate}\"\n\
         {more}\ncredit = [{{ below = \"99.9%\", credit = \"5%\" }}, {{ below = \"95%\", credit = \"10%\" }}, \
         {{ below = \"50%\", credit = \"33.3333%\" }}]\nguarantee = {{ loss = \"0.5%\", latency = \"{latency}\", jitter = \"30ms\" }}\n"
    );
    desk.file("corrected.toml", text)
}

#[test]
fn another_contract_says_what_a_meter_under_it_would_have_said() {
    let desk = Desk::new();
    let schedule = Schedule {
        doubled: None,
        ..three_hours()
    };
    write(&desk.path("ledger"), &schedule);
    let doubled = Schedule {
        doubled: Some(schedule.start),
        ..schedule
    };
    write(&desk.path("doubled"), &doubled);
    let corrected = contract(&desk, "24 Mbps", "", "150ms");
    let with = ["--format", "json", "--with", &corrected];
    let text = report(&desk.name("ledger"), &[&PERIOD[..], &with].concat());
    let document: Value = serde_json::from_str(&text).unwrap();
    let (said, would) = (
        &document["ledgers"][0]["commitments"][0],
        json(&desk.name("doubled")),
    );
    let would = &would["ledgers"][0]["commitments"][0];
    assert_eq!(
        list(&said["with"], "/unanswered").len(),
        0,
        "{}",
        said["with"]
    );
    assert_eq!(said["with"]["all"], would["all"]);
    assert_eq!(said["with"]["asns"], would["asns"]);
    assert_ne!(said["asns"], would["asns"], "the rate makes no difference");
    assert_eq!(
        said["asns"],
        json(&desk.name("ledger"))["ledgers"][0]["commitments"][0]["asns"]
    );
}

#[test]
fn what_the_ledger_cannot_answer_of_another_contract_is_said() {
    let desk = Desk::new();
    write(&desk.path("ledger"), &twenty_minutes());
    let corrected = contract(&desk, "24 Mbps", "layer = \"ethernet\"", "100ms");
    let with = ["--format", "json", "--with", &corrected];
    let text = report(&desk.name("ledger"), &[&PERIOD[..], &with].concat());
    let document: Value = serde_json::from_str(&text).unwrap();
    let with = &document["ledgers"][0]["commitments"][0]["with"];
    let said: Vec<_> = list(with, "/unanswered")
        .iter()
        .map(|why| why.as_str().unwrap())
        .collect();
    assert!(
        matches!(&said[..], [latency, layer] if latency.starts_with("latency 100 ms")
        && layer.starts_with("layer: ")),
        "{said:?}"
    );
    assert!(
        with["all"]["given"].get("latency").is_none(),
        "{}",
        with["all"]
    );
    let recorded = [&PERIOD[..], &["--with", &corrected, "--record"]].concat();
    report(&desk.name("ledger"), &recorded);
    report(&desk.name("ledger"), &recorded);
    let revisions = shown(&desk.name("ledger"), &[]);
    let revisions: Vec<_> = revisions
        .iter()
        .filter(|leaf| leaf["kind"] == "revision")
        .collect();
    assert_eq!(revisions.len(), 1, "the same revision once");
    let text = report(&desk.name("ledger"), &PERIOD);
    assert!(text.contains("judged again: "), "{text}");
}

fn exclude(ledger: &str, more: &[&str]) -> support::program::Outcome {
    let arguments = ["evidence", "exclude", ledger, "--time-zone", "Europe/Paris"];
    asnmeter(arguments.iter().chain(more))
}

#[test]
fn maintenance_that_is_entered_afterwards_is_found_wherever_it_was_entered() {
    let desk = Desk::new();
    write(&desk.path("ledger"), &three_hours());
    let ledger = desk.name("ledger");
    let time = [
        "--from",
        "2026-10-24T00:10",
        "--until",
        "2026-10-24T00:20",
        "--reason",
        "fibre",
    ];
    let typo = exclude(&ledger, &[&time[..], &["--commitment", "vocie"]].concat());
    assert_eq!(typo.code, Some(2), "{}", typo.stderr);
    assert!(typo.stderr.contains("there are: voice"), "{}", typo.stderr);
    let asked = [&time[..], &["--commitment", "voice", "--asn", "64500"]].concat();
    let first = exclude(&ledger, &asked);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(
        first.stdout.starts_with("entered: {\"kind\":\"exclusion\""),
        "{}",
        first.stdout
    );
    assert!(exclude(&ledger, &asked).stdout.contains("entered before"));
    // It stands in the file of the last day, which a report of the first half hour does not read otherwise.
    let half_hour = [
        "--from",
        "2026-10-24",
        "--until",
        "2026-10-24T00:30",
        "--format",
        "json",
    ];
    let look = |more: &[&str]| -> Value { serde_json::from_str(&report(&ledger, more)).unwrap() };
    let check = |document: &Value| {
        let commitment = &document["ledgers"][0]["commitments"][0];
        let exclusions = list(commitment, "/exclusions");
        let ours = exclusions
            .iter()
            .find(|one| one["reason"] == "fibre")
            .unwrap();
        assert_eq!(ours["retroactive"], true);
        assert_eq!(number(ours, "/period_s"), 600);
        let sum = |row: usize, key: &str| {
            let seconds = &list(commitment, "/asns")[row][key]["loss"];
            seconds
                .as_object()
                .unwrap()
                .values()
                .map(|it| it.as_u64().unwrap())
                .sum::<u64>()
        };
        let period = number(document, "/period_s");
        let lenses = [
            "given",
            "given_without_maintenance",
            "given_without_retroactive",
        ];
        assert_eq!(
            lenses.map(|key| sum(0, key)),
            [period, period - 60, period - 660]
        );
        assert_eq!(
            lenses.map(|key| sum(1, key)),
            [period, period - 60, period - 60]
        );
    };
    check(&look(&half_hour));
    let hours = [
        "--from",
        "2026-10-24",
        "--until",
        "2026-10-24T02:30",
        "--format",
        "json",
    ];
    check(&look(&hours));
    // The index only says where to look.
    fs::remove_file(desk.path("ledger").join("entered.jsonl")).unwrap();
    check(&look(&hours));
    assert_verifies(&ledger);
}
