// Contract. Who talks to the provider at the end of the month: what was agreed, for how long was it
// kept, and for how long did it not apply?

import { ONE_COMMITMENT, dashboard } from "./dashboard.mjs";
import { BAD, CALM, GOOD, TINTED, UNSURE, VERDICTS, WARN, curves, linkTo, stat, steps, table, timeline } from "./forms.mjs";
import { MEASURES } from "./measures.mjs";
import * as q from "./queries.mjs";

const C = 'commitment="$commitment"';
const SECONDS = "asnmeter_commitment_asn_verdict_seconds_total";
const TO_ASN = linkTo("asnmeter-asn", "This ASN", "var-asn=${__data.fields.AS}", "${commitment:queryparam}");
const INCREASE = `Prometheus extrapolates to the edges of the time shown, by a scrape interval at most; the exact seconds since
  the start of the meter are in /api/v1/asns, and a replay of the capture has every single one.`;

const terms = [
  "What was agreed",
  stat({
    title: "Committed rate",
    about: "The committed data rate of the contract.",
    expression: `8 * max(${q.of("asnmeter_commitment_bytes_per_second", C)})`,
    unit: "bps",
  }),
  stat({
    title: "Threshold",
    about: "The share of the committed rate above which no guarantee is given for an ASN.",
    expression: `max(${q.of("asnmeter_commitment_threshold_ratio", C)})`,
    unit: "percentunit",
  }),
  stat({
    title: "Limit of one ASN",
    about: "Committed rate times threshold: what one ASN may use. Exactly this much is still within.",
    expression: `max(${q.limitRate(C)})`,
    unit: "bps",
  }),
  stat({
    title: "Limit in calls (G.711)",
    about: `The limit divided by a call of G.711 with 20 ms packets: 50 packets a second each way, 200 octets each in layer ip,
      218 in ethernet, 238 on the wire; twice that under direction "sum". RTCP and SIP left out (under 1 %).`,
    expression: `floor(max(${q.limitRate(C)} / 8 / on (job, instance, commitment) ${q.of("commitment:asnmeter_call_bytes_per_second:g711", C)}))`,
    unit: "none",
  }),
  stat({
    title: "Window",
    about: "The time over which rates and all that is guaranteed are taken.",
    expression: `max(${q.of("asnmeter_commitment_window_seconds", C)})`,
    unit: "s",
    width: 2,
  }),
  ...MEASURES.map(({ title, about, limit, unit }) =>
    stat({
      title,
      about,
      expression: `max(${q.of(limit, C)})`,
      unit,
      width: 6 / MEASURES.length,
      defaults: { noValue: "not guaranteed" },
    }),
  ),
];

const total = ({ label, title }) =>
  stat({
    title: `${title} guarantee kept`,
    about: `Of the time in which the ${label} guarantee held and could be judged (met or missed), all ASNs together, the part in
      which it was met. ${INCREASE}`,
    expression: `sum(${q.grown(SECONDS, C, `guarantee="${label}"`, 'verdict="met"')})
      / sum(${q.grown(SECONDS, C, `guarantee="${label}"`, 'verdict=~"met|missed"')})`,
    unit: "percentunit",
    width: 12 / MEASURES.length,
    defaults: { decimals: 2, thresholds: steps(BAD, [0.99, WARN], [0.999, GOOD]), noValue: "never judged" },
  });

const minutes = (word, colour) => [
  word[0].toUpperCase() + word.slice(1),
  `sum by (asn, guarantee) (${q.grown(SECONDS, C, `verdict="${word}"`)})`,
  ["unit", "dtdurations"],
  ["thresholds", steps(CALM, [1, colour])],
  TINTED,
];

const result = [
  "What came of it, in the time shown",
  ...MEASURES.map(total),
  stat({
    title: "ASNs that were out of SLA",
    about: "ASNs that exceeded the threshold for one second at least.",
    expression: `count(max by (asn) (${q.grown("asnmeter_commitment_asn_out_of_sla_seconds_total", C)}) >= 1)
      or 0 * max(${q.of("asnmeter_commitment_threshold_ratio", C)})`,
    unit: "none",
    width: 6,
    defaults: { thresholds: steps(GOOD, [1, BAD]) },
  }),
  stat({
    title: "Seconds not seen whole",
    about: "Tainted seconds: the meter itself did not see everything. For the windows that hold them nothing is claimed.",
    expression: `max(${q.grown("asnmeter_tainted_seconds_total")})`,
    unit: "s",
    width: 6,
    defaults: { decimals: 0, thresholds: steps(GOOD, [60, WARN]) },
  }),
  table({
    title: "Time under each verdict, by ASN and guarantee",
    about: `Met and missed: judged. Void: the ASN was out of SLA, no guarantee. Indeterminate: not seen whole, or too few samples.
      Time without voice of the ASN counts under none. Kept is met divided by met and missed. ${INCREASE}`,
    unit: "none",
    height: 13,
    labels: [
      ["asn", "AS", TO_ASN],
      ["guarantee", "Guarantee"],
    ],
    columns: [
      [
        "Kept",
        `sum by (asn, guarantee) (${q.grown(SECONDS, C, 'verdict="met"')})
         / (sum by (asn, guarantee) (${q.grown(SECONDS, C, 'verdict=~"met|missed"')}) > 0)`,
        ["unit", "percentunit"],
        ["decimals", 2],
        ["noValue", "never judged"],
        ["thresholds", steps(BAD, [0.99, WARN], [0.999, GOOD])],
        TINTED,
      ],
      minutes("met", GOOD),
      minutes("missed", BAD),
      minutes("void", WARN),
      minutes("indeterminate", UNSURE),
    ],
    sort: [{ displayName: "Missed", desc: true }],
  }),
];

const timelineOf = ({ label, title }) =>
  timeline({
    title: `${title} verdicts`,
    about: `ASNs whose ${label} guarantee was missed or void at some moment of the time shown; the others kept it, or could not be
      judged.`,
    queries: [
      [
        `max by (asn) (${q.verdict(label, C)})
         and on (asn) (max by (asn) (max_over_time(${q.of("asnmeter_commitment_asn_verdict", `guarantee="${label}"`, 'verdict=~"missed|void"', C)}[$__range] @ end())) > 0)`,
        "AS{{asn}}",
      ],
    ],
    mappings: VERDICTS,
  });

const when = [
  "When it was missed, and when it did not apply",
  ...MEASURES.map(timelineOf),
  ...MEASURES.map(({ label }) =>
    curves({
      title: `ASNs under each verdict on ${label}`,
      about: "How many ASNs had which verdict at each moment.",
      unit: "none",
      stacked: true,
      defaults: { decimals: 0 },
      queries: [[`sum by (verdict) (${q.of("asnmeter_commitment_asn_verdict", `guarantee="${label}"`, C)})`, "{{verdict}}"]],
    }),
  ),
];

export default dashboard({
  uid: "asnmeter-contract",
  title: "asnmeter / Contract",
  about: "One contract: its terms, and for how long each ASN's guarantees were met, missed, void or could not be judged.",
  variables: [ONE_COMMITMENT],
  from: "now-24h",
  refresh: "5m",
  rows: [terms, result, when],
});
