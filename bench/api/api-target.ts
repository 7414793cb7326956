/** Our API server under load: ConfigMaps through HTTPS with the administrator's certificate. */
import { type Cluster, loadKubeconfig } from "#api-client/kubeconfig.ts";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import type { Protocol } from "./contestants.ts";
import { createHttpCaller } from "./create-http-caller.ts";
import type { HttpCaller } from "./http-caller.ts";
import { inLanes } from "./in-lanes.ts";
import { type LoadTarget, UPDATED_OBJECTS } from "./load-target.ts";
import { LIST_NAMESPACE, LISTED_OBJECTS, NAMESPACE, sampleConfigMap } from "./sample-objects.ts";

const COLLECTION = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const LISTED = `/api/v1/namespaces/${LIST_NAMESPACE}/configmaps`;
const CONNECTING = 32;
const NEWLINE = 10;

export interface ApiTarget extends LoadTarget {
  readonly caller: HttpCaller;
}

export function openApiTarget(kubeconfig: string, protocol: Protocol, runId: string): ApiTarget {
  const cluster = loadKubeconfig(kubeconfig);
  const caller = createHttpCaller(cluster, protocol);
  const updated: JsonObject[] = [];

  const post = (path: string, object: JsonObject): Promise<string> =>
    caller.send({ method: "POST", path, body: JSON.stringify(object) });

  return {
    caller,
    async prepare() {
      const listed = Array.from({ length: LISTED_OBJECTS }, (_, index) => sampleConfigMap(`listed-${runId}-${index}`));
      const { items } = await listOf(caller, LISTED);
      for (const object of listed.slice(items.length)) await post(LISTED, object);
      let text = "";
      for (let lane = 0; lane < UPDATED_OBJECTS; lane++) {
        text = await post(COLLECTION, sampleConfigMap(`updated-${runId}-${lane}`));
        updated.push(parseObject(text));
      }
      return Buffer.byteLength(text);
    },
    async create(index) {
      await post(COLLECTION, sampleConfigMap(`created-${runId}-${index}`));
    },
    async update(lane) {
      const before = updated[lane];
      const name = isJsonObject(before?.["metadata"]) ? before["metadata"]["name"] : "";
      // Two values in turn: each update changes something.
      const data = { ...(before?.["data"] as JsonObject), turn: String(Math.random()) };
      const body = JSON.stringify({ ...before, data });
      updated[lane] = parseObject(await caller.send({ method: "PUT", path: `${COLLECTION}/${name}`, body }));
    },
    async list() {
      await caller.send({ method: "GET", path: LISTED });
    },
    watch: (watchers, onEvent, onEnd) => openWatches(cluster, protocol, { watchers, onEvent, onEnd }),
    [Symbol.dispose]: () => caller[Symbol.dispose](),
  };
}

interface Watches {
  readonly watchers: number;
  onEvent(watcher: number): void;
  onEnd(error: Error): void;
}

/** On connections of their own, as watchers are other clients. */
async function openWatches(
  cluster: Cluster,
  protocol: Protocol,
  { watchers, onEvent, onEnd }: Watches,
): Promise<Disposable> {
  const caller = createHttpCaller(cluster, protocol);
  let isOver = false;
  const { resourceVersion } = await listOf(caller, `${COLLECTION}?limit=1`);
  await inLanes(watchers, CONNECTING, (watcher) =>
    caller.open(`${COLLECTION}?watch=true&resourceVersion=${resourceVersion}`, {
      onBytes(bytes) {
        for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, end + 1)) onEvent(watcher);
      },
      onEnd(error = new Error("The server ended a watch")) {
        if (!isOver) onEnd(error);
      },
    }),
  );
  return {
    [Symbol.dispose]() {
      isOver = true;
      caller[Symbol.dispose]();
    },
  };
}

async function listOf(caller: HttpCaller, path: string) {
  const list = parseObject(await caller.send({ method: "GET", path }));
  const metadata = isJsonObject(list["metadata"]) ? list["metadata"] : {};
  return {
    items: Array.isArray(list["items"]) ? list["items"] : [],
    resourceVersion: String(metadata["resourceVersion"] ?? ""),
  };
}

function parseObject(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  if (!isJsonObject(value)) throw new Error("The API server answered something that is no object");
  return value;
}
