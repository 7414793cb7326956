/**
 * Controllers on a real resource API in memory, under a clock that only the test moves: what they write is seen, and
 * `settle` ends when they have nothing more to do.
 */
import { mock } from "node:test";
import { serviceUnavailableError } from "#api/api-error.ts";
import type { Kind, KubeObject } from "#api/kind.ts";
import { namespace as namespaceKind } from "#api/kinds/namespace.ts";
import type { ApiClient, Draft, ObjectName } from "#api-client/api-client.ts";
import { defaultTolerations } from "../../admission/default-tolerations.ts";
import { namespaceLifecycle } from "../../admission/namespace-lifecycle.ts";
import type { KindRegistry } from "../../resources/kind-registry.ts";
import { createLocalClient } from "../../resources/local-client.ts";
import { createTestApi } from "../../resources/testing/test-api.ts";
import type { Controller } from "../controller.ts";
import { createControllerContext } from "../create-controller-context.ts";
import { sameJson } from "../same-json.ts";

export interface TestCluster extends AsyncDisposable {
  /** What people use; its writes are not among `writes`. */
  readonly client: ApiClient;
  readonly kinds: KindRegistry;
  /** Of controllers, without events: "create endpointslices default/web-", "update nodes/status node-1". */
  readonly writes: string[];
  /** Writes of controllers that succeed from now on; then the server answers that it is not available. */
  writesLeft: number;
  /** Errors that were logged. */
  readonly errors: string[];
  /** Starts them as a process that leads does. Disposal ends it, in the middle of whatever it does. */
  start(...controllers: readonly Controller[]): Promise<AsyncDisposable>;
  /** Until nothing is written any more. */
  settle(): Promise<void>;
  /** Lets time go by, and settles. */
  pass(seconds: number): Promise<void>;
  get<O extends KubeObject>(kind: Kind<O>, name: string): Promise<O>;
  find<O extends KubeObject>(kind: Kind<O>, name: string): Promise<O | undefined>;
  list<O extends KubeObject>(kind: Kind<O>, namespace?: string): Promise<readonly O[]>;
  create<O extends KubeObject>(kind: Kind<O>, draft: Draft<O>): Promise<O>;
  /** Writes what was changed of an object, its status, too. */
  change<O extends KubeObject>(kind: Kind<O>, name: string, change: (object: O) => O): Promise<O>;
  delete<O extends KubeObject>(
    kind: Kind<O>,
    name: string,
    options?: Parameters<ApiClient["delete"]>[2],
  ): Promise<void>;
}

export const START = "2025-01-01T00:00:00Z";
export const signal: AbortSignal = new AbortController().signal;

/** Rounds without a write after which everything is done. */
const QUIET_ROUNDS = 4;
/** Longer than the first pauses after errors. */
const ROUND_MS = 25;

/** Names are "namespace/name", or "name". */
function nameOf(text: string): ObjectName {
  const [first = "", second] = text.split("/");
  return second === undefined ? { namespace: undefined, name: first } : { namespace: first, name: second };
}

export async function createTestCluster({
  kinds: more = [],
}: {
  readonly kinds?: readonly Kind[];
} = {}): Promise<TestCluster> {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.parse(START) });
  const { api, kinds, revision } = await createTestApi({
    deps: { clock: () => new Date() },
    kinds: more,
    rules: (caches) => [namespaceLifecycle(caches), defaultTolerations],
  });
  const client = createLocalClient({ api, kinds, user: { name: "admin", groups: ["system:masters"] } });
  const controllerClient = createLocalClient({
    api,
    kinds,
    user: { name: "system:kube-controller-manager", groups: ["system:masters"] },
  });
  const writes: string[] = [];
  const errors: string[] = [];
  const running = new Set<AsyncDisposable>();

  async function settle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_ROUNDS; quiet += 1) {
      const before = await revision();
      for (let turn = 0; turn < 40; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
      mock.timers.tick(ROUND_MS);
      if ((await revision()) !== before) quiet = 0;
    }
  }

  const cluster: TestCluster = {
    client,
    kinds,
    writes,
    writesLeft: Number.POSITIVE_INFINITY,
    errors,
    settle,
    async start(...controllers) {
      const log = {
        info: () => undefined,
        error: (event: string, fields = {}) => void errors.push(`${event} ${JSON.stringify(fields)}`),
      };
      const shared = createControllerContext({ client: recording(controllerClient, cluster), log });
      const process = new AsyncDisposableStack();
      process.use(shared);
      for (const controller of controllers) {
        const starting = controller.start(shared.of(`${controller.name}-controller`));
        await settle();
        process.use(await starting);
      }
      running.add(process);
      await settle();
      return process;
    },
    async pass(seconds) {
      await settle();
      mock.timers.tick(seconds * 1000);
      await settle();
    },
    get: (kind, name) => client.get(kind, nameOf(name), signal),
    async find<O extends KubeObject>(kind: Kind<O>, name: string) {
      const { namespace, name: own } = nameOf(name);
      const { items } = await client.list(kind, { namespace }, signal);
      return items.find(({ metadata }) => metadata.name === own);
    },
    async list<O extends KubeObject>(kind: Kind<O>, namespace?: string) {
      return (await client.list(kind, { namespace }, signal)).items;
    },
    create: (kind, draft) => client.create(kind, draft, signal),
    async change<O extends KubeObject>(kind: Kind<O>, name: string, change: (object: O) => O) {
      const current = await client.get(kind, nameOf(name), signal);
      const next = change(current);
      const { status: newStatus, ...rest } = next;
      const { status: oldStatus, ...oldRest } = current;
      const written = sameJson(rest, oldRest) ? current : await client.update(kind, next, signal);
      if (!kind.hasStatus || sameJson(newStatus, oldStatus)) return written;
      return await client.updateStatus(kind, { ...written, status: newStatus }, signal);
    },
    delete: (kind, name, options = {}) => client.delete(kind, nameOf(name), options, signal),
    async [Symbol.asyncDispose]() {
      await Promise.all([...running].map((each) => each[Symbol.asyncDispose]()));
      mock.timers.reset();
    },
  };
  return cluster;
}

export async function createNamespace(cluster: TestCluster, name: string): Promise<void> {
  await cluster.create(namespaceKind, { metadata: { name } });
}

function recording(client: ApiClient, cluster: TestCluster): ApiClient {
  const note = (verb: string, kind: Kind, { namespace, name = "" }: Partial<ObjectName>, subresource = ""): void => {
    if (kind.plural === "events") return;
    const what = `${kind.plural}${subresource === "" ? "" : `/${subresource}`}`;
    if (cluster.writesLeft <= 0) throw serviceUnavailableError("the test allows no more writes");
    cluster.writesLeft -= 1;
    cluster.writes.push(`${verb} ${what} ${namespace === undefined ? "" : `${namespace}/`}${name}`);
  };
  // A kind of certain objects is also a kind of any.
  const any = <O extends KubeObject>(kind: Kind<O>): Kind => kind as unknown as Kind;
  const called = ({ metadata }: KubeObject) => ({ namespace: metadata.namespace, name: metadata.name ?? "" });
  return {
    ...client,
    // A watch that ends when the test moves the clock would be taken for a fault: hardly any real time has passed.
    watch(kind, { timeoutMs: _never, ...query }, ending) {
      return client.watch(kind, query, ending);
    },
    async create(kind, draft, ending) {
      const { namespace, name, generateName = "" } = draft.metadata;
      note("create", any(kind), { namespace, name: name ?? generateName });
      return await client.create(kind, draft, ending);
    },
    async update(kind, object, ending) {
      note("update", any(kind), called(object));
      return await client.update(kind, object, ending);
    },
    async updateStatus(kind, object, ending) {
      note("update", any(kind), called(object), "status");
      return await client.updateStatus(kind, object, ending);
    },
    async updateSubresource(kind, object, subresource, ending) {
      note("update", any(kind), called(object), subresource);
      return await client.updateSubresource(kind, object, subresource, ending);
    },
    async patch(kind, name, patch, ending) {
      note("patch", any(kind), name, patch.subresource);
      return await client.patch(kind, name, patch, ending);
    },
    async delete(kind, name, options, ending) {
      note("delete", any(kind), name);
      return await client.delete(kind, name, options, ending);
    },
  };
}
