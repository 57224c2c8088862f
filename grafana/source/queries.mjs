// PromQL: the selectors and the few expressions that stand in more than one panel.
//
// Every selector keeps to the chosen job and instance. Rates of counters use $__rate_interval, so
// that they are right at every zoom; what was recorded has its own time (deploy/prometheus).

const CHOSEN = 'job=~"$job", instance=~"$instance"';

/** A selector that keeps to the chosen job and instance. */
export const of = (metric, ...matchers) => `${metric}{${[CHOSEN, ...matchers].join(", ")}}`;

/** A counter per second. */
export const rate = (metric, ...matchers) => `rate(${of(metric, ...matchers)}[$__rate_interval])`;

/** How much a counter grew in the time that the dashboard shows. */
export const grown = (metric, ...matchers) => `increase(${of(metric, ...matchers)}[$__range])`;

/** The largest and the smallest value in the time that the dashboard shows. */
export const most = (metric, ...matchers) => `max_over_time(${of(metric, ...matchers)}[$__range])`;
export const least = (metric, ...matchers) => `min_over_time(${of(metric, ...matchers)}[$__range])`;

/** One series per commitment and ASN. */
export const perAsn = (expression) => `max by (commitment, asn) (${expression})`;

export const LIMIT_USED = "commitment_asn:asnmeter_limit_used:ratio";
export const HEADROOM = "commitment_asn:asnmeter_headroom_bytes_per_second:min";
export const CALLS_G711 = "commitment_asn:asnmeter_headroom_calls:g711";
export const CALLS_AS_NOW = "commitment_asn:asnmeter_headroom_calls:as_now";
export const SHARE = "commitment_asn:asnmeter_commitment_asn_share:max";
export const VOICE = "asn_direction:asnmeter_voice_bytes:rate1m";
export const LOSS = "asn_direction:asnmeter_rtp_lost_packets:ratio_rate5m";
export const REPORTED_LOSS = "asn:asnmeter_rtcp_reported_lost_packets:ratio_rate5m";

/** The rate that a commitment judges, in bits per second of its own layer. */
export const judgedRate = (...matchers) =>
  `8 * ${of(SHARE, ...matchers)} * on (job, instance, commitment) group_left ()
   ${of("asnmeter_commitment_bytes_per_second")}`;

/** What one ASN may use under a commitment, in bits per second. */
export const limitRate = (...matchers) =>
  `8 * ${of("asnmeter_commitment_threshold_ratio", ...matchers)}
   * ${of("asnmeter_commitment_bytes_per_second", ...matchers)}`;

/** 0 within, 1 above 80 % of the limit, 2 out of SLA: the judge's word, not the ratio's. */
export const state = (...matchers) =>
  `(${of(LIMIT_USED, ...matchers)} > bool 0.8)
   + on (job, instance, commitment, asn) ${of("asnmeter_commitment_asn_out_of_sla", ...matchers)}`;

/** The verdict as a number: 0 none, 1 met, 2 void, 3 indeterminate, 4 missed. */
export const verdict = (guarantee, ...matchers) => {
  const one = (word, number) =>
    `${number} * ${of("asnmeter_commitment_asn_verdict", `guarantee="${guarantee}"`, `verdict="${word}"`, ...matchers)}`;
  return [one("met", 1), one("void", 2), one("indeterminate", 3), one("missed", 4)].join(" or ");
};

/** With the name of the ASN as a label, where it has one. */
export const named = (expression) => `max by (commitment, asn, name) (
    (${expression}) * on (job, instance, asn) group_left (name) ${of("asnmeter_asn_info")}
  or on (job, instance, commitment, asn)
    ${expression})`;

/** A value of an ASN, repeated for each of its commitments. */
export const perCommitment = (expression) =>
  perAsn(`0 * ${of(LIMIT_USED, COMMITMENT)} + on (job, instance, asn) group_left () (${expression})`);

/** A quantile of a histogram of seconds; `by` are the labels to keep. */
export const quantile = (part, by, metric, ...matchers) =>
  `histogram_quantile(${part}, sum by (${["le", ...by].join(", ")}) (${rate(`${metric}_bucket`, ...matchers)}))`;

export const COMMITMENT = 'commitment=~"$commitment"';
export const ASN = 'asn="$asn"';
