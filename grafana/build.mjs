// Writes dashboards/*.json from source/: node grafana/build.mjs [--check]
//
// With --check nothing is written; it fails where a file is not what the source says.

import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";

const FOLDER = new URL("dashboards/", import.meta.url);

const check = process.argv.includes("--check");
let wrong = 0;
const complain = (text) => {
  console.error(`grafana/dashboards/${text}`);
  wrong += 1;
};

mkdirSync(FOLDER, { recursive: true });
const known = new Set();
for (const name of ["overview", "asn", "contract", "meter"]) {
  const { default: dashboard } = await import(`./source/${name}.mjs`);
  const file = `${dashboard.uid}.json`;
  known.add(file);
  const text = JSON.stringify(dashboard, null, 2) + "\n";
  const path = new URL(file, FOLDER);
  if (!check) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") !== text) complain(`${file}: not what source/${name}.mjs says: run node grafana/build.mjs`);
}
for (const file of readdirSync(FOLDER)) if (!known.has(file)) complain(`${file}: no source makes it`);
process.exit(wrong ? 1 : 0);
