/** From the start of the process to a ready API server, against the start of a Node program that does nothing. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { type BenchContext, turnsOf } from "./context.ts";
import { startControlPlane } from "./control-plane-process.ts";

/** `first` makes its certificates and its store, `second` finds them. */
export const startKinds = ["empty", "first", "second"] as const;
export type StartKind = (typeof startKinds)[number];

export interface StartBlock {
  readonly start: StartKind;
  readonly round: number;
  readonly samplesMs: readonly number[];
}

export async function runStartCase(context: BenchContext): Promise<readonly StartBlock[]> {
  const { sizes, progress } = context;
  // Fills Node's compile cache, as the first start after an installation does.
  const { dataDir } = await startFresh(context);
  const blocks: StartBlock[] = [];
  for (let round = 0; round < sizes.rounds; round++) {
    for (const start of turnsOf(startKinds, round)) {
      progress(`start: ${start}, round ${round + 1}`);
      const samplesMs: number[] = [];
      for (let index = 0; index < sizes.starts; index++) samplesMs.push(await startOnce(context, start, dataDir));
      blocks.push({ start, round, samplesMs });
    }
  }
  return blocks;
}

async function startOnce(context: BenchContext, start: StartKind, dataDir: string): Promise<number> {
  switch (start) {
    case "empty":
      return await startEmptyProgram(context.signal);
    case "first":
      return (await startFresh(context)).readyMs;
    case "second":
      return await startIn(context, dataDir);
  }
}

async function startFresh(context: BenchContext) {
  const dataDir = join(mkdtempSync(join(context.folder, "start-")), "plane");
  return { dataDir, readyMs: await startIn(context, dataDir) };
}

async function startIn({ podwire, signal }: BenchContext, dataDir: string): Promise<number> {
  await using plane = await startControlPlane({ podwire, dataDir, store: "sqlite" }, signal);
  return plane.readyMs;
}

/** From just before it is started until it has ended. */
async function startEmptyProgram(signal: AbortSignal): Promise<number> {
  const start = performance.now();
  const child = spawn(process.execPath, ["-e", "0"], { stdio: "ignore", signal });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`node -e 0 ended with ${code}`);
  return performance.now() - start;
}
