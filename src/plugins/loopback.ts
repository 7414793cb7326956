/** The loopback plugin: sets `lo` of the container up. Container runtimes call it beside the pod network. */

import { CniError } from "#cni/cni-error.ts";
import type { Plugin, PluginRequest } from "#cni/plugin.ts";
import type { CniResult } from "#cni/result.ts";
import { SPEC_VERSIONS } from "#cni/spec-version.ts";
import { listAddresses } from "#kernel/rtnetlink/address.ts";
import { findLink, type Link, setLink } from "#kernel/rtnetlink/link.ts";
import type { Host } from "./host.ts";
import { failed } from "./pod/check-pod.ts";
import { findPodNetns, openPodNetns, type PodNetns } from "./pod/pod-netns.ts";

/** CNI_IFNAME is not looked at: there is one loopback interface and its name is fixed. */
const NAME = "lo";

export const loopback: Plugin<Host> = {
  type: "loopback",
  versions: SPEC_VERSIONS,
  isStateless: true,

  async add(request) {
    using pod = openPodNetns(request);
    const link = requireLoopback(pod);
    setLink(pod.rtnetlink, link.ifindex, { up: true });
    const foreign = listAddresses(pod.rtnetlink, { ifindex: link.ifindex }).find(
      ({ prefix }) => !isLoopback(prefix.address),
    );
    if (foreign) {
      const { address } = foreign.prefix;
      throw new CniError(
        "linkConflict",
        `loopback interface has non-loopback address ${address}`,
        `address=${address}`,
      );
    }
    return request.config.prevResult ?? describe(request, pod, link);
  },

  async del(request) {
    using pod = findPodNetns(request);
    const link = pod && findLink(pod.rtnetlink, { name: NAME });
    if (pod && link) setLink(pod.rtnetlink, link.ifindex, { up: false });
  },

  async check(request) {
    using pod = openPodNetns(request);
    if (!requireLoopback(pod).up) throw failed("loopback interface is down");
  },
};

function requireLoopback(pod: PodNetns): Link {
  const link = findLink(pod.rtnetlink, { name: NAME });
  if (link) return link;
  throw new CniError("internal", `Cannot find link "${NAME}" in "${pod.netns.path}"`);
}

function describe({ netns: sandbox }: PluginRequest, pod: PodNetns, { ifindex }: Link): CniResult {
  const addresses = listAddresses(pod.rtnetlink, { ifindex });
  return {
    interfaces: [{ name: NAME, mac: "00:00:00:00:00:00", sandbox }],
    ips: addresses.map(({ prefix }) => ({ address: `${prefix.address}/${prefix.length}`, interface: 0 })),
  };
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
