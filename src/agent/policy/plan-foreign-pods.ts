/**
 * Which pod has which link, where another CNI has made both: the API says which addresses a pod has, the kernel says which
 * link leads to them. A pod has its addresses only while it has its link; where two pods or two links could be meant,
 * nobody has them. Pure.
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { IpAddress } from "#base/ip-address.ts";
import { podId, worldPod } from "#policy/policy-world.ts";
import type { PodId } from "#policy/rule-model.ts";
import type { ForeignLink } from "./observe-foreign-links.ts";
import type { LedgerAttachment } from "./pod-attachments.ts";

export interface ForeignAttachment extends LedgerAttachment {
  readonly pod: PodId;
  readonly ifindex: number;
}

export interface ForeignPods {
  /** Of this node, in pods' own networks. */
  readonly pods: readonly Pod[];
  readonly links: readonly ForeignLink[];
  /** By link. */
  readonly attached: ReadonlyMap<string, ForeignAttachment>;
  /** Pods whose link has gone, by uid, with the version of the object that was known then: what it says is old. */
  readonly lost: ReadonlyMap<string, string>;
  /** Addresses that an earlier process has held links to: of several with one address, the one that had it keeps it. */
  readonly held: ReadonlyMap<string, readonly IpAddress[]>;
}

export interface ForeignPodsPlan {
  readonly attach: readonly ForeignAttachment[];
  readonly detach: readonly ForeignAttachment[];
  readonly lost: ReadonlyMap<string, string>;
  /** Why a pod has no link though the API says that it has addresses: it is closed. */
  readonly problems: readonly string[];
}

export function planForeignPods({ pods, links, attached, lost, held }: ForeignPods): ForeignPodsPlan {
  const byId = new Map(pods.map((pod) => [idOf(pod), pod]));
  const byIfindex = new Map(links.map((link) => [link.ifindex, link]));
  const kept: ForeignAttachment[] = [];
  const detach: ForeignAttachment[] = [];
  const nextLost = new Map([...lost].filter(([uid]) => pods.some(({ metadata }) => metadata.uid === uid)));
  for (const one of attached.values()) {
    const pod = byId.get(one.pod);
    const isSamePod = pod !== undefined && pod.metadata.uid === one.uid && worldPod(pod).isFinished === false;
    const isThere = byIfindex.get(one.ifindex)?.link === one.link;
    if (isSamePod && isThere && isSame(addressesOf(pod), one.addresses)) kept.push(one);
    else detach.push(one);
    if (isSamePod && !isThere && one.uid !== undefined) nextLost.set(one.uid, pod.metadata.resourceVersion ?? "");
  }
  const takenLinks = new Set(kept.map(({ ifindex }) => ifindex));
  const takenAddresses = new Set(kept.flatMap(({ addresses }) => addresses));
  const hasLink = new Set(kept.map(({ pod }) => pod));
  const waiting = pods.filter((pod) => !hasLink.has(idOf(pod)) && isEligible(pod, nextLost));
  const attach: ForeignAttachment[] = [];
  const problems: string[] = [];
  for (const pod of waiting) {
    const addresses = addressesOf(pod);
    const rivals = waiting.filter(
      (other) => other !== pod && addressesOf(other).some((one) => addresses.includes(one)),
    );
    const all = links.filter(({ ifindex, addresses: there }) => !takenLinks.has(ifindex) && isIn(addresses, there));
    const before = all.filter(({ link }) => isIn(addresses, held.get(link) ?? []));
    const found = before.length === 1 ? before : all;
    const [link] = found;
    if (addresses.some((one) => takenAddresses.has(one)) || rivals.some((other) => !isOlder(other, pod))) {
      problems.push(`pod ${idOf(pod)} is closed: another pod has its address`);
    } else if (link === undefined) {
      problems.push(
        `pod ${idOf(pod)} is closed: no link leads to ${addresses.join(" and ")}; see --pod-links and --pod-bridges`,
      );
    } else if (found.length > 1) {
      problems.push(
        `pod ${idOf(pod)} is closed: several links have its address: ${found.map((one) => one.link).join(", ")}`,
      );
    } else {
      attach.push({
        pod: idOf(pod),
        uid: pod.metadata.uid,
        link: link.link,
        ifindex: link.ifindex,
        mac: link.mac,
        addresses,
      });
    }
  }
  return { attach, detach, lost: nextLost, problems };
}

/** Its status speaks of the link that it has now. */
function isEligible(pod: Pod, lost: ReadonlyMap<string, string>): boolean {
  const { metadata, status } = pod;
  if (addressesOf(pod).length === 0 || worldPod(pod).isFinished) return false;
  const containers = status?.containerStatuses ?? [];
  if (containers.length > 0 && containers.every(({ state }) => state?.terminated !== undefined)) return false;
  const known = lost.get(metadata.uid ?? "");
  return known === undefined || (metadata.deletionTimestamp === undefined && metadata.resourceVersion !== known);
}

/** An address is given away again only after its pod is gone: of two that claim it, the later one has it. */
function isOlder(one: Pod, than: Pod): boolean {
  return (one.metadata.creationTimestamp ?? "") < (than.metadata.creationTimestamp ?? "");
}

function addressesOf(pod: Pod): readonly IpAddress[] {
  return worldPod(pod).addresses;
}

function idOf({ metadata }: Pod): PodId {
  return podId(metadata.namespace ?? "default", metadata.name ?? "");
}

function isIn(some: readonly IpAddress[], all: readonly IpAddress[]): boolean {
  return some.every((one) => all.includes(one));
}

function isSame(a: readonly IpAddress[], b: readonly IpAddress[]): boolean {
  return a.length === b.length && isIn(a, b);
}
