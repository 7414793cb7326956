/** ApiClient over HTTP: JSON becomes typed objects here, once. */
import { internalError, isApiError } from "#api/api-error.ts";
import { apiVersionOf, type Kind, type KubeObject } from "#api/kind.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import type { ApiClient, ListQuery, PatchType, TypedWatchEvent, WatchQuery } from "./api-client.ts";
import { type ApiConnection, type ApiRequest, connectToApi, unreachable } from "./connection.ts";
import type { Cluster } from "./kubeconfig.ts";
import { collectionPath, objectPath } from "./object-path.ts";
import { readWatchLines, type WireEvent } from "./watch-lines.ts";
import { withDeadline } from "./with-deadline.ts";

export interface HttpClientOptions {
  /** Who we are to the server's people: "podwire-agent/0.1.0". Also the default field manager, up to the slash. */
  readonly userAgent: string;
  /** For everything but watches; for those, until they begin. */
  readonly timeoutMs?: number;
  /** A watch without a word for so long ends, to be resumed. */
  readonly silenceMs?: number;
}

export type HttpClient = ApiClient & Disposable & { readonly connection: ApiConnection };

const TIMEOUT_MS = 30_000;
/** Servers send a bookmark about once a minute: a watch that is silent for longer has lost its server. */
const SILENCE_MS = 150_000;

const PATCH_TYPES: Readonly<Record<PatchType, string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

export function createHttpClient(
  cluster: Cluster,
  { userAgent, timeoutMs = TIMEOUT_MS, silenceMs = SILENCE_MS }: HttpClientOptions,
): HttpClient {
  const connection = connectToApi(cluster, { userAgent, timeoutMs });

  const send = (request: ApiRequest, signal: AbortSignal): Promise<JsonValue> =>
    withDeadline(timeoutMs, signal, (ended) => connection.send(request, ended));

  async function sendObject<O>(_kind: Kind<O>, request: ApiRequest, signal: AbortSignal): Promise<O> {
    // The server answers with an object of the kind whose path was asked.
    return (await send(request, signal)) as O;
  }

  /** As servers before 1.32 do; those of before 1.27 refuse what belongs to it. */
  let refusesWatchList = false;

  return {
    connection,
    get supportsWatchList() {
      return !refusesWatchList;
    },
    get: (kind, name, signal) => sendObject(kind, { method: "GET", path: objectPath(kind, name) }, signal),
    async list<O extends KubeObject>(kind: Kind<O>, query: ListQuery, signal: AbortSignal) {
      const path = collectionPath(kind, query.namespace) + formatQuery(listParameters(query));
      const answer = requireObject(await send({ method: "GET", path }, signal));
      const metadata = isJsonObject(answer["metadata"]) ? answer["metadata"] : {};
      const items = Array.isArray(answer["items"]) ? answer["items"].filter(isJsonObject) : [];
      const next = metadata["continue"];
      return {
        // Items of a list do not say their kind; the server sends no others.
        items: items.map((item) => ({ apiVersion: apiVersionOf(kind), kind: kind.kind, ...item }) as unknown as O),
        resourceVersion: String(metadata["resourceVersion"] ?? ""),
        continue: typeof next === "string" && next !== "" ? next : undefined,
      };
    },
    async *watch<O extends KubeObject>(kind: Kind<O>, query: WatchQuery, signal: AbortSignal) {
      const path = collectionPath(kind, query.namespace) + formatQuery(watchParameters(query));
      const answer = await connection.open({ method: "GET", path }, signal).catch((error: unknown) => {
        if (query.sendInitialEvents && isApiError(error, "Invalid")) refusesWatchList = true;
        throw error;
      });
      let isSilent = false;
      const silence = setTimeout(() => {
        isSilent = true;
        answer.close();
      }, silenceMs);
      try {
        for await (const events of readWatchLines(heard(answer.body, () => silence.refresh()))) {
          for (const event of events) yield typedEvent<O>(event);
        }
      } catch (error) {
        if (isSilent) return;
        throw isConnectionError(error) ? unreachable(cluster.server, error, signal) : error;
      } finally {
        clearTimeout(silence);
        answer.close();
      }
    },
    create: (kind, object, signal) =>
      sendObject(
        kind,
        { method: "POST", path: collectionPath(kind, object.metadata.namespace), body: bodyOf(kind, object) },
        signal,
      ),
    update: (kind, object, signal) =>
      sendObject(kind, { method: "PUT", path: objectPath(kind, nameOf(object)), body: bodyOf(kind, object) }, signal),
    updateStatus: (kind, object, signal) =>
      sendObject(
        kind,
        { method: "PUT", path: objectPath(kind, nameOf(object), "status"), body: bodyOf(kind, object) },
        signal,
      ),
    updateSubresource: (kind, object, subresource, signal) =>
      sendObject(
        kind,
        { method: "PUT", path: objectPath(kind, nameOf(object), subresource), body: bodyOf(kind, object) },
        signal,
      ),
    patch: (kind, name, { type, body, subresource, fieldManager, force }, signal) =>
      sendObject(
        kind,
        {
          method: "PATCH",
          path: objectPath(kind, name, subresource) + formatQuery({ fieldManager, force }),
          body,
          contentType: PATCH_TYPES[type],
        },
        signal,
      ),
    async delete(kind, name, { uid, resourceVersion, ...options }, signal) {
      const preconditions = {
        ...(uid !== undefined && { uid }),
        ...(resourceVersion !== undefined && { resourceVersion }),
      };
      const body = {
        apiVersion: "v1",
        kind: "DeleteOptions",
        ...options,
        ...(Object.keys(preconditions).length > 0 && { preconditions }),
      };
      await send({ method: "DELETE", path: objectPath(kind, name), body }, signal);
    },
    async createSubresource(kind, name, subresource, body, signal) {
      const answer = requireObject(
        await send({ method: "POST", path: objectPath(kind, name, subresource), body }, signal),
      );
      // A Status, or an object of the subresource's kind.
      return answer as unknown as KubeObject;
    },
    [Symbol.dispose]: () => connection[Symbol.dispose](),
  };
}

async function* heard(chunks: AsyncIterable<Buffer>, onChunk: () => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    onChunk();
    yield chunk;
  }
}

function listParameters({ labelSelector, fieldSelector, resourceVersion, limit, continue: next }: ListQuery) {
  return { labelSelector, fieldSelector, resourceVersion, limit, continue: next };
}

function watchParameters(query: WatchQuery) {
  const { timeoutMs, sendInitialEvents } = query;
  return {
    ...listParameters(query),
    watch: true,
    allowWatchBookmarks: true,
    ...(timeoutMs !== undefined && { timeoutSeconds: Math.ceil(timeoutMs / 1000) }),
    ...(sendInitialEvents === true && { sendInitialEvents, resourceVersionMatch: "NotOlderThan" }),
  };
}

function formatQuery(parameters: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const given = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return given.length === 0 ? "" : `?${given.join("&")}`;
}

function typedEvent<O extends KubeObject>({ type, object }: WireEvent): TypedWatchEvent<O> {
  // The server sends objects of the kind whose path is watched.
  if (type !== "BOOKMARK") return { type, object: object as unknown as O };
  const metadata = isJsonObject(object["metadata"]) ? object["metadata"] : {};
  const annotations = isJsonObject(metadata["annotations"]) ? metadata["annotations"] : {};
  return {
    type,
    resourceVersion: String(metadata["resourceVersion"] ?? ""),
    endsInitialEvents: annotations["k8s.io/initial-events-end"] === "true",
  };
}

function bodyOf<O>(kind: Kind<O>, object: object): JsonValue {
  // Objects of the API hold JSON and undefined alone; what is undefined is not written.
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, ...object } as unknown as JsonObject;
}

function nameOf({ metadata }: KubeObject): { readonly namespace: string | undefined; readonly name: string } {
  return { namespace: metadata.namespace, name: metadata.name ?? "" };
}

function requireObject(value: JsonValue): JsonObject {
  if (isJsonObject(value)) return value;
  throw internalError("the API server answered something that is no object");
}

/** Errors of sockets and streams have a code of their own; ApiErrors have a number there. */
function isConnectionError(error: unknown): boolean {
  return (
    error instanceof Error &&
    ("syscall" in error || ("code" in error && typeof error.code === "string") || error.name === "AbortError")
  );
}
