/**
 * What a plugin that ran as a process has said: its result, or its error.
 * Source: CNI SPEC 1.1.0 section 5; texts as in libcni.
 */

import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { CniError } from "../cni-error.ts";
import { errorMessage } from "../error-message.ts";
import { parseJson } from "../go-json.ts";
import { parseError } from "../print-error.ts";
import type { CniResult } from "../result.ts";
import { normalizeResult } from "../result-versions.ts";
import type { ProcessOutcome } from "./exec-plugin.ts";

/** A result in the version in which its plugin printed it. */
export interface VersionedResult {
  readonly version: string;
  readonly json: JsonObject;
  readonly result: CniResult;
}

/** Gives stdout, or throws the plugin's own error. */
export function requireSuccess(outcome: ProcessOutcome): string {
  if (outcome.exitCode === 0) return outcome.stdout;
  throw pluginError(outcome);
}

/** The result of an ADD. One that names no version has that of the configuration. */
export function parseAddOutcome(outcome: ProcessOutcome, configVersion: string): VersionedResult {
  const printed = parseResultJson(requireSuccess(outcome));
  const ownVersion = printed["cniVersion"];
  const version = typeof ownVersion === "string" && ownVersion !== "" ? ownVersion : configVersion;
  return { version, ...normalizeResult({ ...printed, cniVersion: version }, version) };
}

function parseResultJson(stdout: string): JsonObject {
  let value: JsonValue;
  try {
    value = parseJson(stdout);
  } catch (cause) {
    throw new CniError("decodingFailure", `failed to unmarshal raw result: ${errorMessage(cause)}`, "", { cause });
  }
  if (value === null) return {};
  if (isJsonObject(value)) return value;
  throw new CniError("decodingFailure", "failed to unmarshal raw result: it is not a JSON object");
}

function pluginError({ stdout, stderr, exitCode, exitSignal }: ProcessOutcome): CniError {
  const status = exitSignal === undefined ? `exit status ${exitCode}` : `signal: ${exitSignal}`;
  if (stdout === "" && stderr === "") {
    return new CniError("internal", `netplugin failed with no error message: ${status}`);
  }
  if (stdout === "") return new CniError("internal", `netplugin failed: ${JSON.stringify(stderr)}`);
  try {
    return parseError(stdout);
  } catch (cause) {
    const printed = JSON.stringify(stdout);
    const message = `netplugin failed but error parsing its diagnostic message ${printed}: ${errorMessage(cause)}`;
    return new CniError("internal", message, "", { cause });
  }
}
