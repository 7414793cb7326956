/**
 * The options of requests, from the query: what is not valid is refused in the words of the API server.
 * Source: Kubernetes API reference, ListOptions, CreateOptions, UpdateOptions, PatchOptions.
 */
import { badRequestError, invalidError } from "#api/api-error.ts";
import { type FieldError, forbidden, invalid, notSupported, required, tooLong } from "#api/field-error.ts";
import type { ListOptions, RequestContext, WatchOptions } from "../resources/resource-api.ts";
import { isTrue } from "./request-info.ts";

export type WriteOptions = Pick<RequestContext, "isDryRun" | "fieldManager" | "fieldValidation">;

/** For requests that write nothing. */
export const READ_OPTIONS: WriteOptions = { isDryRun: false, fieldManager: "unknown", fieldValidation: "Ignore" };

const MAX_FIELD_MANAGER_LENGTH = 128;
const FIELD_VALIDATIONS = ["Strict", "Warn", "Ignore"] as const;

export interface WriteQuery {
  /** "CreateOptions" */
  readonly kind: string;
  readonly query: URLSearchParams;
  readonly userAgent: string;
  /** Server-side apply works only for somebody with a name. */
  readonly requiresFieldManager: boolean;
}

export function parseWriteOptions({ kind, query, userAgent, requiresFieldManager }: WriteQuery): WriteOptions {
  const dryRun = query.getAll("dryRun");
  const given = query.get("fieldManager") ?? "";
  const fieldValidation = parseFieldValidation(query.get("fieldValidation") ?? "");
  const errors: FieldError[] = [
    ...checkDryRun(dryRun),
    ...checkFieldManager(given),
    ...(requiresFieldManager && given === "" ? [required("fieldManager", "is required for apply patch")] : []),
    ...(fieldValidation === undefined
      ? [notSupported("fieldValidation", query.get("fieldValidation"), ["", "Ignore", "Strict", "Warn"])]
      : []),
  ];
  throwInvalid(kind, errors);
  return {
    isDryRun: dryRun.length > 0,
    fieldManager: given === "" ? managerFromUserAgent(userAgent) : given,
    fieldValidation: fieldValidation ?? "Warn",
  };
}

export function checkDryRun(values: readonly string[]): readonly FieldError[] {
  return values.filter((value) => value !== "All").map((value) => notSupported("dryRun", value, ["All"]));
}

export function throwInvalid(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalidError({ group: "meta.k8s.io", kind }, "", errors);
}

function parseFieldValidation(text: string): RequestContext["fieldValidation"] | undefined {
  return text === "" ? "Warn" : FIELD_VALIDATIONS.find((value) => value === text);
}

function checkFieldManager(name: string): readonly FieldError[] {
  if (Buffer.byteLength(name) > MAX_FIELD_MANAGER_LENGTH) return [tooLong("fieldManager", MAX_FIELD_MANAGER_LENGTH)];
  return /^\P{C}*$/u.test(name) ? [] : [invalid("fieldManager", name, "should only contain printable characters")];
}

/** "kubectl/v1.32.4 (linux/amd64)" manages as "kubectl". */
export function managerFromUserAgent(userAgent: string): string {
  const [program = ""] = userAgent.split("/", 1);
  const printable = program.replace(/\p{C}/gu, "").slice(0, MAX_FIELD_MANAGER_LENGTH);
  return printable === "" ? "unknown" : printable;
}

/** For lists and deletions of collections. */
export function parseListOptions(query: URLSearchParams): ListOptions {
  if ((query.get("sendInitialEvents") ?? "") !== "") {
    throwInvalid("ListOptions", [forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")]);
  }
  return parseSelection(query);
}

function parseSelection(query: URLSearchParams): ListOptions {
  const limit = integer(query, "limit");
  // Only watches have such an end; what it is must be a number for lists as well.
  integer(query, "timeoutSeconds");
  const text = (name: string): string | undefined => {
    const value = query.get(name);
    return value === null || value === "" ? undefined : value;
  };
  const labelSelector = text("labelSelector");
  const fieldSelector = text("fieldSelector");
  const resourceVersion = text("resourceVersion");
  const resourceVersionMatch = text("resourceVersionMatch");
  const token = text("continue");
  return {
    ...(labelSelector !== undefined && { labelSelector }),
    ...(fieldSelector !== undefined && { fieldSelector }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(resourceVersionMatch !== undefined && { resourceVersionMatch }),
    ...(limit !== undefined && limit > 0 && { limit }),
    ...(token !== undefined && { continue: token }),
  };
}

export function parseWatchOptions(query: URLSearchParams): WatchOptions {
  const sendInitialEvents = query.get("sendInitialEvents");
  return {
    ...parseSelection(query),
    allowWatchBookmarks: isTrue(query.get("allowWatchBookmarks")),
    ...(sendInitialEvents !== null && sendInitialEvents !== "" && { sendInitialEvents: isTrue(sendInitialEvents) }),
  };
}

/** undefined when it is not given. */
export function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  const value = Number(text);
  const isNumber = /^[-+]?\d+$/.test(text);
  if (isNumber && Number.isSafeInteger(value)) return value;
  const problem = isNumber ? "value out of range" : "invalid syntax";
  throw badRequestError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${problem}`);
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** A duration as Go writes it ("1m30s") in milliseconds; undefined for any other text. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  const terms = text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g);
  return [...terms].reduce((sum, [, amount, unit = ""]) => sum + Number(amount) * (UNIT_MS[unit] ?? 0), 0);
}
