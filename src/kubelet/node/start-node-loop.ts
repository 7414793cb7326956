/**
 * The node at the API: registered at the start, its status written every few seconds when it changed and every few
 * minutes anyway, its lease renewed as its sign of life. Source: Kubernetes documentation, "Nodes", "Heartbeats".
 */
import { isApiError } from "#api/api-error.ts";
import { type Lease, lease as leaseKind } from "#api/kinds/lease.ts";
import type { NodeStatus } from "#api/kinds/node/node-status.ts";
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { RecordedEvent } from "#api-client/event-recorder.ts";
import { sleep } from "#api-client/sleep.ts";
import type { JsonValue } from "#base/json.ts";
import { planLease } from "./plan-lease.ts";

export interface NodeLoopOptions {
  readonly client: ApiClient;
  readonly nodeName: string;
  readonly labels: Readonly<Record<string, string>>;
  /** How the node is now. */
  status(earlier: NodeStatus | undefined): Promise<NodeStatus>;
  /** Events about the node. */
  tell(event: RecordedEvent): void;
  onError(what: string, error: unknown): void;
}

export interface NodeLoop extends AsyncDisposable {
  /** The node is at the API. */
  readonly registered: Promise<void>;
  /** Something has changed: the status is written at once. */
  wake(): void;
}

const LEASE_PERIOD_MS = 10_000;
const STATUS_PERIOD_MS = 10_000;
const REPORT_PERIOD_MS = 300_000;
const RETRY_MS = 1_000;
const NODE_LEASES = "kube-node-lease";

export function startNodeLoop(options: NodeLoopOptions): NodeLoop {
  const { client, nodeName, labels, onError } = options;
  const stop = new AbortController();
  const { signal } = stop;
  const registered = Promise.withResolvers<void>();
  registered.promise.catch(() => undefined); // who waits for it hears of it
  let awake = new AbortController();
  let knownLease: Lease | undefined;
  let nodeUid = "";
  let written: NodeStatus | undefined;
  let writtenAtMs = 0;

  async function register(): Promise<void> {
    const status = await options.status(undefined);
    try {
      const draft = { metadata: { name: nodeName, labels }, spec: {}, status };
      const made = await client.create(nodeKind, draft, signal);
      written = made.status;
      nodeUid = made.metadata.uid ?? "";
    } catch (error) {
      if (!isApiError(error) || error.code !== 409) throw error;
      await writeStatus();
    }
    options.tell({ type: "Normal", reason: "Starting", message: "Starting kubelet." });
    registered.resolve();
  }

  async function writeStatus(): Promise<void> {
    const known: Node = await client.get(nodeKind, { name: nodeName }, signal);
    nodeUid = known.metadata.uid ?? "";
    const status = await options.status(known.status);
    if (written !== undefined && isSame(status, known.status) && Date.now() - writtenAtMs < REPORT_PERIOD_MS) return;
    // Addresses are merged by their type, of which each family has one: they are replaced as a whole.
    const { addresses = [] } = status;
    // Made of JSON only.
    const body = { status: { ...status, addresses: [...addresses, { $patch: "replace" }] } } as unknown as JsonValue;
    tellReadiness(known.status, status);
    const patch = { type: "strategic", subresource: "status", body, fieldManager: "kubelet" } as const;
    written = (await client.patch(nodeKind, { name: nodeName }, patch, signal)).status;
    writtenAtMs = Date.now();
  }

  function tellReadiness(before: NodeStatus | undefined, now: NodeStatus): void {
    const isReady = readinessOf(now);
    if (readinessOf(before) === isReady) return;
    const reason = isReady ? "NodeReady" : "NodeNotReady";
    options.tell({ type: "Normal", reason, message: `Node ${nodeName} status is now: ${reason}` });
  }

  async function renewLease(): Promise<void> {
    const name = { namespace: NODE_LEASES, name: nodeName };
    const before = knownLease;
    // Nobody else writes it: what we wrote last is what is there, or the update is refused and it is read again.
    knownLease = undefined;
    const known =
      before ??
      (await client.get(leaseKind, name, signal).catch((error: unknown) => {
        if (isApiError(error) && error.code === 404) return undefined;
        throw error;
      }));
    const next = planLease(known, { nodeName, nodeUid, now: new Date() });
    knownLease =
      known === undefined
        ? await client.create(leaseKind, next, signal)
        : await client.update(leaseKind, { ...known, ...next }, signal);
  }

  async function repeat(what: string, step: () => Promise<void>, pause: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      try {
        await step();
      } catch (error) {
        if (signal.aborted) return;
        onError(what, error);
        await sleep(RETRY_MS, signal);
        continue;
      }
      await pause();
    }
  }

  async function run(): Promise<void> {
    let isRegistered = false;
    while (!isRegistered && !signal.aborted) {
      try {
        await register();
        isRegistered = true;
      } catch (error) {
        if (signal.aborted) break;
        onError("node registration failed", error);
        await sleep(RETRY_MS, signal);
      }
    }
    if (!isRegistered) registered.reject(signal.reason);
    const untilWoken = async (): Promise<void> => {
      // Set before the last look: a change since then ends this pause at once.
      await sleep(STATUS_PERIOD_MS, AbortSignal.any([signal, awake.signal]));
    };
    const look = async (): Promise<void> => {
      awake = new AbortController();
      await writeStatus();
    };
    await Promise.all([
      repeat("lease not renewed", renewLease, () => sleep(LEASE_PERIOD_MS, signal)),
      repeat("node status not written", look, untilWoken),
    ]);
  }

  const done = run();
  return {
    registered: registered.promise,
    wake: () => awake.abort(),
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the kubelet stops"));
      await done;
    },
  };
}

function readinessOf(status: NodeStatus | undefined): boolean {
  return status?.conditions?.some((each) => each.type === "Ready" && each.status === "True") === true;
}

/** But for the times of the last look. */
function isSame(one: NodeStatus, other: NodeStatus | undefined): boolean {
  return other !== undefined && comparable(one) === comparable({ ...one, ...other });
}

function comparable(status: NodeStatus): string {
  const conditions = (status.conditions ?? [])
    .map(({ lastHeartbeatTime, lastTransitionTime, ...rest }) => rest)
    .toSorted((one, other) => one.type.localeCompare(other.type));
  const { capacity, addresses, images, nodeInfo } = status;
  return JSON.stringify([conditions, capacity, addresses, nodeInfo, images?.length]);
}
