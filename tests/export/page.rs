use crate::example;
use asnmeter::export::{Published, json, page};
use asnmeter::sla::measure::Measure;
use asnmeter::units::Asn;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// The hash source of CSP for an inline element, by coreutils, so not by our own arithmetic.
fn hash_source(content: &str) -> String {
    let mut shell = Command::new("sh")
        .args(["-c", "sha256sum | cut -c1-64 | xxd -r -p | base64"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    shell
        .stdin
        .take()
        .unwrap()
        .write_all(content.as_bytes())
        .unwrap();
    let output = shell.wait_with_output().unwrap();
    format!(
        "'sha256-{}'",
        String::from_utf8(output.stdout).unwrap().trim()
    )
}

#[test]
fn the_policy_lets_run_this_style_and_this_script_and_nothing_else() {
    let (style, script) = (hash_source(page::STYLE), hash_source(page::SCRIPT));
    let policy = page::CONTENT_SECURITY_POLICY;
    assert!(
        policy.contains(&format!("style-src {style};")),
        "style-src {style}"
    );
    assert!(
        policy.ends_with(&format!("script-src {script}")),
        "script-src {script}"
    );
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"));
}

#[test]
fn the_script_never_makes_markup_of_text() {
    for word in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval",
        "</",
    ] {
        assert!(!page::SCRIPT.contains(word), "{word}");
    }
    assert_eq!(page::PAGE.matches("<script").count(), 1);
}

#[test]
fn the_script_has_a_row_for_each_measure_in_the_order_of_the_list() {
    let rows = page::SCRIPT.split("{ label: \"").skip(1);
    let labels: Vec<_> = rows.map(|row| row.split('"').next().unwrap()).collect();
    assert_eq!(labels, Measure::ALL.map(Measure::as_str));
}

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    let text = page::PAGE.replace("http://www.w3.org/2000/svg", "");
    assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("src=\""));
    // An attribute would be against the policy.
    assert!(!text.contains("style=") && !text.contains("onclick="));
}

fn state(published: &Published) -> Value {
    serde_json::from_str(&json::page::state(published).unwrap()).unwrap()
}

#[test]
fn the_state_has_every_commitment_with_its_terms_and_what_is_out_of_sla_first() {
    let state = state(&example::published());
    let first = &state["commitments"][0];
    assert_eq!(first["loss"]["limit"], 0.005);
    assert_eq!(first["latency"]["limit_ms"], 150.0);
    assert_eq!(
        (&first["judged_asns"], &first["out_of_sla"]),
        (&json!(7), &json!(1))
    );
    let row = &first["asns"][0];
    assert_eq!((&row["asn"], &row["over"]), (&json!(3320), &json!(true)));
    assert_eq!(row["most"], 0.128);
    assert_eq!(row["since"], "2026-01-01T00:09:18Z");
    assert_eq!(
        row["sent"],
        json!({"expected": 4500, "lost": 9, "maybe_lost": 0})
    );
    let sum = &state["commitments"][1]["asns"][0];
    assert_eq!(
        sum["share"],
        json!({"from": null, "to": null, "sum": 0.0971})
    );
}

#[test]
fn the_last_hour_is_in_thousandths_of_the_limit_and_empty_before_the_capture_began() {
    let state = state(&example::published());
    let hour = state["commitments"][0]["asns"][0]["last_hour"]
        .as_array()
        .unwrap();
    assert_eq!(hour.len(), 60);
    // Eleven minutes of capture, voice in the last ten of them; 12.8 % of an allowed 10 %.
    assert_eq!(hour.iter().filter(|minute| minute.is_null()).count(), 49);
    assert_eq!(
        (&hour[49], &hour[50], &hour[59]),
        (&json!(0), &json!(1280), &json!(1280))
    );
}

#[test]
fn of_many_asns_the_hundred_nearest_to_their_limit_are_sent_and_all_are_counted() {
    let mut published = example::large();
    let snapshot = Arc::make_mut(&mut published.snapshot);
    snapshot.commitments[0].asns[499].out_of_sla = true;
    let state = state(&published);
    let first = &state["commitments"][0];
    assert_eq!(first["judged_asns"], 500);
    assert_eq!(first["asns"].as_array().unwrap().len(), 100);
    assert_eq!(
        first["asns"][0]["asn"],
        500 * 131,
        "out of SLA is never cut off"
    );
}

#[test]
fn the_detail_has_both_directions_verdicts_by_minute_and_times_out_of_sla() {
    let published = example::published();
    let text = json::page::detail(&published, Asn(3320)).unwrap().unwrap();
    let detail: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(detail["asn"]["asn"], 3320);
    assert_eq!(detail["jitter_ms"]["count"], 600);
    assert_eq!(detail["commitments"].as_array().unwrap().len(), 2);
    let judged = &detail["commitments"][0];
    assert_eq!(judged["intervals"][0]["open"], true);
    let verdicts = |minute: usize| judged["verdicts"][minute].as_array().unwrap();
    let [void, met] = [json!([0, 0, 60, 0]), json!([60, 0, 0, 0])];
    assert_eq!(verdicts(59)[..2], [void, met]);
    assert!(verdicts(0).iter().all(Value::is_null));
    assert!(json::page::detail(&published, Asn(4_200_000_000)).is_none());
}

#[test]
fn before_the_first_second_there_is_a_state_without_one() {
    let state = state(&Published::default());
    assert_eq!(
        (&state["judged"], &state["commitments"]),
        (&json!(null), &json!([]))
    );
}

#[test]
fn the_state_has_what_an_exclusion_covers_and_which_transit_is_out() {
    let state = state(&example::published());
    let over = &state["commitments"][0]["asns"][0];
    assert_eq!(over["transit"], json!([174, 1299, 64667]));
    let together = &state["commitments"][1];
    let through = &together["transit"][0];
    assert_eq!(
        (&through["asn"], &through["over"]),
        (&json!(174), &json!(true))
    );
    let rows = together["asns"].as_array().unwrap();
    let around = rows.iter().find(|row| row["asn"] == 12_322).unwrap();
    assert_eq!(around["loss"]["reason"], "transit AS174");
}
