/**
 * One folder of reservations with its index. The index is right for as long as nobody else has changed the folder:
 * under the lock, the folder's inode and times are compared with those that we left.
 * Times of a folder have the resolution of a timer tick before Linux 6.13, so two changes may leave the same time.
 * Therefore we set the modification time after each change of our own to one in the past that nobody else sets.
 *
 * A process may be killed between any two steps. A file that was made but not written is empty, which nobody's
 * reservation is once the lock is free; one that was written belongs to an attachment that DEL will release.
 */
import {
  closeSync,
  constants,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { AddressError, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { isFsError } from "../fs-error.ts";
import { createFolderIndex } from "./folder-index.ts";
import { createFolderLock } from "./folder-lock.ts";
import { type FreeAddress, nextFree } from "./next-free.ts";
import { findRange, type RangeSet } from "./ranges.ts";
import { formatOwner, type Owner, parseOwner } from "./reservation-owner.ts";
import { AMBIGUOUS_MS, scanFolder } from "./scan-folder.ts";
import type { Staleness } from "./staleness.ts";

/** A folder under its lock: what may be done in `AddressFolders.locked`. */
export interface AddressFolder {
  isTaken(address: IpAddress): boolean;
  /** How many addresses of the set are taken, a gateway's among them if it is. */
  countTaken(set: RangeSet): number;
  /** The attachment's addresses, and those that an old file gives to its container as a whole. */
  addressesOf(owner: Owner): readonly IpAddress[];
  /** All attachments with addresses, but not containers from old files. */
  owners(): readonly Owner[];
  /** The address that is next in turn. `setIndex` is the place of the set in the configuration. */
  nextFree(set: RangeSet, setIndex: number): FreeAddress | undefined;
  /** False when the address has been taken by somebody who does not lock. */
  reserve(owner: Owner, address: IpAddress, setIndex: number): boolean;
  /** Releases what the attachment has, or what its container has by an old file. */
  release(owner: Owner): void;
  releaseAddress(address: IpAddress): void;
  /** Addresses whose pods cannot exist any more. */
  findStale(set: RangeSet): readonly IpAddress[];
}

export interface Folder extends Disposable {
  /** As FolderLock.run. */
  locked<T>(missing: "create" | "skip", work: (folder: AddressFolder) => T): Promise<T | undefined>;
}

export interface FolderOptions {
  readonly path: string;
  readonly network: string;
  readonly lockTimeoutMs: number;
  readonly staleness: Staleness;
}

/** As the reference's since its version 1.6. */
const FILE_MODE = 0o600;

export function createFolder({ path, network, lockTimeoutMs, staleness }: FolderOptions): Folder {
  const index = createFolderIndex();
  const lastReserved = new Map<number, IpAddress | undefined>();
  const lock = createFolderLock(join(path, "lock"), lockTimeoutMs);
  /** How we left the folder; undefined while it is being changed. */
  let left: string | undefined;

  const folder: AddressFolder = {
    isTaken: (address) => index.reservations.has(address),
    countTaken: (set) =>
      set.reduce((sum, { subnet, first, last }) => sum + index.taken(subnet.family).count(first, last), 0),
    addressesOf: (owner) => [...index.addressesOf(formatOwner(owner)), ...index.addressesOf(owner.containerId)],
    owners: () => {
      const contents = new Set([...index.reservations.values()].map((reservation) => reservation.owner));
      return [...contents].map(parseOwner).filter((owner) => owner !== undefined);
    },
    nextFree(set, setIndex) {
      if (!lastReserved.has(setIndex)) lastReserved.set(setIndex, readAddress(lastReservedFile(path, setIndex)));
      return nextFree(set, index.taken(set[0]?.subnet.family ?? 4), lastReserved.get(setIndex));
    },
    reserve(owner, address, setIndex) {
      left = undefined;
      if (!createFile(join(path, address), formatOwner(owner))) {
        scan();
        return false;
      }
      index.set(address, { owner: formatOwner(owner) });
      try {
        overwriteFile(lastReservedFile(path, setIndex), address);
      } catch (error) {
        folder.releaseAddress(address);
        throw error;
      }
      lastReserved.set(setIndex, address);
      return true;
    },
    release(owner) {
      const own = index.addressesOf(formatOwner(owner));
      for (const address of own.length > 0 ? own : index.addressesOf(owner.containerId)) {
        folder.releaseAddress(address);
      }
    },
    releaseAddress(address) {
      left = undefined;
      unlinkIfThere(join(path, address));
      index.delete(address);
    },
    findStale: (set) =>
      [...index.reservations].flatMap(([address, reservation]) => {
        const owner = findRange(set, address) && parseOwner(reservation.owner);
        if (owner === undefined) return [];
        const modifiedMs = lstatSync(join(path, address)).mtimeMs;
        return staleness.isStale({ network, ...owner }, modifiedMs) ? [address] : [];
      }),
  };

  function locked<T>(missing: "create" | "skip", work: (folder: AddressFolder) => T): Promise<T | undefined> {
    return lock.run(missing, () => {
      if (left === undefined || left !== fingerprint(path)) scan();
      const value = work(folder);
      // After an error nothing is certain: the next operation scans.
      if (left === undefined) left = seal(path);
      return value;
    });
  }

  function scan(): void {
    left = undefined;
    const before = fingerprintBeforeScan(path);
    lastReserved.clear();
    if (!scanFolder(path, index).hasRepaired) left = before;
  }

  return { locked, [Symbol.dispose]: () => lock[Symbol.dispose]() };
}

/** Sets times that differ from any others and answers how the folder looks now. */
function seal(path: string): string {
  const seconds = Date.now() / 1000 - 1 - Math.random();
  utimesSync(path, seconds, seconds);
  return fingerprint(path);
}

/** A change during the scan must leave another time than the last one before; reading alone need not change times. */
function fingerprintBeforeScan(path: string): string {
  const isRecent = Date.now() - statSync(path).ctimeMs < AMBIGUOUS_MS;
  return isRecent ? seal(path) : fingerprint(path);
}

function fingerprint(path: string): string {
  const { dev, ino, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return `${dev}:${ino}:${mtimeNs}:${ctimeNs}`;
}

function lastReservedFile(path: string, setIndex: number): string {
  return join(path, `last_reserved_ip.${setIndex}`);
}

/** False when there is one already. */
function createFile(path: string, content: string): boolean {
  try {
    writeFile(path, content, constants.O_EXCL);
    return true;
  } catch (error) {
    if (isFsError(error, "EEXIST")) return false;
    unlinkIfThere(path); // made, but not written
    throw error;
  }
}

/** Emptying a file first makes ext4 write it to the disk when it is closed, which takes a millisecond. */
function overwriteFile(path: string, content: string): void {
  writeFile(path, content, 0);
}

function writeFile(path: string, content: string, flags: number): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | flags, FILE_MODE);
  try {
    ftruncateSync(fd, writeSync(fd, content));
  } finally {
    closeSync(fd);
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isFsError(error, "ENOENT")) throw error;
  }
}

/** Undefined when there is no such file, or no address in it: then allocation starts at the front. */
function readAddress(path: string): IpAddress | undefined {
  try {
    return parseAddress(readFileSync(path, "utf8"));
  } catch (error) {
    if (isFsError(error, "ENOENT") || error instanceof AddressError) return undefined;
    throw error;
  }
}
