/**
 * What Flannel's daemon says about this node, in the file `subnet.env`: lines of `NAME=value`.
 * Texts and reading as in the flannel CNI plugin 1.9: several networks are joined by commas, the same one counts once.
 */
import { readFileSync } from "node:fs";
import { formatPrefix, networkOf, parsePrefix } from "#base/ip-address.ts";
import { CniError } from "#cni/cni-error.ts";
import { errorMessage } from "#cni/error-message.ts";
import { isFsError } from "../fs-error.ts";

export interface SubnetEnv {
  /** Prefixes of the whole pod network, IPv4 first. */
  readonly networks: readonly string[];
  /** This node's part of it, at most one of each family, IPv4 first. */
  readonly subnets: readonly string[];
  readonly mtuBytes: number;
  /** The daemon masquerades, so the plugins need not. */
  readonly ipMasq: boolean;
}

/** Throws CniError 11 when there is no file yet, 6 when it cannot be understood. */
export function loadSubnetEnv(path: string): SubnetEnv {
  return parseSubnetEnv(readSubnetEnv(path), path);
}

export function parseSubnetEnv(content: string, path: string): SubnetEnv {
  const values = new Map(content.split(/\r?\n/).map(splitLine));
  const networks = [...prefixes(values, "FLANNEL_NETWORK"), ...prefixes(values, "FLANNEL_IPV6_NETWORK")];
  const subnets = [...prefix(values, "FLANNEL_SUBNET"), ...prefix(values, "FLANNEL_IPV6_SUBNET")];
  const mtuBytes = parseMtu(values.get("FLANNEL_MTU"));
  const ipMasq = values.get("FLANNEL_IPMASQ");
  if (networks.length === 0 || subnets.length === 0 || mtuBytes === undefined || ipMasq === undefined) {
    const missing = [
      networks.length === 0 && "FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK",
      subnets.length === 0 && "FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET",
      mtuBytes === undefined && "FLANNEL_MTU",
      ipMasq === undefined && "FLANNEL_IPMASQ",
    ];
    throw failure("decodingFailure", `${path} is missing ${missing.filter(Boolean).join(", ")}`);
  }
  return { networks, subnets, mtuBytes, ipMasq: ipMasq === "true" };
}

function readSubnetEnv(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (isFsError(cause, "ENOENT")) {
      const details = "flannel writes it when it has a subnet for this node";
      throw failure("tryAgainLater", `open ${path}: no such file or directory`, details, { cause });
    }
    throw failure("ioFailure", errorMessage(cause), "", { cause });
  }
}

function splitLine(line: string): readonly [string, string | undefined] {
  const at = line.indexOf("=");
  return at === -1 ? [line, undefined] : [line.slice(0, at), line.slice(at + 1)];
}

function prefixes(values: ReadonlyMap<string, string | undefined>, name: string): readonly string[] {
  const list = values.get(name);
  return list === undefined ? [] : [...new Set(list.split(",").map(networkPrefix))];
}

function prefix(values: ReadonlyMap<string, string | undefined>, name: string): readonly string[] {
  const value = values.get(name);
  return value === undefined ? [] : [networkPrefix(value)];
}

function networkPrefix(cidr: string): string {
  try {
    return formatPrefix(networkOf(parsePrefix(cidr)));
  } catch (cause) {
    throw failure("decodingFailure", `invalid CIDR address: ${cidr}`, "", { cause });
  }
}

function parseMtu(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,10}$/.test(value) && Number(value) <= 0xffffffff) return Number(value);
  throw failure("decodingFailure", `FLANNEL_MTU=${value} is not a number of bytes`);
}

function failure(
  code: "tryAgainLater" | "decodingFailure" | "ioFailure",
  message: string,
  details = "",
  options?: ErrorOptions,
): CniError {
  const text = `failed to load flannel 'subnet.env' file: ${message}. Check the flannel pod log for this node.`;
  return new CniError(code, text, details, options);
}
