/**
 * Asks from inside namespaces of this machine, by sockets of this process, while the nodes' kernels tell which rules
 * decided.
 */
import type { IpAddress } from "#base/ip-address.ts";
import type { PerFamily } from "#dataplane/contract.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import type { PodId } from "#policy/rule-model.ts";
import { createDecisionReader } from "../describe-decision.ts";
import type { PolicyTest } from "../policy-test.ts";
import type { Asked, Asker, Places } from "../probe-world.ts";
import { createProbePlanner } from "../questions.ts";
import { runProbes } from "../run-probes.ts";
import { createStations, type Stations } from "./stations.ts";
import { type DecisionWatch, watchDecisions } from "./watch-decisions.ts";

export interface ProbeNode {
  readonly name: string;
  readonly netns: Netns;
}

export interface NetnsWorld {
  readonly places: Places;
  readonly nodes: readonly ProbeNode[];
  readonly pods: ReadonlyMap<PodId, { readonly netns: Netns; readonly addresses: PerFamily<IpAddress> }>;
  /** Undefined when nobody outside takes part. */
  readonly outside: { readonly netns: Netns } | undefined;
  /** A rule's comment in the words of the test, where policies have other names here. */
  readonly reasonOf?: ((comment: string) => string) | undefined;
}

export function createNetnsAsker(test: PolicyTest, world: NetnsWorld): Asker {
  const stack = new AsyncDisposableStack();
  const probeOf = createProbePlanner(test, world);
  let tools: { readonly stations: Stations; readonly decisions: DecisionWatch } | undefined;
  return {
    async ask(questions, options) {
      tools ??= { stations: stack.use(createStations()), decisions: stack.use(watchDecisions(world)) };
      const { stations, decisions } = tools;
      const probes = questions.map(probeOf);
      for (const { protocol, to, port } of probes) stations[protocol].listen(to, port);
      const results = await runProbes(probes, stations, decisions, options);
      const describe = createDecisionReader(world);
      return new Map(
        questions.flatMap((question, index): readonly (readonly [typeof question, Asked])[] => {
          const result = results[index];
          return result ? [[question, { answer: result.answer, proofs: describe(result.decisions) }]] : [];
        }),
      );
    },
    get isComplete() {
      return tools?.decisions.isComplete ?? true;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
