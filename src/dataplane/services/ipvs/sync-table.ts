/** The table as it is, and what makes it as it should be: one transaction, in which nothing that is right is touched. */
import { formatAddress } from "#base/ip-address.ts";
import { findTable, listChains, listElements, listRules, listSets } from "#kernel/nfnetlink/nft-query.ts";
import type { NftOperation } from "#kernel/nfnetlink/operation.ts";
import type { NftSocket } from "#kernel/nfnetlink/transaction.ts";
import type { ServiceProxyNode } from "../contract.ts";
import { isSameRule } from "../nftables/observe-table.ts";
import { FAMILIES } from "../nftables/service-table.ts";
import {
  IPVS_LAYOUT,
  IPVS_TABLE,
  ipvsFrameChains,
  ipvsFrameOperations,
  ipvsFrameSets,
  ipvsSets,
} from "./ipvs-table.ts";
import { elementOperations, ipvsNodeElements, type TableElement, tableElementText } from "./table-elements.ts";

export interface IpvsTableLook {
  readonly isThere: boolean;
  /** By text; undefined when the frame is not ours as it should be. */
  readonly elements: ReadonlyMap<string, TableElement> | undefined;
}

export function observeIpvsTable(nft: NftSocket): IpvsTableLook {
  const table = findTable(nft, IPVS_TABLE);
  if (table === undefined) return { isThere: false, elements: undefined };
  const present = new Set(listSets(nft, IPVS_TABLE).map(({ set }) => set));
  const sets = ipvsFrameSets().map(({ set }) => set);
  const isOurs = table.comment === IPVS_LAYOUT && !table.flags?.includes("dormant");
  if (!isOurs || sets.some((set) => !present.has(set)) || !isFrameRight(nft)) {
    return { isThere: true, elements: undefined };
  }
  const elements = sets.flatMap((set) =>
    listElements(nft, { ...IPVS_TABLE, set }).map((element): TableElement => ({ set, element })),
  );
  return { isThere: true, elements: new Map(elements.map((one) => [tableElementText(one), one])) };
}

function isFrameRight(nft: NftSocket): boolean {
  const chains = new Map(listChains(nft, IPVS_TABLE).map((chain) => [chain.chain, chain]));
  const rules = Map.groupBy(listRules(nft, IPVS_TABLE), ({ chain }) => chain);
  const wanted = ipvsFrameChains();
  if (chains.size !== wanted.length) return false;
  return wanted.every(({ chain, base, rules: ofChain }) => {
    const found = chains.get(chain);
    const actual = rules.get(chain) ?? [];
    const isSameHook =
      found !== undefined &&
      found.base?.hook === base?.hook &&
      found.base?.priority === base?.priority &&
      (found.base?.policy ?? "accept") === "accept";
    const isSameLength = actual.length === ofChain.length;
    return isSameHook && isSameLength && ofChain.every((rule, at) => isSameRule(actual[at]?.expressions ?? [], rule));
  });
}

export function planIpvsTable(
  look: IpvsTableLook,
  node: ServiceProxyNode,
  wanted: ReadonlyMap<string, TableElement>,
): readonly NftOperation[] {
  const ofNode = ipvsNodeElements(node);
  const fill = (set: string): readonly NftOperation[] => {
    const elements = ofNode.get(set) ?? [];
    return elements.length === 0 ? [] : [{ do: "create elements", set: { ...IPVS_TABLE, set }, elements }];
  };
  if (look.elements === undefined) {
    return [
      ...(look.isThere ? [{ do: "delete table", table: IPVS_TABLE } as const] : []),
      ...ipvsFrameOperations(),
      ...[...ofNode.keys()].flatMap(fill),
      ...elementOperations({ removed: [], added: [...wanted.values()] }),
    ];
  }
  const { elements } = look;
  const texts = (set: string) => [...elements].flatMap(([text, one]) => (one.set === set ? [text] : []));
  const refilled = [...ofNode].flatMap(([set, ofSet]) => {
    const [present, right] = [texts(set), new Set(ofSet.map((element) => tableElementText({ set, element })))];
    if (present.length === right.size && present.every((text) => right.has(text))) return [];
    return [{ do: "flush set", set: { ...IPVS_TABLE, set } } satisfies NftOperation, ...fill(set)];
  });
  const removed = [...elements].filter(([text, { set }]) => !ofNode.has(set) && !wanted.has(text));
  const added = [...wanted].filter(([text]) => !elements.has(text));
  const changes = { removed: removed.map(([, one]) => one), added: added.map(([, one]) => one) };
  return [...refilled, ...elementOperations(changes)];
}

const PROTOCOLS: ReadonlyMap<number | undefined, string> = new Map([
  [6, "TCP"],
  [17, "UDP"],
  [132, "SCTP"],
]);

/** Names of the virtual services that the table speaks of: they are ours, also those at the node's own addresses. */
export function frontendsInTable({ elements }: IpvsTableLook): ReadonlySet<string> {
  const texts = new Set<string>();
  for (const family of FAMILIES) {
    const [bytes, { frontends }] = [family === 4 ? 4 : 16, ipvsSets(family)];
    for (const { set, element } of elements?.values() ?? []) {
      if (set !== frontends || element.key === undefined) continue;
      const key = Buffer.from(element.key);
      const address = formatAddress(key.subarray(0, bytes));
      const port = key.readUInt16BE(bytes + 4);
      texts.add(`${family === 6 ? `[${address}]` : address}:${port}/${PROTOCOLS.get(key[bytes])}`);
    }
  }
  return texts;
}
