// The page at / in a real browser, served by the real daemon: node tests/page/check.mjs [--pictures FOLDER]
//
// It says what to do first, sorts, finds, opens an ASN and its past, follows a link, is used by keyboard
// alone, can be read in light and dark, survives a restart of the daemon, loads nothing from elsewhere,
// and shows an AS name with a <script> in it as text. With --pictures it also
// writes what it looks like. Called by tests/run inside a network namespace of its own (for capturing
// on lo), which sets NODE_TOOLS, ASNMETER and CHROMIUM.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { demo, freePort, stop } from "../node/program.mjs";
import { need } from "../node/tools.mjs";
import { hostile } from "./hostile.mjs";

const { chromium } = need("playwright-core");
const pictures = process.argv[2] === "--pictures" ? process.argv[3] : null;
// A reader in another time zone than the evidence.
const DESK = { viewport: { width: 1280, height: 900 }, timezoneId: "Europe/Paris" };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 };
// A name that would run, if anything let it.
const NAME = `<script>document.title="owned"</script><img src=x onerror='document.title="owned"'>`;

const port = await freePort();
const address = `http://127.0.0.1:${port}`;
const folder = mkdtempSync(join(tmpdir(), "asnmeter-ledger-"));
let meter = await demo(port, ["--evidence", join(folder, "evidence")]);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });

/** A page that may complain of nothing, and ask nobody but the meter. */
const open = async (at, options = DESK, tolerant = false) => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("pageerror", (error) => assert.fail(`the script failed: ${error.stack}`));
  page.on("console", (message) => assert.ok(tolerant || message.type() !== "error", `the browser complains: ${message.text()}`));
  page.on("request", (request) => assert.ok(request.url().startsWith(at) || request.url().startsWith("data:"), `asks elsewhere: ${request.url()}`));
  const answer = await page.goto(`${at}/`);
  assert.match(answer.headers()["content-security-policy"], /default-src 'none'.*script-src 'sha256-/);
  await page.waitForSelector("#standing.live");
  await page.waitForSelector("tbody tr");
  return page;
};
const asns = (page) => page.$$eval("tbody tr:not(.detail) b:first-child", (nodes) => nodes.map(({ textContent }) => textContent).filter((text) => text.startsWith("AS")));
const focused = (page) => page.evaluate(() => document.activeElement.dataset.open ?? document.activeElement.dataset.sort ?? document.activeElement.tagName);
/** Until the page has drawn a later second than now. */
const nextSecond = async (page) => {
  const before = await page.textContent("#judged");
  await page.waitForFunction((old) => document.getElementById("judged").textContent !== old, before);
};
const picture = (page, name) => pictures && page.screenshot({ path: join(pictures, name), fullPage: true });
const said = (text) => console.log(`page: ${text}`);

// It says in words how each ASN stands, the nearest to its limit first.
let page = await open(address);
await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 12);
await page.waitForSelector("tr.out", { timeout: 60_000 });
assert.match(await page.textContent("tr.out"), /AS3320.*Deutsche Telekom AG.*▲ Over the limit.*since \d\d:\d\d:\d\d UTC/s);
assert.match(await page.textContent(".tile:nth-child(1)"), /▲ 1 network over the limit: no guarantee for it.*AS3320.*Ours/s);
assert.match(await page.textContent(".tile:nth-child(2)"), /✕ \d guarantees? missed.*loss AS3269.*Theirs/s);
assert.match(await page.textContent(".tile:nth-child(3)"), /meter/);
assert.match(await page.title(), /^▲ 1 network over the limit · asnmeter$/);
assert.match(await page.textContent("#judged"), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC · \d\d:\d\d:\d\d Europe\/Paris$/);
const everything = await page.innerText("main");
for (const unclear of ["Too few to say", "as written", "undefined", "NaN", "[object"]) assert.ok(!everything.includes(unclear), unclear);
// Its share is a window full of sixteen calls, twelve seconds after the first of them.
await page.waitForFunction(() => /12\.\d\d/.test(document.querySelector("tr.out .shares").textContent));
assert.equal((await asns(page))[0], "AS3320");
await picture(page, "page.png");
said("shows who is out of SLA, since when, and that the meter sees everything");

// By keyboard alone: sort, open, walk, close. The focus outlives what is drawn anew each second.
await page.focus('[data-sort="asn"]');
await page.keyboard.press("Enter");
assert.deepEqual(await asns(page), [...(await asns(page))].sort((a, b) => a.slice(2) - b.slice(2)));
assert.equal(await page.getAttribute("thead th:first-child", "aria-sort"), "descending");
await nextSecond(page);
assert.equal(await focused(page), "asn");
await page.keyboard.press("Enter");
assert.equal((await asns(page))[0], "AS12322");
await page.focus('[data-sort="share"]');
await page.keyboard.press("Enter");
assert.equal((await asns(page))[0], "AS3320");
while (!(await focused(page)).startsWith("demo/")) await page.keyboard.press("Tab");
assert.equal(await focused(page), "demo/3320");
await page.keyboard.press("Enter");
await page.waitForSelector("tr.detail .block");
await nextSecond(page);
assert.equal(await focused(page), "demo/3320");
const detail = await page.textContent("tr.detail");
for (const words of [/Rate from.*Mbit\/s/s, /Rate to/, /Limit.*1\s?Mbit\/s, 10\s?%/s, /Calls now\s*16/, /Calls left, G\.711\s*-4/, /Guaranteed.*0\.5\s?%/s, /rtcp: p50/, /Jitter/, /void/, /AS3320 over the limit since \d+ \w+ \d\d:\d\d:\d\d UTC \(\d\d:\d\d:\d\d Europe\/Paris\).*from 1\d\.\d\d\s?%, to 1\d\.\d\d\s?% at most/s])
  assert.match(detail, words);
await picture(page, "page-detail.png");
await page.keyboard.press("ArrowDown");
assert.equal(await focused(page), "demo/12322");
await page.keyboard.press("Escape");
assert.equal(await page.$("tr.detail"), null);
assert.equal(await focused(page), "demo/3320");
await page.click("tbody tr:nth-child(3)");
await page.waitForSelector("tr.detail .block");
await page.click("tbody tr:nth-child(3)");
assert.equal(await page.$("tr.detail"), null);
said("is sorted, opened and closed by keyboard; the focus stays");

// A network is found by its number or its name, with `/` and the keyboard.
await page.keyboard.press("/");
await page.keyboard.type("tele");
assert.deepEqual((await asns(page)).sort(), ["AS2856", "AS3269", "AS3320", "AS8447"]);
for (const [words, found] of [["AS3269", "AS3269"], ["3269", "AS3269"], ["telstra", "AS1221"]]) {
  await page.fill("#sought", words);
  assert.deepEqual(await asns(page), [found]);
}
await page.fill("#sought", "nobody");
assert.match(await page.textContent("#commitments"), /no ASN or name fits “nobody”/);
await page.fill("#sought", "");
assert.equal((await asns(page)).length, 12);
said("finds a network by number and by name");

// What is open stands in the address.
await page.click('[data-asn="3269"]');
await page.waitForSelector("tr.detail .block");
assert.equal(new URL(page.url()).hash, "#commitment=demo&asn=3269");
await page.waitForFunction(() => /Worst streams now.*PCM/s.test(document.querySelector("tr.detail").textContent));
const streams = await page.$$eval(".streams tbody tr", (rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
assert.ok(streams.length > 0 && streams.length <= 10, `${streams.length} streams`);
const part = (cell) => Number(/\(([0-9.]+)/.exec(cell)[1]);
assert.ok(part(streams[0][5]) >= part(streams.at(-1)[5]) && part(streams[0][5]) > 0, "the worst stands first");
assert.match(streams[0][0], /^[0-9.]+:\d+ → [0-9.]+:\d+$/);
said("has the open network in its address, and shows its worst streams");

// The past is that of the ledger, once a minute is sealed: what is drawn is what stands beside it.
const past = async (query) => (await fetch(`${address}/api/v1/history?${query}`)).json();
const asked = "commitment=demo&asn=3269";
const end = Date.now() + 150_000;
let known = await past(asked);
while (!known.steps.some(({ given }) => given.loss && given.loss.missed_s > 0)) {
  assert.ok(Date.now() < end, "no minute with a missed second in the ledger");
  await nextSecond(page);
  known = await past(asked);
}
for (const step of known.steps) for (const given of Object.values(step.given)) assert.equal(Object.values(given).reduce((sum, seconds) => sum + seconds, 0), step.known_s);
// Whoever follows a link to a moment sees it marked, even if its minute is not sealed yet.
const judged = (await page.textContent("#judged")).slice(0, 19).replace(" ", "T") + "Z";
const linked = await browser.newContext(DESK);
const colleague = await linked.newPage();
await colleague.goto(`${address}/#commitment=demo&asn=3269&at=${judged}`);
await colleague.waitForSelector('[data-open="demo/3269"][aria-expanded=true]');
await colleague.waitForSelector("line.mark", { state: "attached" });
assert.match(await colleague.textContent("tr.detail"), /Back to now/);
await colleague.click("[data-now]");
await colleague.waitForFunction(() => !document.querySelector("[data-now]"));
assert.equal(new URL(colleague.url()).hash, "#commitment=demo&asn=3269");
await linked.close();
await page.click('[data-range="day"]');
await page.waitForFunction(() => /missed \d+/.test([...document.querySelectorAll("tr.detail .strip")].map(({ textContent }) => textContent).join()));
await page.click('[data-range="hour"]');
await nextSecond(page);
const strips = await page.$$eval("tr.detail .strip svg[role=img]", (drawn) => drawn.map((one) => [one.getAttribute("aria-label"), one.parentNode.lastChild.textContent, one.querySelectorAll("rect.missed").length]));
const [words, beside, drawn] = strips.find(([label]) => label.startsWith("loss, from"));
assert.ok(words.endsWith(beside) && /missed/.test(beside) && drawn > 0, `${words} / ${beside} / ${drawn}`);
assert.equal((await fetch(`${address}/api/v1/history?commitment=x&asn=1`)).status, 400);
assert.equal((await fetch(`${address}/api/v1/streams?asn=x`)).status, 400);
assert.equal((await fetch(`${address}/api/v1/streams?asn=3269`, { method: "POST" })).status, 405);
await page.keyboard.press("Escape");
await picture(page, "page-history.png");
said("shows the past from the ledger, and says of each strip what it draws");

// Everything that is written can be read (WCAG 2.2 AA, 1.4.3), in light and dark; every control has a name.
const tooFaint = (at) => at.evaluate(() => {
  const channels = (color) => (color.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)).reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const color = channels(getComputedStyle(one).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll("body *")].filter((node) => [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim()) && node.checkVisibility() && !node.closest("svg,script,noscript,.aside,.skip"));
  return texts.map((node) => {
    const [a, b] = [light(channels(getComputedStyle(node).color)), light(behind(node))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), node.textContent.slice(0, 40)];
  }).filter(([contrast]) => contrast < 4.5);
});
for (const colorScheme of ["light", "dark"]) {
  const shown = await open(address, { ...DESK, colorScheme });
  await shown.click('[data-asn="3320"]');
  await shown.waitForSelector("tr.detail .block");
  await shown.click("summary");
  assert.deepEqual(await tooFaint(shown), [], colorScheme);
  const nameless = await shown.$$eval("button, input, a, summary", (nodes) => nodes.filter((node) => !(node.textContent.trim() || (node.labels && node.labels.length))).length);
  assert.equal(nameless, 0);
  await shown.context().close();
}
// What an alert leads to is served by the meter itself, in its own words.
const book = await (await browser.newContext(DESK)).newPage();
await book.goto(`${address}/docs/runbook#asnmeterguaranteemissed`);
assert.equal(await book.$eval(":target", (node) => node.textContent), "AsnmeterGuaranteeMissed");
assert.deepEqual(await tooFaint(book), []);
const ends = await page.$$eval(".tile a", (links) => links.map((link) => link.getAttribute("href")));
for (const href of ends) assert.ok(await book.$(href.slice(href.indexOf("#"))), href);
await book.context().close();
said("can be read in light and dark, and leads to the runbook");

// Dark, on a phone, on a tablet: nothing wider than the screen.
if (pictures) {
  const dark = await open(address, { ...DESK, colorScheme: "dark" });
  await picture(dark, "page-dark.png");
  await dark.context().close();
}
/** The width when all cells say the longest that they can, before the page draws them anew. */
const lengthened = ({ state, small, verdict }) => {
  for (const cell of document.querySelectorAll("tbody tr:not(.detail) td.state")) {
    cell.append(Object.assign(document.createElement("small"), { textContent: small }));
    cell.querySelector("span").textContent = state;
  }
  for (const span of document.querySelectorAll("tbody tr:not(.detail) td.verdict span")) span.textContent = verdict;
  return document.documentElement.scrollWidth;
};
const LONGEST = {
  state: "over the limit",
  small: "over the limit only by traffic that nobody answered",
  verdict: "too little to judge, perhaps 12.34 %",
};
const phone = await open(address, PHONE);
assert.ok((await phone.evaluate(() => document.documentElement.scrollHeight)) < 4000, "a short way to scroll");
assert.equal((await asns(phone)).length, await phone.$$eval("[data-open]", (rows) => rows.length));
assert.ok((await asns(phone)).length < 12);
await phone.click("[data-unfold]");
assert.equal((await asns(phone)).length, 12);
await phone.click('[data-asn="3269"]');
await phone.waitForSelector("tr.detail .block");
await picture(phone, "page-phone.png");
for (const width of [320, 390, 600, 800, 930, 1024, 1080, 1230]) {
  await phone.setViewportSize({ width, height: 844 });
  assert.equal(await phone.evaluate(() => document.documentElement.scrollWidth), width);
  assert.equal(await phone.evaluate(lengthened, LONGEST), width, "whatever it has to say");
}
await phone.context().close();
await page.context().close();
said("fits every screen from 320 points on");

// The daemon is killed, and comes back: the page says so both times, by itself.
page = await open(address, DESK, true);
await stop(meter, "SIGKILL");
await page.waitForSelector("#standing.stale", { timeout: 15_000 });
assert.match(await page.textContent("#standing"), /stale: no answer/);
assert.match(await page.textContent(".tile:nth-child(3)"), /No news from the meter.*as of/s);
meter = await demo(port);
await page.waitForSelector("#standing.live", { timeout: 15_000 });
// This one keeps no ledger.
await page.click('[data-asn="3303"]');
await page.waitForFunction(() => /No ledger is kept, so the meter knows only its last hour/.test(document.querySelector("tr.detail")?.textContent));
assert.equal(await page.$("[data-range]"), null);
assert.equal((await fetch(`${address}/api/v1/history?commitment=demo&asn=1`)).status, 404);
await nextSecond(page);
await page.context().close();
await stop(meter);
said("says that it is stale when the daemon is gone, and is live again when it is back");

// An AS name is anybody's text.
const other = await hostile(NAME);
page = await open(other.address);
await page.waitForFunction((name) => document.querySelector("tbody .name")?.textContent === name, NAME);
assert.equal(await page.title(), "asnmeter");
assert.equal(await page.$$eval("img, main script", (nodes) => nodes.length), 0);
await other.stop();
said("shows a name with a script in it as text");

await browser.close();
rmSync(folder, { recursive: true });
process.exit(0);
