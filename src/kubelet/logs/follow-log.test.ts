import assert from "node:assert/strict";
import { appendFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { createContainerEvents } from "../container-events.ts";
import { followLog } from "./follow-log.ts";
import { rotatedName } from "./log-files.ts";
import { parseLogQuery } from "./log-query.ts";

const line = (text: string, tag = "F") => `2030-01-02T03:04:05.5Z stdout ${tag} ${text}\n`;

async function logFile(content: string) {
  const folder = await mkdtemp(join(tmpdir(), "podwire-log-"));
  const path = join(folder, "0.log");
  await writeFile(path, content);
  const events = createContainerEvents();
  const state = { isRunning: true, isRotating: false };
  const signal = AbortSignal.timeout(20_000);
  const read = (query: string) => {
    const source = {
      path,
      containerId: "c",
      events,
      isRunning: async () => state.isRunning,
      isRotating: () => state.isRotating,
    };
    return followLog(source, parseLogQuery(new URLSearchParams(query), Date.parse("2030-01-02T03:05:00Z")), signal);
  };
  const all = async (query: string): Promise<string> => {
    const parts: Buffer[] = [];
    for await (const part of read(query)) parts.push(part);
    return Buffer.concat(parts).toString("latin1");
  };
  return { path, events, state, read, all, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

/** The next texts, until they hold what is looked for. */
async function untilText(parts: AsyncGenerator<Buffer>, text: string): Promise<string> {
  let found = "";
  while (!found.includes(text)) {
    const { value, done } = await parts.next();
    if (done === true) throw new Error(`the log ended with "${found}", without "${text}"`);
    found += String(value);
  }
  return found;
}

suite("followLog", () => {
  for (const [query, expected] of [
    ["", "a\nb\nhalf whole\n"],
    ["tailLines=1", " whole\n"],
    ["tailLines=0", ""],
    ["limitBytes=3", "a\nb"],
    [
      "timestamps=true",
      "2030-01-02T03:04:05.500000000Z a\n2030-01-02T03:04:05.500000000Z b\n2030-01-02T03:04:05.500000000Z half whole\n",
    ],
    ["sinceSeconds=1", ""],
    ["sinceSeconds=100", "a\nb\nhalf whole\n"],
  ] as const) {
    test(`without following, "${query}" gives ${JSON.stringify(expected)}`, async () => {
      await using file = await logFile(line("a") + line("b") + line("half", "P") + line(" whole"));
      assert.equal(await file.all(query), expected);
    });
  }

  test("bytes that are no UTF-8 stay as they are", async () => {
    await using file = await logFile("");
    await writeFile(
      file.path,
      Buffer.concat([Buffer.from("2030-01-02T03:04:05Z stdout F "), Buffer.from([0xff, 0x80, 10])]),
    );
    assert.equal(await file.all(""), "\xff\x80\n");
  });

  test("what is appended comes without a clock, half lines when they are whole", async () => {
    await using file = await logFile(line("a"));
    const parts = file.read("follow=true");
    await untilText(parts, "a\n");
    await appendFile(file.path, line("b").slice(0, 10));
    await appendFile(file.path, line("b").slice(10));
    await untilText(parts, "b\n");
    file.state.isRunning = false;
    file.events.tell("c");
    assert.equal((await parts.next()).done, true);
  });

  test("what was written just before the end is not lost", async () => {
    await using file = await logFile(line("a"));
    const parts = file.read("follow=true");
    await untilText(parts, "a\n");
    await appendFile(file.path, line("last words"));
    file.state.isRunning = false;
    file.events.tell("c");
    await untilText(parts, "last words\n");
    assert.equal((await parts.next()).done, true);
  });

  test("goes on in the next file, not before the rotation is over, and through several of them", async () => {
    await using file = await logFile(line("a"));
    const parts = file.read("follow=true");
    await untilText(parts, "a\n");
    file.state.isRotating = true;
    const old = rotatedName(file.path, Date.UTC(2030, 0, 1));
    await rename(file.path, old);
    await writeFile(file.path, line("c"));
    // The runtime has the old file open yet.
    await appendFile(old, line("b"));
    assert.equal(await untilText(parts, "b\n"), "b\n");
    await rename(file.path, rotatedName(file.path, Date.UTC(2030, 0, 2)));
    await writeFile(file.path, line("d"));
    file.state.isRotating = false;
    file.events.tell("c");
    assert.equal(await untilText(parts, "d\n"), "c\nd\n");
    await parts.return(undefined);
  });

  test("a container whose log does not exist has said nothing", async () => {
    await using file = await logFile("");
    await rm(file.path);
    assert.equal(await file.all(""), "");
  });
});
