/**
 * What a CNI runtime remembers of an ADD until the DEL: one file per attachment in `<cache>/results`.
 * Place and format are those of libcni, so that either side can DEL what the other has added, and an agent can read
 * which attachments any libcni runtime has. Unlike there, a file is complete or not there: it is written elsewhere,
 * synced, and renamed, because a truncated one used to block DEL after a power loss.
 */
import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isJsonObject } from "#base/json.ts";
import { CniError } from "../cni-error.ts";
import { fields, jsonObject, list, optional, text } from "../config.ts";
import { formatJson, lookup, omitEmpty, parseJson, sortKeys } from "../go-json.ts";
import type { Attachment } from "../plugin.ts";
import { parseResult } from "../result-versions.ts";
import { DEFAULT_SPEC_VERSION } from "../spec-version.ts";
import type { AttachmentRequest } from "./build-request.ts";
import type { VersionedResult } from "./plugin-outcome.ts";

/** Where libcni keeps its cache. */
export const DEFAULT_CACHE_DIRECTORY = "/var/lib/cni";

const KIND = "cniCacheV1";

/** An attachment as it was when it was added. */
export interface CachedAttachment extends AttachmentRequest {
  readonly network: string;
  /** The network list it was added with. */
  readonly source: string;
}

export async function writeCachedResult(
  directory: string,
  attachment: CachedAttachment,
  result: VersionedResult,
): Promise<void> {
  const file = cacheFile(directory, attachment);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const { network, containerId, ifname, netns, args = [], capabilityArgs = {} } = attachment;
  const content = formatJson({
    kind: KIND,
    containerId,
    config: Buffer.from(attachment.source).toString("base64"),
    ifName: ifname,
    networkName: network,
    ...omitEmpty({ netns, cniArgs: args.map((pair) => [...pair]) }),
    ...(Object.keys(capabilityArgs).length > 0 && { capabilityArgs: sortKeys(capabilityArgs) }),
    result: sortKeys(result.json),
  });
  // Not in `results`: readers take every file there for an attachment.
  const temporary = join(directory, `.result-${randomUUID()}`);
  try {
    await writeSynced(temporary, content);
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
}

/** The result of the attachment's ADD. A file that cannot be understood is removed and counts as none. */
export async function readCachedResult(
  directory: string,
  attachment: Attachment,
): Promise<VersionedResult | undefined> {
  const file = cacheFile(directory, attachment);
  const content = await readIfThere(file);
  if (content === undefined) return undefined;
  try {
    return parseCachedResult(content);
  } catch (error) {
    if (!(error instanceof CniError || error instanceof SyntaxError)) throw error;
    await rm(file, { force: true });
    return undefined;
  }
}

export async function removeCachedResult(directory: string, attachment: Attachment): Promise<void> {
  await rm(cacheFile(directory, attachment), { force: true });
}

/** All attachments in the cache, of any network. Files of the older form and broken ones do not say whose they are. */
export async function listCachedAttachments(directory: string): Promise<readonly CachedAttachment[]> {
  const results = join(directory, "results");
  const names = await readdir(results).catch((error: unknown) => {
    if (isNotFound(error)) return [];
    throw error;
  });
  const contents = await Promise.all(names.toSorted().map((name) => readIfThere(join(results, name))));
  return contents.flatMap((content) => (content === undefined ? [] : (parseCachedAttachment(content) ?? [])));
}

function cacheFile(directory: string, { network, containerId, ifname }: Attachment): string {
  const parts = [network, containerId, ifname];
  if (parts.some((part) => part === "" || part.includes("/"))) {
    const named = `network name (${JSON.stringify(network)}), container ID (${JSON.stringify(containerId)})`;
    const message = `cache file path requires ${named}, and interface name (${JSON.stringify(ifname)})`;
    throw new CniError("invalidEnvironment", message);
  }
  return join(directory, "results", parts.join("-"));
}

function parseCachedResult(content: string): VersionedResult {
  const whole = jsonObject.read(parseJson(content), "cached result");
  // Before cniCacheV1, a file held the result and nothing else.
  const json = whole["kind"] === KIND ? jsonObject.read(whole["result"] ?? {}, "result") : whole;
  const version = optional(text, "").read(lookup(json, "cniVersion"), "result.cniVersion") || DEFAULT_SPEC_VERSION;
  return { version, json, result: parseResult(json, version, "cached result") };
}

const cachedAttachment = fields({
  containerId: text,
  config: optional(text, ""),
  ifName: text,
  networkName: text,
  netns: optional(text, ""),
  cniArgs: optional(list(list(text)), []),
  capabilityArgs: optional(jsonObject, {}),
});

function parseCachedAttachment(content: string): CachedAttachment | undefined {
  try {
    const json = parseJson(content);
    if (!isJsonObject(json) || json["kind"] !== KIND) return undefined;
    const { containerId, config, ifName, networkName, netns, cniArgs, capabilityArgs } = cachedAttachment.read(
      json,
      "",
    );
    return {
      network: networkName,
      containerId,
      ifname: ifName,
      netns,
      args: cniArgs.map(([key = "", value = ""]) => [key, value] as const),
      capabilityArgs,
      source: Buffer.from(config, "base64").toString("utf8"),
    };
  } catch (error) {
    if (error instanceof CniError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function writeSynced(path: string, content: string): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  await file.writeFile(content);
  await file.sync();
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
