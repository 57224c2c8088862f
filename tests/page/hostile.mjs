// A real daemon on lo that hears calls with an ASN whose name is not nice. Needs to capture.

import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, start, stop as end, until } from "../node/program.mjs";
import { PROGRAM } from "../node/tools.mjs";

const SAMPLES = 160;

/** G.711 from 127.0.0.2 to 127.0.0.1, a packet each 20 ms (RFC 3551), until it is stopped. */
const call = () => {
  const socket = createSocket("udp4");
  let sequence = 1;
  const send = () => {
    const packet = Buffer.alloc(12 + SAMPLES, 0xd5);
    packet.writeUInt16BE(0x8008, 0);
    packet.writeUInt16BE(sequence & 0xffff, 2);
    packet.writeUInt32BE((sequence * SAMPLES) >>> 0, 4);
    packet.writeUInt32BE(64666, 8);
    sequence += 1;
    socket.send(packet, 20_000, "127.0.0.1");
  };
  socket.bind(10_000, "127.0.0.2");
  const timer = setInterval(send, 20);
  return () => {
    clearInterval(timer);
    socket.close();
  };
};

/** `{ address, stop }` of the daemon; AS64666 has the name. */
export const hostile = async (name) => {
  const folder = mkdtempSync(join(tmpdir(), "asnmeter-page-"));
  const port = await freePort();
  writeFileSync(join(folder, "names.tsv"), `127.0.0.2/32\t64666\t${name}\n`);
  writeFileSync(
    join(folder, "asnmeter.toml"),
    `[capture]\ninterface = "lo"\n[asn]\nsources = [{ prefixes = "names.tsv" }]\nlocal_prefixes = ["127.0.0.1/32"]
[web]\nlisten_address = "127.0.0.1:${port}"\n[[commitment]]\nname = "<b>bold</b>"\ncommitted_rate = "10 Mbps"\n`,
  );
  const hangUp = call();
  const child = start(PROGRAM, ["run", "--config", join(folder, "asnmeter.toml")]);
  const address = `http://127.0.0.1:${port}`;
  await until("the daemon on lo", child, 20, async () => (await (await fetch(`${address}/api/v1/asns/64666`)).json()).commitments.length);
  const stop = async () => {
    hangUp();
    await end(child);
    rmSync(folder, { recursive: true });
  };
  return { address, stop };
};
