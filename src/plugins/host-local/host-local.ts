/**
 * The IPAM plugin host-local: addresses for pods from ranges of the node, remembered in a folder per network.
 * What it takes, answers and keeps on disk is as the reference's host-local; beyond it, an ADD reserves all of its
 * addresses or none, GC and STATUS do what CNI 1.1.0 asks for, and addresses do not leak over a reboot or a crash.
 */
import { readFileSync } from "node:fs";
import { formatPrefix, type IpAddress } from "#base/ip-address.ts";
import { CniError } from "#cni/cni-error.ts";
import { errorMessage } from "#cni/error-message.ts";
import type { GcRequest, Plugin, PluginRequest, StatusRequest } from "#cni/plugin.ts";
import type { CniDns, CniResult } from "#cni/result.ts";
import { SPEC_VERSIONS } from "#cni/spec-version.ts";
import type { Host } from "../host.ts";
import type { AddressFolder } from "./folder.ts";
import {
  type AddressRequest,
  type HostLocalConfig,
  parseFolderLocation,
  parseHostLocalConfig,
} from "./host-local-config.ts";
import type { FreeAddress } from "./next-free.ts";
import { capacity, findRange, formatRangeSet, type RangeSet } from "./ranges.ts";
import { formatOwner, type Owner } from "./reservation-owner.ts";
import { parseResolvConf } from "./resolv-conf.ts";

type HostLocalHost = Pick<Host, "addressFolders">;

export const hostLocal: Plugin<HostLocalHost> = {
  type: "host-local",
  versions: SPEC_VERSIONS,
  add,
  del,
  check,
  gc,
  status,
};

async function add(request: PluginRequest, host: HostLocalHost): Promise<CniResult> {
  const config = parseHostLocalConfig(request);
  const dns = config.resolvConf === "" ? undefined : readResolvConf(config.resolvConf);
  const owner = ownerOf(request);
  const addresses = await host.addressFolders.locked(config.location, (folder) => reserveAll(folder, config, owner));
  return {
    ips: addresses.map(({ address, range }) => ({
      address: formatPrefix({ ...range.subnet, address }),
      gateway: range.gateway,
    })),
    ...(config.routes.length > 0 && { routes: config.routes }),
    ...(dns !== undefined && { dns }),
  };
}

async function del(request: PluginRequest, host: HostLocalHost): Promise<void> {
  const location = parseFolderLocation(request.config);
  await host.addressFolders.lockedIfPresent(location, (folder) => folder.release(ownerOf(request)));
}

async function check(request: PluginRequest, host: HostLocalHost): Promise<void> {
  const { location } = parseHostLocalConfig(request);
  const addresses = await host.addressFolders.lockedIfPresent(location, (folder) =>
    folder.addressesOf(ownerOf(request)),
  );
  if (addresses !== undefined && addresses.length > 0) return;
  throw new CniError(
    "checkFailed",
    `host-local: Failed to find address added by container ${request.containerId}`,
    `network=${location.network} ifname=${request.ifname} dataDir=${location.dataDir}`,
  );
}

/** Files that name no interface are kept: they may be an administrator's. */
async function gc({ config, validAttachments }: GcRequest, host: HostLocalHost): Promise<void> {
  if (validAttachments === undefined) return;
  const valid = new Set(validAttachments.map(formatOwner));
  await host.addressFolders.lockedIfPresent(parseFolderLocation(config), (folder) => {
    for (const owner of folder.owners()) if (!valid.has(formatOwner(owner))) folder.release(owner);
  });
}

async function status(request: StatusRequest, host: HostLocalHost): Promise<void> {
  const { location, rangeSets } = parseHostLocalConfig(request);
  const exhausted = await host.addressFolders.lockedIfPresent(location, (folder) =>
    rangeSets.flatMap((set, index) => {
      const canServe = folder.nextFree(set, index) !== undefined || folder.findStale(set).length > 0;
      return canServe ? [] : [describeExhausted(set, index, folder.countTaken(set))];
    }),
  );
  // Without a folder, nothing is reserved, but a range may be a gateway's alone.
  const unusable = rangeSets.flatMap((set, index) => (capacity(set) === 0n ? [describeExhausted(set, index, 0)] : []));
  const problems = exhausted ?? unusable;
  if (problems.length === 0) return;
  const message = `No address is free in network "${location.network}": ${problems.join("; ")}`;
  throw new CniError("notAvailable", message, `dataDir=${location.dataDir}`);
}

function describeExhausted(set: RangeSet, index: number, taken: number): string {
  return `${taken} of ${capacity(set)} addresses of range set ${index} (${formatRangeSet(set)}) are reserved`;
}

/** One address of each range set. All are chosen before the first is reserved, so that an error changes nothing. */
function reserveAll(folder: AddressFolder, config: HostLocalConfig, owner: Owner): readonly FreeAddress[] {
  const choose = () =>
    config.rangeSets.map((set, index) => chooseAddress(folder, set, index, config.requests[index], owner));
  const first = choose();
  if (reserveChosen(folder, first, owner)) return first;
  // The folder has been read again: what was in the way is known now.
  const second = choose();
  if (reserveChosen(folder, second, owner)) return second;
  throw new CniError(
    "tryAgainLater",
    `Cannot reserve addresses in network "${config.location.network}": another process makes files there without lock`,
  );
}

/** All or none. False when one is taken after all. */
function reserveChosen(folder: AddressFolder, chosen: readonly FreeAddress[], owner: Owner): boolean {
  using undo = new DisposableStack();
  for (const [index, { address }] of chosen.entries()) {
    if (!folder.reserve(owner, address, index)) return false;
    undo.defer(() => folder.releaseAddress(address));
  }
  undo.move();
  return true;
}

function chooseAddress(
  folder: AddressFolder,
  set: RangeSet,
  setIndex: number,
  request: AddressRequest | undefined,
  owner: Owner,
): FreeAddress {
  const refuse = (code: "alreadyInUse" | "rangeExhausted", message: string) =>
    new CniError(code, `failed to allocate for range ${setIndex}: ${message}`, `containerID=${owner.containerId}`);
  const had = folder.addressesOf(owner).find((address) => findRange(set, address) !== undefined);
  if (had !== undefined) {
    const message = `${had} has been allocated to ${owner.containerId}, duplicate allocation is not allowed`;
    throw refuse("alreadyInUse", message);
  }
  if (request !== undefined) {
    if (folder.isTaken(request.address)) releaseStale(folder, set, (address) => address === request.address);
    if (!folder.isTaken(request.address)) return request;
    const message = `requested IP address ${request.address} is not available in range set ${formatRangeSet(set)}`;
    throw refuse("alreadyInUse", message);
  }
  const free = folder.nextFree(set, setIndex);
  if (free !== undefined) return free;
  releaseStale(folder, set, () => true);
  const afterSweep = folder.nextFree(set, setIndex);
  if (afterSweep !== undefined) return afterSweep;
  throw refuse("rangeExhausted", `no IP addresses available in range set: ${formatRangeSet(set)}`);
}

function releaseStale(folder: AddressFolder, set: RangeSet, isWanted: (address: IpAddress) => boolean): void {
  for (const address of folder.findStale(set)) if (isWanted(address)) folder.releaseAddress(address);
}

function ownerOf({ containerId, ifname }: PluginRequest): Owner {
  return { containerId, ifname };
}

function readResolvConf(path: string): CniDns {
  try {
    return parseResolvConf(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new CniError("ioFailure", `Cannot read resolvConf "${path}": ${errorMessage(cause)}`, "", { cause });
  }
}
