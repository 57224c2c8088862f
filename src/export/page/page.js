"use strict";
// Redraws what the server drew, from /api/v1/asns, once a second. Every text is set as text.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const MAX_ROWS = 100;
  const STALE_AFTER_MS = 10000;
  const el = (tag, attributes, ...children) => {
    const node = ["svg", "rect"].includes(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
  const percent = (share) => (share * 100).toFixed(2) + "\u202f%";
  const limit = (ratio) => String(Math.round(ratio * 1e6) / 1e4) + "\u202f%";
  const rate = (bps) => {
    for (const [unit, size] of [["Gbps", 1e9], ["Mbps", 1e6], ["kbps", 1e3]])
      if (bps >= size) return Math.round(bps / size * 1000) / 1000 + " " + unit;
    return bps + " bps";
  };
  const directions = (shares, rule) => Object.entries(shares).filter(([direction]) => rule === "either" ? direction !== "sum" : direction === rule);
  const largest = (shares, rule) => Math.max(0, ...directions(shares, rule).map(([, share]) => share));
  const MARKS = { met: "✓ met", missed: "✕ missed", void: "– void", indeterminate: "? indeterminate" };
  const STATES = { over: "▲ Out of SLA", near: "◆ Near the limit", within: "● Within" };

  const state = (row, terms) =>
    row.over ? "over" : largest(row.share, terms.direction) > terms.threshold * 0.8 ? "near" : "within";
  const verdict = (label, guarantee) => {
    const word = guarantee && guarantee.verdict;
    const text = !guarantee ? "not guaranteed" : word ? MARKS[word] : "no voice";
    return el("td", { class: word || "none", "data-label": label }, text);
  };
  const bar = (direction, share, scale, threshold, how) =>
    el("div", { class: "dir" }, el("span", {}, direction),
      el("svg", { viewBox: "0 0 100 9", preserveAspectRatio: "none", "aria-hidden": "true" },
        el("rect", { class: "track", width: "100", height: "9" }),
        el("rect", { class: "fill " + how, width: (Math.min(share / scale, 1) * 100).toFixed(2), height: "9" }),
        el("rect", { class: "limit", x: (threshold / scale * 100).toFixed(2), width: "0.5", height: "9" })),
      el("b", {}, percent(share)));
  const commitment = (terms) => {
    const most = (row) => largest(row.share, terms.direction);
    const rows = [...terms.asns].sort((a, b) => most(b) - most(a) || a.asn - b.asn);
    const over = rows.filter((row) => row.over).length;
    const scale = Math.max(terms.threshold * 2, ...rows.map((row) => most(row) * 1.05)) || 1;
    const body = el("tbody", {});
    for (const row of rows.slice(0, MAX_ROWS)) {
      const how = state(row, terms);
      const shares = el("td", { class: "shares" });
      for (const [direction, share] of directions(row.share, terms.direction)) {
        const side = share > terms.threshold ? how : share > terms.threshold * 0.8 ? "near" : "within";
        shares.append(bar(direction, share, scale, terms.threshold, side));
      }
      body.append(el("tr", how === "over" ? { class: "out" } : {},
        el("th", { scope: "row" }, "AS" + row.asn, el("span", { class: "name" }, row.name || "")),
        el("td", { class: "state " + how }, STATES[how]),
        shares, verdict("Loss", row.guarantees.loss), verdict("Latency", row.guarantees.latency),
        el("td", { class: "right", "data-label": "Peak" }, percent(largest(row.peak_share, terms.direction))),
        el("td", { class: "right", "data-label": "Out of SLA" }, grouped(row.out_of_sla_seconds) + "\u202fs")));
    }
    const head = el("tr", {});
    for (const [text, how] of [["Autonomous system"], ["State"], [`Share now (line: limit ${limit(terms.threshold)})`], ["Loss"], ["Latency"], ["Peak", "right"], ["Out of SLA", "right"]])
      head.append(el("th", how ? { scope: "col", class: how } : { scope: "col" }, text));
    const sum = over ? ["over", `▲ ${over} of ${rows.length} out of SLA`]
      : rows.length ? ["within", `● none of ${rows.length} out of SLA`] : ["none", "no traffic of any ASN"];
    const section = el("section", {},
      el("span", { class: "sum " + sum[0] }, sum[1]),
      el("h2", {}, terms.name),
      el("p", { class: "terms" }, `${rate(terms.committed_bps)} committed, no guarantee above ${limit(terms.threshold)} in ${terms.window_s} s`),
      el("table", {}, el("thead", {}, head), body));
    if (rows.length > MAX_ROWS) section.append(el("p", { class: "note" }, `and ${rows.length - MAX_ROWS} more in the JSON`));
    return section;
  };
  const health = (state) => {
    const { meter, capture, voice, discarded } = state;
    const dropped = meter.interfaces.reduce((sum, row) => sum + row.dropped_frames, 0);
    const reasons = Object.entries(discarded);
    const copies = capture.mirror_copies - (discarded.mirror_copy || 0);
    const facts = [["Frames", capture.frames, false], ["Voice packets", voice.packets, false],
      ["Discarded frames", reasons.reduce((sum, [, frames]) => sum + frames, 0), false], ["Pending frames", meter.pending_frames, false],
      ["Dropped frames", dropped, dropped > 0], ["Tainted seconds", meter.tainted_seconds, meter.tainted_seconds > 0],
      ["Late frames", meter.late_frames, false], ["Clock steps", meter.clock_steps, meter.clock_steps > 0],
      ["Streams refused", meter.streams_refused, meter.streams_refused > 0],
      ["Mirror copies in the shares", copies, copies > 0]].map(([name, count, warn]) => [name, grouped(count), warn]);
    for (const source of meter.sources) {
      const age = source.loaded && state.judged ? Math.max(0, Math.floor((Date.parse(state.judged) - Date.parse(source.loaded)) / 1000)) : null;
      const old = source.loaded ? (age === null ? "" : `, ${ageOf(age)} old`) : ", not loaded";
      facts.push([source.name, `${grouped(source.prefixes)} prefixes${old}`, !source.loaded]);
    }
    const ok = meter.config_last_reload_successful;
    facts.push(["Configuration", ok ? "as written" : "last reload failed", !ok]);
    const list = el("dl", {});
    for (const [name, value, warn] of facts)
      list.append(el("div", {}, el("dt", {}, name), el("dd", warn ? { class: "warn" } : {}, value)));
    const section = el("section", {}, el("h2", {}, "The meter itself"), list);
    if (reasons.length) section.append(el("p", { class: "note" }, "Discarded: " + reasons.map(([reason, frames]) => `${reason} ${grouped(frames)}`).join(", ")));
    if (copies > 0)
      section.append(el("p", { class: "note" }, "The mirror port shows frames twice: every share is too high by their octets. ", el("code", {}, "capture.deduplicate"), " takes them out."));
    return section;
  };
  const ageOf = (seconds) => {
    for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]])
      if (seconds >= size) return Math.floor(seconds / size) + " " + unit;
    return seconds + " s";
  };

  const standing = document.getElementById("standing");
  let judged = null;
  let advanced = Date.now();
  const say = (how, text) => {
    document.body.className = how;
    standing.className = how;
    standing.textContent = text;
  };
  const draw = (state) => {
    if (state.judged !== judged) [judged, advanced] = [state.judged, Date.now()];
    document.getElementById("judged").textContent = judged ? "judged " + judged : "no second judged yet";
    document.querySelector("main").replaceChildren(...state.commitments.map(commitment), health(state));
    document.getElementById("version").textContent = state.meter.version;
    if (Date.now() - advanced > STALE_AFTER_MS) say("stale", "stale: no second judged lately");
    else if (state.meter.ready) say("live", "live");
    else say("waiting", "waiting for the first second");
  };
  const poll = async () => {
    try {
      const answer = await fetch("/api/v1/asns", { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (!answer.ok) throw new Error(answer.status);
      draw(await answer.json());
    } catch {
      say("stale", "stale: no answer from the meter");
    }
    setTimeout(poll, 1000);
  };
  setTimeout(poll, 1000);
})();
