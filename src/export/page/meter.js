// Whether the meter can be believed: a tile at the top, everything at the foot.
const droppedOf = ({ meter }) => meter.interfaces.reduce((sum, { dropped_frames }) => sum + dropped_frames, 0);

// Frames that the mirror shows twice and that nobody took out. A meter that does not count them has none.
const copiesOf = ({ capture, discarded }) => (capture.mirror_copies || 0) - (discarded.mirror_copy || 0);
// From this part of the voice on they are more than a mirror's hiccup.
const MANY_COPIES = 0.01;

// From this age on the data of an ASN source is old: databases come out weekly or more often.
const OLD_DATA_S = 15 * 86400;

// Nothing is younger for being copied or loaded: what counts is when its data was built, where it says it.
const isStale = ({ loaded, built }, judged) => !loaded || Boolean(built && judged && secondsBetween(built, judged) > OLD_DATA_S);
const ageOf = ({ loaded, built }, judged) => {
  if (!loaded) return "not loaded";
  if (!judged) return "loaded";
  return built ? "data " + span(secondsBetween(built, judged)) + " old" : "loaded " + span(secondsBetween(loaded, judged)) + " ago";
};

// The longest window tells for how long an unseen second matters.
const healthOf = (state) => {
  const { meter, judged, last_tainted, commitments } = state;
  const window = Math.max(60, ...commitments.map(({ window_s }) => window_s));
  const missing = meter.sources.filter(({ loaded }) => !loaded);
  if (!judged) return ["near", "◆ The meter waits", "no second judged yet", "If this stays: is the mirror session up, and the interface?", "asnmeterinterfacesilent"];
  if (missing.length) return ["over", "▲ The meter does not know its ASNs", "not loaded: " + missing.map(({ name }) => name).join(", "), "Ours. Look at the log for why.", "asnmeterconfigreloadfailed"];
  if (last_tainted && secondsBetween(last_tainted, judged) < window)
    return ["near", "◆ The meter did not see everything", "last at " + clock(last_tainted, judged) + " UTC", "Ours. Verdicts that this may change are indeterminate until it is " + span(window) + " ago.", "asnmetercapturedropping"];
  if (copiesOf(state) > state.voice.packets * MANY_COPIES)
    return ["near", "◆ The mirror shows frames twice", "every share is too high by their octets", "Ours. capture.deduplicate takes them out.", "asnmetermirrorduplicates"];
  const old = meter.sources.filter((source) => isStale(source, judged));
  if (old.length) return ["near", "◆ The meter's ASN tables are stale", old.map((source) => source.name + ": " + ageOf(source, judged)).join(", "), "Ours. Fetch new ones and reload.", "asnmeterasntablestale"];
  if (!meter.config_last_reload_successful) return ["near", "◆ The meter sees everything", "but its last reload failed", "Ours. The old configuration is in force; the log says why.", "asnmeterconfigreloadfailed"];
  return ["within", "✓ The meter sees everything", droppedOf(state) ? "the last drop is older than the windows" : "no frame dropped since the start"];
};

const namedOf = (rows) => rows.slice(0, 3).map(({ row, what }) => (what ? what + " " : "") + nameOf(row)).join(", ") + (rows.length > 3 ? ", …" : "");

// What to do first, in words: whom it concerns, and what to do about it.
const tiles = (state) => {
  const all = state.commitments.flatMap((terms) => terms.asns.map((row) => ({ row, terms })));
  const out = state.commitments.reduce((sum, { out_of_sla }) => sum + out_of_sla, 0);
  const over = all.filter(({ row }) => row.over);
  const near = all.filter(({ row, terms }) => stateOf(row, terms) === "near");
  const missed = all.flatMap(({ row }) => MEASURES.map(({ label }) => label).filter((what) => row[what] && row[what].verdict === "missed").map((what) => ({ row, what })));
  const silent = all.filter(({ row }) => row.outage);
  const limit = out ? ["over", "▲ " + several(out, "network", "networks") + " over the limit: no guarantee for " + (out === 1 ? "it" : "them"), namedOf(over), "Ours. Move calls away; no ticket for loss or latency meanwhile.", "asnmeterasnoutofsla"]
    : near.length ? ["near", "◆ " + several(near.length, "network", "networks") + " near the limit", namedOf(near), "Ours. The guarantee still holds: move calls away before it does not.", "asnmeterasnnearlimit"]
    : ["within", "✓ No network over its limit", all.length ? "each of them has its guarantee" : "no traffic of any network"];
  const guarantee = silent.length ? ["over", "✕ " + several(silent.length, "network", "networks") + " fell silent", namedOf(silent), "Theirs, or the path's: call them. If several at once, look at our tap first.", "asnmeterasnfellsilent"]
    : missed.length ? ["over", "✕ " + several(missed.length, "guarantee", "guarantees") + " missed", namedOf(missed), "Theirs, or the path's: open a ticket, with the times from the history below.", "asnmeterguaranteemissed"]
    : ["within", "✓ No guarantee missed", all.length ? "nothing to claim now" : ""];
  return [limit, guarantee, healthOf(state)];
};

const tile = ([how, title, text, act, section]) => el("div", { class: "tile " + how }, el("b", {}, title), el("span", {}, text),
  act && el("p", {}, act + " ", el("a", { href: "/docs/runbook#" + section }, "What to do")));

const meterSection = (state) => {
  const { meter, capture, voice, discarded, judged } = state;
  const reasons = Object.entries(discarded).sort(([, a], [, b]) => b - a);
  const all = reasons.reduce((sum, [, frames]) => sum + frames, 0);
  const dropped = droppedOf(state);
  const list = [
    ...meter.interfaces.map(({ name, frames, dropped_frames }) =>
      ["Interface " + (name || "of the capture"), grouped(frames) + " frames, " + (dropped_frames ? grouped(dropped_frames) + " dropped" : "none dropped"), dropped_frames ? "warn" : null]),
    ["Voice packets", grouped(voice.packets)],
    ["Not voice", grouped(all) + " frames"],
    ["Pending", grouped(meter.pending_frames) + " frames"],
    ["Seconds not seen whole", meter.tainted_seconds ? grouped(meter.tainted_seconds) + ", last " + clock(state.last_tainted || judged, judged) + " UTC" : "0"],
    ["Late frames", grouped(meter.late_frames)],
    ["Clock steps", grouped(meter.clock_steps), meter.clock_steps ? "warn" : null],
    meter.transit_left_out > 0 && ["Transit not noted", grouped(meter.transit_left_out), "warn"],
    ["Streams refused", grouped(meter.streams_refused), meter.streams_refused ? "warn" : null],
    copiesOf(state) > 0 && ["Mirror copies in the shares", grouped(copiesOf(state)), "warn"],
    ...meter.sources.map((source) => ["Source " + source.name, grouped(source.prefixes) + " prefixes, " + ageOf(source, judged), isStale(source, judged) ? "warn" : null]),
    ["Configuration", meter.config_last_reload_successful ? "as the file says" : "last reload failed", meter.config_last_reload_successful ? null : "warn"],
  ].filter(Boolean);
  const most = reasons.length ? reasons[0][1] : 1;
  return [
    el("dl", { class: "facts" }, list.map((row) => fact(...row))),
    reasons.length > 0 && el("div", { class: "reasons" }, el("h3", {}, "Not voice, by reason"),
      reasons.map(([reason, frames]) => el("div", { class: "dir", "data-key": reason }, el("span", {}, reason),
        el("svg", { viewBox: "0 0 100 9", preserveAspectRatio: "none", "aria-hidden": "true" },
          el("rect", { class: "track", width: "100", height: "9" }), el("rect", { class: "fill calm", width: (frames / most * 100).toFixed(2), height: "9" })),
        el("b", {}, grouped(frames))))),
  ].filter(Boolean);
};
