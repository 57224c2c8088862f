// A whole dashboard: variables, links to the others, and its panels set in rows.

import { DATASOURCE } from "./forms.mjs";

const COLUMNS = 24;

/** A variable filled from a label: refreshed with the time range, so that old ASNs are found too. */
const labelValues = (name, label, metric, of, more) => ({
  name,
  label,
  type: "query",
  datasource: DATASOURCE,
  query: { query: `label_values(${metric}, ${of})`, refId: `variable-${name}` },
  definition: `label_values(${metric}, ${of})`,
  refresh: 2,
  sort: 3,
  hide: 0,
  ...more,
});

const SEVERAL = { multi: true, includeAll: true, allValue: ".+", current: { text: ["All"], value: ["$__all"] } };
const CHOSEN = '{job=~"$job", instance=~"$instance"}';

export const COMMITMENTS = labelValues("commitment", "Commitment", `asnmeter_commitment_threshold_ratio${CHOSEN}`, "commitment", SEVERAL);
export const ONE_COMMITMENT = labelValues("commitment", "Commitment", `asnmeter_commitment_threshold_ratio${CHOSEN}`, "commitment", {
  multi: false,
  includeAll: false,
});
export const ONE_ASN = labelValues("asn", "AS number", `asnmeter_commitment_asn_share_ratio${CHOSEN}`, "asn", {
  multi: false,
  includeAll: false,
});

const VARIABLES = [
  { name: "datasource", label: "Data source", type: "datasource", query: "prometheus", refresh: 1, hide: 0 },
  labelValues("job", "Job", "asnmeter_build_info", "job", SEVERAL),
  labelValues("instance", "Instance", 'asnmeter_build_info{job=~"$job"}', "instance", SEVERAL),
];

/** Places panels from left to right; each row begins with its heading. */
const placed = (rows) => {
  const panels = [];
  let [x, y, height] = [0, 0, 0];
  const place = (panel) => {
    if (x + panel.gridPos.w > COLUMNS) [x, y, height] = [0, y + height, 0];
    panels.push({ id: panels.length + 1, ...panel, gridPos: { x, y, ...panel.gridPos } });
    [x, height] = [x + panel.gridPos.w, Math.max(height, panel.gridPos.h)];
  };
  for (const [title, ...members] of rows) {
    [x, y, height] = [0, y + height, 0];
    place({ type: "row", title, collapsed: false, gridPos: { w: COLUMNS, h: 1 }, panels: [] });
    members.forEach(place);
  }
  return panels;
};

/** `rows` are [heading, panel, panel…]. */
export const dashboard = ({ uid, title, about, variables = [], from = "now-1h", refresh = "30s", rows }) => ({
  uid,
  title,
  description: about,
  tags: ["asnmeter"],
  schemaVersion: 42,
  version: 1,
  editable: false,
  timezone: "browser",
  graphTooltip: 1,
  refresh,
  time: { from, to: "now" },
  links: [
    {
      title: "asnmeter",
      type: "dashboards",
      tags: ["asnmeter"],
      icon: "external link",
      tooltip: "The other dashboards, for the same time",
      asDropdown: false,
      includeVars: true,
      keepTime: true,
      targetBlank: false,
    },
  ],
  templating: { list: [...VARIABLES, ...variables] },
  annotations: { list: [] },
  panels: placed(rows),
});
