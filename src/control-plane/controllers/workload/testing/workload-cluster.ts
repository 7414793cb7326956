/**
 * The workload controllers over the memory client, with a clock and a kubelet of the test's own: every wait of a
 * controller ends when the test moves the clock, and every step of a pod's life is the test's.
 */
import { mock } from "node:test";
import type { Kind, KubeObject } from "#api/kind.ts";
import { event as eventKind } from "#api/kinds/event.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { decodeObject } from "#api/schema/decode.ts";
import { applyDefaults } from "#api/schema/defaults.ts";
import { createMemoryClient, type MemoryClient } from "#api-client/testing/memory-client.ts";
import type { JsonObject } from "#base/json.ts";
import type { Log } from "#base/log.ts";
import type { Controller } from "../../controller.ts";
import { createControllerContext } from "../../create-controller-context.ts";
import { workloadControllers } from "../../workload-controllers.ts";
import { createFakeKubelet, type FakeKubelet } from "./fake-kubelet.ts";

export interface WorkloadCluster extends AsyncDisposable {
  readonly client: MemoryClient;
  readonly kubelet: FakeKubelet;
  readonly now: () => Date;
  /** As a client's request does: decoded strictly, with defaults. */
  create<O extends KubeObject>(kind: Kind<O>, name: string, members: JsonObject): O;
  find<O extends KubeObject>(kind: Kind<O>, name: string): O;
  /** Gives the object to `change`, and writes what that gives. */
  edit<O extends KubeObject>(kind: Kind<O>, name: string, change: (object: O) => O): Promise<O>;
  pods(): readonly Pod[];
  /** Until neither controllers nor kubelet have anything to do; short pauses pass. */
  settle(): Promise<void>;
  /** Moves the clock, and settles. */
  pass(seconds: number): Promise<void>;
  /** "Normal ScalingReplicaSet Scaled up …", in the order of their creation. */
  events(): readonly string[];
  /** What was written but events, as "update pods/status default/web-0"; and forgets it. */
  takeWrites(): readonly string[];
  /** What controllers could not do. */
  readonly errors: readonly string[];
  /** Ends the controllers and starts others, as a new leader does. */
  restart(): Promise<void>;
}

const START = Date.parse("2025-01-01T00:00:00Z");
const PAUSE_MS = 100;
const MAX_ROUNDS = 5000;

export async function startWorkloadCluster(
  controllers: readonly Controller[] = workloadControllers,
): Promise<WorkloadCluster> {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: START });
  const client = createMemoryClient();
  const kubelet = createFakeKubelet(client);
  const errors: string[] = [];
  const log: Log = {
    info: () => undefined,
    error: (event, fields) => void errors.push(`${event} ${JSON.stringify(fields)}`),
  };
  let running = await start();

  async function start(): Promise<AsyncDisposable> {
    const shared = createControllerContext({ client, log });
    const started = await Promise.all(controllers.map((each) => each.start(shared.of(`${each.name}-controller`))));
    return {
      async [Symbol.asyncDispose]() {
        await Promise.all(started.map((each) => each[Symbol.asyncDispose]()));
        await shared[Symbol.asyncDispose]();
      },
    };
  }

  async function settle(): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const before = client.requests.length;
      await turn();
      mock.timers.tick(PAUSE_MS);
      await turn();
      if (!kubelet.step() && client.requests.length === before) return;
    }
    throw new Error(`Nothing settles: ${client.requests.slice(-10).join("; ")}`);
  }

  const cluster: WorkloadCluster = {
    client,
    kubelet,
    errors,
    now: () => new Date(),
    create: (kind, name, members) => client.put(kind, draftOf(kind, name, members)),
    find(kind, name) {
      const found = client.all(kind).find(({ metadata }) => metadata.name === name);
      if (found === undefined) throw new Error(`There is no ${kind.singular} ${name}`);
      return found;
    },
    edit: (kind, name, change) => client.update(kind, change(cluster.find(kind, name)), new AbortController().signal),
    pods: () => client.all(podKind),
    settle,
    async pass(seconds) {
      mock.timers.tick(seconds * 1000);
      await settle();
    },
    events: () => client.all(eventKind).map(({ type, reason, message }) => `${type} ${reason} ${message}`),
    takeWrites() {
      const writes = client.requests.filter(isWrite);
      client.requests.length = 0;
      return writes;
    },
    async restart() {
      await running[Symbol.asyncDispose]();
      running = await start();
    },
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      mock.timers.reset();
    },
  };
  return cluster;
}

export function draftOf<O extends KubeObject>(kind: Kind<O>, name: string, members: JsonObject): O {
  const { object, strictErrors } = decodeObject(kind, {
    ...members,
    metadata: { name, ...(kind.isNamespaced && { namespace: "default" }), ...asObject(members["metadata"]) },
  });
  if (strictErrors.length > 0) throw new Error(strictErrors.join(", "));
  return applyDefaults(kind, object);
}

function asObject(value: JsonObject[string]): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function isWrite(request: string): boolean {
  return /^(create|update|patch|delete) (?!events )/.test(request);
}

/** All that can go on without a timer goes on before that. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
