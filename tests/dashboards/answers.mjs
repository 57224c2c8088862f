// Every query of every panel, put to a real Prometheus that scrapes the real demo: none is without an
// answer, and where the truth is known the answer is the truth.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { demo, freePort, stop, until } from "../node/program.mjs";
import { Grafana, rows } from "./grafana.mjs";
import { SCRAPE_SECONDS, prometheus } from "./prometheus.mjs";
import { CALM, RUSH } from "./truth.mjs";

const panelsOf = (dashboard) => dashboard.panels.filter(({ type }) => type !== "row");

/** Complaints about one panel's answers, whatever they say. */
const empty = (panel, answers) => {
  const complaints = [];
  answers.forEach((series, place) => {
    const { refId } = panel.targets[place];
    const numbers = series.flatMap(({ points }) => points.map(([, value]) => value));
    if (numbers.length === 0) complaints.push(`${panel.title} ${refId}: no answer`);
    if (numbers.length && numbers.every(Number.isNaN)) complaints.push(`${panel.title} ${refId}: nothing but NaN`);
    if (numbers.some((value) => Math.abs(value) === Infinity)) complaints.push(`${panel.title} ${refId}: infinity`);
  });
  const legends = answers.flat().map(({ legend }) => legend).filter(Boolean);
  if (new Set(legends).size < legends.length) complaints.push(`${panel.title}: two curves have one name: ${legends}`);
  return complaints;
};

/** What a truth's check says of a panel's answers: a complaint or nothing. */
const judged = (panel, answers, { legend, where, column, check }) => {
  const found = where
    ? rows(panel, answers).filter((row) => Object.entries(where).every(([name, value]) => row[name] === value)).map((row) => row[column])
    : answers.flat().filter((series) => legend === undefined || series.legend === legend).map(({ points }) => points.at(-1)[1]);
  return found.length === 1 && check(found[0]) ? [] : [`${panel.title} ${legend ?? JSON.stringify(where ?? "")} ${column ?? ""}: ${found}`];
};

const moment = async (grafana, dashboards, truths, chosen) => {
  const complaints = [];
  let asked = 0;
  for (const [file, dashboard] of dashboards) {
    const values = await grafana.variables(dashboard, dashboard.uid === "asnmeter-asn" ? chosen : {});
    for (const panel of panelsOf(dashboard)) {
      const answers = await grafana.answers(panel, values);
      asked += answers.length;
      const here = truths.filter(([uid, title]) => uid === dashboard.uid && title === panel.title);
      const found = [...empty(panel, answers), ...here.flatMap(([, , truth]) => judged(panel, answers, truth))];
      // Every row of a table is whole: what is missing in one column was not joined.
      if (panel.type === "table")
        for (const row of rows(panel, answers))
          for (const [heading, value] of Object.entries(row)) if (value === undefined && heading !== "Kept") found.push(`${panel.title}: ${JSON.stringify(row)} has no ${heading}`);
      complaints.push(...found.map((text) => `${file}: ${text}`));
    }
    for (const [uid, title] of truths)
      if (uid === dashboard.uid && !panelsOf(dashboard).some((panel) => panel.title === title)) complaints.push(`${file}: there is no panel ${title}`);
  }
  return { asked, complaints };
};

/** Complaints, as lines, and how many queries were put. */
export const answerErrors = async (dashboards) => {
  const port = await freePort();
  const begun = Date.now() / 1000;
  const folder = mkdtempSync(join(tmpdir(), "asnmeter-"));
  const meter = await demo(port, ["--evidence", join(folder, "ledger")]);
  const server = await prometheus(`127.0.0.1:${port}`);
  const value = async (query) => Number((await server.ask("query", { query })).result[0]?.value[1]);
  const out = 'asnmeter_commitment_asn_out_of_sla{asn="3320"}';
  // The demo's cycle: over the limit from about second 18 to 58. Its window has to be full of it.
  await until("AS3320 goes out of SLA", server.child, 60, async () => (await value(`min_over_time(${out}[15s])`)) === 1);
  const rush = Date.now() / 1000 - 1;
  await until("AS3320 comes back", server.child, 60, async () => (await value(`max_over_time(${out}[10s])`)) === 0);
  const calm = Date.now() / 1000 - 1;
  const complaints = [];
  let asked = 0;
  const at = async (end, truths, chosen) => {
    const seen = await moment(new Grafana(server.ask, SCRAPE_SECONDS, begun, end), dashboards, truths, chosen);
    asked += seen.asked;
    complaints.push(...seen.complaints);
  };
  await at(rush, RUSH, { asn: "3320" });
  await at(calm, CALM, { asn: "3320" });
  await at(calm, [], { asn: "1221" });
  await stop(meter);
  rmSync(folder, { recursive: true });
  await server.end();
  return { asked, complaints };
};
