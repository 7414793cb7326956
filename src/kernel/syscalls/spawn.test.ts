import assert from "node:assert/strict";
import { test } from "node:test";
import { KernelError } from "../kernel-error.ts";
import { spawnAndWait, spawnAndWaitTogether } from "./spawn.ts";

const shell = (script: string, stdin = "") => ({
  path: "/bin/sh",
  argv: ["sh", "-c", script],
  environment: { WORD: "hello" },
  stdin,
});

for (const run of [spawnAndWait, spawnAndWaitTogether]) {
  test(`${run.name} gives environment and stdin, and takes stdout, stderr and exit status`, async () => {
    const outcome = await run(shell('cat; echo "$WORD"; echo bad >&2; exit 3', "input\n"));
    const { durationMs, ...rest } = outcome;
    assert.deepEqual(rest, { exitStatus: 3, stdout: "input\nhello\n", stderr: "bad\n" });
    assert.ok(durationMs > 0);
  });

  test(`${run.name} reports a signal as a shell does`, async () => {
    assert.equal((await run(shell("kill -TERM $$"))).exitStatus, 143);
  });

  test(`${run.name} neither blocks nor ignores signals in the child`, async () => {
    const { stdout } = await run(shell("exec grep -E '^Sig(Blk|Ign)' /proc/self/status"));
    assert.equal(stdout, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  });

  test(`${run.name} rejects a program that is not there`, async () => {
    await assert.rejects(
      async () => run({ ...shell(""), path: "/no/such/program" }),
      (error: unknown) => error instanceof KernelError && error.code === "ENOENT",
    );
  });
}

test("spawnAndWaitTogether runs programs at the same time", async () => {
  const waits = Array.from({ length: 3 }, () => spawnAndWaitTogether(shell("exec sleep 0.2")));
  const start = performance.now();
  const outcomes = await Promise.all(waits);
  const sum = outcomes.reduce((total, { durationMs }) => total + durationMs, 0);
  assert.ok(performance.now() - start < sum);
});
