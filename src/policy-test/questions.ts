/** A case becomes a question for each family that both ends have, and each question a probe between two namespaces. */
import type { Family } from "#base/ip-address.ts";
import { flowOf } from "./model/test-world.ts";
import { describeEndpoint, type PolicyCase, type PolicyTest, podId, type TestEndpoint } from "./policy-test.ts";
import type { NetnsWorld } from "./probe/ask-in-netns.ts";
import type { Probe, ProbeEnd } from "./probe/probe.ts";
import type { Places } from "./probe-world.ts";

export interface Question {
  readonly case: PolicyCase;
  readonly family: Family;
}

const FIRST_SOURCE_PORT = 20_000;
const LAST_PORT = 65_535;

export function questionsOf({ cases, families }: PolicyTest, plan: Places): readonly Question[] {
  return cases.flatMap((one) =>
    (one.families ?? families).flatMap((family) =>
      flowOf(one, family, plan) === undefined ? [] : [{ case: one, family }],
    ),
  );
}

/** Each probe has a source port of its own, so that no connection of an earlier one answers for it. */
export function createProbePlanner({ cases }: PolicyTest, world: NetnsWorld): (question: Question) => Probe {
  const tested = new Set(cases.map(({ port }) => port));
  let last = FIRST_SOURCE_PORT;
  const nextPort = (): number => {
    do last = last === LAST_PORT ? FIRST_SOURCE_PORT : last + 1;
    while (tested.has(last));
    return last;
  };
  return ({ case: { from, to, port, protocol }, family }) => ({
    from: endOf(from, family, world),
    to: endOf(to, family, world),
    family,
    protocol,
    port,
    sourcePort: nextPort(),
  });
}

function endOf(end: TestEndpoint, family: Family, { pods, outside }: NetnsWorld): ProbeEnd {
  const name = describeEndpoint(end);
  if (end.kind === "address" && outside !== undefined) return { name, netns: outside.netns, address: end.address };
  const pod = end.kind === "pod" ? pods.get(podId(end)) : undefined;
  const address = pod?.addresses[family];
  if (pod === undefined || address === undefined)
    throw new Error(`Cannot ask ${name} over IPv${family}: it is not there`);
  return { name, netns: pod.netns, address };
}
