// What the page does: it listens, draws each state, says when it is stale, and answers to clicks and keys.
const STALE_AFTER_MS = 10000;
const AGAIN_AFTER_MS = 2000;
const standing = document.getElementById("standing");
let state = null;
let advanced = Date.now();

const say = (how, text) => {
  document.body.className = how;
  standing.className = how;
  if (standing.textContent !== text) standing.textContent = text;
};

const draw = () => {
  if (!state) return;
  const all = tiles(state);
  if (document.body.className === "stale")
    all[2] = ["over", "▲ No news from the meter", "what is shown is as of " + (state.judged ? clock(state.judged) : "its start") + " UTC"];
  redraw("tiles", ...all.map(tile));
  redraw("commitments", ...state.commitments.map((terms) => commitment(terms, state.judged)));
  redraw("meter", ...meterSection(state));
  document.getElementById("judged").textContent = state.judged ? state.judged.slice(0, 10) + " " + clock(state.judged) + " UTC" : "no second judged yet";
  document.getElementById("version").textContent = state.meter.version;
  const [how, title] = all[0];
  document.title = how === "over" ? title + " · asnmeter" : "asnmeter";
};

const take = (fresh) => {
  if (!state || fresh.judged !== state.judged) advanced = Date.now();
  state = fresh;
  if (state.meter.ready) say("live", "live");
  else say("waiting", "waiting for the first second");
  draw();
  look();
};

const stale = (why) => {
  say("stale", "stale: " + why);
  draw();
};

// The detail that is open, anew with each state; never two questions at a time.
let looking = false;
const look = async () => {
  if (!opened || looking) return;
  looking = true;
  const key = opened;
  try {
    const answer = await fetch("/api/v1/asns/" + key.slice(key.lastIndexOf("/") + 1), { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (answer.ok) detail = { key, content: await answer.json() };
  } catch {
    // The stream says that the meter is gone.
  }
  looking = false;
  draw();
  if (opened && opened !== key) look();
};

const listen = () => {
  const stream = new EventSource("/api/v1/live");
  stream.onmessage = ({ data }) => take(JSON.parse(data));
  // Ours to come back: a browser does not after an answer that is no stream.
  stream.onerror = () => {
    stream.close();
    setTimeout(listen, AGAIN_AFTER_MS);
    if (Date.now() - advanced > AGAIN_AFTER_MS) stale("no answer from the meter");
  };
};

setInterval(() => {
  if (Date.now() - advanced > STALE_AFTER_MS && state) stale("no second judged lately");
}, 1000);

const toggle = (key) => {
  opened = opened === key ? null : key;
  draw();
  look();
};

document.addEventListener("click", ({ target }) => {
  const sort = target.closest("[data-sort]");
  if (sort) {
    sorting.down = sorting.by === sort.dataset.sort ? !sorting.down : true;
    sorting.by = sort.dataset.sort;
    draw();
    return;
  }
  const row = target.closest("tbody tr:not(.detail)");
  if (row && !getSelection().toString()) toggle(row.dataset.key);
});

document.addEventListener("keydown", (event) => {
  const buttons = [...document.querySelectorAll("[data-open]")];
  const place = buttons.indexOf(document.activeElement);
  if (event.key === "Escape" && opened) {
    const button = buttons.find(({ dataset }) => dataset.open === opened);
    toggle(opened);
    if (button) button.focus();
  } else if (place >= 0 && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const next = buttons[place + (event.key === "ArrowDown" ? 1 : -1)];
    if (next) next.focus();
    event.preventDefault();
  }
});

listen();
