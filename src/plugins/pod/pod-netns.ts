/** The pod's namespace as a plugin uses it: its handle and an rtnetlink socket inside. */
import { CniError } from "#cni/cni-error.ts";
import type { PluginRequest } from "#cni/plugin.ts";
import { createNetlinkSocket, NETLINK_ROUTE, type NetlinkSocket } from "#kernel/netlink/socket.ts";
import { findNetns, type Netns, NetnsError, openNetns } from "#kernel/netns/netns.ts";

export interface PodNetns extends Disposable {
  readonly netns: Netns;
  readonly rtnetlink: NetlinkSocket;
}

/** Throws CniError 8 when CNI_NETNS names no network namespace. */
export function openPodNetns({ netns: path }: Pick<PluginRequest, "netns">): PodNetns {
  try {
    return withSocket(openNetns(path));
  } catch (cause) {
    if (!(cause instanceof NetnsError)) throw cause;
    throw new CniError("invalidNetns", `failed to open netns "${path}": ${cause.message}`, `CNI_NETNS=${path}`, {
      cause,
    });
  }
}

/** Undefined when the namespace is gone, or was never named: fine for DEL. */
export function findPodNetns({ netns: path }: Pick<PluginRequest, "netns">): PodNetns | undefined {
  const netns = findNetns(path);
  return netns && withSocket(netns);
}

function withSocket(netns: Netns): PodNetns {
  using stack = new DisposableStack();
  stack.use(netns);
  const rtnetlink = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns }));
  const open = stack.move();
  return { netns, rtnetlink, [Symbol.dispose]: () => open.dispose() };
}
