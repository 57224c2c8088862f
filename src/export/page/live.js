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
    all[2] = ["over", "▲ No news from the meter", "what is shown is as of " + (state.judged ? clock(state.judged) + " UTC" : "its start"), "Is it running? systemctl status asnmeter on its host."];
  redraw("tiles", ...all.map(tile));
  redraw("commitments", ...state.commitments.map((terms) => commitment(terms, state.judged)));
  redraw("meter", ...meterSection(state));
  const here = state.judged && isElsewhere(state.judged) ? " · " + localClock(state.judged) + " " + ZONE : "";
  document.getElementById("judged").textContent = state.judged ? state.judged.slice(0, 10) + " " + clock(state.judged) + " UTC" + here : "no second judged yet";
  document.getElementById("version").textContent = state.meter.version;
  const [how, title] = all[0];
  document.title = how === "over" ? title.replace(/:.*/, "") + " · asnmeter" : "asnmeter";
};

const take = (fresh) => {
  const isFirst = !state;
  if (!state || fresh.judged !== state.judged) advanced = Date.now();
  state = fresh;
  if (state.meter.ready) say("live", "live");
  else say("waiting", "waiting for the first second");
  if (isFirst) readLink();
  draw();
  look();
};

const stale = (why) => {
  say("stale", "stale: " + why);
  draw();
};

// What is wanted in detail: what is open, or what is sought by its number and not among the rows.
const wanted = () => {
  const number = soughtNumber();
  return opened || (number !== null && state.commitments.length ? state.commitments[0].name + "/" + number : null);
};

// The detail, anew with each state; never two questions at a time.
let looking = false;
let looks = 0;
const look = async () => {
  const key = wanted();
  if (!key || looking) return;
  looking = true;
  looks += 1;
  try {
    const answer = await fetch("/api/v1/asns/" + key.slice(key.lastIndexOf("/") + 1), { cache: "no-store", signal: AbortSignal.timeout(5000) });
    detail = answer.ok ? { key, content: await answer.json() } : { key, content: { commitments: [] }, gone: true };
    // Every fifth second, and at once for another ASN or order.
    if (opened === key && (looks % 5 === 1 || !worst || worst.key !== key || worst.by !== worstBy)) await lookAtStreams();
  } catch {
    // The stream says that the meter is gone.
  }
  looking = false;
  lookBack();
  draw();
  if (wanted() && wanted() !== key) look();
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
  moment = null;
  writeLink();
  draw();
  look();
};

// What a button says of itself, and what it does.
const ACTIONS = {
  sort: (by) => {
    sorting.down = sorting.by === by ? !sorting.down : true;
    sorting.by = by;
  },
  range: (name) => (range = name),
  worst: (by) => (worstBy = by),
  unfold: (name) => unfolded.delete(name) || unfolded.add(name),
  now: () => {
    moment = null;
    writeLink();
  },
};

document.addEventListener("click", ({ target }) => {
  for (const [name, act] of Object.entries(ACTIONS)) {
    const button = target.closest("[data-" + name + "]");
    if (!button) continue;
    act(button.dataset[name]);
    draw();
    look();
    return;
  }
  const row = target.closest("[data-key]");
  if (row && row.matches("tbody tr:not(.detail)") && !getSelection().toString()) toggle(row.dataset.key);
});

document.addEventListener("keydown", (event) => {
  const buttons = [...document.querySelectorAll("[data-open]")];
  const place = buttons.indexOf(document.activeElement);
  const box = document.getElementById("sought");
  if (event.key === "/" && document.activeElement !== box && !event.ctrlKey && !event.metaKey && !event.altKey) {
    box.focus();
    event.preventDefault();
  } else if (event.key === "Escape" && document.activeElement !== box && opened) {
    const button = buttons.find(({ dataset }) => dataset.open === opened);
    toggle(opened);
    if (button) button.focus();
  } else if (place >= 0 && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const next = buttons[place + (event.key === "ArrowDown" ? 1 : -1)];
    if (next) next.focus();
    event.preventDefault();
  }
});

document.getElementById("sought").addEventListener("input", ({ target }) => {
  sought = target.value;
  draw();
  if (state) look();
});
document.getElementById("find").addEventListener("submit", (event) => event.preventDefault());
isPhone.addEventListener("change", draw);
addEventListener("hashchange", () => {
  if (!state || location.hash === "#commitments") return;
  readLink();
  draw();
  look();
});

listen();
