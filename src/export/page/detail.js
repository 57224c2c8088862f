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
    row.transit.length > 0 && ["Over transit", listed(row.transit.map((asn) => "AS" + asn))],
    ["Calls left, G.711", grouped(Math.floor(left / call)), left < 0 ? "over" : null],
    used > 0 && streams > 0 && ["Calls left, as now", grouped(Math.floor(streams * (1 / used - 1))), left < 0 ? "over" : null],
  ], "G.711: 50 packets a second each way of " + G711[terms.layer] / 50 + " octets. As now: each further call like the mean of the present ones, one stream from the ASN a call.");
};

const countedOf = (name, { met_s, missed_s, void_s, unseen_s, in_doubt_s, few_samples_s }) =>
  [name, [[met_s, "met"], [missed_s, "missed"], [void_s, "void"], [unseen_s, REASONS.unseen], [in_doubt_s, REASONS.in_doubt], [few_samples_s, REASONS.few_samples]].filter(([s]) => s).map(([s, word]) => word + " " + span(s)).join(", ") || "never judged"];

const detailRow = (key, name) => {
  const shown = detail && detail.key === key ? detail.content : null;
  const here = shown && shown.commitments.find(({ terms }) => terms.name === name);
  const blocks = here ? [
    historyOf(here, key, shown.judged),
    trafficOf(here.terms, here.row, shown.streams),
    ...MEASURES.map(({ block }) => block(here.terms, here.row, shown.asn, shown.jitter_ms)),
    facts("Verdicts, since the start", [
      ...MEASURES.map(({ label, title }) => here.row[label] && countedOf(title, here.row[label])),
      ["Over the limit", here.row.out_of_sla_seconds ? span(here.row.out_of_sla_seconds) : "never"],
    ]),
    streamsOf(key, shown.judged),
  ] : [el("p", { class: "note" }, "…")];
  return el("tr", { class: "detail", "data-key": key + "/detail" }, el("td", { colspan: COLUMNS.length }, el("div", { class: "blocks", role: "region", "aria-label": "Detail" }, blocks)));
};
