// A real Prometheus, with the rules and the scrape job of deploy/prometheus, at one scrape a second.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, start, stop, until } from "../node/program.mjs";
import { ROOT } from "../node/tools.mjs";

export const SCRAPE_SECONDS = 1;

/** Starts it on a port of its own; `target` is the meter's address. */
export const prometheus = async (target) => {
  const folder = mkdtempSync(join(tmpdir(), "asnmeter-prometheus-"));
  const rules = join(ROOT, "deploy/prometheus");
  // The job as we ship it, but for its target and its pace.
  const job = readFileSync(join(rules, "scrape.yml"), "utf8")
    .replace(/targets: \[.*\]/, `targets: ["${target}"]`)
    .replace(/scrape_interval: \w+/, `scrape_interval: ${SCRAPE_SECONDS}s`)
    .replace(/scrape_timeout: \w+/, `scrape_timeout: ${SCRAPE_SECONDS}s`);
  writeFileSync(
    join(folder, "prometheus.yml"),
    `global: { evaluation_interval: ${SCRAPE_SECONDS}s }\nrule_files: ["${rules}/recording.rules.yml", "${rules}/alerts.rules.yml"]\n${job}`,
  );
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const child = start("prometheus", [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--log.level=warn",
  ]);
  await until("Prometheus", child, 30, async () => (await fetch(`${address}/-/ready`)).ok);

  /** A call of Prometheus' HTTP API; what it answers under `data`. */
  const ask = async (path, parameters) => {
    const answer = await fetch(`${address}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const { status, data, error } = await answer.json();
    if (status !== "success") throw new Error(`${error}: ${parameters.query ?? JSON.stringify(parameters)}`);
    return data;
  };
  const end = async () => {
    await stop(child);
    rmSync(folder, { recursive: true });
  };
  return { ask, child, end };
};
