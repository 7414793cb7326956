/**
 * The portmap plugin, chained behind one that gives addresses: ports of the node's own addresses lead to the pod.
 * A port is claimed by its element in the map, so it has one owner; a port that a process of the node listens on is
 * refused, since connections to it would silently go to the pod.
 */
import { AddressError, parseAddress } from "#base/ip-address.ts";
import { CniError } from "#cni/cni-error.ts";
import type { Plugin, PluginRequest } from "#cni/plugin.ts";
import type { CniResult } from "#cni/result.ts";
import { SPEC_VERSIONS } from "#cni/spec-version.ts";
import type { HostPort } from "#dataplane/nat/nat-state.ts";
import { describeWanted } from "#dataplane/nat/plan.ts";
import { flushConntrack } from "#kernel/nfnetlink/conntrack.ts";
import { findLinkName } from "#kernel/rtnetlink/link-ioctl.ts";
import { lookupRoute } from "#kernel/rtnetlink/route-lookup.ts";
import { isBindable } from "#kernel/sockdiag/bindable.ts";
import { findListeners } from "#kernel/sockdiag/listening.ts";
import { writeSysctls } from "#kernel/sysctl.ts";
import type { Host } from "../host.ts";
import { requirePrevResult } from "../pod/check-pod.ts";
import { attachmentOf } from "../pod/pod-link.ts";
import { addPodNat, checkPodNat, removePodNat } from "../pod/pod-nat.ts";
import { removeReferenceLeftovers, removeStaleReferenceLeftovers } from "../pod/reference-leftovers.ts";
import { removeStaleAttachments } from "../pod/stale-attachments.ts";
import { withUndo } from "../undo.ts";
import { planHostPorts, readPortmapConfig } from "./portmap-config.ts";

export const portmap: Plugin<Host> = {
  type: "portmap",
  versions: SPEC_VERSIONS,

  async add(request, host) {
    const result = requireChained(request);
    const hostPorts = hostPortsOf(request, result);
    if (hostPorts.length === 0) return result;
    for (const hostPort of hostPorts) requireNoListener(host, hostPort);
    return await withUndo(async (undo) => {
      const nat = { masquerades: [], hostPorts };
      undo.defer(() =>
        removePodNat({ nft: host.nft, journal: { ...host.journal, facts: { nat } } }, request, "hostPorts"),
      );
      addPodNat(host, request, nat);
      for (const hostPort of hostPorts) allowLoopbackSource(host, hostPort);
      forgetConnections(host, hostPorts);
      return result;
    });
  },

  async del(request, host) {
    removePodNat(host, request, "hostPorts");
    forgetConnections(host, host.journal.facts?.nat?.hostPorts ?? []);
    if (!host.journal.isKnown)
      removeReferenceLeftovers(host, attachmentOf(request), request.config.prevResult !== undefined);
  },

  async check(request, host) {
    requirePrevResult(request);
    checkPodNat(host, request, { masquerades: [], hostPorts: hostPortsOf(request, requireChained(request)) });
  },

  async gc(request, host) {
    await removeStaleAttachments(host, request);
    removeStaleReferenceLeftovers(host, request);
  },
};

function requireChained({ config }: PluginRequest): CniResult {
  if (config.prevResult) return config.prevResult;
  throw new CniError("invalidConfig", "must be called as chained plugin", "prevResult");
}

function hostPortsOf(request: PluginRequest, result: CniResult): readonly HostPort[] {
  try {
    return planHostPorts(readPortmapConfig(request), result);
  } catch (cause) {
    if (!(cause instanceof AddressError)) throw cause;
    throw new CniError("invalidConfig", cause.message, "portMappings", { cause });
  }
}

/** Where the kernel cannot tell, the port is taken for free, as the reference takes every port. */
function requireNoListener({ sockDiag, netns }: Pick<Host, "sockDiag" | "netns">, hostPort: HostPort): void {
  if (sockDiag === undefined) return;
  const { protocol, hostPort: port, hostIp } = hostPort;
  const address = parseAddress(hostIp ?? (hostPort.address.includes(":") ? "::" : "0.0.0.0"));
  if (protocol !== "sctp" && isBindable(netns, { protocol, port, address })) return;
  const [listener] = findListeners(sockDiag, { protocol, port, address }) ?? [];
  if (listener === undefined) return;
  const message = `Cannot map ${describeWanted(hostPort)}: a process of this node listens on the port`;
  throw new CniError("alreadyInUse", message, `listener=${listener.address} port ${port}, uid=${listener.uid}`);
}

/**
 * Lets packets from 127.0.0.1 leave towards the pod: their source is rewritten on the way out.
 * There is no such setting for ::1, which can therefore not reach a host port.
 */
function allowLoopbackSource(
  { rtnetlink, netns }: Pick<Host, "rtnetlink" | "netns">,
  { address, snat }: HostPort,
): void {
  if (snat === "none" || address.includes(":")) return;
  const oif = lookupRoute(rtnetlink, parseAddress(address))?.oif;
  const link = oif === undefined ? undefined : findLinkName(rtnetlink, oif);
  if (link !== undefined) writeSysctls(netns, { [`net/ipv4/conf/${link}/route_localnet`]: "1" });
}

/** A UDP "connection" lives as long as packets come, and would keep going where the port led before. */
function forgetConnections({ nft }: Pick<Host, "nft">, hostPorts: readonly HostPort[]): void {
  for (const { protocol, hostPort, address } of hostPorts) {
    if (protocol !== "udp") continue;
    const family = address.includes(":") ? 6 : 4;
    flushConntrack(nft.netlink, { family, original: { protocol: "udp", destinationPort: hostPort } });
  }
}
