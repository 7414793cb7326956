/**
 * Writes to a store until it is killed, for the crash test: `node crash-writer.ts FILE SEED`. A line on standard
 * output for each acknowledged write: key, revision, value ("-": deleted). Compacts now and then.
 */
import { writeSync } from "node:fs";
import { createSqliteStore } from "./sqlite-store.ts";

const [path, seed] = process.argv.slice(2);
if (path === undefined || seed === undefined) throw new Error("usage: node crash-writer.ts FILE SEED");

const signal = new AbortController().signal;
const store = createSqliteStore({ path });
const padding = "x".repeat(700);
for (let index = 0; ; index++) {
  const key = `/registry/core/pods/default/pod-${(index * 13) % 37}`;
  const current = await store.get(key, signal);
  const value = index % 6 === 5 && current !== undefined ? undefined : JSON.stringify(`${seed}-${index}-${padding}`);
  const revision = await store.write({ key, value, expected: current?.revision ?? 0 }, signal);
  // Straight into the pipe: what is in it when the process is killed has been acknowledged.
  writeSync(1, `${key} ${revision} ${value ?? "-"}\n`);
  if (index % 50 === 49) await store.compact(Math.max(1, revision - 100), signal);
}
