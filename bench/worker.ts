/**
 * One contestant's process. It runs as the first process of its own network, mount and process namespaces and serves
 * requests until its standard input ends. What it started ends with it.
 */
import { createInterface } from "node:readline";
import type { JsonValue } from "#base/json.ts";
import { spawnAndWait, spawnAndWaitTogether } from "#kernel/syscalls/spawn.ts";
import { type AgentProcess, startAgent } from "./agent-process.ts";
import { type BenchHost, createBenchHost } from "./host.ts";
import { createKernelDriver } from "./kernel-driver.ts";
import { applyLoad } from "./load.ts";
import { inLanes, measure } from "./measure.ts";
import { createPluginDriver } from "./plugin-driver.ts";
import type { PodDriver } from "./pod-driver.ts";
import { parseRequest, type WorkerOptions, type WorkerReply, type WorkerRequest } from "./worker-protocol.ts";

// Written by the process that started this one.
const options = JSON.parse(process.argv[2] ?? "") as WorkerOptions;
const ended = new AbortController();
process.stdin.once("end", () => ended.abort(new Error("The benchmark has ended")));

await using stack = new AsyncDisposableStack();
const host = stack.use(createBenchHost());
const agent = await openAgent(stack);
const driver = openDriver(stack, host);
const loads = new Map<string, Disposable>();
let pods = 0;

for await (const line of createInterface({ input: process.stdin })) {
  let reply: WorkerReply;
  try {
    reply = { value: await serve(parseRequest(line)) };
  } catch (error) {
    reply = { error: error instanceof Error ? error.message : String(error) };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}

async function serve(request: WorkerRequest): Promise<JsonValue> {
  switch (request.do) {
    case "prepare":
      driver.prepare(request.case);
      loads.set(request.case.name, applyLoad(request.case, options.stateDir));
      return null;
    case "finish":
      loads.get(request.case.name)?.[Symbol.dispose]();
      loads.delete(request.case.name);
      return null;
    case "measure": {
      const firstPod = pods;
      pods += request.pods;
      const measured = await measure(host, driver, { ...request, firstPod, signal: ended.signal });
      return { add: { ...measured.add }, del: { ...measured.del } };
    }
    case "spawn": {
      const program = { path: request.path, argv: [request.path], environment: {}, stdin: "" };
      const run = request.mode === "sequential" ? spawnAndWait : spawnAndWaitTogether;
      const each = async () => (await run(program)).durationMs;
      return { ...(await inLanes(Array(request.count).fill(0), { ...request, signal: ended.signal }, each)) };
    }
    case "memory": {
      const memory = agent?.memory();
      return memory === undefined ? null : { ...memory };
    }
  }
}

async function openAgent(resources: AsyncDisposableStack): Promise<AgentProcess | undefined> {
  const { agent: start, plugins, stateDir } = options;
  if (start === undefined || plugins === "kernel") return undefined;
  const { environment } = plugins;
  const logFile = `${stateDir}/agent.log`;
  return resources.use(await startAgent({ ...start, environment, logFile, netnsInode: host.netns.inode }));
}

function openDriver(resources: AsyncDisposableStack, { rtnetlink }: BenchHost): PodDriver {
  const { plugins, stateDir } = options;
  if (plugins === "kernel") return resources.use(createKernelDriver(rtnetlink));
  return createPluginDriver({ ...plugins, dataDir: stateDir });
}
