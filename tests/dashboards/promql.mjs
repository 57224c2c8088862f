// What a PromQL expression is made of, by Prometheus' own grammar for editors.

import { need } from "../node/tools.mjs";

const { parser } = need("@prometheus-io/lezer-promql");

/** What stands for $__rate_interval: Grafana's variables are not PromQL. No query means this time. */
export const RATE_INTERVAL = "61s";

const readable = (expression) => expression.replaceAll("$__rate_interval", RATE_INTERVAL).replaceAll("$__range", "3607s");

const children = (node) => {
  const found = [];
  for (let child = node.firstChild; child; child = child.nextSibling) found.push(child);
  return found;
};

/** Every node below, the node itself included. */
const all = (node) => [node, ...children(node).flatMap(all)];

/**
 * `{ valid, selectors, ranges }`: selectors as { name, matchers: {label: "op value"} }, ranges as
 * { name, range, called } with the function that takes them.
 */
export const taken = (expression) => {
  const text = readable(expression);
  const nodes = all(parser.parse(text).topNode);
  const of = (node) => text.slice(node.from, node.to);
  const under = (node, name) => all(node).find((below) => below.name === name);
  const selector = (node) => ({
    name: under(node, "Identifier") ? of(under(node, "Identifier")) : "",
    matchers: Object.fromEntries(
      all(node)
        .filter(({ name }) => name === "UnquotedLabelMatcher")
        .map((matcher) => {
          const [label, operator, value] = children(matcher).map(of);
          return [label, `${operator}${value}`];
        }),
    ),
  });
  const call = (node) => (!node || node.name === "FunctionCall" ? node : call(node.parent));
  return {
    valid: nodes.every(({ type }) => !type.isError),
    selectors: nodes.filter(({ name }) => name === "VectorSelector").map((node) => ({ ...selector(node), ranged: node.parent.name === "MatrixSelector" })),
    ranges: nodes
      .filter(({ name }) => name === "MatrixSelector")
      .map((node) => ({
        ...selector(node),
        range: of(node).replace(/^.*\[|\].*$/gs, ""),
        called: call(node) ? of(call(node).firstChild) : "",
      })),
  };
};
