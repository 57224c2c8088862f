// What the demo's calls must come to on the dashboards, from its scenario (src/capture/synthetic/demo.rs)
// and by hand: 10 Mbit/s committed, 10 % in 10 s, 0.5 % loss and 150 ms guaranteed; a call of G.711 is
// 80 kbit/s each way. AS3320 has six of them and for 43 s sixteen; AS12322 nine; AS3269 loses 2 %;
// AS4713 and AS1221 are farther away than 150 ms.
//
// Each is [dashboard, panel, what], `what` a check of the panel's answers: see answers.mjs. `rush` are
// truths while AS3320 is over its limit, `calm` those after it came back.

const near = (expected, part) => (value) => Math.abs(value - expected) <= Math.abs(expected) * part;
const between = (low, high) => (value) => value >= low && value <= high;
const is = (expected) => (value) => value === expected;

/** The one number of a stat, or the last point of each curve with this legend. */
const number = (check) => ({ legend: undefined, check });
const curve = (legend, check) => ({ legend, check });
/** A cell of the row in which these columns have these values. */
const cell = (where, column, check) => ({ where, column, check });

const RUSH_LIMIT_USED = near(1.28, 0.02);

export const RUSH = [
  ["asnmeter-overview", "ASNs out of SLA", number(is(1))],
  ["asnmeter-overview", "Guarantees missed", number(between(2, 3))],
  ["asnmeter-overview", "Fewest calls left (G.711)", number(is(-4))],
  ["asnmeter-overview", "The meter", number(is(0))],
  ["asnmeter-overview", "ASNs by the part of their limit that they use", cell({ AS: "3320" }, "Limit used", RUSH_LIMIT_USED)],
  ["asnmeter-overview", "ASNs by the part of their limit that they use", cell({ AS: "3320" }, "State", is(2))],
  ["asnmeter-overview", "ASNs by the part of their limit that they use", cell({ AS: "3320" }, "Loss verdict", is(2))],
  ["asnmeter-overview", "ASNs by the part of their limit that they use", cell({ AS: "3320" }, "Name", is("Deutsche Telekom AG"))],
  ["asnmeter-overview", "ASNs by the part of their limit that they use", cell({ AS: "12322" }, "Calls left, G.711", is(3))],
  ["asnmeter-overview", "ASNs by the part of their limit that they use", cell({ AS: "12322" }, "Calls left, as now", is(3))],
  ["asnmeter-overview", "ASNs by the part of their limit that they use", cell({ AS: "12322" }, "State", is(0))],
  ["asnmeter-overview", "ASNs by the part of their limit that they use", cell({ AS: "3269" }, "Loss", near(0.02, 0.3))],
  ["asnmeter-overview", "ASNs by the part of their limit that they use", cell({ AS: "3269" }, "Loss verdict", is(4))],
  ["asnmeter-overview", "ASNs by the part of their limit that they use", cell({ AS: "4713" }, "Latency verdict", is(4))],
  ["asnmeter-asn", "State", number(is(2))],
  ["asnmeter-asn", "Calls now", number(is(16))],
];

export const CALM = [
  ["asnmeter-overview", "ASNs out of SLA", number(is(0))],
  ["asnmeter-overview", "Calls that still fitted at the busiest moment", cell({ AS: "3320" }, "Peak of limit used", RUSH_LIMIT_USED)],
  ["asnmeter-overview", "Calls that still fitted at the busiest moment", cell({ AS: "3320" }, "Out of SLA", between(38, 42))],
  ["asnmeter-overview", "Calls that still fitted at the busiest moment", cell({ AS: "12322" }, "Out of SLA", is(0))],
  ["asnmeter-overview", "Voice from the ten largest ASNs", curve("AS12322", near(9 * 80_000, 0.05))],
  ["asnmeter-asn", "State", number(is(0))],
  ["asnmeter-asn", "Calls now", number(is(6))],
  ["asnmeter-asn", "Share of the committed rate", curve("from, demo", near(0.048, 0.05))],
  ["asnmeter-asn", "Share of the committed rate", curve("limit, demo", is(0.1))],
  ["asnmeter-asn", "Rate", curve("from", near(6 * 80_000, 0.05))],
  ["asnmeter-asn", "Rate", curve("limit, demo", is(1_000_000))],
  ["asnmeter-asn", "Round trip, 95th percentile by method", curve("rtcp", between(0.01, 0.05))],
  ["asnmeter-asn", "Round trip, 95th percentile by method", curve("guaranteed, demo", is(0.15))],
  ["asnmeter-asn", "Loss", curve("from", is(0))],
  ["asnmeter-asn", "Loss", curve("guaranteed, demo", is(0.005))],
  ["asnmeter-contract", "Committed rate", number(is(10_000_000))],
  ["asnmeter-contract", "Threshold", number(is(0.1))],
  ["asnmeter-contract", "Limit of one ASN", number(is(1_000_000))],
  ["asnmeter-contract", "Limit in calls (G.711)", number(is(12))],
  ["asnmeter-contract", "Window", number(is(10))],
  ["asnmeter-contract", "Loss", number(is(0.005))],
  ["asnmeter-contract", "Latency", number(is(0.15))],
  ["asnmeter-contract", "ASNs that were out of SLA", number(is(1))],
  ["asnmeter-contract", "Time under each verdict, by ASN and guarantee", cell({ AS: "3320", Guarantee: "loss" }, "Void", between(38, 42))],
  ["asnmeter-contract", "Time under each verdict, by ASN and guarantee", cell({ AS: "3320", Guarantee: "loss" }, "Missed", is(0))],
  ["asnmeter-contract", "Time under each verdict, by ASN and guarantee", cell({ AS: "3320", Guarantee: "loss" }, "Kept", is(1))],
  ["asnmeter-contract", "Time under each verdict, by ASN and guarantee", cell({ AS: "3269", Guarantee: "loss" }, "Kept", is(0))],
  ["asnmeter-contract", "Time under each verdict, by ASN and guarantee", cell({ AS: "12322", Guarantee: "loss" }, "Kept", is(1))],
  ["asnmeter-contract", "Time under each verdict, by ASN and guarantee", cell({ AS: "4713", Guarantee: "latency" }, "Met", is(0))],
  ["asnmeter-meter", "Answers", number(is(1))],
  ["asnmeter-meter", "Behind", number(between(0, 5))],
  ["asnmeter-meter", "Frames dropped", number(is(0))],
  ["asnmeter-meter", "Streams refused", number(is(0))],
  ["asnmeter-meter", "Configuration", number(is(1))],
  ["asnmeter-meter", "Ledger", number(is(0))],
  ["asnmeter-meter", "Seconds not written", number(is(0))],
  ["asnmeter-meter", "ASN sources", cell({ Source: "demo" }, "Prefixes", between(12, 14))],
];
