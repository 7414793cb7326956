/** A Node object as a node of the pod network. Pure. */
import type { Node } from "#api/kinds/node.ts";
import {
  AddressError,
  type Family,
  familyOf,
  type IpAddress,
  type Prefix,
  parseAddress,
  parsePrefix,
} from "#base/ip-address.ts";
import type { PerFamily } from "#dataplane/contract.ts";
import { annotationKeyPrefix, FlannelFormatError, parseAnnotations } from "#dataplane/flannel-formats.ts";
import type { ClusterNode, OwnNode } from "./cluster-network.ts";
import { addReceives, RECEIVES_ANNOTATION } from "./receives.ts";

/** What is wrong with it is said in `problem`: one node must not harm the others. */
export function parseNode({ metadata, spec }: Node, annotationPrefix?: string): ClusterNode {
  const name = metadata.name ?? "";
  const annotations = metadata.annotations ?? {};
  try {
    const podPrefixes = byFamily((spec?.podCIDRs ?? []).map((text) => parsePrefix(text)));
    const flannel = parseAnnotations(annotations, annotationPrefix);
    const announcement = flannel && addReceives(flannel, annotations[RECEIVES_ANNOTATION]);
    return { name, podPrefixes, announcement };
  } catch (error) {
    if (!(error instanceof FlannelFormatError || error instanceof AddressError)) throw error;
    return { name, podPrefixes: {}, announcement: undefined, problem: error.message };
  }
}

export function parseOwnNode(object: Node, annotationPrefix?: string): OwnNode {
  const announced = parseNode(object, annotationPrefix);
  // Whatever announced it before: what cannot be read is written anew.
  const own = announced.problem === undefined ? announced : withoutAnnouncement(object);
  const key = annotationKeyPrefix(annotationPrefix);
  const annotations = object.metadata.annotations ?? {};
  const addresses = (object.status?.addresses ?? []).filter(({ type }) => type === "InternalIP");
  return {
    ...own,
    internalAddresses: firstOfFamily(addresses.map(({ address }) => address)),
    publicAddresses: firstOfFamily([annotations[`${key}node-public-ip`], annotations[`${key}node-public-ipv6`]]),
  };
}

function withoutAnnouncement({ metadata, ...rest }: Node): ClusterNode {
  return parseNode({ ...rest, metadata: { ...metadata, annotations: {} } });
}

/** Whether anything that the pod network depends on has changed: a kubelet writes the status of its node often. */
export function isSameForNetwork(a: Node, b: Node): boolean {
  return relevantPart(a) === relevantPart(b);
}

function relevantPart({ metadata, spec, status }: Node): string {
  const condition = status?.conditions?.find(({ type }) => type === "NetworkUnavailable");
  const { uid, annotations } = metadata;
  return JSON.stringify([uid, annotations, spec?.podCIDRs, status?.addresses, condition?.status, condition?.reason]);
}

function byFamily(prefixes: readonly Prefix[]): PerFamily<Prefix> {
  const find = (family: Family): Prefix | undefined => prefixes.find((prefix) => prefix.family === family);
  return { 4: find(4), 6: find(6) };
}

function firstOfFamily(texts: readonly (string | undefined)[]): PerFamily<IpAddress> {
  const addresses = texts.flatMap((text) => {
    try {
      return text === undefined || text === "" ? [] : [parseAddress(text)];
    } catch (error) {
      if (error instanceof AddressError) return []; // a node has names among its addresses, too
      throw error;
    }
  });
  const find = (family: Family): IpAddress | undefined => addresses.find((address) => familyOf(address) === family);
  return { 4: find(4), 6: find(6) };
}
