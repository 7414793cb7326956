/**
 * Which probes are sent together. The kernel keeps the neighbours of all network namespaces in one table per family, and
 * drops packets when it is full of young entries: hundreds of pods that talk to each other at once overflow it. So they
 * are sent in waves; what a wave has taught is forgotten before the next one. Pure.
 * Source: net/core/neighbour.c (neigh_forced_gc), arp(7).
 */
import type { Endpoint, Probe } from "./plan-probes.ts";

/** Others need some entries, too. */
const USABLE = 0.8;

/** One wave where all of it fits into a table of that many entries. */
export function planWaves(probes: readonly Probe[], limit: number): readonly (readonly Probe[])[] {
  const room = Math.floor(limit * USABLE);
  if (countNeighbours(probes) <= room) return [probes];
  const near = probes.filter(isBetweenPodsOfOneNode);
  const far = probes.filter((probe) => !isBetweenPodsOfOneNode(probe));
  return [...groupPairs(far, room), ...fillWithPairs(near, room)];
}

/** Entries that the probes and their answers take in the fuller table. */
export function countNeighbours(probes: readonly Probe[]): number {
  const tables = { 4: new Set<string>(), 6: new Set<string>() };
  for (const { family, from, to } of probes) {
    for (const entry of [...entriesOf(from, to), ...entriesOf(to, from)]) tables[family].add(entry);
  }
  return Math.max(tables[4].size, tables[6].size);
}

/** What one end's packets to the other need: `namespace next-hop`. */
function entriesOf(end: Endpoint, other: Endpoint): readonly string[] {
  const entries = end.node === other.node ? [] : [`${end.node} ${other.node}`];
  if (!isPod(end)) return entries;
  if (end.node === other.node && isPod(other)) return [`${end.namespace} ${other.address}`];
  return [...entries, `${end.namespace} gateway`, `${end.node} ${end.address}`];
}

function isPod({ namespace, node }: Endpoint): boolean {
  return namespace !== node;
}

function isBetweenPodsOfOneNode({ from, to }: Probe): boolean {
  return from.node === to.node && isPod(from) && isPod(to);
}

interface Group {
  pods: number;
  readonly nodes: Set<string>;
}

/** Namespaces in groups, so that those of any two groups fit: a wave for each two groups, and for each alone. */
function groupPairs(probes: readonly Probe[], room: number): readonly (readonly Probe[])[] {
  const groups = groupNamespaces(probes, room);
  const groupOf = ({ from, to }: Probe): string => {
    // The place outside is in no group.
    const [one = 0, other = one] = [groups.get(from.namespace), groups.get(to.namespace)].filter(
      (group) => group !== undefined,
    );
    return one < other ? `${one} ${other}` : `${other} ${one}`;
  };
  return [...Map.groupBy(probes, groupOf).values()];
}

function groupNamespaces(probes: readonly Probe[], room: number): ReadonlyMap<string, number> {
  // Those that send: of each namespace one end, so that its family does not count.
  const senders = new Map(probes.map(({ from }) => [from.namespace, from]));
  const ordered = [...senders.values()].toSorted(
    (one, other) => compare(one.node, other.node) || compare(one.namespace, other.namespace),
  );
  const groups = new Map<string, number>();
  let number = 0;
  let group: Group = { pods: 0, nodes: new Set() };
  for (const sender of ordered) {
    const wider: Group = {
      pods: group.pods + (isPod(sender) ? 1 : 0),
      nodes: new Set([...group.nodes, sender.node]),
    };
    const isFull = group.nodes.size > 0 && entriesOfTwo(wider) > room;
    if (isFull) number += 1;
    group = isFull ? { pods: isPod(sender) ? 1 : 0, nodes: new Set([sender.node]) } : wider;
    groups.set(sender.namespace, number);
  }
  return groups;
}

/** Of two such groups: each pod and its gateway know each other, each node those of the other group, and the outside. */
function entriesOfTwo({ pods, nodes }: Group): number {
  return 2 * (2 * pods) + 2 * nodes.size ** 2 + 2 * nodes.size;
}

/** Two pods of a node know each other: two entries, however many probes they exchange. */
function fillWithPairs(probes: readonly Probe[], room: number): readonly (readonly Probe[])[] {
  const keyOf = ({ from, to }: Probe): string => [from.namespace, to.namespace].toSorted(compare).join(" ");
  const pairs = [...Map.groupBy(probes, keyOf).values()];
  const perWave = Math.max(1, Math.floor(room / 2));
  return Array.from({ length: Math.ceil(pairs.length / perWave) }, (_, wave) =>
    pairs.slice(wave * perWave, (wave + 1) * perWave).flat(),
  );
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
