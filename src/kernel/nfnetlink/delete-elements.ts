/**
 * Deletes elements of sets, whether or not they are there. Linux 6.3 has messages for it (NFT_MSG_DESTROY…); before,
 * one missing element fails the whole transaction, so the missing ones are left out and the rest goes again.
 */
import { isErrno } from "../kernel-error.ts";
import { NftTransactionError } from "./nft-error.ts";
import type { NftOperation } from "./operation.ts";
import type { NftSetElements } from "./set-element.ts";
import type { NftSocket } from "./transaction.ts";

/** Name of no table. */
const PROBE_TABLE = ".podwire-probe";
const destroySupport = new WeakMap<NftSocket, boolean>();

/** Whether the kernel knows `destroy …` (Linux 6.3). Asks once per socket, by destroying what does not exist. */
export function supportsDestroy(socket: NftSocket): boolean {
  const known = destroySupport.get(socket);
  if (known !== undefined) return known;
  const supported = probeDestroy(socket);
  destroySupport.set(socket, supported);
  return supported;
}

function probeDestroy(socket: NftSocket): boolean {
  try {
    const probe: NftOperation = { do: "destroy table", table: { family: "inet", table: PROBE_TABLE } };
    socket.commit([probe], "ask for the destroy operations");
    return true;
  } catch (error) {
    if (isErrno(error, "EINVAL", "EOPNOTSUPP")) return false; // unknown message type
    throw error;
  }
}

export interface DeleteOptions {
  /** Default: whether the kernel supports it. */
  readonly destroy?: boolean;
}

/** One transaction where all sets exist and the kernel has `destroy`. A missing set or table is fine as well. */
export function deleteElementsIfPresent(
  socket: NftSocket,
  sets: readonly NftSetElements[],
  operation: string,
  { destroy = supportsDestroy(socket) }: DeleteOptions = {},
): void {
  let pending = destroy ? sets.map(destroyTogether) : sets.flatMap(deleteEach);
  // Every round leaves out at least one operation, so the loop ends.
  while (pending.length > 0) {
    try {
      socket.commit(pending, operation);
      return;
    } catch (error) {
      const missing = missingOperations(error);
      if (missing.size === 0) throw error;
      pending = pending.filter((_operation, index) => !missing.has(index));
    }
  }
}

function destroyTogether({ elements, ...set }: NftSetElements): NftOperation {
  return { do: "destroy elements", set, elements };
}

function deleteEach({ elements, ...set }: NftSetElements): readonly NftOperation[] {
  return elements.map((element) => ({ do: "delete elements", set, elements: [element] }));
}

/** Positions of the operations that failed for want of their object; none when anything else failed. */
function missingOperations(error: unknown): ReadonlySet<number> {
  if (!(error instanceof NftTransactionError)) return new Set();
  const positions = new Set<number>();
  for (const { errno, index } of error.failures) {
    if (errno !== ENOENT || index === undefined) return new Set();
    positions.add(index);
  }
  return positions;
}

const ENOENT = 2;
