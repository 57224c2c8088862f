// Numbers, times and states in words.
const THIN = "\u202f";
// A mark stands on the line of its word.
const MARKS = { met: "✓\u00a0met", missed: "✕\u00a0missed", void: "–\u00a0void", indeterminate: "?\u00a0indeterminate" };
const REASONS = { unseen: "not all seen", in_doubt: "could be either", few_samples: "too little traffic" };
// In the order of the meter's own list; what is left of a time is silence.
const VERDICTS = ["met", "missed", "void", "indeterminate"];
const STATES = { over: "▲ Over the limit", near: "◆ Near the limit", within: "● Within" };
// From this part of the limit on a share is shown as near it. For the eye, no verdict.
const NEAR = 0.8;
// Octets a second of a G.711 call, each way: 50 packets of 160 octets of speech and 40 of RTP, UDP and
// IPv4; Ethernet adds 18 a packet, the wire 38.
const G711 = { ip: 10000, ethernet: 10900, wire: 11900 };

const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, THIN);
const percent = (ratio) => (ratio * 100).toFixed(2) + THIN + "%";
const asWritten = (ratio) => String(Math.round(ratio * 1e6) / 1e4) + THIN + "%";
const millis = (value) => (value < 10 ? value.toFixed(1) : Math.round(value)) + THIN + "ms";
const rate = (bps) => {
  for (const [unit, size] of [["Gbit/s", 1e9], ["Mbit/s", 1e6], ["kbit/s", 1e3]])
    if (bps >= size) return Math.round(bps / size * 100) / 100 + THIN + unit;
  return Math.round(bps) + THIN + "bit/s";
};
const span = (seconds) => {
  const [d, h, min, s] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  const parts = [[d, "d"], [h, "h"], [min, "min"], [s, "s"]].filter(([count]) => count > 0).slice(0, 2);
  return parts.length ? parts.map(([count, unit]) => count + THIN + unit).join(" ") : "0" + THIN + "s";
};
// Evidence is in UTC, so the page is, too; the day is written where it is not today's. Where the reader
// lives in another time zone, that zone's time stands beside it.
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "local time";
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const isElsewhere = (time) => new Date(time).getTimezoneOffset() !== 0;
const two = (number) => String(number).padStart(2, "0");
const localClock = (time) => {
  const at = new Date(time);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
};
const dayOf = (time) => Number(time.slice(8, 10)) + " " + MONTHS[Number(time.slice(5, 7)) - 1];
const localDayOf = (time) => new Date(time).getDate() + " " + MONTHS[new Date(time).getMonth()];
// " (22:17:24 Europe/Paris)", with the day where it is another one there.
const alsoLocal = (time) => (isElsewhere(time) ? " (" + (localDayOf(time) === dayOf(time) ? "" : localDayOf(time) + " ") + localClock(time) + " " + ZONE + ")" : "");
const dated = (time) => dayOf(time) + " " + time.slice(11, 19) + " UTC";
const clock = (time, today) => (today && time.slice(0, 10) !== today.slice(0, 10) ? time.slice(0, 10) + " " : "") + time.slice(11, 19);
const secondsBetween = (from, until) => Math.max(0, Math.round((Date.parse(until) - Date.parse(from)) / 1000));
const several = (count, one, many) => (count === 1 ? "1 " + one : grouped(count) + " " + many);

const judgedOf = (share, rule) => Object.entries(share).filter(([direction, value]) => value !== null && (rule === "either" || direction === rule));
const stateOf = (row, terms) => (row.over ? "over" : row.most > terms.threshold * NEAR ? "near" : "within");
const listed = (all) => all.slice(0, 12).join(", ") + (all.length > 12 ? " and " + grouped(all.length - 12) + " more" : "");
const nameOf = (row) => "AS" + row.asn + (row.name ? " " + row.name : "");
const lossRatio = (row) => (row.sent.expected ? row.sent.lost / row.sent.expected : null);
const COUNTS = { confirmed: "only what is answered counts", both: "void by what is answered only" };
