/**
 * The agent's part for Services as an agent runs it, over HTTPS from an API server that is a process of its own: how long
 * it takes from its start until all is in the kernel, how much memory it has then, how long a change takes that a watch
 * tells, and how long after the kernel a new Service's name is known to the node's name server.
 * `node agent-worker.ts FOLDER SERVICES ENDPOINTS CHANGES`, in namespaces of its own, with an empty folder.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as pass } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { boundAgentHeap } from "#agent/bound-agent-heap.ts";
import { shareCluster } from "#agent/open-cluster.ts";
import { type OpenedServiceProxy, openServiceProxy } from "#agent/services/open-service-proxy.ts";
import { startServices } from "#agent/services/start-services.ts";
import { type EndpointSlice, endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { createHttpClient } from "#api-client/http-client.ts";
import type { Log } from "#base/log.ts";
import type { ServiceProxy } from "#dataplane/services/contract.ts";
import { ownNetns } from "#kernel/netns/netns.ts";
import { startNames } from "./name-client.ts";
import { BENCH_NODE, BENCH_NODE_NAME, prepareAddresses } from "./sample-services.ts";
import type { AgentMeasurement } from "./worker-protocol.ts";

/** Until what the start has left behind is given back to the system: V8 looks for it some seconds after the last work. */
const SETTLE_MS = 12_000;
const WARM_UP = 20;

interface Options {
  /** For the name server; goes with who has made it, however this process ends. */
  readonly folder: string;
  readonly services: number;
  readonly endpointsEach: number;
  readonly changes: number;
}

async function measure(options: Options): Promise<AgentMeasurement> {
  prepareAddresses();
  const api = startApi(options);
  try {
    const [said] = await once(api.stdout ?? api, "data");
    const config = JSON.parse(String(said));
    return await measureAgent(api, config, options);
  } finally {
    api.kill("SIGKILL");
  }
}

function startApi({ services, endpointsEach }: Options): ChildProcess {
  const program = fileURLToPath(new URL("./sample-api.ts", import.meta.url));
  return spawn(process.execPath, [program, String(services), String(endpointsEach)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
}

async function measureAgent(
  api: ChildProcess,
  config: Parameters<typeof createHttpClient>[0],
  { folder, services, changes }: Options,
): Promise<AgentMeasurement> {
  await using stack = new AsyncDisposableStack();
  stack.use(boundAgentHeap());
  const log: Log = { info: () => undefined, error: (text, fields) => console.error(text, fields) };
  const client = stack.use(createHttpClient(config, { userAgent: "podwire-bench" }));
  const cluster = stack.use(shareCluster(client, log));
  const netns = stack.use(ownNetns());
  const synced = Promise.withResolvers<void>();
  let updated = Promise.withResolvers<void>();
  const startedMs = performance.now();
  const agent = stack.use(
    await startServices(
      {
        cluster,
        netns,
        log,
        openProxy: async (name, deps) =>
          told(
            await openServiceProxy(name, deps),
            () => synced.resolve(),
            () => updated.resolve(),
          ),
      },
      {
        nodeName: BENCH_NODE_NAME,
        proxy: "nftables",
        serviceNetworks: BENCH_NODE.serviceNetworks,
        nodePortAddresses: [],
        besideKubeProxy: false,
      },
    ),
  );
  agent.setPodNetworks({ networks: BENCH_NODE.podNetworks, nodePods: [] });
  await synced.promise;
  const startMs = performance.now() - startedMs;
  const mostBytes = memoryOf("VmHWM");
  const firstBytes = memoryOf("VmRSS");
  await pass(SETTLE_MS);
  const restBytes = memoryOf("VmRSS");
  const changeMs: number[] = [];
  const slices = cluster.informer<EndpointSlice>(endpointSlice);
  let heardMs = 0;
  using _subscription = slices.subscribe({
    onUpdate() {
      heardMs = performance.now();
    },
  });
  for (let change = 0; change < (services === 0 ? 0 : changes + WARM_UP); change++) {
    updated = Promise.withResolvers();
    api.stdin?.write(`change ${Math.floor((change * 7919) % services)} ${50 + (change % 3)}\n`);
    await updated.promise;
    if (change >= WARM_UP) changeMs.push(performance.now() - heardMs);
  }
  const resolveMs: number[] = [];
  using names = startNames(config, folder);
  if (services > 0) await names.resolve(nameOf(0));
  for (let made = 0; made < (services === 0 ? 0 : changes + WARM_UP); made++) {
    updated = Promise.withResolvers();
    api.stdin?.write(`create ${services + made}\n`);
    await updated.promise;
    const programmedMs = performance.now();
    await names.resolve(nameOf(services + made));
    if (made >= WARM_UP) resolveMs.push(performance.now() - programmedMs);
  }
  return { startMs, firstBytes, restBytes, mostBytes, changeMs, resolveMs };
}

function nameOf(number: number): string {
  return `service-${number}.default.svc.cluster.local`;
}

/** The same proxy, which tells when it has written. */
function told({ proxy, isOurs }: OpenedServiceProxy, onSync: () => void, onUpdate: () => void): OpenedServiceProxy {
  const sync = proxy.sync.bind(proxy);
  const update = proxy.update.bind(proxy);
  // Of nftables, which is synchronous.
  const spy = {
    ...proxy,
    sync(...given: Parameters<ServiceProxy["sync"]>) {
      const applied = sync(...given);
      onSync();
      return applied;
    },
    update(...given: Parameters<ServiceProxy["update"]>) {
      const applied = update(...given);
      onUpdate();
      return applied;
    },
  } as ServiceProxy;
  return { proxy: spy, isOurs };
}

function memoryOf(field: "VmRSS" | "VmHWM"): number {
  const text = readFileSync("/proc/self/status", "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]) * 1024;
}

const [folder = "", ...numbers] = process.argv.slice(2);
const [services = 0, endpointsEach = 0, changes = 0] = numbers.map(Number);
process.stdout.write(`${JSON.stringify(await measure({ folder, services, endpointsEach, changes }))}\n`);
process.exit(0); // connections to the server that was killed
