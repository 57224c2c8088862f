// The past of an ASN: the last hour, day or month from the ledger, or the hour around a moment that a link
// names. Without a ledger the hour that the meter remembers.
const RANGES = { hour: ["Last hour", 3600, 60], day: ["Last day", 86400, 300], month: ["Last 30 days", 2592000, 3600] };
let range = "hour";
// The moment that a link is about.
let moment = null;
// What was answered last: to which question, and what.
let past = null;

const rfc3339 = (ms) => new Date(ms).toISOString().slice(0, 19) + "Z";

// Which history is wanted of a row. Without a moment it ends with the step that goes on.
const questionOf = (key, judged) => {
  const [, seconds, step] = RANGES[range];
  const at = moment ? Date.parse(moment) + seconds * 500 : Date.parse(judged);
  const until = (Math.floor(at / 1000 / step) + 1) * step;
  const place = key.lastIndexOf("/");
  return "/api/v1/history?" + new URLSearchParams({ commitment: key.slice(0, place), asn: key.slice(place + 1), from: rfc3339((until - seconds) * 1000), until: rfc3339(until * 1000), step });
};

// Asks anew when the question is another one, which it is once a minute by itself, and, about a moment, once
// a minute until all of its time is in the ledger.
const lookBack = async () => {
  if (!opened || !state || !state.judged) return;
  const question = questionOf(opened, state.judged);
  const minute = state.judged.slice(0, 16);
  const isWhole = past && past.content && past.content.complete_until >= past.content.until;
  if (past && past.question === question && (past.minute === minute || isWhole)) return;
  past = { ...past, question, minute, key: opened };
  let content = null;
  let error = null;
  try {
    const answer = await fetch(question, { cache: "no-store", signal: AbortSignal.timeout(20000) });
    if (answer.ok) content = await answer.json();
    else error = [answer.status, (await answer.text()).trim()];
  } catch {
    error = [0, "no answer"];
  }
  if (past.question !== question) return;
  past = { question, minute, key: opened, content, error };
  draw();
};

// Times over the limit, both directions of one excess in one.
const excesses = (intervals) => {
  const all = [];
  for (const one of [...intervals].sort((a, b) => Date.parse(a.from) - Date.parse(b.from))) {
    const last = all.at(-1);
    const ends = one.open ? Infinity : Date.parse(one.until);
    if (last && Date.parse(one.from) <= last.ends) {
      last.parts.push(one);
      last.ends = Math.max(last.ends, ends);
    } else all.push({ from: one.from, ends, parts: [one] });
  }
  return all.reverse();
};

// What held at the time, where it is no longer what holds.
const heldThen = (then, terms) =>
  (["committed_bps", "threshold", "window_s"].every((term) => then[term] === terms[term]) ? "" : "; then no guarantee above " + asWritten(then.threshold) + " of " + rate(then.committed_bps) + " in " + span(then.window_s));

const excessLine = (asn, { from, ends, parts }, terms, judged) => {
  const peaks = Object.entries([...parts].sort((a, b) => (a.direction < b.direction ? -1 : 1)).reduce((most, { direction, peak_share }) => ({ ...most, [direction]: Math.max(peak_share, most[direction] || 0) }), {}));
  const until = ends === Infinity ? null : rfc3339(ends);
  const sameDay = until && until.slice(0, 10) === from.slice(0, 10);
  const times = until === null ? "since " + dated(from) : dayOf(from) + " " + from.slice(11, 19) + " – " + (sameDay ? "" : dayOf(until) + " ") + until.slice(11, 19) + " UTC";
  const local = !isElsewhere(from) ? "" : until === null ? alsoLocal(from) : " (" + localDayOf(from) + " " + localClock(from) + " – " + localClock(until) + " " + ZONE + ")";
  return "AS" + asn + " over the limit " + times + local + ", " + span(secondsBetween(from, until || judged)) + "; " +
    peaks.map(([direction, peak]) => (direction === "sum" ? "both ways" : direction) + " " + percent(peak)).join(", ") + " at most" + heldThen(parts[0], terms);
};

const excessList = (asn, lines, terms, judged, none) => el("ul", { class: "excesses" },
  lines.length ? lines.map((one) => el("li", one.ends === Infinity ? { class: "over" } : {}, excessLine(asn, one, terms, judged))) : el("li", {}, "AS" + asn + " was not over the limit " + none + "."));

const chooser = () => el("div", { class: "ranges", role: "group", "aria-label": "Time shown" },
  Object.entries(RANGES).map(([name, [words]]) => el("button", { type: "button", "data-range": name, "aria-pressed": String(range === name) }, words)),
  moment && el("button", { type: "button", "data-now": "" }, "Back to now"));

// From when until when, in UTC and where the reader is.
const axis = (from, until) => el("div", { class: "strip axis" }, el("span", {}),
  el("span", { class: "ends" }, el("span", {}, dated(from) + alsoLocal(from)), el("span", {}, dated(until) + alsoLocal(until))), el("span", {}));

const trendOf = ({ label, title, trend }, terms, steps, mark) => {
  const values = steps.map((step) => trend(step, terms));
  const [bad, maybe, all] = [0, 1, 2].map((place) => values.reduce((sum, value) => sum + value[place], 0));
  const limit = values.length && values[0][3];
  if (!limit || all <= 0) return null;
  const drawn = values.map(([lost, , expected]) => (expected > 0 ? Math.round(Math.max(0, lost / expected) / limit * 1000) : null));
  return el("div", { class: "strip" }, el("span", {}, "trend"), curve(drawn, "", 36, title + ", trend", mark),
    el("span", { class: "soft" }, percent(Math.max(0, bad / all)) + (label === "loss" ? " lost" : " over the limit") + (maybe > 0 ? ", " + percent(maybe / all) + " more may be" : "") + "; line: " + asWritten(limit)));
};

// Drawn from the ledger's answer.
const fromLedger = ({ terms, row }, { from, until, step_s: length, steps, complete_until, intervals }) => {
  const mark = moment ? Math.floor((Date.parse(moment) - Date.parse(from)) / 1000 / length) : -1;
  const words = "from " + dated(from) + " until " + dated(until);
  const seconds = (step, label) => {
    const given = step.given[label];
    return given ? VERDICTS.map((verdict) => given[verdict + "_s"]) : null;
  };
  // What goes on is not in the ledger yet: the page knows of it.
  const open = moment ? [] : (detail ? detail.content.commitments.find((one) => one.terms.name === terms.name) : { intervals: [] }).intervals.filter((one) => one.open && Date.parse(one.from) < Date.parse(until));
  const lines = excesses([...intervals, ...open]);
  return [
    axis(from, until),
    el("div", { class: "strip" }, el("span", {}, "share"), curve(steps.map(({ peak_thousandths }) => peak_thousandths), stateOf(row, terms), 48, "share " + words, mark), el("span", { class: "soft" }, "line: the limit")),
    MEASURES.map((measure) => [row[measure.label] && strip(measure.label, steps.map((step) => seconds(step, measure.label)), length, words, mark), trendOf(measure, terms, steps, mark)]),
    // The minute that goes on, and the one before it, are never sealed yet.
    Date.parse(complete_until) + 180000 < Math.min(Date.parse(until), Date.parse(state.judged)) && el("p", { class: "note" }, "In the ledger up to " + dated(complete_until) + "."),
    excessList(row.asn, lines, terms, state.judged, "in this time"),
  ];
};

// Drawn from what the meter remembers.
const fromMemory = ({ terms, row, verdicts, intervals }, judged) => {
  const until = (Math.floor(Date.parse(judged) / 60000) + 1) * 60000;
  const lines = excesses(intervals);
  return [
    axis(rfc3339(until - 3600000), rfc3339(until)),
    el("div", { class: "strip" }, el("span", {}, "share"), curve(row.last_hour, stateOf(row, terms), 48, "share, last hour"), el("span", { class: "soft" }, "line: the limit")),
    MEASURES.map(({ label }, place) => row[label] && strip(label, verdicts.map((minute) => minute[place]), 60, "last hour")),
    excessList(row.asn, lines, terms, judged, "since the meter's start"),
  ];
};

const historyOf = (here, key, judged) => {
  const told = past && past.key === key ? past : {};
  // Before the first minute is sealed the ledger knows nothing.
  const kept = told.content && told.content.complete_until ? told.content : null;
  const why = told.error && (told.error[0] === 404
    ? "No ledger is kept, so the meter knows only its last hour" + (moment ? ", not " + dated(moment) : "") + ". It keeps one with [evidence] directory in its configuration."
    : "The ledger does not answer (" + told.error[1] + "). Shown is the hour that the meter remembers.");
  const isYoung = told.content && !kept && "No minute is in the ledger yet. Shown is what the meter remembers.";
  return el("div", { class: "block wide" }, el("h3", {}, "History"), !(told.error && told.error[0] === 404) && chooser(),
    kept ? fromLedger(here, kept) : fromMemory(here, judged), (why || isYoung) && el("p", { class: "note" }, why || isYoung));
};
