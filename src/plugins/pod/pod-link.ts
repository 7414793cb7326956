/**
 * The pair of links between node and pod: one message makes both ends, each in its namespace.
 * Equal to `ip link add vethX type veth peer name eth0 netns POD`.
 */
import type { MacAddress } from "#base/mac-address.ts";
import { CniError } from "#cni/cni-error.ts";
import type { Attachment, PluginRequest } from "#cni/plugin.ts";
import { isErrno, KernelError } from "#kernel/kernel-error.ts";
import type { BridgePortFlags } from "#kernel/rtnetlink/bridge-port.ts";
import {
  createVeth,
  deleteLink,
  deleteLinkOnThread,
  findLink,
  type Link,
  setLink,
  type Veth,
} from "#kernel/rtnetlink/link.ts";
import { findLinkIndex } from "#kernel/rtnetlink/link-ioctl.ts";
import type { Host } from "../host.ts";
import { findHostLinkIndex } from "./host-link.ts";
import { type HostLinkIdentity, linkAlias } from "./pod-identity.ts";
import { findPodNetns, type PodNetns } from "./pod-netns.ts";

export interface PodLinkOptions {
  /** Of the host's end; see chooseHostLink. */
  readonly identity: HostLinkIdentity;
  /** Bytes, for both ends; undefined leaves the kernel's default. */
  readonly mtu: number | undefined;
  readonly mac: MacAddress;
  /** Ifindex of the bridge that the host's end becomes a port of. */
  readonly master?: number;
  /** Flags of that port. */
  readonly port?: BridgePortFlags;
  readonly undo: AsyncDisposableStack;
}

export function attachmentOf({ config, containerId, ifname }: PluginRequest): Attachment {
  return { network: config.name, containerId, ifname };
}

/** Throws CniError 104 when the pod has a link of that name. Nothing is changed by then. */
export function requireFreeIfname(pod: PodNetns, { ifname }: PluginRequest): void {
  if (findLinkIndex(pod.rtnetlink, ifname) === undefined) return;
  throw new CniError("linkConflict", `container veth name ("${ifname}") already exists`, `CNI_IFNAME=${ifname}`);
}

/**
 * The kernel would make one for each CPU: for XDP and GRO on the link, which are off. Packets gain nothing from them
 * otherwise, and each costs time and memory. Source: drivers/net/veth.c, Linux 6.1.
 */
const LINK_QUEUES = 1;

/** Makes both ends, and defers their undo; the host's end is up, the pod's is not. */
export function createPodLink(
  host: Pick<Host, "rtnetlink">,
  pod: PodNetns,
  request: PluginRequest,
  { identity, mtu, mac, master, port, undo }: PodLinkOptions,
): Veth {
  try {
    const link = createVeth(host.rtnetlink, {
      ...identity,
      mtu,
      up: true,
      queues: LINK_QUEUES,
      ...(master !== undefined && { master }),
      peer: { name: request.ifname, netnsFd: pod.netns.fd, mac, mtu, queues: LINK_QUEUES },
    });
    undo.defer(() => deletePodLink(host, link));
    // The kernel takes neither of the two at creation, but both in one message.
    setLink(host.rtnetlink, link.ifindex, {
      alias: linkAlias(attachmentOf(request)),
      ...(port && { bridgePort: port }),
    });
    return link;
  } catch (cause) {
    if (!(cause instanceof KernelError)) throw cause;
    throw new CniError("kernelRefused", `failed to create veth pair for "${request.ifname}": ${cause.message}`, "", {
      cause,
    });
  }
}

/** The pair was made a moment ago, nothing uses it. */
function deletePodLink({ rtnetlink }: Pick<Host, "rtnetlink">, { ifindex }: Pick<Link, "ifindex">): void {
  try {
    deleteLink(rtnetlink, ifindex);
  } catch (error) {
    if (!isErrno(error, "ENODEV")) throw error; // the pod's namespace ended meanwhile and took it along
  }
}

/**
 * Removes the pod's link, whatever is left of it. Ours is known by its identity on the host; that of another
 * implementation is looked for in the pod.
 */
export async function removePodLink(
  host: Pick<Host, "rtnetlink" | "links" | "journal">,
  request: PluginRequest,
): Promise<void> {
  const ifindex = findHostLinkIndex(host.rtnetlink, attachmentOf(request));
  if (ifindex !== undefined) return await host.links.remove(ifindex);
  if (host.journal.isKnown) return;
  using pod = findPodNetns(request);
  if (pod === undefined) return;
  const foreign = findLink(pod.rtnetlink, { name: request.ifname });
  if (foreign?.kind?.type === "veth") await deleteLinkOnThread(pod.rtnetlink, foreign.ifindex);
}
