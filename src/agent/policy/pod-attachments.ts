/** What the ledger says of pods' links, as policies need it: which pod, which link, which addresses. Pure. */
import { AddressError, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { type MacAddress, parseMacAddress } from "#base/mac-address.ts";
import type { PodAttachment } from "#dataplane/policy/contract.ts";
import type { PodId } from "#policy/rule-model.ts";
import type { LedgerRecord } from "../ledger.ts";

export interface LedgerAttachment extends PodAttachment {
  /** Of the pod's object, or what a static pod's file hashes to. */
  readonly uid: string | undefined;
}

/** Undefined for what made no link of its own, such as a plugin that is chained. */
export function ledgerAttachment({ facts, args }: LedgerRecord): LedgerAttachment | undefined {
  if (facts?.hostLink === undefined) return undefined;
  const { namespace, name, uid } = podOfArgs(args);
  const addresses = facts.addresses ?? (facts.nat?.masquerades ?? []).map(({ address }) => address);
  return {
    pod: namespace === undefined || name === undefined ? undefined : `${namespace}/${name}`,
    uid,
    link: facts.hostLink,
    mac: read(parseMacAddress, facts.mac),
    addresses: addresses.flatMap((text) => read(parseAddress, text) ?? []),
  };
}

/** CNI_ARGS as kubelets and runtimes write it: `K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_UID=…`. */
export function podOfArgs(args: string) {
  const values = new Map(
    args.split(";").map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at), pair.slice(at + 1)] as const;
    }),
  );
  const of = (key: string): string | undefined => values.get(key) || undefined;
  return { namespace: of("K8S_POD_NAMESPACE"), name: of("K8S_POD_NAME"), uid: of("K8S_POD_UID") };
}

/** Addresses of a pod that is this very object, and no other of its name. */
export function addressesOf(
  attachments: Iterable<LedgerAttachment>,
  pod: PodId,
  uids: readonly (string | undefined)[],
): readonly IpAddress[] {
  return [...attachments]
    .filter((one) => one.pod === pod && (one.uid === undefined || uids.includes(one.uid)))
    .flatMap(({ addresses }) => addresses);
}

function read<T extends MacAddress | IpAddress>(parse: (text: string) => T, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof AddressError) return undefined;
    throw error;
  }
}
