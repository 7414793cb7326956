/**
 * The reservations of host-local on disk: one folder per network, `<dataDir>/<network>`, in the reference's format,
 * so that either implementation can take over from the other at any time, or both can run at once.
 *
 *     10.1.0.5             owner of the address: `<container ID>\r\n<ifname>`; only the ID in files of before 2018
 *     last_reserved_ip.0   the address that range set 0 gave away last
 *     lock                 flock(2) while anybody reads or changes the folder
 */
import { join } from "node:path";
import { CniError } from "#cni/cni-error.ts";
import { DEFAULT_CACHE_DIRECTORY } from "#cni/runtime/result-cache.ts";
import { KernelError } from "#kernel/kernel-error.ts";
import { isFsError } from "../fs-error.ts";
import { type AddressFolder, createFolder, type Folder } from "./folder.ts";
import { createStaleness } from "./staleness.ts";

export interface FolderLocation {
  readonly dataDir: string;
  readonly network: string;
}

/** Throws CniError 5 when the disk refuses, and 11 when the lock cannot be had in time. */
export interface AddressFolders {
  /** Runs `work` under the folder's lock. Makes the folder when there is none. */
  locked<T>(location: FolderLocation, work: (folder: AddressFolder) => T): Promise<T>;
  /** The same for an existing folder; undefined when there is none. */
  lockedIfPresent<T>(location: FolderLocation, work: (folder: AddressFolder) => T): Promise<T | undefined>;
}

export interface AddressFoldersOptions {
  readonly lockTimeoutMs?: number;
  /** The cache of libcni, which tells the namespace of an attachment. */
  readonly cacheDir?: string;
  /** When the kernel started, in ms since 1970. */
  readonly bootTimeMs?: () => number;
}

const DEFAULT_LOCK_TIMEOUT_MS = 10_000;

export function createAddressFolders(options: AddressFoldersOptions = {}): AddressFolders & Disposable {
  const { lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS, cacheDir = DEFAULT_CACHE_DIRECTORY, bootTimeMs } = options;
  const staleness = createStaleness(join(cacheDir, "results"), bootTimeMs);
  const folders = new Map<string, Folder>();

  function open(location: FolderLocation): Folder {
    const path = folderPath(location);
    let folder = folders.get(path);
    if (folder === undefined) {
      folder = createFolder({ path, network: location.network, lockTimeoutMs, staleness });
      folders.set(path, folder);
    }
    return folder;
  }

  return {
    async locked(location, work) {
      const done = await withTypedErrors(location, () =>
        open(location).locked("create", (folder) => ({ value: work(folder) })),
      );
      if (done === undefined) throw new Error(`Cannot make the folder "${folderPath(location)}"`);
      return done.value;
    },
    lockedIfPresent: (location, work) => withTypedErrors(location, () => open(location).locked("skip", work)),
    [Symbol.dispose]() {
      for (const folder of folders.values()) folder[Symbol.dispose]();
      folders.clear();
    },
  };
}

function folderPath({ dataDir, network }: FolderLocation): string {
  return join(dataDir, network);
}

async function withTypedErrors<T>(location: FolderLocation, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    // SuppressedError: undoing failed too.
    if (!(isFsError(cause) || cause instanceof KernelError || cause instanceof SuppressedError)) throw cause;
    const message = `Cannot use the reservations in "${folderPath(location)}": ${cause.message}`;
    throw new CniError("ioFailure", message, "", { cause });
  }
}
