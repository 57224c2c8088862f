// The published rules of grafana/dashboard-linter (its docs/rules), under their own names, and ours
// behind them: each is [name, check], and a check gives its complaints.

import { RATE_INTERVAL, taken } from "./promql.mjs";

// Units of Grafana's list (packages/grafana-data/src/valueFormats/categories.ts) that make sense here.
const UNITS = new Set(["none", "bps", "percentunit", "s", "dtdurations", "bytes", "pps", "cps", "locale"]);
const COUNTED = ["rate", "irate", "increase"];

const panelsOf = (dashboard) => dashboard.panels.filter(({ type }) => type !== "row");
const queriesOf = (dashboard) => panelsOf(dashboard).flatMap((panel) => panel.targets.map((target) => [panel, target, taken(target.expr)]));
const variable = (dashboard, name) => dashboard.templating.list.find((one) => one.name === name);

/** A rule about every panel, or about every query. */
const ofPanels = (check) => (dashboard) => panelsOf(dashboard).flatMap((panel) => check(panel, dashboard).map((text) => `${panel.title}: ${text}`));
const ofQueries = (check) => (dashboard) =>
  queriesOf(dashboard).flatMap(([panel, target, parts]) => check(parts, target, panel).map((text) => `${panel.title} ${target.refId}: ${text}`));
const unless = (holds, text) => (holds ? [] : [text]);

const templated = (name, label) => (dashboard) => {
  const found = variable(dashboard, name);
  if (!found) return [`no variable ${name}`];
  return [
    ...unless(found.label === label, `${name}: label is not ${label}`),
    ...unless(found.type === "query" && found.datasource.uid === "${datasource}", `${name}: no query of the chosen data source`),
    ...unless(found.multi === true && found.allValue === ".+", `${name}: not multi with ".+" for all`),
  ];
};
const matched = (label) =>
  ofQueries(({ selectors }) =>
    selectors.filter(({ matchers }) => matchers[label] !== `=~"$${label}"`).map(({ name }) => `${name} is not limited to ${label}=~"$${label}"`));

const PUBLISHED = [
  ["template-datasource-rule", (dashboard) => {
    const found = variable(dashboard, "datasource");
    return unless(found?.type === "datasource" && found.query === "prometheus" && found.label === "Data source", "no variable datasource as it should be");
  }],
  ["template-job-rule", templated("job", "Job")],
  ["template-instance-rule", templated("instance", "Instance")],
  ["template-label-promql-rule", (dashboard) =>
    dashboard.templating.list
      .filter(({ type }) => type === "query")
      .flatMap(({ name, query }) => {
        const [, expression, label] = query.query.match(/^label_values\((.+), (\w+)\)$/) ?? [];
        return unless(label && taken(expression).valid, `${name}: ${query.query}`);
      })],
  ["template-on-time-change-reload-rule", (dashboard) =>
    dashboard.templating.list.filter(({ type, refresh }) => type === "query" && refresh !== 2).map(({ name }) => `${name} does not follow the time range`)],
  ["panel-datasource-rule", ofPanels(({ datasource, targets }) =>
    unless([datasource, ...targets.map((target) => target.datasource)].every(({ uid }) => uid === "${datasource}"), "not the chosen data source"))],
  ["panel-title-description-rule", ofPanels(({ title, description }) => unless(title && description, "no title or no description"))],
  ["panel-units-rule", ofPanels(({ fieldConfig: { defaults, overrides } }) => {
    const ours = overrides.flatMap(({ properties }) => properties).filter(({ id }) => id === "unit").map(({ value }) => value);
    return [defaults.unit, ...ours].filter((unit) => !UNITS.has(unit)).map((unit) => `unit ${unit}`);
  })],
  ["panel-no-targets-rule", ofPanels(({ targets }) => unless(targets.length > 0, "no query"))],
  ["target-promql-rule", ofQueries(({ valid }, { expr }) => unless(valid, `not PromQL: ${expr}`))],
  ["target-rate-interval-rule", ofQueries(({ ranges }) =>
    ranges.filter(({ called, range }) => ["rate", "irate"].includes(called) && range !== RATE_INTERVAL).map(({ name }) => `rate of ${name} without $__rate_interval`))],
  ["target-job-rule", matched("job")],
  ["target-instance-rule", matched("instance")],
  ["target-counter-agg-rule", ofQueries(({ selectors, ranges }) => [
    ...selectors.filter(({ name, ranged }) => name.endsWith("_total") && !ranged).map(({ name }) => `${name} is shown as it is`),
    ...ranges.filter(({ name, called }) => name.endsWith("_total") && !COUNTED.includes(called)).map(({ name, called }) => `${called} of the counter ${name}`),
  ])],
  ["uneditable-dashboard", ({ editable }) => unless(editable === false, "can be edited, and would be overwritten")],
];

const overlaps = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

const OURS = [
  ["schema-version", ({ schemaVersion }) => unless(schemaVersion === 42, `schemaVersion ${schemaVersion}`)],
  ["identity", ({ uid, tags, title }) => unless(/^asnmeter-[a-z]{3,}$/.test(uid) && tags.includes("asnmeter") && title.startsWith("asnmeter / "), `uid ${uid}`)],
  ["links-to-the-others", ({ links }) => unless(links.some(({ type, tags, keepTime, includeVars }) => type === "dashboards" && tags[0] === "asnmeter" && keepTime && includeVars), "no links")],
  ["unique-panels", ({ panels }) => {
    const twice = (values) => values.filter((value, place) => values.indexOf(value) !== place);
    return [...twice(panels.map(({ id }) => id)), ...twice(panels.map(({ title }) => title))].map((what) => `${what} stands twice`);
  }],
  ["grid", ({ panels }) => panels.flatMap(({ title, gridPos }, place) => [
    ...unless(gridPos.x + gridPos.w <= 24, `${title} is wider than the page`),
    ...panels.slice(place + 1).filter((other) => overlaps(gridPos, other.gridPos)).map((other) => `${title} covers ${other.title}`),
  ])],
  ["thresholds", ofPanels(({ fieldConfig }) =>
    fieldConfig.overrides.flatMap(({ properties }) => properties).filter(({ id }) => id === "thresholds").map(({ value }) => value)
      .concat(fieldConfig.defaults.thresholds ?? { steps: [] })
      .flatMap(({ steps }) => unless(steps[0]?.value === null && steps.slice(2).every(({ value }, place) => value > steps[place + 1].value), "thresholds do not begin at the bottom and rise")))],
  // With one query Grafana calls the column "Value", with several "Value #A" and so on.
  ["tables-of-several-queries", ofPanels(({ type, targets }) => unless(type !== "table" || targets.length > 1, "a table of one query"))],
  ["quantiles-by-le", ofQueries((_, { expr }) => unless(!expr.includes("histogram_quantile") || /sum by \(le\b/.test(expr), "a quantile not by le"))],
];

/** Complaints, as lines. */
export const lintErrors = (dashboards) =>
  dashboards.flatMap(([file, dashboard]) => [...PUBLISHED, ...OURS].flatMap(([rule, check]) => check(dashboard).map((text) => `${file}: ${rule}: ${text}`)));
