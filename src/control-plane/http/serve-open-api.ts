/**
 * OpenAPI v3: an index, and a document for each group and version, which clients keep for as long as its hash stays.
 * Of v2 there is only what makes kubectl go on. Source: Kubernetes documentation, "The Kubernetes API" (OpenAPI V3).
 */
import { createHash } from "node:crypto";
import type { Kind } from "#api/kind.ts";
import type { JsonObject } from "#base/json.ts";
import { type Answer, jsonAnswer } from "./answer.ts";
import { type ApiRequest, headerOf } from "./api-message.ts";
import { openApiV2Answer } from "./open-api-v2.ts";

export interface OpenApiDeps {
  readonly registry: { all(): readonly Kind[] };
  /** The document of one group and version. */
  readonly documentOf: (groupVersion: GroupVersion, kinds: readonly Kind[]) => JsonObject;
}

export interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

/** undefined for paths that are not OpenAPI's, or of groups that are not served. */
export type ServeOpenApi = (request: ApiRequest, path: string, query: URLSearchParams) => Answer | undefined;

interface Document {
  readonly hash: string;
  readonly text: string;
}

const V2 = "/openapi/v2";
const ROOT = "/openapi/v3";
const YEAR_SECONDS = 365 * 24 * 60 * 60;

export function createServeOpenApi({ registry, documentOf }: OpenApiDeps): ServeOpenApi {
  const made = new WeakMap<readonly Kind[], ReadonlyMap<string, () => Document>>();
  const documents = (): ReadonlyMap<string, () => Document> => {
    const kinds = registry.all();
    const known = made.get(kinds);
    if (known !== undefined) return known;
    const byPath = Map.groupBy(kinds, documentPath);
    const all = new Map(
      [...byPath].map(([path, members]) => [path, once(() => createDocument(members, documentOf))] as const),
    );
    made.set(kinds, all);
    return all;
  };
  return (request, path, query) => {
    if (path === V2) return openApiV2Answer(request);
    if (path === ROOT) return indexAnswer(documents());
    const name = path.startsWith(`${ROOT}/`) ? path.slice(ROOT.length + 1) : "";
    const document = documents().get(name)?.();
    return document === undefined ? undefined : documentAnswer(request, name, document, query.get("hash"));
  };
}

function documentPath({ group, version }: GroupVersion): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

function createDocument(kinds: readonly Kind[], documentOf: OpenApiDeps["documentOf"]): Document {
  const [first] = kinds;
  const { group = "", version = "" } = first ?? {};
  const text = JSON.stringify(documentOf({ group, version }, kinds));
  return { text, hash: createHash("sha256").update(text).digest("hex").toUpperCase() };
}

function urlOf(name: string, { hash }: Document): string {
  return `${ROOT}/${name}?hash=${hash}`;
}

function indexAnswer(documents: ReadonlyMap<string, () => Document>): Answer {
  const paths = [...documents].map(([name, document]) => [name, { serverRelativeURL: urlOf(name, document()) }]);
  return jsonAnswer(200, JSON.stringify({ paths: Object.fromEntries(paths) }));
}

function documentAnswer(request: ApiRequest, name: string, document: Document, hash: string | null): Answer {
  const etag = `"${document.hash}"`;
  if (hash !== null && hash !== document.hash) {
    return { status: 301, contentType: "text/plain", body: "", headers: { location: urlOf(name, document) } };
  }
  const headers = {
    etag,
    vary: "Accept-Encoding, Accept",
    // A URL with a hash never gives anything else.
    ...(hash !== null && {
      "cache-control": `public, immutable, max-age=${YEAR_SECONDS}`,
      expires: new Date(Date.now() + YEAR_SECONDS * 1000).toUTCString(),
    }),
  };
  if (headerOf(request, "if-none-match") === etag)
    return { status: 304, contentType: "application/json", body: "", headers };
  return { ...jsonAnswer(200, document.text), headers };
}

function once<T>(make: () => T): () => T {
  let value: { readonly made: T } | undefined;
  return () => {
    value ??= { made: make() };
    return value.made;
  };
}
