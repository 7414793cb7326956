/**
 * The configuration of host-local: range sets, routes, where reservations are kept, and which addresses a runtime asks
 * for. Requests come from CNI_ARGS IP, args.cni.ips and runtimeConfig.ips, all together.
 * Texts as in the reference.
 */
import { type IpAddress, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { ipAddress, ipPrefix } from "#cni/address-readers.ts";
import { parseArgs } from "#cni/args.ts";
import { CniError } from "#cni/cni-error.ts";
import { fields, jsonObject, list, optional, parsed, readFields, text, unlessEmpty } from "#cni/config.ts";
import { lookup } from "#cni/go-json.ts";
import type { NetworkConfig, PluginRequest } from "#cni/plugin.ts";
import type { CniRoute } from "#cni/result.ts";
import { ipamRoute } from "../ipam-readers.ts";
import type { FolderLocation } from "./address-folders.ts";
import { type AddressRange, findRange, formatRangeSet, type RangeSet, resolveRangeSets } from "./ranges.ts";

export interface HostLocalConfig {
  readonly location: FolderLocation;
  readonly rangeSets: readonly RangeSet[];
  /** For each range set the address that the runtime asks for, if it asks. */
  readonly requests: readonly (AddressRequest | undefined)[];
  readonly routes: readonly CniRoute[];
  /** A resolv.conf to take DNS settings from. */
  readonly resolvConf: string;
}

export interface AddressRequest {
  readonly address: IpAddress;
  readonly range: AddressRange;
}

const DEFAULT_DATA_DIR = "/var/lib/cni/networks";

const address = unlessEmpty(ipAddress);
const rangeFields = { subnet: optional(ipPrefix), rangeStart: address, rangeEnd: address, gateway: address };
const rangeSets = optional(list(list(fields(rangeFields))), []);
const requested = optional(list(parsed(parseRequestedAddress)), []);

const folderFields = fields({ ipam: fields({ dataDir: optional(text, "") }) });
const configFields = fields({
  ipam: fields({
    ...rangeFields,
    ranges: rangeSets,
    routes: optional(list(ipamRoute), []),
    resolvConf: optional(text, ""),
  }),
  args: fields({ cni: fields({ ips: requested }) }),
  runtimeConfig: fields({ ips: requested, ipRanges: rangeSets }),
});

/** All that DEL and GC need: they also work for a configuration whose ranges are broken. */
export function parseFolderLocation({ name, json }: NetworkConfig): FolderLocation {
  const { dataDir } = readFields(folderFields, json).ipam;
  return { dataDir: dataDir || DEFAULT_DATA_DIR, network: name };
}

/** Throws CniError for what can be refused without looking at reservations. */
export function parseHostLocalConfig({ config, args }: Pick<PluginRequest, "config" | "args">): HostLocalConfig {
  if (optional(jsonObject).read(lookup(config.json, "ipam"), "ipam") === undefined) {
    throw new CniError("invalidConfig", "IPAM config missing 'ipam' key");
  }
  const { ipam, args: cniArgs, runtimeConfig } = readFields(configFields, config.json);
  const fromArgs = parseArgs(args, { IP: (value) => (value === "" ? undefined : parseRequestedAddress(value)) }).IP;
  const addresses = [...(fromArgs === undefined ? [] : [fromArgs]), ...cniArgs.cni.ips, ...runtimeConfig.ips];
  const single = ipam.subnet === undefined ? [] : [[ipam]];
  const sets = resolveRangeSets([...runtimeConfig.ipRanges, ...single, ...ipam.ranges], config.cniVersion);
  return {
    location: parseFolderLocation(config),
    rangeSets: sets,
    requests: assignRequests(sets, new Set(addresses)),
    routes: ipam.routes,
    resolvConf: ipam.resolvConf,
  };
}

/** Every address that is asked for must find a range set of its own. */
function assignRequests(sets: readonly RangeSet[], addresses: ReadonlySet<IpAddress>): HostLocalConfig["requests"] {
  const left = new Set(addresses);
  const requests = sets.map((set, index) => {
    for (const wanted of left) {
      const range = findRange(set, wanted);
      if (range === undefined) continue;
      if (range.gateway === wanted) {
        const message = `failed to allocate for range ${index}: requested ip ${wanted} is subnet's gateway`;
        throw new CniError("invalidConfig", message);
      }
      left.delete(wanted);
      return { address: wanted, range };
    }
    return undefined;
  });
  if (left.size === 0) return requests;
  throw new CniError(
    "invalidConfig",
    `failed to allocate all requested IPs: ${[...left].join(" ")}`,
    `range sets: ${sets.map(formatRangeSet).join("; ")}`,
  );
}

/** `10.1.0.5`, or `10.1.0.5/16`, whose length does not count. */
function parseRequestedAddress(value: string): IpAddress {
  try {
    return value.includes("/") ? parsePrefix(value).address : parseAddress(value);
  } catch (cause) {
    throw new Error(`invalid IP address ${value}`, { cause });
  }
}
