/**
 * The IPAM plugin static: addresses, routes and DNS settings are written in the configuration, or asked for by the
 * runtime. It keeps no state, so DEL and GC have nothing to do.
 * Order of precedence, checks and texts as in the reference's static.
 */
import { contains, formatPrefix, type IpAddress, type Prefix, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { ipAddress } from "#cni/address-readers.ts";
import { parseArgs } from "#cni/args.ts";
import { CniError } from "#cni/cni-error.ts";
import { fields, jsonObject, list, optional, readFields, text, unlessEmpty } from "#cni/config.ts";
import { lookup } from "#cni/go-json.ts";
import type { Plugin, PluginRequest } from "#cni/plugin.ts";
import type { CniResult } from "#cni/result.ts";
import { SPEC_VERSIONS } from "#cni/spec-version.ts";
import { ipamDns, ipamRoute } from "./ipam-readers.ts";

/** It acts on nothing. */
export const staticIpam: Plugin<unknown> = {
  type: "static",
  versions: SPEC_VERSIONS,
  add: async (request) => toResult(parseStaticConfig(request)),
  del: async () => undefined,
  check: async (request) => checkResult(parseStaticConfig(request), request),
  gc: async () => undefined,
  /** Ready when an ADD would be understood. */
  status: async (request) => {
    parseStaticConfig(request);
  },
};

interface StaticConfig extends Pick<CniResult, "routes" | "dns"> {
  readonly addresses: readonly StaticAddress[];
}

interface StaticAddress {
  readonly prefix: Prefix;
  readonly gateway: IpAddress | undefined;
}

const ips = optional(list(text), []);
const configFields = fields({
  ipam: fields({
    addresses: optional(list(fields({ address: optional(text, ""), gateway: unlessEmpty(ipAddress) })), []),
    routes: optional(list(ipamRoute), []),
    dns: ipamDns,
  }),
  args: fields({ cni: fields({ ips }) }),
  runtimeConfig: fields({ ips }),
});

function parseStaticConfig({ config, args }: Pick<PluginRequest, "config" | "args">): StaticConfig {
  if (optional(jsonObject).read(lookup(config.json, "ipam"), "ipam") === undefined) {
    throw new CniError("invalidConfig", "IPAM config missing 'ipam' key");
  }
  const { ipam, args: cniArgs, runtimeConfig } = readFields(configFields, config.json);
  const fromArgs = parseArgsAddresses(args);
  const requested = [runtimeConfig.ips, cniArgs.cni.ips].find((list) => list.length > 0);
  const addresses =
    requested === undefined
      ? [...ipam.addresses.map(parseConfigured), ...fromArgs]
      : requested.map((cidr) => ({ prefix: parseRequested(cidr), gateway: undefined }));
  checkFamilies(addresses, config.cniVersion);
  return { addresses, routes: ipam.routes, dns: ipam.dns };
}

/** IP is a list of prefixes, GATEWAY one of addresses, each for the prefixes of IP that it is in. */
function parseArgsAddresses(args: string): readonly StaticAddress[] {
  const { IP = "", GATEWAY = "" } = parseArgs(args, { IP: String, GATEWAY: String });
  const prefixes = splitList(IP).map((cidr) =>
    prefixOrThrow(cidr, `the 'ip' field is expected to be in CIDR notation, got: '${cidr}'`),
  );
  const gateways = splitList(GATEWAY).map(parseGateway);
  return prefixes.map((prefix) => ({ prefix, gateway: gateways.findLast((gateway) => contains(prefix, gateway)) }));
}

function parseConfigured({ address, gateway }: { address: string; gateway: IpAddress | undefined }): StaticAddress {
  const message = `the 'address' field is expected to be in CIDR notation, got: '${address}'`;
  return { prefix: prefixOrThrow(address, message), gateway };
}

function parseRequested(cidr: string): Prefix {
  return prefixOrThrow(cidr, `an entry in the 'ips' field is NOT in CIDR notation, got: '${cidr}'`);
}

function prefixOrThrow(cidr: string, message: string): Prefix {
  try {
    return parsePrefix(cidr);
  } catch (cause) {
    throw new CniError("invalidConfig", message, "", { cause });
  }
}

function parseGateway(address: string): IpAddress {
  try {
    return parseAddress(address);
  } catch (cause) {
    throw new CniError("invalidConfig", `invalid gateway address: ${address}`, "", { cause });
  }
}

function splitList(items: string): readonly string[] {
  return items === "" ? [] : items.split(",").map((item) => item.trim());
}

function checkFamilies(addresses: readonly StaticAddress[], cniVersion: string): void {
  const families = addresses.map(({ prefix }) => prefix.family);
  if (new Set(families).size === families.length || (cniVersion !== "0.1.0" && cniVersion !== "0.2.0")) return;
  const message = `CNI version ${cniVersion} does not support more than 1 address per family`;
  throw new CniError("invalidConfig", message);
}

function toResult({ addresses, routes = [], dns = {} }: StaticConfig): CniResult {
  const ips = addresses.map(({ prefix, gateway }) => ({ address: formatPrefix(prefix), ...(gateway && { gateway }) }));
  return {
    ...(ips.length > 0 && { ips }),
    ...(routes.length > 0 && { routes }),
    ...(Object.keys(dns).length > 0 && { dns }),
  };
}

/** Compares gateways. An address that the result does not have is no error: other plugins of the chain may edit it. */
function checkResult({ addresses }: StaticConfig, { config, ifname }: PluginRequest): void {
  const { prevResult } = config;
  if (prevResult === undefined) throw new CniError("invalidConfig", "Required prevResult missing");
  for (const { prefix, gateway } of addresses) {
    const found = prevResult.ips?.find((ip) => parsePrefix(ip.address).address === prefix.address);
    if (found === undefined || gateway === undefined || found.gateway === gateway) continue;
    throw new CniError(
      "checkFailed",
      `static: Failed to match addr ${prefix.address} on interface ${ifname}`,
      `gateway is ${found.gateway ?? "missing"}, configured is ${gateway}`,
    );
  }
}
