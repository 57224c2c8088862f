// Nodes: how they are made, how a drawn page becomes the next one, and the small pictures.
const SVG = "http://www.w3.org/2000/svg";
const DRAWN = new Set(["svg", "rect", "line", "polyline", "polygon"]);

// A node. What is false or null among its children is left out; text is only ever text.
const el = (tag, attributes, ...children) => {
  const node = DRAWN.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== false) node.setAttribute(name, value);
  node.append(...children.flat(3).filter((child) => child !== null && child !== false && child !== undefined));
  return node;
};

// Makes a drawn node like a fresh one and keeps every node that can stay, so that focus, selection and
// what a screen reader stands on are not lost each second. Children are known by data-key, or by place.
const become = (drawn, fresh) => {
  if (drawn.nodeType === Node.TEXT_NODE) {
    if (drawn.data !== fresh.data) drawn.data = fresh.data;
    return;
  }
  for (const { name } of [...drawn.attributes]) if (!fresh.hasAttribute(name)) drawn.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (drawn.getAttribute(name) !== value) drawn.setAttribute(name, value);
  const keyed = new Map([...drawn.children].filter((child) => child.dataset.key).map((child) => [child.dataset.key, child]));
  let place = drawn.firstChild;
  for (const next of [...fresh.childNodes]) {
    const key = next.dataset && next.dataset.key;
    const old = key ? keyed.get(key) : place && !(place.dataset && place.dataset.key) && place.nodeName === next.nodeName ? place : null;
    if (!old) {
      drawn.insertBefore(next, place);
      continue;
    }
    if (old === place) place = place.nextSibling;
    else drawn.insertBefore(old, place);
    become(old, next);
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    gone.remove();
  }
};

const redraw = (id, ...children) => {
  const drawn = document.getElementById(id);
  const fresh = drawn.cloneNode(false);
  fresh.append(...children);
  const focused = document.activeElement;
  become(drawn, fresh);
  // Moving a node takes the focus from it.
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
};

const bar = (direction, share, scale, threshold, how) =>
  el("div", { class: "dir" }, el("span", {}, direction),
    el("svg", { viewBox: "0 0 100 9", preserveAspectRatio: "none", "aria-hidden": "true" },
      el("rect", { class: "track", width: "100", height: "9" }),
      el("rect", { class: "fill " + how, width: (Math.min(share / scale, 1) * 100).toFixed(2), height: "9" }),
      el("rect", { class: "limit", x: (threshold / scale * 100).toFixed(2), width: "0.6", height: "9" })),
    el("b", {}, percent(share)));

// The part of the limit used in each step of a time, in thousandths, as steps; nothing where nobody looked.
// The line across is the limit; `mark` is the step that a link is about.
const curve = (thousandths, how, height, words, mark) => {
  const peak = Math.max(0, ...thousandths);
  const top = Math.max(1250, peak);
  const y = (value) => (height - 1 - (value / top) * (height - 2)).toFixed(1);
  const width = thousandths.length || 1;
  const seen = thousandths.map((value, step) => [value, step]).filter(([value]) => value !== null);
  const points = seen.map(([value, step]) => step + "," + y(value) + " " + (step + 1) + "," + y(value)).join(" ");
  return el("svg", { class: "hour " + how, viewBox: "0 0 " + width + " " + height, preserveAspectRatio: "none", role: "img",
    "aria-label": words + ": at most " + Math.round(peak / 10) + " % of the limit" },
    seen.length > 0 && el("polygon", { class: "area", points: seen[0][1] + "," + height + " " + points + " " + (seen.at(-1)[1] + 1) + "," + height }),
    el("line", { class: "limit-line", x1: "0", x2: width, y1: y(1000), y2: y(1000) }),
    el("polyline", { class: "curve", points }),
    mark >= 0 && mark < width && el("line", { class: "mark", x1: mark + 0.5, x2: mark + 0.5, y1: "0", y2: height }));
};
const hour = (thousandths, how, height) => curve(thousandths, how, height, "last hour");

// How the seconds of each step stand: each step is a column, filled in proportion to its seconds. So what
// is drawn and the sums beside it say the same. Neighbours that look alike are one rectangle.
const strip = (label, steps, length, words, mark) => {
  const sums = VERDICTS.map((word, place) => [word, steps.reduce((sum, step) => sum + (step ? step[place] : 0), 0)]);
  const counted = sums.filter(([, seconds]) => seconds);
  const text = counted.length ? counted.map(([word, seconds]) => word + " " + span(seconds)).join(", ") : "no voice";
  const rectangles = [];
  for (let from = 0; from < steps.length; ) {
    const step = steps[from];
    const same = JSON.stringify(step);
    let until = from + 1;
    while (until < steps.length && JSON.stringify(steps[until]) === same) until += 1;
    let y = 0;
    VERDICTS.forEach((word, place) => {
      const height = step ? (step[place] / length) * 8 : 0;
      // A single second must be seen.
      const drawn = height > 0 ? Math.max(height, 0.9) : 0;
      if (drawn) rectangles.push(el("rect", { class: word, x: from, y: Math.min(y, 8 - drawn).toFixed(2), width: until - from, height: Math.min(drawn, 8).toFixed(2) }));
      y += height;
    });
    from = until;
  }
  return el("div", { class: "strip" }, el("span", {}, label),
    el("svg", { viewBox: "0 0 " + (steps.length || 1) + " 8", preserveAspectRatio: "none", role: "img", "aria-label": label + ", " + words + ": " + text },
      el("rect", { class: "silent", width: steps.length || 1, height: "8" }), rectangles,
      mark >= 0 && mark < steps.length && el("line", { class: "mark", x1: mark + 0.5, x2: mark + 0.5, y1: "0", y2: "8" })),
    el("span", { class: "soft" }, text));
};
