/** How a pod hangs on its node, as CRI and the kernel say it: its namespace, its link, and the link's end on the node. */
import { isJsonObject, type JsonObject } from "#base/json.ts";
import { createNetlinkSocket, NETLINK_ROUTE, type NetlinkSocket } from "#kernel/netlink/socket.ts";
import { openNetns } from "#kernel/netns/netns.ts";
import { findLink, type Link } from "#kernel/rtnetlink/link.ts";
import type { NodeSandbox } from "./node-sandbox.ts";
import type { PodSandbox } from "./pod-sandbox.ts";

export interface PodLinks {
  /** A path on this machine. */
  readonly netnsPath: string;
  readonly ifname: string;
  readonly mac: string;
  /** The veth's end on the node. */
  readonly hostLink: string;
  readonly bridge: string | undefined;
}

export async function observePodLinks(node: NodeSandbox, pod: PodSandbox, signal: AbortSignal): Promise<PodLinks> {
  const netnsPath = node.rootPath + (await podNetnsPath(pod, signal));
  const ifname = "eth0";
  const podLink = withSocket(netnsPath, (socket) => requireLink(socket, { name: ifname }));
  return withSocket(node.netnsPath, (socket) => {
    const hostLink = requireLink(socket, { ifindex: podLink.link ?? 0 });
    const bridge = hostLink.master === undefined ? undefined : findLink(socket, { ifindex: hostLink.master });
    return { netnsPath, ifname, mac: podLink.mac ?? "", hostLink: hostLink.name, bridge: bridge?.name };
  });
}

/** As the node sees it. Source: containerd's verbose status, `runtimeSpec` by the OCI runtime specification. */
export async function podNetnsPath(pod: PodSandbox, signal: AbortSignal): Promise<string> {
  const { info } = await pod.node.cri.podSandboxStatus({ podSandboxId: pod.sandboxId, verbose: true }, signal);
  const details: unknown = JSON.parse(info["info"] ?? "{}");
  const linux = objectAt(objectAt(details, "runtimeSpec"), "linux");
  const namespaces = Array.isArray(linux["namespaces"]) ? linux["namespaces"] : [];
  const network = namespaces.find((namespace) => isJsonObject(namespace) && namespace["type"] === "network");
  const path = objectAt({ network }, "network")["path"];
  // containerd says /var/run, which is a link that would lead elsewhere when followed from outside of the node.
  if (typeof path === "string") return path.replace(/^\/var\/run\//, "/run/");
  throw new Error(`Cannot find the network namespace of pod "${pod.name}": containerd does not tell it`);
}

function objectAt(value: unknown, key: string): JsonObject {
  const inner = isJsonObject(value) ? value[key] : undefined;
  return isJsonObject(inner) ? inner : {};
}

function withSocket<T>(netnsPath: string, use: (socket: NetlinkSocket) => T): T {
  using netns = openNetns(netnsPath);
  using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
  return use(socket);
}

function requireLink(socket: NetlinkSocket, by: { readonly name: string } | { readonly ifindex: number }): Link {
  const link = findLink(socket, by);
  if (link !== undefined) return link;
  throw new Error(`Cannot find link ${"name" in by ? `"${by.name}"` : by.ifindex}: it is gone`);
}
