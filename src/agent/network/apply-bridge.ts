/** Makes the bridge of pods that are there whole again. */
import { lastAddress } from "#base/ip-address.ts";
import { isErrno } from "#kernel/kernel-error.ts";
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { addAddress, listAddresses } from "#kernel/rtnetlink/address.ts";
import { createLink, findLink, listLinks, setLink } from "#kernel/rtnetlink/link.ts";
import { SysctlError, writeSysctls } from "#kernel/sysctl.ts";
import {
  BRIDGE,
  type BridgeOperation,
  type BridgeWishes,
  describeBridgeOperation,
  type ObservedBridge,
  planBridge,
} from "./plan-bridge.ts";

interface BridgeKernel {
  readonly socket: NetlinkSocket;
  readonly netns: Netns;
}

export function observeBridge(socket: NetlinkSocket): ObservedBridge {
  return { links: listLinks(socket), addresses: listAddresses(socket) };
}

/** Answers what was done. */
export function applyBridge(kernel: BridgeKernel, wishes: BridgeWishes): readonly string[] {
  if (wishes.ports.length === 0) return [];
  const operations = planBridge(wishes, observeBridge(kernel.socket));
  for (const operation of operations) run(kernel, operation);
  return operations.map(describeBridgeOperation);
}

function run({ socket, netns }: BridgeKernel, operation: BridgeOperation): void {
  switch (operation.do) {
    case "create bridge":
      createUnlessThere(socket, operation.mtuBytes, operation.mac);
      refuseRouterAdvertisements(netns);
      return;
    case "add port": {
      const port = findLink(socket, { name: operation.link });
      // Gone since it was observed, with its pod.
      if (port === undefined) return;
      setLink(socket, port.ifindex, { master: bridgeIfindex(socket), bridgePort: { hairpin: operation.hairpin } });
      return;
    }
    case "add address": {
      const { prefix } = operation;
      const broadcast = prefix.family === 4 ? lastAddress(prefix) : undefined;
      try {
        addAddress(socket, { ifindex: bridgeIfindex(socket), prefix, broadcast, noDad: prefix.family === 6 });
      } catch (error) {
        if (!isErrno(error, "EEXIST")) throw error; // a plugin was faster
      }
      return;
    }
    case "set up":
      setLink(socket, bridgeIfindex(socket), { up: true });
      return;
  }
}

function createUnlessThere(socket: NetlinkSocket, mtu: number, mac: BridgeWishes["mac"]): void {
  try {
    const made = createLink(socket, { name: BRIDGE, mtu, mac, kind: { type: "bridge" } });
    // One that was never set follows the ports.
    if (mac === undefined) setLink(socket, made.ifindex, { mac: made.mac });
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error; // a plugin was faster
  }
}

function bridgeIfindex(socket: NetlinkSocket): number {
  const bridge = findLink(socket, { name: BRIDGE });
  if (bridge === undefined) throw new Error(`Cannot repair bridge "${BRIDGE}": it is gone again`);
  return bridge.ifindex;
}

/** As the bridge plugin does (CVE-2020-10749). Where the kernel has no IPv6, there is nothing to refuse. */
function refuseRouterAdvertisements(netns: Netns): void {
  try {
    writeSysctls(netns, { [`net/ipv6/conf/${BRIDGE}/accept_ra`]: "0" });
  } catch (error) {
    if (!(error instanceof SysctlError && error.code === "ENOENT")) throw error;
  }
}
