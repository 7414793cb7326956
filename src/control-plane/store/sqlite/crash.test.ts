import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { never } from "../conformance/store-fixture.ts";
import { recordWatch } from "../conformance/watch-recorder.ts";
import { createSqliteStore } from "./sqlite-store.ts";

const ROUNDS = 100;
/** In each round: so the kill comes at another moment of commits and checkpoints each time. */
const WRITES_MORE = 13;

interface Acknowledged {
  readonly revision: number;
  /** undefined: deleted. */
  readonly value: string | undefined;
}

/** Lets a process write and kills it after so many acknowledgements; gives the last one of each key. */
async function writeUntilKilled(path: string, round: number): Promise<ReadonlyMap<string, Acknowledged>> {
  const script = join(import.meta.dirname, "crash-writer.ts");
  const child = spawn(process.execPath, [script, path, String(round)], { stdio: ["ignore", "pipe", "inherit"] });
  const acknowledged = new Map<string, Acknowledged>();
  let writes = 0;
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    const [key, revision, value] = line.split(" ");
    // The last line may be cut.
    if (key === undefined || revision === undefined || !(value === "-" || value?.endsWith('"'))) return;
    acknowledged.set(key, { revision: Number(revision), value: value === "-" ? undefined : value });
    if (++writes === 40 + round * WRITES_MORE) child.kill("SIGKILL");
  });
  const [, [code, signal]] = await Promise.all([once(lines, "close"), once(child, "exit")]);
  assert.equal(signal, "SIGKILL", `the writer ended by itself with ${code}`);
  return acknowledged;
}

test(`SQLite store: each acknowledged write outlives SIGKILL, in ${ROUNDS} rounds`, { timeout: 240_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "podwire-crash-"));
  try {
    const path = join(folder, "store.db");
    const expected = new Map<string, Acknowledged>();
    let newest = 0;
    for (let round = 0; round < ROUNDS; round++) {
      for (const [key, write] of await writeUntilKilled(path, round)) expected.set(key, write);
      await using store = createSqliteStore({ path });
      const revision = await store.currentRevision(never);
      const acknowledged = Math.max(...[...expected.values()].map((write) => write.revision));
      assert.ok(revision >= acknowledged && revision > newest, `${newest}, ${acknowledged}, now ${revision}`);
      newest = revision;
      using watch = recordWatch(store, "/registry/", acknowledged);
      // At most the one write that was not acknowledged any more.
      assert.ok(revision - acknowledged <= 1, `${revision - acknowledged} writes more than acknowledged`);
      await watch.reached(revision);
      for (const event of watch.events) {
        const value = event.type === "put" ? event.value : undefined;
        expected.set(event.key, { revision: event.revision, value });
      }
      const { entries } = await store.list({ prefix: "/registry/" }, never);
      const there = new Map(entries.map(({ key, revision: at, value }) => [key, { revision: at, value }]));
      const alive = [...expected].filter(([, { value }]) => value !== undefined);
      assert.deepEqual(there, new Map(alive.toSorted(([a], [b]) => (a < b ? -1 : 1))));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
