// The worst streams of the open ASN, as the workers have them now.
let worst = null;
let worstBy = "loss";
const WORST_SHOWN = 10;

const lookAtStreams = async () => {
  if (!opened) return;
  const [key, by] = [opened, worstBy];
  try {
    const answer = await fetch("/api/v1/streams?" + new URLSearchParams({ asn: key.slice(key.lastIndexOf("/") + 1), by, limit: WORST_SHOWN }), { cache: "no-store", signal: AbortSignal.timeout(5000) });
    worst = answer.ok ? { key, by, ...(await answer.json()) } : { key, by, why: (await answer.text()).trim() };
  } catch {
    // The stream of states says that the meter is gone.
  }
};

const streamRow = ({ src, dst, ssrc, codec, payload_type, direction, first, expected, lost, maybe_lost, jitter_ms, one_way }, judged) => el("tr", {},
  el("th", { scope: "row" }, src + " → " + dst), el("td", {}, direction), el("td", {}, ssrc), el("td", {}, codec || "type " + payload_type),
  el("td", {}, clock(first, judged)),
  el("td", { class: lost ? "bad" : null }, grouped(lost) + (expected ? " (" + percent(lost / expected) + ")" : "")),
  el("td", {}, grouped(maybe_lost)), el("td", {}, jitter_ms === null ? "–" : millis(jitter_ms)), el("td", {}, one_way === null ? "not known" : one_way ? "none" : "goes on"));

const streamsOf = (key, judged) => {
  const shown = worst && worst.key === key ? worst : null;
  return el("div", { class: "block wide" }, el("h3", {}, "Worst streams now"),
    shown && !shown.why && el("div", { class: "ranges", role: "group", "aria-label": "Worst by" },
      [["loss", "By loss"], ["jitter", "By jitter"]].map(([by, words]) => el("button", { type: "button", "data-worst": by, "aria-pressed": String(worstBy === by) }, words))),
    !shown ? el("p", { class: "note" }, "…")
      : shown.why ? el("p", { class: "note" }, shown.why)
      : shown.streams.length === 0 ? el("p", { class: "note" }, "No stream goes on now.")
      : worstBy === "loss" && shown.by === "loss" && shown.streams.every(({ lost, maybe_lost }) => lost + maybe_lost === 0) ? el("p", { class: "note" }, "No stream that goes on now has lost a packet.")
      : el("div", { class: "wide-table", tabindex: "0", role: "region", "aria-label": "Worst streams" },
          el("table", { class: "streams" }, el("thead", {}, el("tr", {}, ["From → to", "Direction", "SSRC", "Codec", "Start, UTC", "Lost", "May be lost", "Jitter", "Other way"].map((title) => el("th", { scope: "col" }, title)))),
            el("tbody", {}, shown.streams.map((stream) => streamRow(stream, judged))))));
};
