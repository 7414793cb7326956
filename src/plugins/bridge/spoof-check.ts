/**
 * `macspoofchk`: a pod's port lets only frames with the pod's own hardware address in. One table for all pods:
 * a set of the ports that are checked, and a set of the pairs port . address that pass.
 */
import { type MacAddress, macBytes } from "#base/mac-address.ts";
import type { Attachment, GcRequest } from "#cni/plugin.ts";
import { ownerComment } from "#dataplane/nat/plan.ts";
import { isErrno } from "#kernel/kernel-error.ts";
import { concat } from "#kernel/nfnetlink/data-type.ts";
import { deleteElementsIfPresent } from "#kernel/nfnetlink/delete-elements.ts";
import { findElement, findTable, listElements } from "#kernel/nfnetlink/nft-query.ts";
import type { NftOperation } from "#kernel/nfnetlink/operation.ts";
import { etherSaddr, iifname } from "#kernel/nfnetlink/selectors.ts";
import { inSet, rule, verdict } from "#kernel/nfnetlink/statements.ts";
import type { Host } from "../host.ts";
import { failed } from "../pod/check-pod.ts";
import { hostLinkCandidates } from "../pod/pod-identity.ts";
import { staleOwner } from "../pod/stale-attachments.ts";

const TABLE = { family: "bridge", table: "podwire" } as const;
const CHECKED = { ...TABLE, set: "checked_ports" } as const;
const ALLOWED = { ...TABLE, set: "allowed_macs" } as const;
/** IFNAMSIZ: an interface name in a register, filled with NUL. */
const IFNAME_BYTES = 16;
/** Before all other chains of the bridge family: NF_BR_PRI_NAT_DST_BRIDGED, include/uapi/linux/netfilter_bridge.h */
const PRIORITY_BRIDGE_DSTNAT = -300;

export interface CheckedPort {
  /** Name of the host's end. */
  readonly link: string;
  readonly mac: MacAddress | undefined;
}

export function addSpoofCheck({ nft }: Pick<Host, "nft">, attachment: Attachment, port: CheckedPort): void {
  if (findTable(nft, TABLE) === undefined) createTable(nft);
  const comment = ownerComment(attachment);
  nft.commit(
    [
      { do: "add elements", set: CHECKED, elements: [{ key: ifnameKey(port.link), comment }] },
      { do: "add elements", set: ALLOWED, elements: [{ key: portKey(port), comment }] },
    ],
    `check hardware addresses on "${port.link}"`,
  );
}

export function removeSpoofCheck({ nft }: Pick<Host, "nft">, attachment: Attachment): void {
  if (findTable(nft, TABLE) === undefined) return;
  const comment = ownerComment(attachment);
  const checked = hostLinkCandidates(attachment).flatMap(({ name }) => {
    const element = findElement(nft, CHECKED, ifnameKey(name));
    return element?.comment === comment ? [{ key: ifnameKey(name) }] : [];
  });
  if (checked.length === 0) return;
  const allowed = listElements(nft, ALLOWED).filter((element) => element.comment === comment);
  const sets = [
    { ...CHECKED, elements: checked },
    { ...ALLOWED, elements: allowed.map(({ key }) => ({ key })) },
  ];
  deleteElementsIfPresent(nft, sets, "remove check of hardware addresses");
}

/** The same for all attachments of the network that GC does not list, whatever their links were called. */
export function removeStaleSpoofChecks({ nft }: Pick<Host, "nft">, request: GcRequest): void {
  const isStale = staleOwner(request);
  const sets = [CHECKED, ALLOWED].flatMap((set) => {
    const stale = listElements(nft, set).filter(({ comment }) => isStale(comment ?? ""));
    return stale.length === 0 ? [] : [{ ...set, elements: stale.map(({ key }) => ({ key })) }];
  });
  deleteElementsIfPresent(nft, sets, "remove stale checks of hardware addresses");
}

/** Throws CniError 103. */
export function checkSpoofCheck({ nft }: Pick<Host, "nft">, port: CheckedPort): void {
  const isThere = findElement(nft, CHECKED, ifnameKey(port.link)) && findElement(nft, ALLOWED, portKey(port));
  if (!isThere)
    throw failed(
      `Port "${port.link}" is not checked for its hardware address: nft table "bridge podwire" has no such element`,
    );
}

function createTable(nft: Host["nft"]): void {
  const operations: readonly NftOperation[] = [
    { do: "create table", table: TABLE },
    { do: "add set", set: { ...CHECKED, key: ["ifname"] } },
    { do: "add set", set: { ...ALLOWED, key: ["ifname", "ether_addr"] } },
    {
      do: "add chain",
      chain: {
        ...TABLE,
        chain: "prerouting",
        base: { type: "filter", hook: "prerouting", priority: PRIORITY_BRIDGE_DSTNAT },
      },
    },
    {
      // iifname @checked_ports iifname . ether saddr != @allowed_macs drop
      do: "add rule",
      rule: {
        ...TABLE,
        chain: "prerouting",
        expressions: rule(
          inSet([iifname], CHECKED.set),
          inSet([iifname, etherSaddr], ALLOWED.set, "!="),
          verdict("drop"),
        ),
      },
    },
  ];
  try {
    nft.commit(operations, `create nft table ${TABLE.family} ${TABLE.table}`);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error; // another process made it at the same moment
  }
}

function ifnameKey(name: string): Uint8Array {
  const key = new Uint8Array(IFNAME_BYTES);
  key.set(Buffer.from(name));
  return key;
}

function portKey({ link, mac }: CheckedPort): Uint8Array {
  return concat(ifnameKey(link), mac === undefined ? new Uint8Array(6) : macBytes(mac));
}
