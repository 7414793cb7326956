/**
 * Takes a URL's path apart: a place in the API, or one of the server's other paths.
 * Source: Kubernetes documentation, "Kubernetes API Concepts" (resource URIs).
 */
import { badRequestError } from "#api/api-error.ts";

/** A collection (no name), an object, or what is below it. */
export interface ResourcePath {
  readonly type: "resource";
  /** "" is the core group. */
  readonly group: string;
  readonly version: string;
  /** "pods" */
  readonly resource: string;
  /** As in the path; the path of a namespace itself is in that namespace. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  /** "" for the object itself. */
  readonly subresource: string;
  /** What follows the subresource, for proxies: "/metrics/cadvisor", still encoded; "" when nothing does. */
  readonly rest: string;
  /** The old way to ask for a watch: /api/v1/watch/pods. */
  readonly isWatch: boolean;
}

export type RequestPath = ResourcePath | { readonly type: "other"; readonly path: string };

/** The subresources of a namespace; any other word behind a namespace's name is a resource in it. */
const NAMESPACE_SUBRESOURCES: readonly string[] = ["status", "finalize"];

export function parseRequestPath(path: string): RequestPath {
  const parts = path.split("/").slice(1);
  const [root] = parts;
  if (root !== "api" && root !== "apis") return { type: "other", path };
  const [group, version, ...encoded] = root === "api" ? ["", ...parts.slice(1)] : parts.slice(1);
  const isWatch = encoded[0] === "watch" && encoded.length > 1;
  const rest = isWatch ? encoded.slice(1) : encoded;
  if (group === undefined || version === undefined || (rest[0] ?? "") === "") return { type: "other", path };
  // A slash at the end means nothing, except behind a proxy.
  const words = rest.at(-1) === "" && !rest.includes("proxy") ? rest.slice(0, -1) : rest;
  return { type: "resource", group, version, isWatch, ...place(words) };
}

type Place = Pick<ResourcePath, "resource" | "namespace" | "name" | "subresource" | "rest">;

function place(words: readonly string[]): Place {
  const [first = "", second, third] = words;
  if (first !== "namespaces" || second === undefined) return below(words, undefined);
  const namespace = decode(second);
  if (third === undefined || NAMESPACE_SUBRESOURCES.includes(third)) return below(words, namespace);
  return below(words.slice(2), namespace);
}

function below([resource = "", name, subresource, ...rest]: readonly string[], namespace: string | undefined): Place {
  return {
    resource: decode(resource),
    namespace,
    name: name === undefined ? undefined : decode(name),
    subresource: subresource === undefined ? "" : decode(subresource),
    rest: rest.length === 0 ? "" : `/${rest.join("/")}`,
  };
}

function decode(word: string): string {
  try {
    return word.includes("%") ? decodeURIComponent(word) : word;
  } catch (cause) {
    throw badRequestError(`invalid URL escape in ${JSON.stringify(word)}`, cause);
  }
}
