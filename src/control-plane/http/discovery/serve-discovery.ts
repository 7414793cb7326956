/** Answers /api, /apis and what is below them, from the kinds that are served now. */
import { createHash } from "node:crypto";
import type { Kind } from "#api/kind.ts";
import { parseAccept } from "../accept.ts";
import { type Answer, jsonAnswer } from "../answer.ts";
import { type ApiRequest, headerOf } from "../api-message.ts";
import { aggregatedDiscovery, type DiscoveryVersion, discoveryContentType } from "./aggregated-discovery.ts";
import { apiGroupList, apiResourceList, apiVersions, singleApiGroup } from "./legacy-discovery.ts";

export interface DiscoveryDeps {
  readonly registry: { all(): readonly Kind[] };
  /** "127.0.0.1:6443" */
  readonly serverAddress: () => string;
}

/** undefined for a path that is not discovery's, or of a group that is not served. */
export type ServeDiscovery = (request: ApiRequest, path: string) => Answer | undefined;

export function createServeDiscovery({ registry, serverAddress }: DiscoveryDeps): ServeDiscovery {
  /** Answers by path and form, made when first asked for; a changed registry gives another list of kinds. */
  const made = new WeakMap<readonly Kind[], Map<string, Answer | undefined>>();
  return (request, path) => {
    const root = /^\/(apis?)\/?$/.exec(path)?.[1];
    const version = root === undefined ? undefined : aggregatedVersion(headerOf(request, "accept") ?? "");
    const kinds = registry.all();
    const answers = made.get(kinds) ?? new Map<string, Answer | undefined>();
    made.set(kinds, answers);
    const key = `${path} ${version ?? ""}`;
    const known = answers.get(key);
    const answer = known ?? planAnswer(kinds, path, version, serverAddress);
    // Paths of unknown groups are not kept: there is no end to them.
    if (answer === undefined) return undefined;
    if (known === undefined) answers.set(key, answer);
    return isUnchanged(request, answer) ? { ...answer, status: 304, body: "" } : answer;
  };
}

function planAnswer(
  kinds: readonly Kind[],
  path: string,
  version: DiscoveryVersion | undefined,
  serverAddress: () => string,
): Answer | undefined {
  const [root, group, apiVersion] = path
    .split("/")
    .slice(1)
    .filter((part) => part !== "");
  if (root !== "api" && root !== "apis") return undefined;
  if (group === undefined) {
    if (version !== undefined) {
      const text = JSON.stringify(aggregatedDiscovery(kinds, root, version));
      return withTag(jsonAnswer(200, text, discoveryContentType(version)), text);
    }
    const plain = root === "api" ? apiVersions(kinds, serverAddress()) : apiGroupList(kinds);
    return withVary(jsonAnswer(200, JSON.stringify(plain)));
  }
  if (root === "api") return found(apiResourceList(kinds, "", group));
  return found(apiVersion === undefined ? singleApiGroup(kinds, group) : apiResourceList(kinds, group, apiVersion));
}

function found(value: unknown): Answer | undefined {
  return value === undefined ? undefined : jsonAnswer(200, JSON.stringify(value));
}

function withVary(answer: Answer): Answer {
  return { ...answer, headers: { vary: "Accept" } };
}

function withTag(answer: Answer, text: string): Answer {
  const tag = createHash("sha256").update(text).digest("hex").toUpperCase();
  return { ...answer, headers: { vary: "Accept", etag: `"${tag}"` } };
}

function isUnchanged(request: ApiRequest, answer: Answer): boolean {
  const tag = answer.headers?.["etag"];
  return tag !== undefined && headerOf(request, "if-none-match") === tag;
}

/** undefined when the client wants the old form. */
function aggregatedVersion(accept: string): DiscoveryVersion | undefined {
  if (!accept.includes("apidiscovery")) return undefined;
  for (const { type, parameters } of parseAccept(accept)) {
    if (type !== "application/json") continue;
    if (!parameters.has("as")) return undefined;
    const version = parameters.get("v");
    const isList = parameters.get("as") === "APIGroupDiscoveryList" && parameters.get("g") === "apidiscovery.k8s.io";
    if (isList && (version === "v2" || version === "v2beta1")) return version;
  }
  return undefined;
}
