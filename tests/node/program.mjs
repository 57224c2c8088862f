// Programs under test, as processes of our own that end with us.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { PROGRAM } from "./tools.mjs";

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

/** A port that was free a moment ago. */
export const freePort = async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
};

/** Starts a program; what it says is kept for the case that it fails. */
export const start = (command, parameters, options = {}) => {
  const child = spawn(command, parameters, { stdio: ["ignore", "pipe", "pipe"], ...options });
  running.add(child);
  child.said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (child.said = (child.said + text).slice(-20_000)));
  child.ended = once(child, "exit").then(() => running.delete(child));
  return child;
};

/** Ends it as an operator would. */
export const stop = async (child, signal = "SIGTERM") => {
  child.kill(signal);
  await child.ended;
};

/** Asks again and again until `answer` gives something, as long as the program lives. */
export const until = async (what, child, seconds, answer) => {
  const end = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < end) {
    if (child.exitCode !== null) throw new Error(`${what}: the program ended: ${child.said}`);
    try {
      const found = await answer();
      if (found) return found;
    } catch (error) {
      last = error;
    }
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`${what}: not within ${seconds} s${last ? `: ${last.message}` : ""}\n${child.said}`);
};

/** The demo on a port; ready when it has judged. */
export const demo = async (port, more = []) => {
  const child = start(PROGRAM, ["demo", "--web.listen-address", `127.0.0.1:${port}`, ...more]);
  await until("the demo", child, 20, async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok);
  return child;
};
