/**
 * The addresses that a node has given out, by host-local's reservations: a file for each address, whose lines are the
 * container and the interface. Source: CNI plugins, host-local's store on disk.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AddressError, type IpAddress, parseAddress } from "#base/ip-address.ts";
import type { Attachment } from "#trace/cluster-access.ts";

const NETWORKS = "/var/lib/cni/networks";

/** `rootPath`: the node's file tree, as seen from here. `podOf` knows sandboxes by their id. */
export async function readAttachments(
  rootPath: string,
  podOf: (containerId: string) => string | undefined,
): Promise<readonly Attachment[]> {
  const found = new Map<string, { containerId: string; ifname: string; addresses: IpAddress[] }>();
  for (const network of await namesIn(rootPath + NETWORKS)) {
    const folder = join(rootPath + NETWORKS, network);
    for (const name of await namesIn(folder)) {
      const address = asAddress(name);
      const text = address && (await readText(join(folder, name)));
      if (!address || text === undefined) continue;
      const [containerId = "", ifname = ""] = text.split(/\r?\n/).map((line) => line.trim());
      const key = `${containerId} ${ifname}`;
      const known = found.get(key) ?? { containerId, ifname, addresses: [] };
      known.addresses.push(address);
      found.set(key, known);
    }
  }
  return [...found.values()].map((one) => ({ ...one, pod: podOf(one.containerId) }));
}

/** Locks and hints of the last address lie there, too. */
function asAddress(name: string): IpAddress | undefined {
  try {
    return parseAddress(name);
  } catch (error) {
    if (error instanceof AddressError) return undefined;
    throw error;
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch((error: unknown) => {
    if (isGone(error)) return [];
    throw error;
  });
}

/** undefined when it was given back meanwhile. */
async function readText(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch((error: unknown) => {
    if (isGone(error)) return undefined;
    throw error;
  });
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}
