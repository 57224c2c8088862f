// Overview. The NOC at three in the morning: who is out of SLA, is a guarantee missed, can the meter
// be believed? Below that the planner: how close does each ASN come, and how many calls are left?

import { COMMITMENTS, dashboard } from "./dashboard.mjs";
import { BAD, BAR, CALM, GOOD, STATES, TINTED, VERDICTS, WARN, curves, linkTo, panelLink, stat, steps, table, timeline, words } from "./forms.mjs";
import { MEASURES } from "./measures.mjs";
import * as q from "./queries.mjs";

const C = q.COMMITMENT;
const TO_ASN = linkTo("asnmeter-asn", "This ASN", "var-asn=${__data.fields.AS}", "${commitment:queryparam}");
const TO_METER = [panelLink("asnmeter-meter", "The meter itself")];
const LIMIT_STEPS = steps(GOOD, [0.8, WARN], [1, BAD]);
const NO_TRAFFIC = { noValue: "no traffic" };

const CALLS_G711 = `In calls of G.711 with 20 ms packets: 50 packets a second each way, 200 octets each in layer
  ip, 218 in ethernet, 238 on the wire; RTCP and SIP left out (under 1 %).`;
const CALLS_AS_NOW = `In calls like the mean of the present ones, one stream from the ASN standing for a call.`;

const now = [
  "Now: who is out of SLA, and can the meter be believed?",
  stat({
    title: "ASNs out of SLA",
    about: "ASNs whose share of the committed rate exceeds the threshold in the judged window: no guarantee is given for them.",
    expression: `sum(${q.of("asnmeter_commitment_asn_out_of_sla", C)})`,
    unit: "none",
    defaults: { thresholds: steps(GOOD, [1, BAD]), ...NO_TRAFFIC },
  }),
  stat({
    title: "Guarantees missed",
    about: `What is guaranteed was not kept, of ASNs within their limit, in a window that the meter saw whole.
      These are the provider's.`,
    expression: `sum(${q.of("asnmeter_commitment_asn_verdict", 'verdict="missed"', C)})`,
    unit: "none",
    defaults: { thresholds: steps(GOOD, [1, BAD]), noValue: "nothing guaranteed" },
  }),
  stat({
    title: "ASNs near their limit",
    about: "ASNs that use more than 80 % of what the contract lets them use, and are not out of SLA.",
    expression: `count((${q.of(q.LIMIT_USED, C)} > 0.8)
      unless on (job, instance, commitment, asn) (${q.of("asnmeter_commitment_asn_out_of_sla", C)} == 1))
      or 0 * sum(${q.of("asnmeter_commitment_asn_out_of_sla", C)})`,
    unit: "none",
    defaults: { thresholds: steps(GOOD, [1, WARN]), ...NO_TRAFFIC },
  }),
  stat({
    title: "Fewest calls left (G.711)",
    about: `Of the ASN that is nearest to its limit; below 0 it is over. ${CALLS_G711}`,
    expression: `floor(min(${q.of(q.CALLS_G711, C)}))`,
    unit: "none",
    defaults: { thresholds: steps(BAD, [0, WARN], [10, GOOD]), ...NO_TRAFFIC },
  }),
  stat({
    title: "Verdicts that cannot be given",
    about: `Part of the present verdicts that are indeterminate: seconds not seen whole, loss in doubt, or too few samples. Small ASNs
      have few samples; that is in order.`,
    expression: `sum(${q.of("asnmeter_commitment_asn_verdict", 'verdict="indeterminate"', C)})
      / sum(${q.of("asnmeter_commitment_asn_verdict", C)})`,
    unit: "percentunit",
    defaults: { thresholds: steps(GOOD, [0.5, WARN]), decimals: 0, noValue: "nothing guaranteed" },
  }),
  stat({
    title: "The meter",
    about: `Whether it judges (the last judged second is less than 30 s old) and sees every frame (none dropped in the
      last five minutes). Verdicts that dropped frames could change are indeterminate.`,
    expression: `max(2 * (time() - ${q.of("asnmeter_judged_second_timestamp_seconds")} > bool 30)
      + on (job, instance) (sum by (job, instance) (increase(${q.of("asnmeter_capture_dropped_frames_total")}[5m])) > bool 0))`,
    unit: "none",
    links: TO_METER,
    defaults: {
      thresholds: steps(GOOD, [1, WARN], [2, BAD]),
      mappings: words([0, "sees everything", GOOD], [1, "drops frames", WARN], [2, "stands still", BAD], [3, "stands still", BAD]),
      noValue: "no answer",
    },
  }),
];

const who = [
  "Who: every ASN under every commitment",
  table({
    title: "ASNs by the part of their limit that they use",
    about: `One line per ASN and commitment. Rate is what the commitment judges, in its own layer, over its window. Loss is
      what was lost before the tap of what the ASN sent, over five minutes; a round trip runs from the tap to the ASN and
      back (RTCP and STUN). Calls left, G.711: ${CALLS_G711} Calls left, as now: ${CALLS_AS_NOW}`,
    unit: "none",
    height: 13,
    labels: [
      ["commitment", "Commitment"],
      ["asn", "AS", TO_ASN],
      ["name", "Name"],
    ],
    columns: [
      ["Limit used", q.named(q.of(q.LIMIT_USED, C)), ["unit", "percentunit"], ["decimals", 1], ["min", 0], ["max", 1.3], ["thresholds", LIMIT_STEPS], BAR],
      ["State", q.perAsn(q.state(C)), ["mappings", STATES], TINTED],
      ["Rate", q.perAsn(q.judgedRate(C)), ["unit", "bps"]],
      ["Calls left, G.711", `floor(${q.perAsn(q.of(q.CALLS_G711, C))})`, ["decimals", 0]],
      ["Calls left, as now", `floor(${q.perAsn(q.of(q.CALLS_AS_NOW, C))})`, ["decimals", 0]],
      ...MEASURES.flatMap(({ label, title, now }) => [now, [`${title} verdict`, q.perAsn(q.verdict(label, C)), ["mappings", VERDICTS], TINTED]]),
    ],
    sort: [{ displayName: "Limit used", desc: true }],
  }),
];

const since = [
  "When: how it came to this",
  timeline({
    title: "Near the limit and out of SLA",
    about: "Every ASN that used more than 80 % of its limit at some moment of the time shown.",
    queries: [
      [
        `${q.perAsn(q.state(C))}
         and on (commitment, asn) (${q.perAsn(`max_over_time(${q.of(q.LIMIT_USED, C)}[$__range] @ end())`)} > 0.8)`,
        "AS{{asn}} {{commitment}}",
      ],
    ],
    mappings: STATES,
  }),
  curves({
    title: "Part of the limit used, the ten nearest",
    about: "1 is the limit itself, and still within; above it the ASN is out of SLA. Ten ASNs with the highest peaks in the time shown.",
    unit: "percentunit",
    drawn: true,
    defaults: { thresholds: LIMIT_STEPS },
    queries: [
      [
        `${q.perAsn(q.of(q.LIMIT_USED, C))}
         and on (commitment, asn) topk(10, ${q.perAsn(`max_over_time(${q.of(q.LIMIT_USED, C)}[$__range] @ end())`)})`,
        "AS{{asn}} {{commitment}}",
      ],
    ],
  }),
  curves({
    title: "Guarantees missed over time",
    about: "How many guarantees were missed at each moment, by kind.",
    unit: "none",
    bars: true,
    stacked: true,
    drawn: true,
    defaults: { decimals: 0, thresholds: steps(GOOD, [1, BAD]) },
    queries: [[`sum by (guarantee) (${q.of("asnmeter_commitment_asn_verdict", 'verdict="missed"', C)})`, "{{guarantee}}"]],
  }),
];

const room = [
  "Room for more: the busiest moments of the time shown",
  table({
    title: "Calls that still fitted at the busiest moment",
    about: `Choose a day, a week or a month. The least headroom of each ASN in that time, and how long it was out of SLA.
      Peaks shorter than the recording interval of Prometheus are missed; the seconds out of SLA are not. ${CALLS_G711}`,
    unit: "none",
    labels: [
      ["commitment", "Commitment"],
      ["asn", "AS", TO_ASN],
      ["name", "Name"],
    ],
    columns: [
      ["Peak of limit used", q.named(q.most(q.LIMIT_USED, C)), ["unit", "percentunit"], ["decimals", 1], ["min", 0], ["max", 1.3], ["thresholds", LIMIT_STEPS], BAR],
      ["Rate left", q.perAsn(`8 * ${q.least(q.HEADROOM, C)}`), ["unit", "bps"]],
      ["Calls left, G.711", `floor(${q.perAsn(q.least(q.CALLS_G711, C))})`, ["decimals", 0], ["thresholds", steps(BAD, [0, WARN], [10, GOOD])], TINTED],
      ["Out of SLA", q.perAsn(q.grown("asnmeter_commitment_asn_out_of_sla_seconds_total", C)), ["unit", "s"], ["decimals", 0], ["thresholds", steps(CALM, [1, BAD])], TINTED],
    ],
    sort: [{ displayName: "Peak of limit used", desc: true }],
  }),
  curves({
    title: "Voice from the ten largest ASNs",
    about: "IP octets of RTP, RTCP and SIP from each ASN, whatever a commitment counts.",
    unit: "bps",
    stacked: true,
    queries: [
      [
        `8 * sum by (asn) (${q.of(q.VOICE, 'direction="from"', 'asn!="local"')})
         and on (asn) topk(10, sum by (asn) (avg_over_time(${q.of(q.VOICE, 'direction="from"', 'asn!="local"')}[$__range] @ end())))`,
        "AS{{asn}}",
      ],
    ],
  }),
  curves({
    title: "Voice to the ten largest ASNs",
    about: "IP octets of RTP, RTCP and SIP to each ASN, whatever a commitment counts.",
    unit: "bps",
    stacked: true,
    queries: [
      [
        `8 * sum by (asn) (${q.of(q.VOICE, 'direction="to"', 'asn!="local"')})
         and on (asn) topk(10, sum by (asn) (avg_over_time(${q.of(q.VOICE, 'direction="to"', 'asn!="local"')}[$__range] @ end())))`,
        "AS{{asn}}",
      ],
    ],
  }),
];

const through = [
  "Through whom: transit",
  curves({
    title: "Voice through the ten largest transit ASNs",
    about: `IP octets through ASNs that are neither end, to their destination (known) and from their source (assumed the same way).
      It is no part of the traffic of the ASNs themselves. Needs an ASN source with paths.`,
    unit: "bps",
    width: 24,
    defaults: { noValue: "no paths known" },
    queries: [
      [
        `8 * sum by (asn, direction) (${q.rate("asnmeter_transit_voice_bytes_total")})
         and on (asn) topk(10, sum by (asn) (increase(${q.of("asnmeter_transit_voice_bytes_total")}[$__range] @ end())))`,
        "AS{{asn}} {{direction}}",
      ],
    ],
  }),
];

export default dashboard({
  uid: "asnmeter-overview",
  title: "asnmeter / Overview",
  about: "Who is out of SLA or near it, which guarantees are missed, and how many more calls each ASN may take.",
  variables: [COMMITMENTS],
  rows: [now, who, since, room, through],
});
