/**
 * The process that the launcher starts where no agent runs: `node standalone.mjs PLUGIN`. Everything about its start
 * counts, once per verb: it uses plain descriptors instead of streams, and is bundled as CommonJS (scripts/build.ts).
 */
import { readSync, writeSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { buffer } from "node:stream/consumers";
import { exitNow } from "#kernel/syscalls/syscalls.ts";
import { runStandalone } from "./standalone.ts";

const READ_BYTES = 64 * 1024;

async function main(): Promise<number> {
  const environment = ownEnvironment();
  // Without a verb it only says what it is, maybe at a terminal; VERSION ignores its input.
  const ignoresStdin = ["", "VERSION"].includes(environment["CNI_COMMAND"] ?? "");
  const { stdout, stderr, exitCode } = await runStandalone({
    plugin: process.argv[2] ?? "",
    environment,
    stdin: ignoresStdin ? Buffer.alloc(0) : await readStdin(),
  });
  await write(2, stderr);
  await write(1, stdout);
  return exitCode;
}

/** The runtime's pipe may be non-blocking; then the rest comes through the stream. */
async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.allocUnsafe(READ_BYTES);
    try {
      const bytes = readSync(0, chunk);
      if (bytes === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, bytes));
    } catch (error) {
      if (!isWouldBlock(error)) throw error;
      return Buffer.concat([...chunks, await buffer(process.stdin)]);
    }
  }
}

async function write(fd: 1 | 2, text: string): Promise<void> {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if (!isWouldBlock(error)) throw error;
      return writeToStream(fd === 1 ? process.stdout : process.stderr, rest);
    }
  }
}

function writeToStream(stream: NodeJS.WriteStream, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => stream.write(bytes, (error) => (error ? reject(error) : resolve())));
}

function isWouldBlock(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EAGAIN";
}

function ownEnvironment(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

main().then(
  (exitCode) => {
    flushCompileCache(); // exitNow leaves out what Node does at its end
    exitNow(exitCode);
  },
  (error: unknown) => {
    // A rejected promise that nobody handles prints the error and ends the process with status 1.
    throw error;
  },
);
