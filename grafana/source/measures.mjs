// What may be guaranteed: one row for each measure, and nothing about one elsewhere but the panels of
// its own figures.

import * as q from "./queries.mjs";

export const MEASURES = [
  {
    label: "loss",
    title: "Loss",
    unit: "percentunit",
    limit: "asnmeter_commitment_guarantee_loss_ratio",
    about: "The guaranteed packet loss: missed strictly above.",
    now: ["Loss", q.perCommitment(q.of(q.LOSS, 'direction="from"')), ["unit", "percentunit"], ["decimals", 2]],
  },
  {
    label: "latency",
    title: "Latency",
    unit: "s",
    limit: "asnmeter_commitment_guarantee_latency_seconds",
    about: "The guaranteed round trip from the tap to the ASN's endpoint.",
    now: [
      "Round trip p95",
      q.perCommitment(q.quantile(0.95, ["job", "instance", "asn"], "asnmeter_round_trip_seconds", 'method=~"rtcp|stun"')),
      ["unit", "s"],
    ],
  },
  {
    label: "jitter",
    title: "Jitter",
    unit: "s",
    limit: "asnmeter_commitment_guarantee_jitter_seconds",
    about: "The guaranteed interarrival jitter of streams from the ASN at the end of each second.",
    now: ["Jitter p95", q.perCommitment(q.quantile(0.95, ["job", "instance", "asn"], "asnmeter_rtp_jitter_seconds")), ["unit", "s"]],
  },
];

/** What is guaranteed of a measure, as a curve for each commitment. */
export const limitOf = (wanted, ...matchers) => {
  const { limit } = MEASURES.find(({ label }) => label === wanted);
  return [`max by (commitment) (${q.of(limit, ...matchers)})`, "guaranteed, {{commitment}}"];
};
