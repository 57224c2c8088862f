// One ASN. Whoever opens a ticket, or answers one: how much was it, how good was it, and which
// verdict followed from that, second by second?

import { COMMITMENTS, ONE_ASN, dashboard } from "./dashboard.mjs";
import { BAD, GOOD, STATES, VERDICTS, WARN, curves, limitCurve, stat, steps, timeline } from "./forms.mjs";
import { MEASURES, limitOf } from "./measures.mjs";
import * as q from "./queries.mjs";

const C = q.COMMITMENT;
const A = q.ASN;
const LIMIT = limitCurve("/^(limit|guaranteed)/");

const now = [
  "Now",
  stat({
    title: "Name",
    about: "As the ASN table has it.",
    expression: `max by (name) (${q.of("asnmeter_asn_info", A)})`,
    legend: "{{name}}",
    text: "name",
    unit: "none",
    width: 6,
    defaults: { noValue: "no name" },
  }),
  stat({
    title: "State",
    about: "The worst of the chosen commitments. Near is above 80 % of the limit; out of SLA is the judge's word.",
    expression: `max(${q.state(C, A)})`,
    unit: "none",
    width: 4,
    defaults: { mappings: STATES, noValue: "no traffic" },
  }),
  stat({
    title: "Limit used",
    about: "Part of what the contract lets this ASN use, in the judged direction that is nearer to its limit.",
    expression: `max(${q.of(q.LIMIT_USED, C, A)})`,
    unit: "percentunit",
    width: 4,
    defaults: { thresholds: steps(GOOD, [0.8, WARN], [1, BAD]), decimals: 1, noValue: "no traffic" },
  }),
  stat({
    title: "Calls left (G.711)",
    about: `Until the limit; below 0 it is over. G.711 with 20 ms packets: 50 packets a second each way, 200 octets each in
      layer ip, 218 in ethernet, 238 on the wire; RTCP and SIP left out (under 1 %).`,
    expression: `floor(min(${q.of(q.CALLS_G711, C, A)}))`,
    unit: "none",
    width: 4,
    defaults: { thresholds: steps(BAD, [0, WARN], [10, GOOD]), noValue: "no traffic" },
  }),
  stat({
    title: "Calls left (as now)",
    about: `Until the limit, if each further call is like the mean of the present ones, and one stream from the ASN stands for
      a call. True where the commitment's scope holds all calls of the ASN.`,
    expression: `floor(min(${q.of(q.CALLS_AS_NOW, C, A)}))`,
    unit: "none",
    width: 3,
    defaults: { thresholds: steps(BAD, [0, WARN], [10, GOOD]), noValue: "no calls" },
  }),
  stat({
    title: "Calls now",
    about: "Streams from the ASN with a packet in the judged second.",
    expression: `sum(${q.of("asnmeter_rtp_streams", A)})`,
    unit: "none",
    width: 3,
    defaults: { noValue: "none" },
  }),
];

const verdicts = [
  "Verdicts",
  timeline({
    title: "State and verdicts",
    about: `Void: the ASN was out of SLA, no guarantee. Indeterminate: seconds not seen whole, or too few samples. Missed:
      within the limit, seen whole, and worse than guaranteed.`,
    height: 6,
    queries: MEASURES.map(({ label }) => [`max by (commitment) (${q.verdict(label, C, A)})`, `${label}, {{commitment}}`]),
    mappings: VERDICTS,
  }),
];

const much = [
  "How much: against the limit",
  curves({
    title: "Share of the committed rate",
    about: "What is judged: over the commitment's window, in its layer and classes. Strictly above the limit the ASN is out of SLA.",
    unit: "percentunit",
    queries: [
      [`max by (commitment, direction) (${q.of("asnmeter_commitment_asn_share_ratio", C, A)})`, "{{direction}}, {{commitment}}"],
      [`max by (commitment) (${q.of("asnmeter_commitment_threshold_ratio", C)})`, "limit, {{commitment}}"],
    ],
    overrides: [LIMIT],
  }),
  curves({
    title: "Rate",
    about: "All voice of the ASN in IP octets, by direction, and what a commitment lets one ASN use.",
    unit: "bps",
    queries: [
      [`8 * sum by (direction) (${q.rate("asnmeter_voice_bytes_total", A)})`, "{{direction}}"],
      [`max by (commitment) (${q.limitRate(C)})`, "limit, {{commitment}}"],
    ],
    overrides: [LIMIT],
  }),
  curves({
    title: "Rate by class",
    about: "From and to the ASN together, IP octets: media, its reports, and signalling.",
    unit: "bps",
    stacked: true,
    queries: [[`8 * sum by (class) (${q.rate("asnmeter_voice_bytes_total", A)})`, "{{class}}"]],
  }),
  curves({
    title: "Calls",
    about: "Streams from the ASN with a packet in the judged second.",
    unit: "none",
    queries: [[`sum(${q.of("asnmeter_rtp_streams", A)})`, "streams from the ASN"]],
  }),
];

const good = [
  "How good: against the guarantee",
  curves({
    title: "Loss",
    about: `From: lost before the tap of what the ASN sent; this is what a loss guarantee is judged by, unless it says otherwise.
      Reported: what the ASN's end says it lost of what we sent. To: lost before the tap of what we sent, ours. Five minutes;
      the judge takes the commitment's window.`,
    unit: "percentunit",
    queries: [
      [`max by (direction) (${q.of(q.LOSS, A)})`, "{{direction}}"],
      [`max(${q.of(q.REPORTED_LOSS, A)})`, "reported by the far end"],
      limitOf("loss", C),
    ],
    overrides: [LIMIT],
  }),
  curves({
    title: "Round trip, 95th percentile by method",
    about: `From the tap to endpoints in the ASN and back. Judged by default: rtcp and stun; sip includes processing. From
      histogram buckets, so between two bounds; the judge takes every sample.`,
    unit: "s",
    queries: [[q.quantile(0.95, ["method"], "asnmeter_round_trip_seconds", A), "{{method}}"], limitOf("latency", C)],
    overrides: [LIMIT],
  }),
  curves({
    title: "Round trip of rtcp and stun, percentiles",
    about: "Half, nineteen in twenty and ninety-nine in a hundred round trips were not longer than this. From histogram buckets.",
    unit: "s",
    queries: [
      [q.quantile(0.5, [], "asnmeter_round_trip_seconds", A, 'method=~"rtcp|stun"'), "p50"],
      [q.quantile(0.95, [], "asnmeter_round_trip_seconds", A, 'method=~"rtcp|stun"'), "p95"],
      [q.quantile(0.99, [], "asnmeter_round_trip_seconds", A, 'method=~"rtcp|stun"'), "p99"],
      limitOf("latency", C),
    ],
    overrides: [LIMIT],
  }),
  curves({
    title: "Jitter",
    about: "Running interarrival jitter (RFC 3550) of streams from the ASN, one sample per stream and second. From histogram buckets.",
    unit: "s",
    queries: [
      [q.quantile(0.5, [], "asnmeter_rtp_jitter_seconds", A), "p50"],
      [q.quantile(0.95, [], "asnmeter_rtp_jitter_seconds", A), "p95"],
      limitOf("jitter", C),
    ],
    overrides: [LIMIT],
  }),
  curves({
    title: "Duplicates and reordering",
    about: "Part of the RTP packets of the ASN. Many duplicates are a mirror that copies packets twice.",
    unit: "percentunit",
    width: 24,
    height: 6,
    queries: [
      [
        `sum by (direction) (${q.rate("asnmeter_rtp_duplicate_packets_total", A)})
         / sum by (direction) (${q.rate("asnmeter_voice_packets_total", A, 'class="rtp"')})`,
        "duplicates {{direction}}",
      ],
      [
        `sum by (direction) (${q.rate("asnmeter_rtp_reordered_packets_total", A)})
         / sum by (direction) (${q.rate("asnmeter_voice_packets_total", A, 'class="rtp"')})`,
        "reordered {{direction}}",
      ],
    ],
  }),
];

const part = (lost, expected, ...matchers) =>
  `sum(${q.rate(lost, A, ...matchers)}) / (sum(${q.rate(expected, A, ...matchers)}) > 0)`;

const where = [
  "Us, them or the path",
  curves({
    title: "Loss of what the ASN sends, on both sides of the tap",
    about: `Before the tap: between the ASN and us, theirs or the path's. Behind it: what the receivers there report (RTCP), less what was
      missing at the tap, ours. No curve where nobody reports.`,
    unit: "percentunit",
    queries: [
      [part("asnmeter_rtp_lost_packets_total", "asnmeter_rtp_expected_packets_total", 'direction="from"'), "before the tap: theirs, or the path's"],
      [part("asnmeter_rtcp_received_lost_packets_total", "asnmeter_rtcp_received_expected_packets_total"), "behind the tap: ours"],
    ],
  }),
  curves({
    title: "Loss of what we send to the ASN, on both sides of the tap",
    about: "Before the tap: ours. Behind it: what the ASN's end reports, less what was missing at the tap: theirs, or the path's.",
    unit: "percentunit",
    queries: [
      [part("asnmeter_rtp_lost_packets_total", "asnmeter_rtp_expected_packets_total", 'direction="to"'), "before the tap: ours"],
      [part("asnmeter_rtcp_reported_lost_packets_total", "asnmeter_rtcp_reported_expected_packets_total"), "behind the tap: theirs, or the path's"],
    ],
  }),
];

const calls = [
  "Calls, where SIP is seen",
  curves({
    title: "Session requests and their outcomes",
    about: "Calls a minute that the ASN set up (from) or that were set up to it (to), by final response. 2xx are established; none: no answer in time.",
    unit: "none",
    queries: [
      [`60 * sum by (direction, response) (${q.rate("asnmeter_sip_session_outcomes_total", A)})`, "{{direction}}: {{response}}"],
    ],
  }),
  curves({
    title: "One-way streams",
    about: "Streams that nothing has gone opposite to for over 5 s while the dialog about them stands.",
    unit: "none",
    queries: [[`max by (direction) (${q.of("asnmeter_rtp_one_way_streams", A)})`, "{{direction}} the ASN"]],
  }),
];

export default dashboard({
  uid: "asnmeter-asn",
  title: "asnmeter / One ASN",
  about: "How much one ASN used, how good it was, and which verdicts followed.",
  variables: [COMMITMENTS, ONE_ASN],
  rows: [now, verdicts, much, good, where, calls],
});
