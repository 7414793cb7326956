/**
 * Which connections become possible or impossible when policies, labels or pods change. Exact for all ports; ends outside
 * are stood for by one address for each group that no rule of either side tells apart.
 */
import type { Family } from "#base/ip-address.ts";
import { compileRuleModel } from "./compile-rule-model.ts";
import { byClass, endClass } from "./end-classes.ts";
import { type End, type Outside, outsideEnds, podEnds } from "./ends.ts";
import type { PolicyWorld } from "./policy-world.ts";
import { createPortEdges, mergePortEdges, type PortEdgesOf } from "./port-edges.ts";
import type { Flow, PolicyProtocol } from "./rule-model.ts";
import { type EndPair, endPairs, type PortRange, stretches } from "./stretches.ts";
import { createVerdicts, type DirectionVerdict, type Verdict } from "./verdict.ts";

export interface FlowChange {
  /** Of the new side. */
  readonly from: End;
  readonly to: End;
  readonly families: readonly Family[];
  readonly protocol: PolicyProtocol;
  readonly ports: PortRange;
  readonly after: "allow" | "deny";
  /** Rules and policies that decide before and after. */
  readonly because: { readonly before: readonly string[]; readonly after: readonly string[] };
}

export interface PolicyDiff {
  readonly changes: readonly FlowChange[];
  /** Pairs of ends that were compared. */
  readonly pairs: number;
}

interface Side {
  readonly ends: ReadonlyMap<string, End>;
  readonly verdictOf: (flow: Flow) => Verdict;
  readonly edgesOf: PortEdgesOf;
}

type PairChange = Omit<FlowChange, "from" | "to" | "families"> & { readonly family: Family };

/** Of pods that both worlds have, and between them and outside. */
export function diff(oldWorld: PolicyWorld, newWorld: PolicyWorld, around: Outside = {}): PolicyDiff {
  const worlds = [oldWorld, newWorld] as const;
  const models = [compileRuleModel(oldWorld), compileRuleModel(newWorld)] as const;
  const outside = outsideEnds(models, around);
  const sideOf = (index: 0 | 1): Side => ({
    ends: new Map([...podEnds(worlds[index]), ...outside].map((end) => [end.name, end])),
    verdictOf: createVerdicts(models[index], { needsNearest: false }),
    edgesOf: createPortEdges(models[index]),
  });
  const [before, after] = [sideOf(0), sideOf(1)];
  const common = [...after.ends.values()].filter(({ name }) => before.ends.has(name));
  const classes = new Map(
    common.map((end) => {
      const old = before.ends.get(end.name) ?? end;
      return [end.name, `${endClass([models[0]], old)} ${endClass([models[1]], end)}`];
    }),
  );
  const changesOf = byClass(classes, (from, to) => bothFamilies(pairChanges({ before, after }, from, to)));
  const pairs = common.flatMap((from) =>
    common
      .filter((to) => from !== to && (from.kind === "pod" || to.kind === "pod") && endPairs(from, to).length > 0)
      .map((to) => ({ from, to })),
  );
  const changes = pairs.flatMap(({ from, to }) => changesOf(from, to).map((change) => ({ ...change, from, to })));
  return { changes, pairs: pairs.length };
}

interface Sides {
  readonly before: Side;
  readonly after: Side;
}

function pairChanges({ before, after }: Sides, from: End, to: End): readonly PairChange[] {
  const oldPairs = endPairs(before.ends.get(from.name) ?? from, before.ends.get(to.name) ?? to);
  return endPairs(from, to).flatMap((pair) => {
    const oldPair = oldPairs.find(({ family }) => family === pair.family);
    if (oldPair === undefined) return [];
    const question: Asked = { before, after, pair, oldPair };
    const edges = mergePortEdges(before.edgesOf(oldPair), after.edgesOf(pair));
    const changes: PairChange[] = [];
    for (const { protocol, first, last, flow } of stretches(pair, edges)) {
      const change = ask(question, flow);
      if (change === undefined) continue;
      const previous = changes.at(-1);
      const next = { ...change, protocol, ports: { first, last } };
      if (previous !== undefined && continues(previous, next)) {
        changes.splice(-1, 1, { ...previous, ports: { first: previous.ports.first, last } });
      } else changes.push(next);
    }
    return changes;
  });
}

interface Asked extends Sides {
  readonly pair: EndPair;
  readonly oldPair: EndPair;
}

type Answer = Pick<PairChange, "family" | "after" | "because">;

function ask({ before, after, oldPair }: Asked, flow: Flow): Answer | undefined {
  const old = before.verdictOf({ ...flow, source: oldPair.source, destination: oldPair.destination });
  const next = after.verdictOf(flow);
  if (old.allowed === next.allowed) return undefined;
  return {
    family: flow.family,
    after: next.allowed ? "allow" : "deny",
    because: { before: decidersOf(old), after: decidersOf(next) },
  };
}

function continues(previous: PairChange, next: PairChange): boolean {
  return (
    previous.ports.last === next.ports.first - 1 &&
    previous.protocol === next.protocol &&
    previous.after === next.after &&
    JSON.stringify(previous.because) === JSON.stringify(next.because)
  );
}

/** Rules and policies that made the answer what it is. */
function decidersOf({ allowed, egress, ingress }: Verdict): readonly string[] {
  const relevant = allowed ? [egress, ingress] : [egress, ingress].filter((direction) => !direction.allowed);
  return relevant.flatMap(decider);
}

function decider({ reason, direction }: DirectionVerdict): readonly string[] {
  if (reason.kind === "rule") return [reason.rule];
  if (reason.kind === "isolation") return reason.policies.map((policy) => `${policy} ${direction}`);
  return [];
}

function bothFamilies(changes: readonly PairChange[]): readonly Omit<FlowChange, "from" | "to">[] {
  const merged = new Map<string, Omit<FlowChange, "from" | "to">>();
  for (const { family, ...change } of changes) {
    const key = JSON.stringify(change);
    const known = merged.get(key);
    merged.set(key, { ...change, ...known, families: [...(known?.families ?? []), family] });
  }
  return [...merged.values()];
}
