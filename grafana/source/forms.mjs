// The forms of panels. Each gives one panel as Grafana's JSON model has it, without id and place;
// what a panel leaves out, Grafana fills in.

export const DATASOURCE = { type: "prometheus", uid: "${datasource}" };

// Not red and green alone: words stand beside every colour, and the hues differ in brightness.
export const GOOD = "semi-dark-green";
export const WARN = "semi-dark-orange";
export const BAD = "dark-red";
export const CALM = "text";
export const UNSURE = "semi-dark-blue";
export const GREY = "#808080";

/** Thresholds: the colour from the bottom, then [from, colour] upwards. */
export const steps = (base, ...bounds) => ({
  mode: "absolute",
  steps: [{ value: null, color: base }, ...bounds.map(([value, color]) => ({ value, color }))],
});

/** Numbers as words: [number, word, colour]. */
export const words = (...rows) => [
  {
    type: "value",
    options: Object.fromEntries(rows.map(([number, text, color], index) => [String(number), { text, color, index }])),
  },
];

export const STATES = words([0, "● within", GOOD], [1, "◆ near the limit", WARN], [2, "▲ out of SLA", BAD]);
export const VERDICTS = words(
  [0, "no voice", GREY], [1, "✓ met", GOOD], [2, "– void", CALM], [3, "? indeterminate", UNSURE], [4, "✕ missed", BAD],
);

/** One query. An instant one asks for the end of the shown time only. */
const target = (refId, expression, legend, more = {}) => ({
  refId,
  datasource: DATASOURCE,
  editorMode: "code",
  expr: expression.replace(/\s+/g, " ").trim(),
  legendFormat: legend,
  range: true,
  ...more,
});
const INSTANT = { instant: true, range: false };
const letter = (place) => String.fromCharCode("A".charCodeAt(0) + place);

/** Properties of the column or curve of this name: [property, value]. */
export const column = (name, ...properties) => ({
  matcher: { id: "byName", options: name },
  properties: properties.map(([id, value]) => ({ id, value })),
});

const panel = (type, { title, about, unit, size: [w, h], targets, options, defaults = {}, custom, overrides = [], links }) => ({
  type,
  title,
  description: about.replace(/\s+/g, " ").trim(),
  datasource: DATASOURCE,
  gridPos: { w, h },
  targets,
  fieldConfig: {
    defaults: { unit, thresholds: steps(CALM), ...defaults, ...(custom ? { custom } : {}) },
    overrides,
  },
  options,
  ...(links ? { links } : {}),
});

/** One number; with `text: "name"` the name of its series. */
export const stat = ({ width = 4, height = 4, expression, legend = "", text = "auto", defaults, ...rest }) =>
  panel("stat", {
    ...rest,
    size: [width, height],
    targets: [target("A", expression, legend, INSTANT)],
    defaults: { color: { mode: "thresholds" }, ...defaults },
    options: {
      reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
      colorMode: "value",
      graphMode: "none",
      justifyMode: "center",
      orientation: "auto",
      percentChangeColorMode: "standard",
      showPercentChange: false,
      textMode: text,
      wideLayout: true,
    },
  });

/** A curve that is a limit: red, dashed, not filled. */
export const limitCurve = (name) => ({
  matcher: { id: "byRegexp", options: name },
  properties: [
    { id: "color", value: { mode: "fixed", fixedColor: BAD } },
    { id: "custom.lineStyle", value: { fill: "dash", dash: [10, 10] } },
    { id: "custom.fillOpacity", value: 0 },
    { id: "custom.stacking", value: { mode: "none", group: "A" } },
  ],
});

/** Curves: queries as [expression, legend]. `drawn` shows the thresholds in the picture. */
export const curves = ({ width = 12, height = 8, queries, stacked, drawn, defaults, bars, ...rest }) =>
  panel("timeseries", {
    ...rest,
    size: [width, height],
    targets: queries.map(([expression, legend], place) => target(letter(place), expression, legend)),
    defaults: { color: { mode: "palette-classic" }, min: 0, ...defaults },
    custom: {
      drawStyle: bars ? "bars" : "line",
      lineWidth: 1,
      fillOpacity: stacked ? 35 : 6,
      showPoints: "never",
      spanNulls: false,
      stacking: { mode: stacked ? "normal" : "none", group: "A" },
      thresholdsStyle: { mode: drawn ? "dashed" : "off" },
    },
    options: {
      legend: { displayMode: "table", placement: "bottom", showLegend: true, calcs: ["lastNotNull", "max"] },
      tooltip: { mode: "multi", sort: "desc" },
    },
  });

/** Words over time, a line for each series: queries as [expression, legend]. */
export const timeline = ({ width = 24, height = 7, queries, mappings, ...rest }) =>
  panel("state-timeline", {
    ...rest,
    unit: "none",
    size: [width, height],
    targets: queries.map(([expression, legend], place) => target(letter(place), expression, legend)),
    defaults: { color: { mode: "thresholds" }, mappings },
    custom: { fillOpacity: 75, lineWidth: 0 },
    options: {
      alignValue: "left",
      mergeValues: true,
      perPage: 20,
      rowHeight: 0.85,
      showValue: "auto",
      legend: { displayMode: "list", placement: "bottom", showLegend: false, calcs: [] },
      tooltip: { mode: "single", sort: "none" },
    },
  });

/**
 * One row per value of the labels that all queries share. `labels` are [label, heading, properties…],
 * `columns` [heading, expression, properties…], in the order in which they stand.
 */
export const table = ({ width = 24, height = 10, labels, columns, sort, hidden = [], ...rest }) => {
  const named = [...labels, ...columns.map(([heading, , ...properties], place) => [`Value #${letter(place)}`, heading, ...properties])];
  return {
    ...panel("table", {
      ...rest,
      size: [width, height],
      targets: columns.map(([, expression], place) => target(letter(place), expression, "", { ...INSTANT, format: "table" })),
      defaults: { color: { mode: "thresholds" } },
      custom: { align: "auto", cellOptions: { type: "auto" }, filterable: true, inspect: false },
      overrides: named.filter(([, , ...properties]) => properties.length).map(([, heading, ...properties]) => column(heading, ...properties)),
      options: { cellHeight: "sm", frameIndex: 0, showHeader: true, sortBy: sort },
    }),
    transformations: [
      { id: "merge", options: {} },
      {
        id: "organize",
        options: {
          excludeByName: Object.fromEntries(["Time", ...hidden].map((name) => [name, true])),
          indexByName: Object.fromEntries(named.map(([name], place) => [name, place])),
          renameByName: Object.fromEntries(named.map(([name, heading]) => [name, heading])),
        },
      },
    ],
  };
};

/** Cells: a bar whose colour follows the thresholds, and coloured text. */
export const BAR = ["custom.cellOptions", { type: "gauge", mode: "basic", valueDisplayMode: "text" }];
export const TINTED = ["custom.cellOptions", { type: "color-text" }];

/** Keeps source, job, instance and time on the way to another dashboard. */
const address = (uid, ...variables) =>
  `/d/${uid}?${["${datasource:queryparam}", "${job:queryparam}", "${instance:queryparam}", ...variables, "${__url_time_range}"].join("&")}`;

/** A property of a column: its cells lead to another dashboard. */
export const linkTo = (uid, title, ...variables) => ["links", [{ title, url: address(uid, ...variables), targetBlank: false }]];

/** A link in the corner of a panel. */
export const panelLink = (uid, title) => ({
  title,
  type: "link",
  url: address(uid),
  icon: "dashboard",
  tooltip: title,
  tags: [],
  asDropdown: false,
  includeVars: false,
  keepTime: false,
  targetBlank: false,
});
