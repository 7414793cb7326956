/**
 * The ptp plugin: a pair of links per pod and no bridge. The pod sends everything to its gateway, which is the host's end
 * of its own pair; the host has a route to each pod. Keys, results and texts are those of the reference plugin.
 */
import { formatPrefix, hostPrefix, networkOf, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { CniError } from "#cni/cni-error.ts";
import { choice, fields, flag, integer, optional, readFields, text } from "#cni/config.ts";
import type { Plugin, PluginRequest } from "#cni/plugin.ts";
import type { CniResult } from "#cni/result.ts";
import { SPEC_VERSIONS } from "#cni/spec-version.ts";
import { isErrno } from "#kernel/kernel-error.ts";
import { addAddress, listAddresses } from "#kernel/rtnetlink/address.ts";
import { scopes } from "#kernel/rtnetlink/family.ts";
import type { Link, Veth } from "#kernel/rtnetlink/link.ts";
import { addRoute, listRoutes, type NewRoute } from "#kernel/rtnetlink/route.ts";
import type { Host } from "./host.ts";
import { checkPodAddresses, checkPodLinks, failed, requirePrevResult } from "./pod/check-pod.ts";
import { configurePod } from "./pod/configure-pod.ts";
import { enableForwarding, refuseRouterAdvertisements } from "./pod/forwarding.ts";
import { chooseHostLink } from "./pod/host-link.ts";
import { type IpPlan, type PodAddress, planIp, requireMtu } from "./pod/ip-plan.ts";
import { podMac } from "./pod/pod-identity.ts";
import { addIpam } from "./pod/pod-ipam.ts";
import { attachmentOf, createPodLink, removePodLink, requireFreeIfname } from "./pod/pod-link.ts";
import { addPodNat, checkPodNat, masqueradeOf, removePodNat } from "./pod/pod-nat.ts";
import { openPodNetns } from "./pod/pod-netns.ts";
import { removeReferenceLeftovers, removeStaleReferenceLeftovers } from "./pod/reference-leftovers.ts";
import { requestedMac } from "./pod/requested-mac.ts";
import { configuredDns } from "./pod/result-dns.ts";
import { removeStaleAttachments } from "./pod/stale-attachments.ts";
import { withUndo } from "./undo.ts";

const ptpFields = fields({
  ipMasq: optional(flag, false),
  ipMasqBackend: optional(choice(["iptables", "nftables"])),
  mtu: optional(integer({ min: 0, max: 65535 }), 0),
  ipam: fields({ type: text }),
});

function readPtpConfig({ config }: Pick<PluginRequest, "config">) {
  const { mtu, ...read } = readFields(ptpFields, config.json);
  if (mtu !== 0 && mtu < 68) throw new CniError("invalidConfig", `Cannot use mtu ${mtu}: it is below 68`, `mtu=${mtu}`);
  return { ...read, mtu: mtu === 0 ? undefined : mtu };
}

export const ptp: Plugin<Host> = {
  type: "ptp",
  versions: SPEC_VERSIONS,

  async add(request, host) {
    const { ipam, ipMasq, mtu } = readPtpConfig(request);
    const attachment = attachmentOf(request);
    const dns = configuredDns(request);
    using pod = openPodNetns(request);
    requireFreeIfname(pod, request);
    const identity = chooseHostLink(host.rtnetlink, attachment);
    return await withUndo(async (undo) => {
      const ipamResult = await addIpam(host, ipam.type, request, undo);
      const plan = planIp(ipamResult, { isGateway: true, isDefaultGateway: false });
      requireMtu(plan, mtu);
      enableForwarding(host.netns, plan.addresses);
      // CNI_ARGS are for IPAM, as with the reference: a key such as IP needs no IgnoreUnknown here.
      const mac =
        requestedMac({ config: request.config, args: "" }) ?? podMac(attachment, plan.addresses[0]?.prefix.address);
      const link = createPodLink(host, pod, request, { identity, mtu, mac, undo });
      host.journal.note({ hostLink: link.name });
      refuseRouterAdvertisements(host, link.name);
      configureHostEnd(host, link, plan.addresses);
      await configurePod(pod, { ifname: request.ifname, ifindex: link.peerIfindex }, plan, {
        addressOptions: { noPrefixRoute: true },
        linkRoutes: plan.addresses.flatMap((address) => routesToGateway(address, link.peerIfindex)),
      });
      if (ipMasq) {
        const nat = masqueradeOf(plan.addresses);
        undo.defer(() =>
          removePodNat({ nft: host.nft, journal: { ...host.journal, facts: { nat } } }, request, "masquerades"),
        );
        addPodNat(host, request, nat);
      }
      return {
        ...describeResult(request, link, plan, mac),
        ...(ipamResult.dns && { dns: ipamResult.dns }),
        ...dns,
      };
    });
  },

  async del(request, host) {
    const { ipam } = readPtpConfig(request);
    removePodNat(host, request, "masquerades");
    if (!host.journal.isKnown)
      removeReferenceLeftovers(host, attachmentOf(request), request.config.prevResult !== undefined);
    await removePodLink(host, request);
    await host.delegate.del(ipam.type, request);
  },

  async check(request, host) {
    const { ipam, ipMasq, mtu } = readPtpConfig(request);
    const result = requirePrevResult(request);
    await host.delegate.check(ipam.type, request);
    using pod = openPodNetns(request);
    const { hostLink, podLink } = checkPodLinks(host, pod, request, { result, mtu });
    checkPodAddresses(pod, podLink, result);
    checkHostEnd(host, hostLink, result);
    if (ipMasq && host.journal.facts?.nat) checkPodNat(host, request, host.journal.facts.nat);
  },

  async gc(request, host) {
    await removeStaleAttachments(host, request);
    removeStaleReferenceLeftovers(host, request);
    await host.delegate.gc(readPtpConfig(request).ipam.type, request);
  },

  async status(request, host) {
    await host.delegate.status(readPtpConfig(request).ipam.type, request);
  },
};

/** The gateway's address on the host's end, the same for all pods, and the route to this pod. */
function configureHostEnd(
  { rtnetlink }: Pick<Host, "rtnetlink">,
  { ifindex }: Link,
  addresses: readonly PodAddress[],
): void {
  for (const { prefix, gateway } of addresses) {
    if (gateway === undefined) continue;
    addAddress(rtnetlink, { ifindex, prefix: hostPrefix(gateway), noDad: prefix.family === 6 });
    try {
      addRoute(rtnetlink, { destination: hostPrefix(prefix.address), oif: ifindex, scope: scopes.host });
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error; // the reference accepts a route that is there, too
    }
  }
}

/** Throws CniError 103 unless the host's end has the gateway's address and the route to the pod. */
function checkHostEnd({ rtnetlink }: Pick<Host, "rtnetlink">, { ifindex, name }: Link, { ips = [] }: CniResult): void {
  const addresses = listAddresses(rtnetlink, { ifindex }).map(({ prefix }) => formatPrefix(prefix));
  for (const { address, gateway } of ips) {
    const wanted = gateway === undefined ? undefined : formatPrefix(hostPrefix(parseAddress(gateway)));
    if (wanted !== undefined && !addresses.includes(wanted)) throw failed(`Address ${wanted} is not on "${name}"`);
    const pod = hostPrefix(parsePrefix(address).address);
    const routes = listRoutes(rtnetlink, { family: pod.family, oif: ifindex }).map(({ destination }) => destination);
    if (!routes.some((route) => formatPrefix(route) === formatPrefix(pod))) {
      throw failed(`Route to ${formatPrefix(pod)} is not on "${name}"`);
    }
  }
}

/** In the pod: the gateway is on the link, the rest of the network behind the gateway. */
function routesToGateway({ prefix, gateway }: PodAddress, oif: number): readonly NewRoute[] {
  if (gateway === undefined) return [];
  return [
    { destination: hostPrefix(gateway), oif, scope: scopes.link, src: prefix.address },
    { destination: networkOf(prefix), oif, gateway, scope: scopes.global, src: prefix.address },
  ];
}

function describeResult({ ifname, netns: sandbox }: PluginRequest, link: Veth, plan: IpPlan, mac: string): CniResult {
  return {
    interfaces: [
      { name: link.name, ...(link.mac !== undefined && { mac: link.mac }), mtu: link.mtu },
      { name: ifname, mac, mtu: link.mtu, sandbox },
    ],
    ips: plan.ips.map((ip) => ({ ...ip, interface: 1 })),
    ...(plan.resultRoutes.length > 0 && { routes: plan.resultRoutes }),
  };
}
