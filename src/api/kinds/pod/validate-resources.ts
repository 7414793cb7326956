/** What holds between requests and limits. Source: the API server's validation of core/v1. */
import { childPath, type FieldError, forbidden, invalid, keyPath, required } from "../../field-error.ts";
import { checkQualifiedName } from "../../names.ts";
import { compareQuantities, findQuantity, formatQuantity, type Quantity } from "../../quantity.ts";
import type { ResourceList, ResourceRequirements } from "./resource-requirements.ts";

const STANDARD = new Set(["cpu", "memory", "ephemeral-storage"]);
const HUGE_PAGES = "hugepages-";

export function validateRequirements(resources: ResourceRequirements, path: string): readonly FieldError[] {
  const { requests = {}, limits = {} } = resources;
  const [requestsPath, limitsPath] = [childPath(path, "requests"), childPath(path, "limits")];
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  const hasHugePages = names.some((name) => name.startsWith(HUGE_PAGES));
  return [
    ...validateResourceList(limits, limitsPath),
    ...validateResourceList(requests, requestsPath),
    ...Object.entries(requests).flatMap(([name, text]) =>
      validateRequest(name, text, limits[name], { requestsPath, limitsPath }),
    ),
    ...(hasHugePages && !names.includes("cpu") && !names.includes("memory")
      ? [forbidden(path, "HugePages require cpu or memory")]
      : []),
  ];
}

/** Names and single amounts. */
export function validateResourceList(resources: ResourceList = {}, path: string): readonly FieldError[] {
  return Object.entries(resources).flatMap(([name, text]) => {
    const amount = findQuantity(text);
    if (amount === undefined) return [];
    const at = keyPath(path, name);
    return [...validateName(name, at), ...validateAmount(name, amount, at)];
  });
}

function validateName(name: string, path: string): readonly FieldError[] {
  const problems = checkQualifiedName(name);
  if (problems.length > 0) return problems.map((problem) => invalid(path, name, problem));
  if (name.includes("/") || STANDARD.has(name) || name.startsWith(HUGE_PAGES)) return [];
  return [
    invalid(path, name, "must be a standard resource type or fully qualified"),
    invalid(path, name, "must be a standard resource for containers"),
  ];
}

function validateAmount(name: string, amount: Quantity, path: string): readonly FieldError[] {
  const text = formatQuantity(amount);
  const isWhole = amount.nanos % 1_000_000_000n === 0n;
  return [
    ...(amount.nanos < 0n ? [invalid(path, text, "must be greater than or equal to 0")] : []),
    ...(isExtended(name) && !isWhole ? [invalid(path, text, "must be an integer")] : []),
  ];
}

interface Paths {
  readonly requestsPath: string;
  readonly limitsPath: string;
}

function validateRequest(
  name: string,
  requestText: string,
  limitText: string | undefined,
  { requestsPath, limitsPath }: Paths,
): readonly FieldError[] {
  const canOvercommit = !isExtended(name) && !name.startsWith(HUGE_PAGES);
  if (limitText === undefined) {
    return canOvercommit ? [] : [required(limitsPath, "Limit must be set for non overcommitable resources")];
  }
  const [request, limit] = [findQuantity(requestText), findQuantity(limitText)];
  if (request === undefined || limit === undefined) return [];
  const order = compareQuantities(request, limit);
  const is = formatQuantity(request);
  const end = `${name} limit of ${formatQuantity(limit)}`;
  if (!canOvercommit) return order === 0 ? [] : [invalid(requestsPath, is, `must be equal to ${end}`)];
  return order > 0 ? [invalid(requestsPath, is, `must be less than or equal to ${end}`)] : [];
}

/** Devices and the like: whole, and not shared. */
function isExtended(name: string): boolean {
  return name.includes("/") && !name.split("/")[0]?.endsWith("kubernetes.io");
}
