/** What the agent says about Services, compared with the kernel at the moment of asking. */
import { FOLLOWED_KINDS, type Revisions } from "./programmed-revisions.ts";
import type { LoopState } from "./services-loop.ts";
import type { ServicesOptions } from "./start-services.ts";

export interface ServicesStatus {
  readonly proxy: string;
  readonly state: "ready" | "waiting" | "failing" | "off";
  /** What is missing, what failed last, or who does it instead. */
  readonly reason: string;
  readonly services: number;
  /** One for each port and family. */
  readonly ports: number;
  /** `services 123`, `endpointSlices 120`: versions that are in the kernel. */
  readonly programmed: readonly string[];
  readonly updates: number;
  readonly syncs: number;
  readonly repairs: number;
  readonly forgottenFlows: number;
  readonly lastSyncMs: number | undefined;
  /** What the next comparison with the kernel would change. */
  readonly drift: readonly string[];
  readonly problems: readonly string[];
}

export interface StatusFacts {
  readonly options: ServicesOptions;
  readonly foreign: string | undefined;
  readonly state: LoopState | undefined;
  readonly programmed: Revisions | undefined;
  /** Lists that are not complete. */
  readonly waitingFor: readonly string[];
  readonly problems: readonly string[];
  drift(): Promise<readonly string[]>;
}

const PROBLEMS_SHOWN = 20;

export async function servicesStatus(facts: StatusFacts): Promise<ServicesStatus> {
  const { options, foreign, state, programmed } = facts;
  const index = state?.index;
  const conflicts = (state?.conflicts ?? []).filter(({ id, owner }) => index?.ports.has(id) && index.ports.has(owner));
  const problems = [
    ...(foreign !== undefined && state !== undefined ? [`another service proxy is on this node: ${foreign}`] : []),
    ...facts.problems,
    ...conflicts.map(({ id, frontend, owner }) => `${id}: ${frontend} belongs to ${owner}`),
    ...(index?.skipped() ?? []),
  ];
  return {
    proxy: options.proxy,
    ...stateOf(facts),
    services: index?.services ?? 0,
    ports: index?.ports.size ?? 0,
    programmed: programmed === undefined ? [] : FOLLOWED_KINDS.map((kind) => `${kind} ${programmed[kind]}`),
    updates: state?.counters.updates ?? 0,
    syncs: state?.counters.syncs ?? 0,
    repairs: state?.counters.repairs ?? 0,
    forgottenFlows: state?.counters.forgottenFlows ?? 0,
    lastSyncMs: state?.lastSync?.durationMs,
    drift: await facts.drift(),
    problems: problems.slice(0, PROBLEMS_SHOWN),
  };
}

function stateOf({ foreign, state, waitingFor }: StatusFacts): Pick<ServicesStatus, "state" | "reason"> {
  if (state === undefined) return { state: "off", reason: `left to another proxy: ${foreign}` };
  if (state.lastError !== undefined) return { state: "failing", reason: state.lastError };
  if (state.lastSync !== undefined) return { state: "ready", reason: "" };
  const missing = waitingFor.length > 0 ? `the lists of ${waitingFor.join(" and ")}` : "the first comparison";
  return { state: "waiting", reason: missing };
}
