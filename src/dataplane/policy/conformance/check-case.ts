/**
 * One case on real packets against the oracle: each connection that it allows is answered, each that it denies is dropped
 * by the very rule that it names. What differs is told, one line each.
 */
import { type Family, familyOf, type IpAddress } from "#base/ip-address.ts";
import { compileRuleModel } from "#policy/compile-rule-model.ts";
import type { PolicyWorld } from "#policy/policy-world.ts";
import type { Flow } from "#policy/rule-model.ts";
import { createVerdicts, type DirectionVerdict, type Verdict } from "#policy/verdict.ts";
import type { DropReason } from "../contract.ts";
import { type Probe, type ProbeOutcome, runProbe } from "./probe.ts";
import type { TestCluster } from "./test-cluster.ts";

export interface CaseProbe {
  /** Number of a slot, or the machine outside. */
  readonly from: number | "outside";
  readonly to: number | "outside";
  readonly family: Family;
  readonly protocol: "TCP" | "UDP";
  readonly port: number;
}

export interface CaseResult {
  readonly allowed: number;
  readonly denied: number;
  readonly differences: readonly string[];
}

/** The cluster has the case's rules already. */
export async function checkCase(
  cluster: TestCluster,
  world: PolicyWorld,
  probes: readonly CaseProbe[],
): Promise<CaseResult> {
  const judge = createVerdicts(compileRuleModel(world));
  const results = await Promise.all(
    probes.map(async (one) => {
      const probe = probeOf(cluster, one);
      const expected = expectedVerdict(cluster, judge(flowOf(probe)));
      const outcome = await runProbe(probe, cluster.drops);
      return { expected, difference: compare(cluster, probe, expected, outcome) };
    }),
  );
  return {
    allowed: results.filter(({ expected }) => expected === undefined).length,
    denied: results.filter(({ expected }) => expected !== undefined).length,
    differences: results.flatMap(({ difference }) => difference ?? []),
  };
}

/** Who drops it; undefined when nobody does. */
type ExpectedDrop = DropReason | undefined;

/** An address of a node's pods that no pod of the case has is closed both ways; the model knows nothing of that. */
function expectedVerdict({ slots }: TestCluster, { flow, egress, ingress }: Verdict): ExpectedDrop {
  if (flow.source === flow.destination) return undefined; // never leaves the pod
  const isSlot = (address: IpAddress): boolean => slots.some(({ addresses }) => addresses.includes(address));
  const unknown = (address: IpAddress, { pod }: DirectionVerdict): boolean => pod === undefined && isSlot(address);
  if (unknown(flow.source, egress)) return { direction: "egress", reason: "unknown pod" };
  if (!egress.allowed) return dropOf(egress);
  if (unknown(flow.destination, ingress)) return { direction: "ingress", reason: "unknown pod" };
  return ingress.allowed ? undefined : dropOf(ingress);
}

function dropOf({ direction, pod, reason }: DirectionVerdict): DropReason {
  if (reason.kind === "rule") return { direction, reason: reason.rule };
  return { pod, direction, reason: reason.kind };
}

function compare(
  { enforcers, nodes }: TestCluster,
  probe: Probe,
  expected: ExpectedDrop,
  outcome: ProbeOutcome,
): string | undefined {
  const flow = `${probe.protocol} ${probe.from.address} → ${probe.to}:${probe.port}`;
  const wanted = expected === undefined ? "an answer" : describeDrop(expected);
  if (outcome.kind === "inconclusive") return `${flow}: ${outcome.reason}; expected ${wanted}`;
  if (outcome.kind === "answered") return expected === undefined ? undefined : `${flow}: answered; expected ${wanted}`;
  const enforcer = enforcers[nodes.findIndex(({ name }) => name === outcome.node)];
  const reason = enforcer?.explainDrop(outcome.prefix);
  const seen = reason === undefined ? `dropped by "${outcome.prefix}", which nobody knows` : describeDrop(reason);
  return expected !== undefined && seen === wanted
    ? undefined
    : `${flow}: ${seen} on ${outcome.node}; expected ${wanted}`;
}

function describeDrop({ pod, direction, reason }: DropReason): string {
  return `dropped by ${direction} ${reason}${pod === undefined ? "" : ` of ${pod}`}`;
}

function probeOf(cluster: TestCluster, { from, to, family, protocol, port }: CaseProbe): Probe {
  const endOf = (which: CaseProbe["from"]) => {
    if (which === "outside") return cluster.outside[family];
    const slot = cluster.slots[which];
    if (slot === undefined) throw new RangeError(`Cannot probe slot ${which}: there are ${cluster.slots.length}`);
    return { netns: slot.netns, address: addressOf(slot.addresses, family) };
  };
  return { from: endOf(from), to: endOf(to).address, protocol, port };
}

function addressOf(addresses: readonly IpAddress[], family: Family): IpAddress {
  const address = addresses.find((one) => familyOf(one) === family);
  if (address === undefined) throw new RangeError(`Cannot probe over IPv${family}: the slot has no such address`);
  return address;
}

function flowOf({ from, to, protocol, port }: Probe): Flow {
  return { family: familyOf(to), source: from.address, destination: to, protocol, port };
}
