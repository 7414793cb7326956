/**
 * Asks many questions at once and waits for each until something has become of it: its answer, or the event of the rule
 * that drops it. The deadline is for what neither happens to, which is then proven by nothing.
 */

import { keyOfProbe, type Probe, type ProbeAnswer } from "./probe/probe.ts";
import type { Stations } from "./probe/stations.ts";
import type { Decision, DecisionWatch } from "./probe/watch-decisions.ts";

export interface ProbeResult {
  readonly probe: Probe;
  readonly answer: ProbeAnswer;
  /** Rules that let it through, hook by hook, and the one that dropped it. */
  readonly decisions: readonly Decision[];
}

export interface RunProbesOptions {
  readonly parallel: number;
  /** For what is neither answered nor dropped. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
}

export async function runProbes(
  probes: readonly Probe[],
  stations: Stations,
  watch: DecisionWatch,
  { parallel, silenceMs, signal }: RunProbesOptions,
): Promise<readonly ProbeResult[]> {
  using stack = new DisposableStack();
  const asked = probes.map((probe): Asked => {
    const decisions: Decision[] = [];
    const ended = new AbortController();
    const decided = (decision: Decision): void => {
      decisions.push(decision);
      if (decision.verdict === "drop") ended.abort();
    };
    stack.use(watch.listen(keyOfProbe(probe), { decided }));
    return { probe, decisions, ended };
  });
  const endAll = (): void => {
    for (const { ended } of asked) ended.abort();
  };
  signal.addEventListener("abort", endAll, { once: true });
  stack.defer(() => signal.removeEventListener("abort", endAll));
  const answers: ProbeAnswer[] = [];
  const waiting = asked.entries();
  const worker = async (): Promise<void> => {
    for (const [index, one] of waiting) {
      signal.throwIfAborted();
      answers[index] = await ask(one, stations, silenceMs);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, probes.length) }, worker));
  signal.throwIfAborted();
  watch.drain(); // an answer may be faster than the news of the rules that let its question through
  return asked.map(({ probe, decisions }, index) => ({
    probe,
    decisions,
    answer: answers[index] ?? { kind: "silent" },
  }));
}

interface Asked {
  readonly probe: Probe;
  readonly decisions: readonly Decision[];
  /** Aborted when a rule drops it, when it takes too long, and with everything. */
  readonly ended: AbortController;
}

async function ask({ probe, ended }: Asked, stations: Stations, silenceMs: number): Promise<ProbeAnswer> {
  const deadline = setTimeout(() => ended.abort(), silenceMs);
  try {
    return await stations[probe.protocol].ask(probe, ended.signal);
  } finally {
    clearTimeout(deadline);
  }
}
