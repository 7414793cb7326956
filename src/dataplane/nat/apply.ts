/**
 * Writes attachments' address translation to the kernel: one transaction each, over the agent's held socket.
 * Elements carry their owner as comment, so that what nobody owns any more can be told from the kernel alone.
 */
import { familyOf, parseAddress } from "#base/ip-address.ts";
import { isErrno } from "#kernel/kernel-error.ts";
import { deleteElementsIfPresent } from "#kernel/nfnetlink/delete-elements.ts";
import { findChain, findElement, findTable, listElements, readGeneration } from "#kernel/nfnetlink/nft-query.ts";
import type { NftOperation } from "#kernel/nfnetlink/operation.ts";
import type { NftSetElement } from "#kernel/nfnetlink/set-element.ts";
import { isStaleGeneration, type NftSocket } from "#kernel/nfnetlink/transaction.ts";
import type { NatState } from "./nat-state.ts";
import {
  FAMILIES,
  frameOperations,
  NAT_TABLE,
  natMaps,
  POD_NETWORKS,
  SUBNET_CHAIN_RULES,
  setOperations,
  subnetChainName,
  subnetChainOperations,
} from "./nat-table.ts";
import { elementId, type HostPortClaim, isHostPortClaim, type NatElement, planElements, portKey } from "./plan.ts";

/** A host port that another attachment has. */
export class HostPortTakenError extends Error {
  override readonly name = "HostPortTakenError";
  readonly element: NatElement;
  /** Comment of the element that is there: its owner. */
  readonly owner: string;

  constructor(element: NatElement, owner: string) {
    super(`Element ${elementId(element)} belongs to "${owner}"`);
    this.element = element;
    this.owner = owner;
  }
}

/** Changes of others that may come in between before this gives up. */
const ATTEMPTS = 20;

/**
 * All elements of an attachment or none, whatever of them is there already. Throws HostPortTakenError.
 * An address has one owner, so elements that a former owner of the address left are replaced.
 */
export function addNat(nft: NftSocket, owner: string, state: NatState): void {
  const elements = planElements(owner, state);
  if (elements.length === 0) return;
  for (let attempt = 1; ; attempt++) {
    // No key excludes a port on all addresses and the same on one: then it must be the ruleset that was looked at.
    const options = state.hostPorts.length > 0 ? { generation: readGeneration(nft) } : {};
    const operations = planAddition(nft, owner, elements);
    if (operations.length === 0) return;
    try {
      nft.commit(operations, `program address translation of ${owner}`, options);
      return;
    } catch (error) {
      // Another process made the chain, removed it with its last pod, or changed the ruleset, since we looked.
      if (!(isErrno(error, "EEXIST", "ENOENT") || isStaleGeneration(error)) || attempt === ATTEMPTS) throw error;
    }
  }
}

function planAddition(nft: NftSocket, owner: string, elements: readonly NatElement[]): readonly NftOperation[] {
  const stale: NatElement[] = [];
  const missing = elements.filter((element) => {
    const present = findElement(nft, { ...NAT_TABLE, set: element.set }, element.key);
    if (present === undefined) return true;
    if (present.comment === owner && isSameData(present, element)) return false;
    if (present.comment !== owner && isHostPortClaim(element)) {
      throw new HostPortTakenError(element, present.comment ?? "");
    }
    return stale.push(element) > 0;
  });
  requireNoRival(nft, owner, missing.filter(isHostPortClaim));
  if (missing.length === 0) return [];
  const chains = missingChains(nft, missing);
  // A subnet's chain that is there proves the table.
  if (chains.length > 0 || !missing.some(({ subnetChain }) => subnetChain)) ensureFrame(nft);
  return [...chains, ...changeElements("delete elements", stale), ...changeElements("create elements", missing)];
}

/** A port on all addresses of the node excludes the same port of another attachment on one of them, both ways. */
function requireNoRival(nft: NftSocket, owner: string, claims: readonly HostPortClaim[]): void {
  for (const [family, ofFamily] of Map.groupBy(claims, ({ wanted }) => familyOf(parseAddress(wanted.address)))) {
    const { hostPorts, hostIpPorts } = natMaps(family);
    const onAll = { ...NAT_TABLE, set: hostPorts.set };
    const needsList = ofFamily.some(({ wanted }) => wanted.hostIp === undefined);
    const onOne = needsList ? listElements(nft, { ...NAT_TABLE, set: hostIpPorts.set }) : [];
    for (const claim of ofFamily) {
      const key = portKey(claim.wanted);
      const rivals =
        claim.wanted.hostIp === undefined
          ? onOne.filter((one) => endsWith(one.key, key))
          : [findElement(nft, onAll, key)];
      const rival = rivals.find((one) => one !== undefined && one.comment !== owner);
      if (rival) throw new HostPortTakenError(claim, rival.comment ?? "");
    }
  }
}

/** Behind the address of the node, the key is that of the port on all addresses. */
function endsWith(key: Uint8Array | undefined, end: Uint8Array): boolean {
  return key !== undefined && Buffer.from(key).subarray(-end.length).equals(end);
}

/**
 * Removes elements of an attachment: those of a state, or all of one kind, searched by their owner. Succeeds without any.
 * What somebody else has by now is left alone: an address or a port may have been given away again.
 */
export function removeNat(nft: NftSocket, owner: string, what: NatState | keyof NatState): void {
  if (typeof what === "string") {
    removeElements(nft, listNatOf(nft, owner, what));
    return;
  }
  const planned = planElements(owner, what);
  deleteElements(
    nft,
    planned.filter(({ set, key }) => findElement(nft, { ...NAT_TABLE, set }, key)?.comment === owner),
  );
  removeUnusedChains(nft, planned); // also those of elements that somebody else took away
}

function listNatOf(nft: NftSocket, owner: string, kind: keyof NatState): readonly ListedElement[] {
  const masquerades: readonly string[] = FAMILIES.map((family) => natMaps(family).masq.set);
  return listNat(nft).filter(
    ({ set, comment }) => comment === owner && masquerades.includes(set) === (kind === "masquerades"),
  );
}

/** An element as the kernel has it. */
export interface ListedElement extends NftSetElement {
  readonly set: string;
  readonly key: Uint8Array;
  readonly comment: string;
}

/** All elements of all maps. */
export function listNat(nft: NftSocket): readonly ListedElement[] {
  return FAMILIES.flatMap((family) =>
    Object.values(natMaps(family)).flatMap(({ set }) =>
      listElements(nft, { ...NAT_TABLE, set }).flatMap((element): readonly ListedElement[] =>
        element.key ? [{ ...element, set, key: element.key, comment: element.comment ?? "" }] : [],
      ),
    ),
  );
}

type ElementOfSet = NftSetElement & { readonly set: string };

/** Deletes elements, and the subnet chains that nobody refers to afterwards. */
export function removeElements(nft: NftSocket, elements: readonly ElementOfSet[]): void {
  deleteElements(nft, elements);
  removeUnusedChains(nft, elements);
}

function deleteElements(nft: NftSocket, elements: readonly ElementOfSet[]): void {
  if (elements.length === 0) return;
  const sets = [...Map.groupBy(elements, ({ set }) => set)].map(([set, ofSet]) => ({
    ...NAT_TABLE,
    set,
    elements: ofSet.map(({ key }) => ({ key })),
  }));
  deleteElementsIfPresent(nft, sets, "remove address translation");
}

function removeUnusedChains(nft: NftSocket, elements: readonly NftSetElement[]): void {
  const chains = new Set(elements.flatMap(({ data }) => (data && "chain" in data && data.chain ? [data.chain] : [])));
  for (const chain of chains) removeUnusedChain(nft, chain);
}

/** Those of the elements that are not in the kernel as planned: what CHECK reports. */
export function missingNat(nft: NftSocket, owner: string, state: NatState): readonly NatElement[] {
  return planElements(owner, state).filter((element) => {
    const present = findElement(nft, { ...NAT_TABLE, set: element.set }, element.key);
    return present?.comment !== owner || !isSameData(present, element);
  });
}

/**
 * Chains of the frame that have fewer rules than they were made with, because somebody flushed them; those that are
 * missing, too. The kernel counts a chain's rules and what leads to it together, so more is no damage, and a chain that
 * lost its rules makes those that it led to look damaged: hooks come first.
 */
export function damagedChains(nft: NftSocket): readonly string[] {
  return [...frameRules()]
    .toReversed()
    .flatMap(([chain, rules]) =>
      (findChain(nft, { ...NAT_TABLE, chain })?.use ?? 0) < rules.length + (JUMPS[chain] ?? 0) ? [chain] : [],
    );
}

/** Jumps of the frame to its own chains. */
const JUMPS: Readonly<Record<string, number>> = { hostports: 2, [POD_NETWORKS]: 1 };

function frameChains(): readonly Extract<NftOperation, { readonly do: "add chain" | "create chain" }>[] {
  return frameOperations().flatMap((operation) => (operation.do === "add chain" ? [operation] : []));
}

function frameRules(): ReadonlyMap<string, readonly NftOperation[]> {
  const rules = frameOperations().flatMap((operation) => (operation.do === "add rule" ? [operation] : []));
  return Map.groupBy(rules, ({ rule }) => rule.chain);
}

export function isSameData(a: NftSetElement, b: NftSetElement): boolean {
  return describeData(a) === describeData(b);
}

/**
 * Creates table, hooks and maps unless they are there, and gives chains their rules back that somebody flushed.
 * Answers the chains that it mended.
 */
export function ensureFrame(nft: NftSocket): readonly string[] {
  try {
    if (findTable(nft, NAT_TABLE) === undefined) {
      nft.commit(frameOperations(), `create nft table ${NAT_TABLE.family} ${NAT_TABLE.table}`);
      return [];
    }
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error; // another process made it at the same moment
  }
  const rules = frameRules();
  const damaged = damagedChains(nft);
  const isMissing = (chain: string): boolean => findChain(nft, { ...NAT_TABLE, chain }) === undefined;
  const chains = frameChains().filter(({ chain }) => damaged.includes(chain.chain) && isMissing(chain.chain));
  const operations = damaged.flatMap((chain): readonly NftOperation[] => [
    { do: "flush chain", chain: { ...NAT_TABLE, chain } },
    ...(rules.get(chain) ?? []),
  ]);
  // A table that an older Podwire made has fewer chains and sets.
  if (operations.length > 0)
    nft.commit([...setOperations(), ...chains, ...operations], `mend nft table ${NAT_TABLE.family} ${NAT_TABLE.table}`);
  return damaged;
}

function missingChains(nft: NftSocket, elements: readonly NatElement[]): readonly NftOperation[] {
  const wanted = new Map(
    elements.flatMap(({ subnetChain }) =>
      subnetChain ? [[subnetChainName(subnetChain.kind, subnetChain.subnet), subnetChain] as const] : [],
    ),
  );
  return [...wanted].flatMap(([chain, { kind, subnet }]) =>
    findChain(nft, { ...NAT_TABLE, chain }) ? [] : subnetChainOperations(kind, subnet),
  );
}

function changeElements(
  verb: "create elements" | "delete elements",
  elements: readonly NatElement[],
): readonly NftOperation[] {
  return [...Map.groupBy(elements, ({ set }) => set)].map(([set, ofSet]) => ({
    do: verb,
    set: { ...NAT_TABLE, set },
    elements: verb === "create elements" ? ofSet : ofSet.map(({ key }) => ({ key })),
  }));
}

/** The kernel counts a chain's rules and the elements that lead to it together. */
function removeUnusedChain(nft: NftSocket, chain: string): void {
  const kind = (["masq", "hairpin"] as const).find((one) => chain.startsWith(`${one}-`));
  if (kind === undefined) return;
  const found = findChain(nft, { ...NAT_TABLE, chain });
  if (found === undefined || found.use !== SUBNET_CHAIN_RULES[kind]) return;
  const name = { ...NAT_TABLE, chain };
  try {
    nft.commit(
      [
        { do: "flush chain", chain: name },
        { do: "delete chain", chain: name },
      ],
      `remove unused chain ${chain}`,
    );
  } catch (error) {
    if (!isErrno(error, "EBUSY", "ENOENT")) throw error; // taken into use, or removed, by another process meanwhile
  }
}

function describeData({ data }: NftSetElement): string {
  if (data === undefined) return "";
  return data instanceof Uint8Array ? Buffer.from(data).toString("hex") : `${data.verdict} ${data.chain ?? ""}`;
}
