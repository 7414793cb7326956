/** Calls plugins through the real native launcher, as a runtime does: a program with environment and stdin. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { inNetns, type Netns } from "#kernel/netns/netns.ts";

/** `./podwire test` builds it from native/cni-launcher.c. */
export const NATIVE_LAUNCHER = join(import.meta.dirname, "../../../build/native/cni-launcher");

export interface LauncherCall {
  /** The launcher, under a plugin's name. */
  readonly path: string;
  /** Network namespace of the node. */
  readonly netns: Pick<Netns, "fd" | "inode">;
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: string | Uint8Array;
}

export interface LauncherAnswer {
  /** -1 when a signal ended it. */
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const DEADLINE_MS = 60_000;

export async function callLauncher({ path, netns, environment, stdin }: LauncherCall): Promise<LauncherAnswer> {
  if (!existsSync(NATIVE_LAUNCHER)) throw new Error(`Cannot find "${NATIVE_LAUNCHER}": run ./podwire test once`);
  // A child starts in the namespace of the thread that forks.
  const child = inNetns(netns, () => spawn(path, { env: environment, stdio: "pipe", timeout: DEADLINE_MS }));
  child.stdin.on("error", () => undefined); // it may end without reading
  child.stdin.end(stdin);
  const closed = once(child, "close");
  const [stdout, stderr] = await Promise.all([buffer(child.stdout), buffer(child.stderr)]);
  const [exitCode] = await closed;
  return { exitCode: typeof exitCode === "number" ? exitCode : -1, stdout, stderr: stderr.toString() };
}
