import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, suite, test } from "node:test";
import { ClusterError } from "../cluster-error.ts";
import { askKeeper } from "./ask-keeper.ts";
import type { PhaseMessage } from "./keeper-protocol.ts";
import { type KeeperHandler, listenKeeper } from "./keeper-server.ts";

suite("askKeeper and listenKeeper", () => {
  const signal = AbortSignal.timeout(20_000);
  let folder: string;
  let path: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "podwire-keeper-"));
    path = join(folder, "keeper.sock");
  });
  after(() => rm(folder, { recursive: true }));
  const done = { kind: "done", keeperPid: 7 } as const;

  test("a request gets its phases and its answer; the socket is its owner's alone", async () => {
    const phase = { kind: "phase", name: "underlay", durationMs: 3 } as const;
    const handle: KeeperHandler = async (request, tell) => {
      assert.deepEqual(request, { op: "follow" });
      tell(phase);
      return done;
    };
    await using _server = await listenKeeper(path, handle);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const phases: PhaseMessage[] = [];
    const answer = await askKeeper(path, { op: "follow" }, { signal, onPhase: (each) => void phases.push(each) });
    assert.deepEqual([answer, phases], [done, [phase]]);
  });

  test("an error arrives as it was thrown", async () => {
    const explanation = { what: "no such node", next: "look" };
    const handle: KeeperHandler = () => Promise.reject(new ClusterError("usage", explanation));
    await using _server = await listenKeeper(path, handle);
    await assert.rejects(
      askKeeper(path, { op: "status" }, { signal }),
      (error) => error instanceof ClusterError && error.kind === "usage" && error.explanation.what === "no such node",
    );
  });

  test("nobody listens: undefined, with a socket that was left and without one", async () => {
    assert.equal(await askKeeper(join(folder, "none.sock"), { op: "status" }, { signal }), undefined);
  });

  test("a caller that gives up hears its own reason", async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<typeof done>();
    await using _server = await listenKeeper(path, () => {
      asked.resolve();
      return answer.promise;
    });
    const stop = new AbortController();
    const waiting = askKeeper(path, { op: "down" }, { signal: stop.signal });
    await asked.promise;
    stop.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    answer.resolve(done);
  });

  test("what is no request is refused, and the keeper goes on", async () => {
    await using _server = await listenKeeper(path, async () => done);
    for (const [line, expected] of [
      ["{", /"kind":"failed"/],
      ['{"op":"statsu"}', /did you mean \\"status\\"/],
      ["null", /"kind":"failed"/],
    ] as const) {
      const socket = createConnection(path);
      await once(socket, "connect");
      socket.write(`${line}\n`);
      assert.match(await text(socket), expected);
    }
    assert.deepEqual(await askKeeper(path, { op: "status" }, { signal }), done);
  });
});
