// Where the tests find what npm has, the built program, and the project. tests/run sets both folders.

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const folder = (variable) => {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is not set: start this through tests/run`);
  return value;
};

/** The folder with node_modules. */
export const NODE_TOOLS = folder("NODE_TOOLS");

/** The program under test. */
export const PROGRAM = folder("ASNMETER");

/** A package of tests/node/package.json. */
export const need = createRequire(`${NODE_TOOLS}/`);
