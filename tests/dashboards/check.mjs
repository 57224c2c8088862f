// Everything that holds of grafana/, in the order of what it costs:
//
//   1. the committed JSON is what grafana/source says
//   2. it has the types of @grafana/schema
//   3. the rules of grafana/dashboard-linter, and ours
//   4. every query has its answer from a real Prometheus that scrapes the real demo
//
// Called by tests/run, which sets NODE_TOOLS and ASNMETER. About 80 seconds: the demo takes its time.

import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../node/tools.mjs";
import { answerErrors } from "./answers.mjs";
import { lintErrors } from "./lint.mjs";
import { typeErrors } from "./types.mjs";

const FOLDER = join(ROOT, "grafana/dashboards");
const dashboards = readdirSync(FOLDER).sort().map((file) => [file, JSON.parse(readFileSync(join(FOLDER, file), "utf8"))]);
if (dashboards.length !== 4) throw new Error(`${dashboards.length} dashboards`);

const finish = (what, complaints) => {
  for (const text of complaints) console.error(`dashboards: ${text}`);
  if (complaints.length) process.exit(1);
  console.log(`dashboards: ${what}`);
};

const built = spawnSync(process.execPath, [join(ROOT, "grafana/build.mjs"), "--check"], { encoding: "utf8" });
finish("the JSON is what its source says", built.status === 0 ? [] : built.stderr.trim().split("\n"));
finish("Grafana's types hold", typeErrors(dashboards));
finish("the linter's rules hold", lintErrors(dashboards));
const { asked, complaints } = await answerErrors(dashboards);
finish(`${asked} queries answered by Prometheus, none empty, none wrong`, complaints);
process.exit(0);
