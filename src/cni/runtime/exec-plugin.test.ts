import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open, watch } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CNI_ERROR_CODES } from "../cni-error.ts";
import { execFile, execPlugin, findPlugin, splitPath } from "./exec-plugin.ts";

function folder(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "podwire-exec-"));
  context.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

function script(file: string, body: string): string {
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

test("splitPath of nothing is no folder", () => {
  assert.deepEqual(splitPath(""), []);
  assert.deepEqual(splitPath(undefined), []);
  assert.deepEqual(splitPath("/a:/b"), ["/a", "/b"]);
});

test("findPlugin takes the first regular file", (context) => {
  const directory = folder(context);
  for (const name of ["a", "b", "c"]) mkdirSync(join(directory, name));
  mkdirSync(join(directory, "a", "bridge"));
  writeFileSync(join(directory, "b", "bridge"), "");
  writeFileSync(join(directory, "c", "bridge"), "");
  const path = ["/nowhere", "a", "b", "c"].map((name) => join(directory, name));
  assert.equal(findPlugin("bridge", path), join(directory, "b", "bridge"));
});

test("execPlugin passes environment and stdin, and collects all output", async (context) => {
  const directory = folder(context);
  script(join(directory, "p"), 'cat; echo "$ONE" >&2; exit 3');
  const stdin = "x".repeat(1_000_000);
  const environment = { CNI_PATH: directory, ONE: "1", PATH: "/usr/bin:/bin" };
  assert.deepEqual(await execPlugin({ type: "p", environment, stdin }), { stdout: stdin, stderr: "1\n", exitCode: 3 });
});

test("execPlugin waits for output that comes after the plugin has ended", async (context) => {
  const directory = folder(context);
  // The child reads a pipe whose other end only the plugin holds, so that it speaks when the plugin is gone.
  const body = `mkfifo "${directory}/pipe"; (cat "${directory}/pipe"; echo late) & exec 3>"${directory}/pipe"; exit 0`;
  script(join(directory, "p"), body);
  const outcome = await execPlugin({ type: "p", environment: { CNI_PATH: directory }, stdin: "{}" });
  assert.equal(outcome.stdout, "late\n");
});

test("execPlugin does not mind a plugin that reads no stdin", async (context) => {
  const directory = folder(context);
  script(join(directory, "p"), "exec 0<&-; echo done");
  const call = { type: "p", environment: { CNI_PATH: directory }, stdin: "x".repeat(1_000_000) };
  assert.deepEqual(await execPlugin(call), { stdout: "done\n", stderr: "", exitCode: 0 });
});

for (const [what, mode, body] of [
  ["not executable", 0o644, "#!/bin/sh\n"],
  ["not a program", 0o755, "#!/nowhere/sh\n"],
] as const) {
  test(`execPlugin rejects when the file is ${what}`, async (context) => {
    const directory = folder(context);
    writeFileSync(join(directory, "p"), body);
    chmodSync(join(directory, "p"), mode);
    await assert.rejects(execPlugin({ type: "p", environment: { CNI_PATH: directory }, stdin: "" }), {
      code: CNI_ERROR_CODES.ioFailure,
      message: /^netplugin failed with no error message: spawn /,
    });
  });
}

test("execFile tries again while the file is being written", async (context) => {
  const file = script(join(folder(context), "p"), "echo done");
  const writer = await open(file, "r+");
  const running = execFile(file, { type: "p", environment: {}, stdin: "" });
  // The first attempt was made synchronously and has failed; the next one comes after the writer is gone.
  await writer.close();
  assert.equal((await running).stdout, "done\n");
});

test("execFile gives up waiting for a busy file when it is told to", async (context) => {
  const file = script(join(folder(context), "p"), "echo done");
  await using _writer = await open(file, "r+");
  const controller = new AbortController();
  const running = execFile(file, { type: "p", environment: { CNI_COMMAND: "ADD" }, stdin: "" }, controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(running, { message: 'Cannot finish ADD of plugin "p": it was stopped: enough' });
});

test("execFile ends on abort although a child of the plugin keeps the pipes", async (context) => {
  const directory = folder(context);
  const file = script(
    join(directory, "p"),
    `sleep 60 & echo $! >"${directory}/pid.new"; mv "${directory}/pid.new" "${directory}/pid"; wait`,
  );
  const controller = new AbortController();
  const started = (async () => {
    for await (const { filename } of watch(directory, { signal: AbortSignal.timeout(30_000) })) {
      if (filename === "pid") return Number(readFileSync(join(directory, "pid"), "utf8"));
    }
    return assert.fail("the plugin did not start");
  })();
  const environment = { CNI_COMMAND: "ADD", PATH: "/usr/bin:/bin" };
  const running = execFile(file, { type: "p", environment, stdin: "" }, controller.signal);
  const pid = await started;
  try {
    controller.abort(new Error("enough"));
    await assert.rejects(running, { message: 'Cannot finish ADD of plugin "p": it was stopped: enough' });
  } finally {
    process.kill(pid);
  }
});
