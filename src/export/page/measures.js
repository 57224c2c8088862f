// What is shown of each measure that may be guaranteed: one row here, in the order of the meter's list.
const WHOSE = { from: "from the ASN", to: "to it, by its reports", both: "both ways" };
const partOf = ({ expected, lost }) => (expected ? percent(lost / expected) + " (" + grouped(lost) + " of " + grouped(expected) + ")" : "no packets");
const missedOf = (standing) => (standing && standing.verdict === "missed" ? "over" : null);

const lossOf = (terms, row, asn) => facts("Loss", [
  ["From the ASN, in the window", partOf(row.sent), missedOf(row.loss)],
  ["Reported by its end, in the window", partOf(row.reported)],
  terms.loss && ["Guaranteed", "up to " + asWritten(terms.loss.limit) + ", judged " + WHOSE[terms.loss.direction]],
  terms.loss && row.sent.expected < terms.loss.min_packets && ["Not enough to judge", "fewer than " + grouped(terms.loss.min_packets) + " packets"],
  asn && ["From the ASN, since the start", partOf(asn.from)],
  asn && ["To the ASN before the tap (ours)", partOf(asn.to)],
]);

const latencyOf = (terms, row, asn) => facts("Round trip", [
  terms.latency && ["Over " + millis(terms.latency.limit_ms) + ", in the window", grouped(row.over_limit) + " of " + grouped(row.round_trips), missedOf(row.latency)],
  terms.latency && row.round_trips < terms.latency.min_round_trips && ["Not enough to judge", "fewer than " + terms.latency.min_round_trips + " round trips"],
  ...Object.entries(asn ? asn.rtt_ms : {}).map(([method, { p50, p95, max }]) => [method + ": p50 · p95 · max", [p50, p95, max].map(millis).join(" · ")]),
], "Percentiles are since the start of the meter.");

const overOf = (row) => (row.round_trips ? row.over_limit / row.round_trips : null);
const overJitter = (row) => (row.stream_seconds ? row.over_jitter / row.stream_seconds : null);
const jitterOf = (terms, row, asn, jitter) => facts("Jitter", [
  terms.jitter && ["Over " + millis(terms.jitter.limit_ms) + ", in the window", grouped(row.over_jitter) + " of " + grouped(row.stream_seconds) + " stream-seconds", missedOf(row.jitter)],
  terms.jitter && row.stream_seconds < terms.jitter.min_stream_seconds && ["Not enough to judge", "fewer than " + terms.jitter.min_stream_seconds + " stream-seconds"],
  jitter && ["From the ASN: p50 · p95 · max", [jitter.p50, jitter.p95, jitter.max].map(millis).join(" · ")],
], "Of each stream at the end of every second. Percentiles are since the start of the meter.");

const MEASURES = [
  { label: "loss", title: "Loss", value: lossRatio, written: percent, block: lossOf,
    // Of a step of the history: what was bad, what may have been, of how many, and how much is allowed.
    trend: ({ from }, terms) => [from.lost, from.maybe_lost, from.expected, terms.loss ? terms.loss.limit : null],
    promised: ({ limit }) => "loss up to " + asWritten(limit) },
  // Beside a verdict stands what it rests on: its window, its methods. Where nothing is guaranteed, the p95 since the start.
  { label: "latency", title: "Latency", value: (row) => (row.latency ? overOf(row) : row.p95_ms), written: (value, row) => (row.latency ? percent(value) + " over" : "p95 " + millis(value)), block: latencyOf,
    trend: ({ latency }, terms) => [latency.over, latency.maybe_over, latency.samples, terms.latency ? 1 - terms.latency.percentile / 100 : null],
    promised: ({ percentile, limit_ms }) => percentile + THIN + "% of round trips within " + millis(limit_ms) },
  { label: "jitter", title: "Jitter", value: overJitter, written: (value) => percent(value) + " over", block: jitterOf,
    trend: ({ jitter }, terms) => [jitter.over, jitter.maybe_over, jitter.samples, terms.jitter ? 1 - terms.jitter.percentile / 100 : null],
    promised: ({ percentile, limit_ms }) => "jitter within " + millis(limit_ms) + " in " + percentile + THIN + "% of stream-seconds" },
];
