// The dashboards against Grafana's own types: each becomes a constant of a TypeScript program, which
// the compiler checks against @grafana/schema. A key that Grafana does not know is an error, too.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NODE_TOOLS, need } from "../node/tools.mjs";

// JSON has values where the types have enums: Plain takes the value of each.
const PRELUDE = `
import type { Dashboard, Panel, RowPanel, VariableModel, FieldConfigSource, FieldConfig, DataSourceRef } from "@grafana/schema";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as timeline from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// Grafana keeps the types of Prometheus' queries in the data source, not in the schema.
type Query = {
  refId: string; datasource: Plain<DataSourceRef>; editorMode: "code"; expr: string; legendFormat: string;
  range: boolean; instant?: boolean; format?: "table" | "time_series";
};

type Plain<T> = unknown extends T ? unknown
  : T extends string ? \`\${T}\`
  : T extends number | boolean | null | undefined ? T
  : T extends (infer U)[] ? Plain<U>[]
  : T extends object ? { [K in keyof T]: Plain<T[K]> }
  : T;
// A panel with the options and the custom fields of its own kind. Custom fields may be left out:
// Grafana fills them in.
type Of<Kind extends string, Options, Custom> = Omit<Plain<Panel>, "type" | "options" | "fieldConfig" | "targets"> & {
  type: Kind;
  options: Plain<Options>;
  targets: Query[];
  fieldConfig: {
    defaults: Omit<Plain<FieldConfig>, "custom"> & { custom?: Partial<Plain<Custom>> };
    overrides: Plain<FieldConfigSource>["overrides"];
  };
};
type AnyPanel = Plain<RowPanel>
  | Of<"stat", stat.Options, {}>
  | Of<"table", table.Options, table.FieldConfig>
  | Of<"state-timeline", timeline.Options, timeline.FieldConfig>
  | Of<"timeseries", timeseries.Options, timeseries.FieldConfig>;
// The schema's VariableModel is the least of all variables; \`definition\` is what Grafana itself saves
// for queries.
type Variable = Plain<VariableModel> & { definition?: string };
type Checked = Omit<Plain<Dashboard>, "panels" | "templating"> & { panels: AnyPanel[]; templating: { list: Variable[] } };
`;

/** Complaints of the compiler, as lines; `dashboards` is a list of [file, dashboard]. */
export const typeErrors = (dashboards) => {
  const folder = mkdtempSync(join(tmpdir(), "asnmeter-types-"));
  try {
    symlinkSync(join(NODE_TOOLS, "node_modules"), join(folder, "node_modules"));
    const files = dashboards.map(([file, dashboard], place) => {
      const name = file.replace(/\.json$/, ".ts");
      writeFileSync(join(folder, name), `${PRELUDE}\nexport const dashboard${place}: Checked = ${JSON.stringify(dashboard, null, 1)};\n`);
      return name;
    });
    const compiler = need.resolve("typescript/bin/tsc");
    const compilerOptions = { noEmit: true, strict: true, skipLibCheck: true, target: "es2022", module: "nodenext", types: [] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
    const { status, stdout } = spawnSync(process.execPath, [compiler, "--project", folder], { cwd: folder, encoding: "utf8" });
    return status === 0 ? [] : stdout.trim().split("\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
};
