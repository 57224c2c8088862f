// A commitment: its terms, and a table with a row for each ASN.
const COLUMNS = [
  ["asn", "Autonomous system", (row) => -row.asn],
  ["state", "State", (row, terms) => ["within", "near", "over"].indexOf(stateOf(row, terms))],
  ["share", "Share, last window", (row) => row.most],
  ["hour", "Last hour", (row) => Math.max(0, ...row.last_hour)],
  ...MEASURES.map(({ label, title, value }) => [label, title, (row) => value(row) ?? -1]),
  ["peak", "Peak", (row) => row.peak],
  ["out", "Over the limit", (row) => row.out_of_sla_seconds],
];
const sorting = { by: "share", down: true };
let opened = null;

const sorted = (rows, terms) => {
  const [, , value] = COLUMNS.find(([id]) => id === sorting.by);
  const sign = sorting.down ? 1 : -1;
  return [...rows].sort((a, b) => sign * (value(b, terms) - value(a, terms)) || a.asn - b.asn);
};

const verdictCell = ({ label, title, value, written }, terms, row) => {
  const guarantee = terms[label] && row[label];
  const now = value(row);
  const word = guarantee && guarantee.verdict;
  // The reason stands for the word: "? in doubt".
  const why = guarantee && REASONS[guarantee.indeterminate_reason];
  const mark = why ? "?\u00a0" + why : MARKS[word] + (guarantee && guarantee.reason ? ": " + guarantee.reason : "");
  const text = !guarantee ? "not guaranteed" : word ? mark : "no voice";
  return el("td", { class: "verdict " + (word || "none"), "data-label": title, title: why ? "indeterminate: " + why : null }, el("span", {}, text), now !== null && el("small", {}, written(now, row)));
};

const silentSince = ({ since, streams, active_streams }, judged) => "silent since " + clock(since, judged) + " UTC: " + streams + " of " + active_streams + " streams";

const asnRow = (row, terms, scale, judged) => {
  const how = stateOf(row, terms);
  const key = terms.name + "/" + row.asn;
  const shares = judgedOf(row.share, terms.direction).map(([direction, share]) =>
    bar(direction, share, scale, terms.threshold, share > terms.threshold ? how : share > terms.threshold * NEAR ? "near" : "within"));
  return el("tr", { class: (how === "over" ? "out" : "") + (opened === key ? " open" : ""), "data-key": key },
    el("th", { scope: "row" },
      el("button", { type: "button", "data-open": key, "data-asn": row.asn, "aria-expanded": String(opened === key), title: nameOf(row) },
        el("b", {}, "AS" + row.asn), el("span", { class: "name" }, row.name || ""))),
    el("td", { class: "state " + how }, el("span", {}, STATES[how]), row.since && el("small", { title: dated(row.since) + alsoLocal(row.since) }, "since " + clock(row.since, judged) + " UTC"),
      row.unconfirmed_excess && el("small", { class: "silent" }, "over the limit only by traffic that nobody answered"),
      row.outage && el("small", { class: "silent" }, silentSince(row.outage, judged))),
    el("td", { class: "shares" }, shares),
    el("td", { class: "last-hour" }, hour(row.last_hour, how, 24)),
    MEASURES.map((measure) => verdictCell(measure, terms, row)),
    el("td", { class: "right peak", "data-label": "Peak" }, percent(row.peak)),
    el("td", { class: "right", "data-label": "Over the limit" }, row.out_of_sla_seconds ? span(row.out_of_sla_seconds) : "never"));
};

const heading = ([id, text]) => {
  const chosen = sorting.by === id;
  const mark = chosen ? (sorting.down ? " ↓" : " ↑") : "";
  return el("th", { scope: "col", class: id === "peak" || id === "out" ? "right" : null, "aria-sort": chosen ? (sorting.down ? "descending" : "ascending") : null },
    el("button", { type: "button", "data-sort": id }, text + mark));
};

const guarantees = (terms) => {
  const parts = MEASURES.filter(({ label }) => terms[label]).map(({ label, promised }) => promised(terms[label]));
  return parts.length ? "guaranteed: " + parts.join(", ") : "no guarantee";
};

// What exclusions cover besides, and the transit ASNs that are judged themselves.
const transitNotes = (terms) => [
  ...terms.asns.filter(({ over, transit }) => over && transit.length).map((row) =>
    "No guarantee for AS" + row.asn + " over transit " + listed(row.transit.map((asn) => "AS" + asn)) + " either (way there known, way back assumed the same)"),
  ...(terms.transit.length ? ["Transit, by all that goes through it: " + listed(terms.transit.map((row) => nameOf(row) + " " + percent(row.most) + " " + STATES[stateOf(row, terms)]))] : []),
].map((text) => el("p", { class: "note" }, text));

const commitment = (terms, judged) => {
  const all = rowsOf(terms);
  const rows = sorted(all, terms);
  const scale = Math.max(terms.threshold * 1.5, ...rows.map((row) => row.most * 1.05)) || 1;
  const most = unfolded.has(terms.name) ? rows.length : isPhone.matches ? SHOWN.phone : SHOWN.desk;
  // What is wrong, and what is open, is never folded away.
  const isKept = (row) => row.over || row.outage || opened === terms.name + "/" + row.asn || MEASURES.some(({ label }) => row[label] && row[label].verdict === "missed");
  const drawn = rows.filter((row, place) => place < most || isKept(row));
  const body = drawn.flatMap((row) => {
    const line = asnRow(row, terms, scale, judged);
    return opened === line.dataset.key ? [line, detailRow(line.dataset.key, terms.name)] : [line];
  });
  const folded = rows.length - drawn.length;
  const left = terms.judged_asns - terms.asns.length;
  const none = terms.asns.length === 0 ? "no traffic of any ASN yet" : "no ASN or name fits “" + sought.trim() + "”" + (left > 0 ? " among the " + grouped(terms.asns.length) + " nearest to the limit; a whole AS number finds any" : "");
  return el("section", { "data-key": terms.name, "aria-label": "Commitment " + terms.name },
    el("h2", {}, terms.name),
    el("p", { class: "terms" }, rate(terms.committed_bps) + " committed · no guarantee above " + asWritten(terms.threshold) + " in " + span(terms.window_s) + (terms.count === "all" ? "" : " · " + COUNTS[terms.count]) + " · " + guarantees(terms) + (terms.since ? " · since " + clock(terms.since, judged) + " UTC" : "")),
    rows.length === 0 ? el("p", { class: "note" }, none)
      : el("table", {}, el("caption", { class: "aside" }, "How each autonomous system stands under " + terms.name), el("thead", {}, el("tr", {}, COLUMNS.map(heading))), el("tbody", {}, body)),
    (folded > 0 || unfolded.has(terms.name)) && el("button", { type: "button", class: "more", "data-unfold": terms.name, "aria-expanded": String(folded === 0) }, folded > 0 ? "Show " + grouped(folded) + " more" : "Show fewer"),
    left > 0 && el("p", { class: "note" }, "and " + grouped(left) + " with less traffic: find one by its number, or see the JSON"),
    transitNotes(terms));
};
