/**
 * The clients of one contestant, in a process of their own, so that what they cost is not counted as the server's.
 * Serves requests until its standard input ends.
 */
import { createInterface } from "node:readline";
import type { JsonValue } from "#base/json.ts";
import { type ApiTarget, openApiTarget } from "./api-target.ts";
import { createDeliveries, type Deliveries } from "./deliveries.ts";
import { openEtcdTarget } from "./etcd-target.ts";
import { fillPods, listPods } from "./fill-pods.ts";
import { inLanes } from "./in-lanes.ts";
import { keepLeases } from "./keep-leases.ts";
import { type Block, type LoadOptions, type LoadReply, type LoadRequest, parseRequest } from "./load-protocol.ts";
import { type LoadTarget, runOperation } from "./load-target.ts";

// Written by the process that started this one.
const options = JSON.parse(process.argv[2] ?? "") as LoadOptions;
/** Names of objects differ between the load processes of one server. */
const runId = String(process.pid);
const api: ApiTarget | undefined =
  options.type === "api" ? openApiTarget(options.kubeconfig, options.protocol, runId) : undefined;
using target: LoadTarget = api ?? openTarget();
let created = 0;
let watching: { readonly deliveries: Deliveries; readonly watches: Disposable } | undefined;
/** Of the nodes of a filled cluster. */
let leases: Disposable | undefined;

for await (const line of createInterface({ input: process.stdin })) {
  let reply: LoadReply;
  try {
    reply = { value: await serve(parseRequest(line)) };
  } catch (error) {
    reply = { error: error instanceof Error ? error.message : String(error) };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
watching?.watches[Symbol.dispose]();
leases?.[Symbol.dispose]();

function openTarget(): LoadTarget {
  if (options.type !== "etcd") throw new Error("There is nothing to put load on");
  return openEtcdTarget(options.endpoint, options.valueBytes, runId);
}

async function serve(request: LoadRequest): Promise<JsonValue> {
  switch (request.do) {
    case "prepare":
      return await target.prepare();
    case "watch":
      return await watch(request.watchers);
    case "events":
      return jsonBlock(await makeEvents(request.count));
    case "unwatch":
      watching?.watches[Symbol.dispose]();
      watching = undefined;
      return null;
    case "operate": {
      const { operation, count, lanes } = request;
      const first = created;
      if (operation === "create") created += count;
      const work = (index: number, lane: number) => runOperation(target, operation, first + index, lane);
      return jsonBlock(await inLanes(count, lanes, work));
    }
    case "fill": {
      const { caller } = requireApi();
      leases ??= await keepLeases(caller, request.pods);
      return jsonBlock(await fillPods(caller, request.pods, request.lanes));
    }
    case "list-pods":
      return { ...(await listPods(requireApi().caller, request.times)) };
  }
}

async function watch(watchers: number): Promise<null> {
  const deliveries = createDeliveries(watchers, () => performance.now());
  watching = { deliveries, watches: await target.watch(watchers, deliveries.arrived, deliveries.fail) };
  return null;
}

async function makeEvents(count: number): Promise<Block> {
  if (watching === undefined) throw new Error("There are no watchers");
  const { deliveries } = watching;
  const known = deliveries.samplesMs.length;
  const start = performance.now();
  for (let event = 0; event < count; event++) {
    deliveries.begin();
    await Promise.all([target.create(created++), deliveries.complete()]);
  }
  return { samplesMs: deliveries.samplesMs.slice(known), wallMs: performance.now() - start };
}

function requireApi(): ApiTarget {
  if (api === undefined) throw new Error("Pods need an API server");
  return api;
}

/** Microseconds are enough, and make lines short. */
function jsonBlock({ samplesMs, wallMs }: Block): JsonValue {
  return { samplesMs: samplesMs.map((sample) => Math.round(sample * 1000) / 1000), wallMs };
}
