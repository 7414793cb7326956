/**
 * The bridge plugin: pods of a node hang on one bridge, which may be their gateway and masquerade them.
 * A packet to another pod of the node crosses the bridge; one to elsewhere goes to the bridge's own address, and from
 * there as the node's routes say. Keys, results and texts are those of the reference plugin.
 */
import { CniError } from "#cni/cni-error.ts";
import type { Plugin, PluginRequest } from "#cni/plugin.ts";
import type { CniInterface, CniResult } from "#cni/result.ts";
import { compareVersions, SPEC_VERSIONS } from "#cni/spec-version.ts";
import { type Link, setLink } from "#kernel/rtnetlink/link.ts";
import type { LinkBasics } from "#kernel/rtnetlink/link-ioctl.ts";
import type { Host } from "../host.ts";
import { checkPodAddresses, checkPodLinks, failed, requirePrevResult } from "../pod/check-pod.ts";
import { configurePod } from "../pod/configure-pod.ts";
import { enableForwarding } from "../pod/forwarding.ts";
import { chooseHostLink } from "../pod/host-link.ts";
import { type IpPlan, planIp, requireMtu } from "../pod/ip-plan.ts";
import { type HostLinkIdentity, podMac } from "../pod/pod-identity.ts";
import { addIpam } from "../pod/pod-ipam.ts";
import { attachmentOf, createPodLink, removePodLink, requireFreeIfname } from "../pod/pod-link.ts";
import { addPodNat, checkPodNat, masqueradeOf, removePodNat } from "../pod/pod-nat.ts";
import { openPodNetns, type PodNetns } from "../pod/pod-netns.ts";
import { removeReferenceLeftovers, removeStaleReferenceLeftovers } from "../pod/reference-leftovers.ts";
import { configuredDns } from "../pod/result-dns.ts";
import { removeStaleAttachments } from "../pod/stale-attachments.ts";
import { waitForPort } from "../pod/wait-for-port.ts";
import { withUndo } from "../undo.ts";
import { type BridgeConfig, readBridgeConfig } from "./bridge-config.ts";
import { ensureBridge, findBridge, requireBridge } from "./bridge-link.ts";
import { checkGateway, ensureGateway } from "./gateway.ts";
import { addSpoofCheck, checkSpoofCheck, removeSpoofCheck, removeStaleSpoofChecks } from "./spoof-check.ts";
import { ensureVlanGateway, setPortVlans } from "./vlan.ts";

export const bridge: Plugin<Host> = {
  type: "bridge",
  versions: SPEC_VERSIONS,

  async add(request, host) {
    const config = readBridgeConfig(request);
    requireAnswerable(request, config);
    const dns = configuredDns(request);
    using pod = openPodNetns(request);
    requireFreeIfname(pod, request);
    const identity = chooseHostLink(host.rtnetlink, attachmentOf(request));
    const found = findBridge(host, config.bridge);
    return await withUndo(async (undo) => {
      const ipam = await addAddresses(request, host, config, undo);
      const result = await addLink({ request, host, pod, config, found, identity, ipam, undo });
      return { ...result, ...dns };
    });
  },

  async del(request, host) {
    const config = readBridgeConfig(request);
    removePodNat(host, request, "masquerades");
    removeSpoofCheck(host, attachmentOf(request));
    if (!host.journal.isKnown)
      removeReferenceLeftovers(host, attachmentOf(request), request.config.prevResult !== undefined);
    await removePodLink(host, request);
    // Last, so that nobody gets the address while anything still leads to its former owner.
    if (config.ipam.type !== "") await host.delegate.del(config.ipam.type, request);
  },

  async check(request, host) {
    const config = readBridgeConfig(request);
    const result = requirePrevResult(request);
    if (config.ipam.type !== "") await host.delegate.check(config.ipam.type, request);
    using pod = openPodNetns(request);
    checkBridge(host, request, { config, result, pod });
  },

  async gc(request, host) {
    const { type } = readBridgeConfig(request).ipam;
    await removeStaleAttachments(host, request);
    removeStaleSpoofChecks(host, request);
    removeStaleReferenceLeftovers(host, request);
    if (type !== "") await host.delegate.gc(type, request);
  },

  async status(request, host) {
    const { type } = readBridgeConfig(request).ipam;
    if (type !== "") await host.delegate.status(type, request);
  },
};

/** Results before 0.3.0 are addresses and nothing else. */
function requireAnswerable({ config: { cniVersion } }: PluginRequest, { ipam }: BridgeConfig): void {
  if (ipam.type !== "" || compareVersions(cniVersion, "0.3.0") >= 0) return;
  const message = `Cannot answer in CNI version ${cniVersion} without IPAM: its results have no place for interfaces`;
  throw new CniError("invalidConfig", message, `cniVersion=${cniVersion}`);
}

/** Undefined for a network without IPAM: then the pod's link has no address. */
async function addAddresses(
  request: PluginRequest,
  host: Host,
  { ipam, isGateway, isDefaultGateway, mtu }: BridgeConfig,
  undo: AsyncDisposableStack,
): Promise<{ readonly plan: IpPlan; readonly result: CniResult } | undefined> {
  const { type } = ipam;
  if (type === "") return undefined;
  const result = await addIpam(host, type, request, undo);
  const plan = planIp(result, { isGateway, isDefaultGateway });
  requireMtu(plan, mtu);
  return { plan, result };
}

interface AddInput {
  readonly request: PluginRequest;
  readonly host: Host;
  readonly pod: PodNetns;
  readonly config: BridgeConfig;
  /** The bridge, if it was there before. */
  readonly found: LinkBasics | undefined;
  readonly identity: HostLinkIdentity;
  readonly ipam: Awaited<ReturnType<typeof addAddresses>>;
  readonly undo: AsyncDisposableStack;
}

async function addLink({ request, host, pod, config, found, identity, ipam, undo }: AddInput): Promise<CniResult> {
  const { ifname, netns: sandbox } = request;
  const { hairpinMode: hairpin, portIsolation: isolated } = config;
  const { ifindex: master } = ensureBridge(host, config, found);
  const mac = config.mac ?? podMac(attachmentOf(request), ipam?.plan.addresses[0]?.prefix.address);
  const link = createPodLink(host, pod, request, {
    identity,
    mtu: config.mtu,
    mac,
    master,
    ...((hairpin || isolated) && { port: { hairpin, isolated } }),
    undo,
  });
  // As it is with this port: MTU and hardware address of a bridge follow its ports unless somebody set them.
  const bridgeLink = requireBridge(host, config.bridge);
  setPortVlans(host, link.ifindex, config);
  if (config.macspoofchk) {
    undo.defer(() => removeSpoofCheck(host, attachmentOf(request)));
    addSpoofCheck(host, attachmentOf(request), { link: link.name, mac });
  }
  const gatewayLink = config.isGateway && config.vlan !== 0 ? ensureVlanGateway(host, bridgeLink, config) : undefined;
  const interfaces: CniInterface[] = [
    describeLink(bridgeLink),
    describeLink(link),
    { name: ifname, mac, mtu: link.mtu, sandbox },
    ...(gatewayLink ? [describeLink(gatewayLink)] : []),
  ];
  host.journal.note({ hostLink: link.name });
  const podLink = { ifname, ifindex: link.peerIfindex };
  if (ipam === undefined) {
    if (!config.disableContainerInterface) {
      setLink(pod.rtnetlink, podLink.ifindex, { up: true });
      await waitForPort(host, link.ifindex);
    }
    return { interfaces };
  }
  const { plan, result } = ipam;
  await configurePod(pod, podLink, plan, { announce: config.mac !== undefined, detectDuplicates: config.enabledad });
  if (config.isGateway) {
    ensureGateway(host, gatewayLink ?? bridgeLink, plan.addresses, config.forceAddress);
    enableForwarding(host.netns, plan.addresses);
  }
  if (config.ipMasq) {
    const nat = masqueradeOf(plan.addresses);
    undo.defer(() =>
      removePodNat({ nft: host.nft, journal: { ...host.journal, facts: { nat } } }, request, "masquerades"),
    );
    addPodNat(host, request, nat);
  }
  await waitForPort(host, link.ifindex);
  return {
    interfaces,
    ips: plan.ips.map((ip) => ({ ...ip, interface: 2 })),
    ...(plan.resultRoutes.length > 0 && { routes: plan.resultRoutes }),
    ...(result.dns && { dns: result.dns }),
  };
}

function describeLink({ name, mac, mtu }: Pick<Link, "name" | "mac" | "mtu">): CniInterface {
  return { name, ...(mac !== undefined && { mac }), mtu };
}

interface CheckInput {
  readonly config: BridgeConfig;
  readonly result: CniResult;
  readonly pod: PodNetns;
}

function checkBridge(host: Host, request: PluginRequest, { config, result, pod }: CheckInput): void {
  const bridgeLink = requireBridge(host, config.bridge);
  const listed = (result.interfaces ?? []).find(({ name, sandbox }) => name === config.bridge && !sandbox);
  if (listed === undefined) throw failed(`Cannot check bridge "${config.bridge}": prevResult has no such interface`);
  if (listed.mac !== undefined && listed.mac !== bridgeLink.mac) {
    throw failed(`MAC of "${config.bridge}" is ${bridgeLink.mac}: prevResult says ${listed.mac}`);
  }
  if (config.promiscMode && !bridgeLink.promisc) {
    throw failed(`Bridge "${config.bridge}" is not in promiscuous mode: the configuration says promiscMode`);
  }
  const { hostLink, podLink } = checkPodLinks(host, pod, request, {
    result,
    mtu: config.mtu,
    isUpToOthers: config.disableContainerInterface,
  });
  if (hostLink.master !== bridgeLink.ifindex) {
    throw failed(`Host's end "${hostLink.name}" is not a port of bridge "${config.bridge}"`);
  }
  if (config.hairpinMode && hostLink.bridgePort?.hairpin !== true) {
    throw failed(`Port "${hostLink.name}" is not in hairpin mode: the configuration says hairpinMode`);
  }
  if (config.portIsolation && hostLink.bridgePort?.isolated !== true) {
    throw failed(`Port "${hostLink.name}" is not isolated: the configuration says portIsolation`);
  }
  checkPodAddresses(pod, podLink, result);
  if (config.isGateway) checkGateway(host, config, result);
  if (config.macspoofchk) checkSpoofCheck(host, { link: hostLink.name, mac: podLink.mac });
  // Pods of the reference plugin have their masquerade elsewhere: only what we made is looked for.
  if (config.ipMasq && host.journal.facts?.nat) checkPodNat(host, request, host.journal.facts.nat);
}
