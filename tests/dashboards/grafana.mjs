// What Grafana does between a dashboard and Prometheus, and between Prometheus and a table: fills in
// variables, chooses the step, joins the answers. As its Prometheus data source and its
// transformations "merge" and "organize" do it (grafana, packages/grafana-prometheus and grafana-data).

const POINTS = 1000;

/** `{ ask, seconds of the scrape interval }`, for one dashboard and a time shown, in Unix seconds. */
export class Grafana {
  constructor(ask, scrapeInterval, from, to) {
    Object.assign(this, { ask, scrapeInterval, from, to });
  }

  /** Values for all variables of a dashboard; `chosen` decides where it says so. */
  async variables(dashboard, chosen = {}) {
    const values = {};
    for (const { name, type, query, includeAll, allValue } of dashboard.templating.list) {
      if (type === "datasource") continue;
      const [, metric, label] = query.query.match(/^label_values\((.+), (\w+)\)$/);
      const options = await this.ask(`label/${label}/values`, { "match[]": this.filled(metric, values), start: this.from, end: this.to });
      if (options.length === 0) throw new Error(`${dashboard.uid}: variable ${name}: ${query.query} finds nothing`);
      if (chosen[name] && !options.includes(chosen[name])) throw new Error(`${dashboard.uid}: ${name} has no ${chosen[name]}: ${options}`);
      values[name] = { options, value: chosen[name] ?? (includeAll ? allValue : options[0]) };
    }
    return values;
  }

  /** A query with all variables filled in. */
  filled(text, values) {
    const range = Math.round(this.to - this.from);
    const rate = Math.max(this.step() + this.scrapeInterval, 4 * this.scrapeInterval);
    const all = { __rate_interval: `${rate}s`, __interval: `${this.step()}s`, __range: `${range}s`, __range_s: `${range}` };
    const left = text.replace(/\$\{?(\w+)\}?/g, (whole, name) => all[name] ?? values[name]?.value ?? whole);
    if (left.includes("$")) throw new Error(`a variable that nobody fills in: ${left}`);
    return left;
  }

  step() {
    return Math.max(this.scrapeInterval, Math.ceil((this.to - this.from) / POINTS));
  }

  /** The answers of a panel: per query a list of { labels, points: [[time, value]], legend }. */
  async answers(panel, values) {
    const answers = [];
    for (const { expr, instant, legendFormat } of panel.targets) {
      const query = this.filled(expr, values);
      const { result } = instant
        ? await this.ask("query", { query, time: this.to })
        : await this.ask("query_range", { query, start: this.from, end: this.to, step: this.step() });
      answers.push(
        result.map(({ metric, value, values: points }) => ({
          labels: metric,
          points: (points ?? [value]).map(([time, number]) => [time, Number(number)]),
          legend: legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => {
            if (!(label in metric)) throw new Error(`${panel.title}: the legend ${legendFormat} has no ${label} in ${JSON.stringify(metric)}`);
            return metric[label];
          }),
        })),
      );
    }
    return answers;
  }
}

/** The rows of a table, as its transformations leave them: heading to value. */
export const rows = (panel, answers) => {
  const [merge, organize] = panel.transformations;
  if (merge.id !== "merge" || organize.id !== "organize") throw new Error(`${panel.title}: other transformations`);
  const { excludeByName, indexByName, renameByName } = organize.options;
  const names = answers.map((series) => [...new Set(series.flatMap(({ labels }) => Object.keys(labels)))]);
  // "merge" joins rows that agree in every column which all frames have.
  const shared = names.reduce((left, right) => left.filter((name) => right.includes(name)));
  const joined = new Map();
  answers.forEach((series, place) => {
    for (const { labels, points } of series) {
      const key = JSON.stringify(shared.map((name) => labels[name]));
      const row = joined.get(key) ?? joined.set(key, { Time: points[0][0] }).get(key);
      const value = `Value #${panel.targets[place].refId}`;
      if (value in row) throw new Error(`${panel.title}: ${value} comes twice for ${key}`);
      Object.assign(row, labels, { [value]: points[0][1] });
    }
  });
  const columns = [...new Set(["Time", ...names.flat(), ...panel.targets.map(({ refId }) => `Value #${refId}`)])];
  for (const column of columns) if (!(column in indexByName) && !excludeByName[column]) throw new Error(`${panel.title}: nobody asked for a column ${column}`);
  const headings = Object.values(renameByName);
  const unknown = panel.fieldConfig.overrides.map(({ matcher }) => matcher.options).concat(panel.options.sortBy.map(({ displayName }) => displayName));
  for (const heading of unknown) if (!headings.includes(heading)) throw new Error(`${panel.title}: there is no column ${heading}`);
  return [...joined.values()].map((row) => Object.fromEntries(Object.keys(indexByName).map((name) => [renameByName[name], row[name]])));
};
