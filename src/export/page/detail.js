// One ASN under one commitment, opened below its row: everything that is known of it.
let detail = null;

const fact = (name, value, how) => el("div", {}, el("dt", {}, name), el("dd", how ? { class: how } : {}, value));
const facts = (title, rows, note) => el("div", { class: "block" }, el("h3", {}, title), el("dl", {}, rows.filter(Boolean).map((row) => fact(...row))), note && el("p", { class: "note" }, note));

const trafficOf = (terms, row, streams) => {
  const limit = terms.committed_bps * terms.threshold;
  const left = limit - row.most * terms.committed_bps;
  const call = 8 * G711[terms.layer] * (terms.direction === "sum" ? 2 : 1);
  const used = row.most / terms.threshold;
  return facts("Traffic", [
    ...Object.entries(row.share).filter(([, share]) => share !== null).map(([direction, share]) =>
      ["Rate " + (direction === "sum" ? "both ways" : direction), rate(share * terms.committed_bps) + ", " + percent(share)]),
    ["Limit", rate(limit) + ", " + asWritten(terms.threshold)],
    ["Calls now", grouped(streams)],
    ...Object.entries(row.confirmed_share).filter(([direction, share]) => share !== null && share < row.share[direction]).map(([direction, share]) =>
      ["Of it answered" + (direction === "sum" ? "" : ", " + direction), rate(share * terms.committed_bps) + ", " + percent(share), row.unconfirmed_excess ? "over" : null]),
    row.transit.length > 0 && ["Over transit", listed(row.transit.map((asn) => "AS" + asn))],
    ["Calls left, G.711", grouped(Math.floor(left / call)), left < 0 ? "over" : null],
    used > 0 && streams > 0 && ["Calls left, as now", grouped(Math.floor(streams * (1 / used - 1))), left < 0 ? "over" : null],
  ], "G.711: 50 packets a second each way of " + G711[terms.layer] / 50 + " octets. As now: each further call like the mean of the present ones, one stream from the ASN a call.");
};

// Us, them or the path: one sentence for each direction, and one for all our own ends.
const lossPathOf = (asn, local) => facts("Where packets are lost", [
  ["From the ASN", asn.loss_path.from.text || "no packets"],
  ["To the ASN", asn.loss_path.to.text || "no packets"],
  local && local.from.text && ["Our own ends, all ASNs: sent", local.from.text],
  local && local.to.text && ["Our own ends, all ASNs: received", local.to.text],
], "Since the start. Behind the tap is what the ends there report (RTCP), less what was missing at the tap.");

const callsOf = (calls) => facts("Calls", ["from", "to"].flatMap((direction) => {
  const { attempts, answered, responses, request_delay, session_duration, one_way_streams, one_way_seconds } = calls[direction];
  const others = Object.entries(responses).filter(([response]) => response !== "2xx").map(([response, count]) => grouped(count) + " × " + response);
  return [
    ["Set up " + direction + " the ASN", grouped(attempts) + ", " + grouped(answered) + " answered" + (others.length ? ", " + listed(others) : "")],
    request_delay.count > 0 && ["Request delay, mean", millis(request_delay.mean_s * 1000)],
    session_duration.count > 0 && ["Duration, mean", span(Math.round(session_duration.mean_s))],
    one_way_seconds > 0 && ["One-way audio " + direction + " it", grouped(one_way_streams) + " streams now, " + span(one_way_seconds) + " of streams in all", one_way_streams > 0 ? "over" : null],
  ];
}), "As SIP shows them at the tap, by the other side's signalling address (RFC 6076).");

// What receivers say that they hear: the ends of the ASN, and ours of what it sends.
const heardOf = (voip) => facts("What receivers hear", [["to", "Its ends"], ["from", "Our ends, of it"]].flatMap(([direction, who]) => {
  const { blocks, loss_ratio, discard_ratio, round_trip_s, end_system_delay_s, mos_lq, mos_cq } = voip[direction];
  return blocks ? [
    [who + ", lost", percent(loss_ratio.mean) + ", and " + percent(discard_ratio.mean) + " discarded as late"],
    mos_lq && [who + ", MOS", "listening " + mos_lq.mean.toFixed(2) + (mos_cq ? ", conversation " + mos_cq.mean.toFixed(2) : "")],
    round_trip_s && [who + ", round trip", millis(round_trip_s.mean * 1000)],
    end_system_delay_s && [who + ", own delay", millis(end_system_delay_s.mean * 1000)],
  ] : [];
}), "Means of what RTCP XR says (RFC 3611), since the start: their word, and judged nowhere.");

const countedOf = (name, { met_s, missed_s, void_s, unseen_s, in_doubt_s, few_samples_s }) =>
  [name, [[met_s, "met"], [missed_s, "missed"], [void_s, "void"], [unseen_s, REASONS.unseen], [in_doubt_s, REASONS.in_doubt], [few_samples_s, REASONS.few_samples]].filter(([s]) => s).map(([s, word]) => word + " " + span(s)).join(", ") || "never judged"];

const detailRow = (key, name) => {
  const shown = detail && detail.key === key ? detail.content : null;
  const here = shown && shown.commitments.find(({ terms }) => terms.name === name);
  const blocks = here ? [
    historyOf(here, key, shown.judged),
    trafficOf(here.terms, here.row, shown.streams),
    ...MEASURES.map(({ block }) => block(here.terms, here.row, shown.asn, shown.jitter_ms)),
    shown.asn && lossPathOf(shown.asn, shown.local),
    shown.asn && shown.asn.calls && callsOf(shown.asn.calls),
    shown.asn && shown.asn.voip_metrics && heardOf(shown.asn.voip_metrics),
    facts("Verdicts, since the start", [
      ...MEASURES.map(({ label, title }) => here.row[label] && countedOf(title, here.row[label])),
      ["Over the limit", here.row.out_of_sla_seconds ? span(here.row.out_of_sla_seconds) : "never"],
    ]),
    streamsOf(key, shown.judged),
  ].filter(Boolean) : [el("p", { class: "note" }, "…")];
  return el("tr", { class: "detail", "data-key": key + "/detail" }, el("td", { colspan: COLUMNS.length }, el("div", { class: "blocks", role: "region", "aria-label": "Detail" }, blocks)));
};
