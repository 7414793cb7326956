/**
 * The configuration on stdin, step by step: the front end must refuse a bad name before a bad version,
 * and a bad version before a bad previous result. Source: CNI SPEC 1.1.0 section 1; texts as in libcni's skel.
 */

import type { JsonObject, JsonValue } from "#base/json.ts";
import { CniError } from "./cni-error.ts";
import { fields, jsonObject, list, optional, text, type ValueOf } from "./config.ts";
import { errorMessage } from "./error-message.ts";
import { lookup, parseJson } from "./go-json.ts";
import { checkNetworkName } from "./names.ts";
import type { GcRequest, NetworkConfig } from "./plugin.ts";
import type { CniResult } from "./result.ts";
import { parseResult } from "./result-versions.ts";
import { DEFAULT_SPEC_VERSION } from "./spec-version.ts";

/** The JSON object on stdin, with a valid network name. */
export function parseConfigJson(stdin: string | Uint8Array): JsonObject {
  const json = withPrefix("error unmarshall network config", () => {
    const value: JsonValue = parseJson(stdin);
    return value === null ? {} : jsonObject.read(value, "network config");
  });
  checkNetworkName(
    withPrefix("error unmarshall network config", () => optional(text, "").read(lookup(json, "name"), "name")),
  );
  return json;
}

/** 0.1.0 when there is none. */
export function configVersion(json: JsonObject): string {
  return withPrefix(
    "decoding version from network config",
    () => optional(text, "").read(lookup(json, "cniVersion"), "cniVersion") || DEFAULT_SPEC_VERSION,
  );
}

export interface ParseOptions {
  /** DEL must get by without a previous result, so it also gets by with one that cannot be read. */
  readonly ignoreBrokenPrevResult?: boolean;
}

/** A configuration with a supported version. */
export function parseNetworkConfig(json: JsonObject, options: ParseOptions = {}): NetworkConfig {
  const { name, type } = head.read(json, "");
  checkNetworkName(name);
  const cniVersion = configVersion(json);
  const prevResult = parsePrevResult(json, cniVersion, options);
  return { cniVersion, name, type, json, ...(prevResult && { prevResult }) };
}

const head = fields({ name: optional(text, ""), type: optional(text, "") });

function parsePrevResult(json: JsonObject, cniVersion: string, options: ParseOptions): CniResult | undefined {
  try {
    return withPrefix("could not parse prevResult", () => {
      const prevResult = lookup(json, "prevResult");
      return prevResult === undefined
        ? undefined
        : parseResult(jsonObject.read(prevResult, "prevResult"), cniVersion, "prevResult");
    });
  } catch (error) {
    if (options.ignoreBrokenPrevResult === true && error instanceof CniError) return undefined;
    throw error;
  }
}

const attachments = list(fields({ containerID: text, ifname: text }));

/** The key of CNI 1.1.0, and the one that runtimes sent before the spec's typing error was found. */
export const VALID_ATTACHMENTS_KEYS = ["cni.dev/valid-attachments", "cni.dev/attachments"] as const;

/** What GC must keep; undefined when the runtime does not say, which is not the same as nothing. */
export function parseValidAttachments(json: JsonObject): GcRequest["validAttachments"] {
  for (const key of VALID_ATTACHMENTS_KEYS) {
    const value = lookup(json, key);
    if (value === undefined) continue;
    const kept: ValueOf<typeof attachments> = attachments.read(value, key);
    return kept.map(({ containerID, ifname }) => ({ containerId: containerID, ifname }));
  }
  return undefined;
}

function withPrefix<T>(prefix: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const message = `${prefix}: ${errorMessage(cause)}`;
    if (cause instanceof CniError) throw new CniError(cause.code, message, cause.details, { cause });
    throw new CniError("decodingFailure", message, "", { cause });
  }
}
