/** Carries out planned changes, each by one message. One that fails does not keep the others from being tried. */
import { isErrno, KernelError } from "#kernel/kernel-error.ts";
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { addAddress, deleteAddress } from "#kernel/rtnetlink/address.ts";
import { scopes } from "#kernel/rtnetlink/family.ts";
import { deleteFdbEntry, replaceFdbEntry } from "#kernel/rtnetlink/fdb.ts";
import { createLink, deleteLinkOnThread, setLink } from "#kernel/rtnetlink/link.ts";
import { findLinkIndex } from "#kernel/rtnetlink/link-ioctl.ts";
import { deleteNeighbour, replaceNeighbour } from "#kernel/rtnetlink/neighbour.ts";
import { deleteRoute, type NewRoute, replaceRoute } from "#kernel/rtnetlink/route.ts";
import { openTun } from "#kernel/rtnetlink/tun.ts";
import { setTxChecksum } from "#kernel/syscalls/tx-checksum.ts";
import { writeSysctl } from "#kernel/sysctl.ts";
import { describeOperation, type KernelOperation, linkOf, type PeerRoute } from "./kernel-operation.ts";

/** The node's part of the kernel. */
export interface NodeKernel {
  /** NETLINK_ROUTE, opened in the namespace. */
  readonly socket: NetlinkSocket;
  readonly netns: Netns;
}

/** In order; answers what was done. Rejects with AggregateError when something failed, with the signal's reason at once. */
export async function runOperations(
  kernel: NodeKernel,
  operations: readonly KernelOperation[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const done: string[] = [];
  const errors: unknown[] = [];
  const broken = new Set<string>();
  for (const operation of operations) {
    signal.throwIfAborted();
    const link = linkOf(operation);
    if (broken.has(link)) continue; // the link could not be made: what belongs on it would only say so again
    try {
      await run(kernel, operation);
      done.push(describeOperation(operation));
    } catch (error) {
      if (isGoneAlready(operation, error)) continue;
      errors.push(error);
      if (operation.do === "create link" || operation.do === "create tun") broken.add(link);
    }
  }
  if (errors.length > 0) {
    const messages = errors.map((error) => (error instanceof Error ? error.message : String(error)));
    throw new AggregateError(errors, `Cannot apply ${errors.length} of the changes: ${messages.join("; ")}`);
  }
  return done;
}

async function run({ socket, netns }: NodeKernel, operation: KernelOperation): Promise<void> {
  switch (operation.do) {
    case "create link":
      createLink(socket, operation.link);
      return;
    case "create tun":
      openTun({ netns, name: operation.link, mode: "tun", persistent: true })[Symbol.dispose]();
      return;
    case "set link":
      setLink(socket, ifindexOf(socket, operation), operation.change);
      return;
    case "delete link":
      await deleteLinkOnThread(socket, ifindexOf(socket, operation));
      return;
    case "write sysctl":
      writeSysctl(netns, operation.key, operation.value);
      return;
    case "disable tx checksum":
      setTxChecksum(socket, operation.link, { on: false });
      return;
    case "add address":
      addAddress(socket, { ifindex: ifindexOf(socket, operation), prefix: operation.prefix, noDad: true });
      return;
    case "delete address":
      deleteAddress(socket, { ifindex: ifindexOf(socket, operation), prefix: operation.prefix });
      return;
    case "replace neighbour": {
      const { address, mac } = operation;
      replaceNeighbour(socket, { ifindex: ifindexOf(socket, operation), address, mac });
      return;
    }
    case "delete neighbour":
      deleteNeighbour(socket, { ifindex: ifindexOf(socket, operation), address: operation.address });
      return;
    case "replace fdb entry":
    case "delete fdb entry": {
      const { mac, destination } = operation;
      const write = operation.do === "replace fdb entry" ? replaceFdbEntry : deleteFdbEntry;
      write(socket, { ifindex: ifindexOf(socket, operation), mac, destination });
      return;
    }
    case "replace route":
      replaceRoute(socket, routeMessage(operation.route, ifindexOf(socket, operation)));
      return;
    case "delete route": {
      // Without a scope, which another program may have chosen otherwise.
      const { destination, gateway, protocol, priority } = operation.route;
      deleteRoute(socket, { destination, gateway, protocol, priority, oif: ifindexOf(socket, operation) });
      return;
    }
  }
}

function routeMessage({ link: _, ...route }: PeerRoute, oif: number): NewRoute {
  return { ...route, oif, scope: route.gateway === undefined ? scopes.link : scopes.global };
}

function ifindexOf(socket: NetlinkSocket, operation: KernelOperation): number {
  const ifindex = findLinkIndex(socket, linkOf(operation));
  if (ifindex === undefined) throw new KernelError(describeOperation(operation), ENODEV, "the link is gone");
  return ifindex;
}

/** ENODEV, include/uapi/asm-generic/errno-base.h */
const ENODEV = 19;

/** Somebody else, or the kernel with a link, deleted it since it was observed. */
function isGoneAlready(operation: KernelOperation, error: unknown): boolean {
  return operation.do.startsWith("delete") && isErrno(error, "ENOENT", "ESRCH", "EADDRNOTAVAIL", "ENODEV");
}
