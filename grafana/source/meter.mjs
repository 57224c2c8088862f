// The meter itself. Before anybody believes a verdict: did it see everything, does it know whose
// the addresses are, and does it keep up?

import { dashboard } from "./dashboard.mjs";
import { BAD, GOOD, TINTED, WARN, curves, stat, steps, table, words } from "./forms.mjs";
import * as q from "./queries.mjs";

const believed = [
  "Can it be believed?",
  stat({
    title: "Answers",
    about: "Meters that answer the scrape, of all that Prometheus knows under this job.",
    expression: `sum(${q.of("up")}) / count(${q.of("up")})`,
    unit: "percentunit",
    width: 3,
    defaults: { thresholds: steps(BAD, [1, GOOD]), noValue: "no target" },
  }),
  stat({
    title: "Behind",
    about: "Time since the last judged second. A few seconds: a second closes 100 ms after its end, and a scrape may be old.",
    expression: `clamp_min(max(time() - ${q.of("asnmeter_judged_second_timestamp_seconds")}), 0)`,
    unit: "s",
    width: 3,
    defaults: { decimals: 0, thresholds: steps(GOOD, [20, WARN], [30, BAD]), noValue: "never judged" },
  }),
  stat({
    title: "Frames dropped",
    about: "In the time shown, before the meter saw them. Every drop taints the seconds around it.",
    expression: `sum(${q.grown("asnmeter_capture_dropped_frames_total")})`,
    unit: "none",
    width: 4,
    defaults: { decimals: 0, thresholds: steps(GOOD, [1, BAD]) },
  }),
  stat({
    title: "Seconds not seen whole",
    about: "Tainted in the time shown: by drops, an interface that was down, or a start in mid-second.",
    expression: `sum(${q.grown("asnmeter_tainted_seconds_total")})`,
    unit: "s",
    width: 4,
    defaults: { decimals: 0, thresholds: steps(GOOD, [2, WARN], [60, BAD]) },
  }),
  stat({
    title: "Streams refused",
    about: "In the time shown, because the stream table was full: their voice counts in no share.",
    expression: `sum(${q.grown("asnmeter_streams_refused_total")})`,
    unit: "none",
    width: 4,
    defaults: { decimals: 0, thresholds: steps(GOOD, [1, BAD]) },
  }),
  stat({
    title: "Configuration",
    about: "Whether the last reload was taken. If not, all of the old configuration stays in force; the log says why.",
    expression: `min(${q.of("asnmeter_config_last_reload_successful")})`,
    unit: "none",
    width: 3,
    defaults: { mappings: words([0, "reload refused", BAD], [1, "in force", GOOD]) },
  }),
  stat({
    title: "Version",
    about: "The program's version and the commit it was built from.",
    expression: `max by (version, revision) (${q.of("asnmeter_build_info")})`,
    legend: "{{version}} {{revision}}",
    text: "name",
    unit: "none",
    width: 3,
  }),
];

const incoming = [
  "What comes in",
  curves({
    title: "Frames captured",
    about: "By interface. A mirror is never quite silent: none at all is a cable, or the mirror.",
    unit: "pps",
    queries: [[`sum by (instance, interface) (${q.rate("asnmeter_capture_frames_total")})`, "{{interface}} {{instance}}"]],
  }),
  curves({
    title: "Frames dropped over time",
    about: "Known to be dropped before the meter saw them, by interface. Anything above 0 taints verdicts.",
    unit: "pps",
    drawn: true,
    defaults: { thresholds: steps(GOOD, [0.001, BAD]) },
    queries: [[`sum by (instance, interface) (${q.rate("asnmeter_capture_dropped_frames_total")})`, "{{interface}} {{instance}}"]],
  }),
  curves({
    title: "Voice and the rest",
    about: "Frames that count as voice, and frames that do not. What is still pending belongs to neither yet.",
    unit: "pps",
    stacked: true,
    queries: [
      // Every packet is traffic from exactly one: an ASN, local, 0 or other.
      [`sum(${q.rate("asnmeter_voice_packets_total", 'direction="from"')})`, "voice"],
      [`sum(${q.rate("asnmeter_discarded_frames_total")})`, "not voice"],
    ],
  }),
  curves({
    title: "Discarded, by reason",
    about: "Why frames are not voice. restricted: [voice] ports or prefixes exclude them; link_type, not_ip: the mirror's encapsulation.",
    unit: "pps",
    stacked: true,
    queries: [[`sum by (reason) (${q.rate("asnmeter_discarded_frames_total")})`, "{{reason}}"]],
  }),
  curves({
    title: "Seconds not seen whole, late frames, clock steps",
    about: "Per second. Late frames came after their second was closed: they count, and change no verdict. A clock step restarts all windows.",
    unit: "cps",
    queries: [
      [`sum(${q.rate("asnmeter_tainted_seconds_total")})`, "tainted seconds"],
      [`sum(${q.rate("asnmeter_late_frames_total")})`, "late frames"],
      [`sum(${q.rate("asnmeter_clock_steps_total")})`, "clock steps"],
      [`sum(${q.rate("asnmeter_round_trips_refused_total")})`, "round trips refused"],
    ],
  }),
  curves({
    title: "Streams and pending frames",
    about: "Streams with a packet in the judged second, and frames of streams that have still to prove themselves.",
    unit: "none",
    queries: [
      [`sum(${q.of("asnmeter_rtp_streams")})`, "streams"],
      [`sum(${q.of("asnmeter_pending_frames")})`, "pending frames"],
    ],
  }),
];

const knows = [
  "Does it know whose the addresses are?",
  table({
    title: "ASN sources",
    about: "How old the data of each source is, as it says itself, whenever its file was copied or loaded; of a prefix list, which does not say it, since it was loaded. An alert comes after 15 days.",
    unit: "none",
    width: 12,
    height: 8,
    labels: [
      ["instance", "Meter"],
      ["source", "Source"],
    ],
    columns: [
      ["Prefixes", `max by (instance, source) (${q.of("asnmeter_asn_table_prefixes")})`, ["unit", "locale"]],
      [
        "Age of its data",
        `max by (instance, source) (time() - (${q.of("asnmeter_asn_table_built_timestamp_seconds")} or ${q.of("asnmeter_asn_table_loaded_timestamp_seconds")}))`,
        ["unit", "dtdurations"],
        ["thresholds", steps(GOOD, [8 * 86400, WARN], [15 * 86400, BAD])],
        TINTED,
      ],
      [
        "Loaded before",
        `max by (instance, source) (time() - ${q.of("asnmeter_asn_table_loaded_timestamp_seconds")})`,
        ["unit", "dtdurations"],
      ],
    ],
    sort: [{ displayName: "Age of its data", desc: true }],
  }),
  curves({
    title: "Voice of nobody we know",
    about: "Part of the voice packets, to or from addresses that no source has (AS 0), or of ASNs beyond max_asns (other).",
    unit: "percentunit",
    defaults: { max: 1 },
    queries: [
      [
        `(sum(${q.rate("asnmeter_voice_packets_total", 'asn="0"')}) or 0 * sum(${q.rate("asnmeter_voice_packets_total")}))
         / sum(${q.rate("asnmeter_voice_packets_total")})`,
        "AS 0",
      ],
      [
        `(sum(${q.rate("asnmeter_voice_packets_total", 'asn="other"')}) or 0 * sum(${q.rate("asnmeter_voice_packets_total")}))
         / sum(${q.rate("asnmeter_voice_packets_total")})`,
        "other",
      ],
    ],
  }),
];

const evidence = [
  "Does it keep what its verdicts rest on?",
  stat({
    title: "Ledger",
    about: "Whether the last second is written. What cannot be written is a gap that nobody can judge again; mostly the disk is full.",
    expression: `max(${q.of("asnmeter_evidence_failed")})`,
    unit: "none",
    width: 4,
    defaults: { mappings: words([0, "written", GOOD], [1, "fails", BAD]), noValue: "none is kept" },
  }),
  stat({
    title: "Seconds not written",
    about: "In the time shown.",
    expression: `sum(${q.grown("asnmeter_evidence_unwritten_seconds_total")})`,
    unit: "s",
    width: 4,
    defaults: { decimals: 0, thresholds: steps(GOOD, [1, BAD]), noValue: "none is kept" },
  }),
  curves({
    title: "Leaves that are sealed",
    about: "They grow once a minute, with each checkpoint, and never become fewer.",
    unit: "none",
    queries: [[`sum by (instance) (${q.of("asnmeter_evidence_leaves")})`, "{{instance}}"]],
  }),
];

const costs = [
  "Does it keep up?",
  curves({
    title: "Processor",
    about: "In cores, all threads. One worker per interface: drops come when it needs all of its core.",
    unit: "none",
    defaults: { decimals: 2 },
    queries: [[`sum by (instance) (${q.rate("process_cpu_seconds_total")})`, "{{instance}}"]],
  }),
  curves({
    title: "Memory",
    about: "Resident, the capture rings included.",
    unit: "bytes",
    queries: [[`sum by (instance) (${q.of("process_resident_memory_bytes")})`, "{{instance}}"]],
  }),
];

export default dashboard({
  uid: "asnmeter-meter",
  title: "asnmeter / The meter itself",
  about: "Whether the meter sees everything, knows whose the addresses are, and keeps up.",
  rows: [believed, incoming, knows, evidence, costs],
});
