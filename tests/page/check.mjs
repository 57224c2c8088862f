// The page at / in a real browser, served by the real daemon: node tests/page/check.mjs [--pictures FOLDER]
//
// It reads, sorts, opens an ASN, is used by keyboard alone, survives a restart of the daemon, loads
// nothing from elsewhere, and shows an AS name with a <script> in it as text. With --pictures it also
// writes what it looks like. Called by tests/run inside a network namespace of its own (for capturing
// on lo), which sets NODE_TOOLS, ASNMETER and CHROMIUM.

import assert from "node:assert/strict";
import { join } from "node:path";
import { demo, freePort, stop } from "../node/program.mjs";
import { need } from "../node/tools.mjs";
import { hostile } from "./hostile.mjs";

const { chromium } = need("playwright-core");
const pictures = process.argv[2] === "--pictures" ? process.argv[3] : null;
const DESK = { viewport: { width: 1280, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 };
// A name that would run, if anything let it.
const NAME = `<script>document.title="owned"</script><img src=x onerror='document.title="owned"'>`;

const port = await freePort();
const address = `http://127.0.0.1:${port}`;
let meter = await demo(port);
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
assert.match(await page.textContent("tr.out"), /AS3320.*Deutsche Telekom AG.*▲ Out of SLA.*since \d\d:\d\d:\d\d/s);
assert.match(await page.textContent(".tile:nth-child(1)"), /▲ 1 ASN out of SLA.*AS3320/s);
assert.match(await page.textContent(".tile:nth-child(2)"), /✕ \d guarantees? missed.*loss AS3269/s);
assert.match(await page.textContent(".tile:nth-child(3)"), /meter/);
assert.match(await page.title(), /1 ASN out of SLA/);
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
for (const words of [/Rate from.*Mbit\/s/s, /Rate to/, /Limit.*1\s?Mbit\/s, 10\s?%/s, /Calls now\s*16/, /Calls left, G\.711\s*-4/, /Guaranteed.*0\.5\s?%/s, /rtcp: p50/, /Jitter/, /void/, /from \d\d:\d\d:\d\d to now/])
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

// Dark, on a phone, on a tablet: nothing wider than the screen.
if (pictures) {
  const dark = await open(address, { ...DESK, colorScheme: "dark" });
  await picture(dark, "page-dark.png");
  await dark.context().close();
}
const phone = await open(address, PHONE);
await phone.click('[data-asn="3269"]');
await phone.waitForSelector("tr.detail .block");
await picture(phone, "page-phone.png");
for (const width of [320, 390, 600, 800, 930, 1024, 1080, 1230]) {
  await phone.setViewportSize({ width, height: 844 });
  assert.equal(await phone.evaluate(() => document.documentElement.scrollWidth), width);
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
process.exit(0);
