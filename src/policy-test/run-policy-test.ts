/**
 * Runs a test on the kernel: starts the sandbox, has the enforcer program the policies on every node, asks all questions,
 * then takes the policies away and asks those again that were not answered. So every allow is proven by an answer, and
 * every deny by the rule that dropped it and by the answer that comes without it.
 */
import type { PolicyEnforcer } from "#dataplane/policy/contract.ts";
import { createDecisionReader } from "./describe-decision.ts";
import { enforcePolicies } from "./enforce-policies.ts";
import { smallestChange } from "./model/smallest-change.ts";
import { createTestModel, type TestModel } from "./model/test-world.ts";
import { describeCase, type PolicyTest } from "./policy-test.ts";
import type { ProbeAnswer } from "./probe/probe.ts";
import { createStations, type Stations } from "./probe/stations.ts";
import { type DecisionWatch, watchDecisions } from "./probe/watch-decisions.ts";
import { createProbePlanner, type Question, questionsOf } from "./questions.ts";
import { judge } from "./report/judge.ts";
import {
  type CaseResult,
  type FamilyResult,
  type KernelProof,
  type PolicyTestReport,
  statusOf,
} from "./report/policy-test-report.ts";
import { type RunProbesOptions, runProbes } from "./run-probes.ts";
import { planSandbox, type SandboxPlan } from "./sandbox/plan-sandbox.ts";
import { type SandboxNode, startSandbox } from "./sandbox/start-sandbox.ts";

export interface RunTestOptions {
  readonly signal: AbortSignal;
  /** Questions under way. */
  readonly parallel?: number | undefined;
  /** For what is neither answered nor dropped. */
  readonly silenceMs?: number | undefined;
  readonly createEnforcer: (node: SandboxNode) => PolicyEnforcer;
}

const DEFAULT_PARALLEL = 128;
const DEFAULT_SILENCE_MS = 10_000;

interface Evidence {
  readonly answer: ProbeAnswer;
  readonly proofs: readonly KernelProof[];
  readonly control: ProbeAnswer | undefined;
}

export async function runPolicyTest(test: PolicyTest, options: RunTestOptions): Promise<PolicyTestReport> {
  const startedMs = performance.now();
  const phases: Record<string, number> = {};
  const timed = async <T>(name: string, step: () => T | Promise<T>): Promise<T> => {
    const beganMs = performance.now();
    const result = await step();
    phases[name] = Math.round((performance.now() - beganMs) * 10) / 10;
    return result;
  };
  const plan = planSandbox(test);
  const model = createTestModel(test, test.policies, plan);
  const seen = await seeOnKernel(test, { plan, options, timed });
  const cases = test.cases.map((one): CaseResult => {
    const families = [...seen.evidence].flatMap(([question, evidence]) =>
      question.case === one
        ? judgeQuestion(question, { ...evidence, isComplete: seen.isComplete }, { model, test, plan })
        : [],
    );
    return { case: one, title: describeCase(one), status: statusOf(families.map(({ status }) => status)), families };
  });
  const { name, policies, notes } = test;
  return {
    name,
    file: test.file,
    nodes: plan.nodes.length,
    pods: plan.pods.length,
    policies: policies.length,
    cases,
    notes,
    phases,
    durationMs: Math.round(performance.now() - startedMs),
  };
}

interface Run {
  readonly plan: SandboxPlan;
  readonly options: RunTestOptions;
  readonly timed: <T>(name: string, step: () => T | Promise<T>) => Promise<T>;
}

interface SeenOnKernel {
  readonly evidence: ReadonlyMap<Question, Evidence>;
  /** The kernel told of everything. */
  readonly isComplete: boolean;
}

async function seeOnKernel(test: PolicyTest, { plan, options, timed }: Run): Promise<SeenOnKernel> {
  const { signal, parallel = DEFAULT_PARALLEL, silenceMs = DEFAULT_SILENCE_MS, createEnforcer } = options;
  await using stack = new AsyncDisposableStack();
  const sandbox = stack.use(await timed("boot", () => startSandbox(plan, signal)));
  const enforcers = sandbox.nodes.map((node) => stack.use(createEnforcer(node)));
  await timed("policies", () => enforcePolicies(sandbox, enforcers, { test, plan }));
  const stations = stack.use(createStations());
  const decisions = stack.use(watchDecisions(sandbox.nodes));
  const questions = questionsOf(test, plan);
  const probeOf = createProbePlanner(test, sandbox);
  const probing = { parallel, silenceMs, signal };

  const asked = await timed("probes", () => askAll(questions, probeOf, { stations, decisions, probing }));
  const describe = createDecisionReader(sandbox.nodes);
  const proofs = new Map([...asked].map(([question, { decisions: made }]) => [question, describe(made)]));
  const unanswered = questions.filter((question) => asked.get(question)?.answer.kind !== "answered");
  if (unanswered.length > 0) await timed("policies away", () => removeAll(enforcers));
  const controls = await timed("controls", () => askAll(unanswered, probeOf, { stations, decisions, probing }));
  const evidence = new Map(
    [...asked].map(([question, { answer }]) => {
      const control = controls.get(question)?.answer;
      return [question, { answer, proofs: proofs.get(question) ?? [], control }];
    }),
  );
  return { evidence, isComplete: decisions.isComplete };
}

function removeAll(enforcers: readonly PolicyEnforcer[]): void {
  for (const enforcer of enforcers) enforcer.remove();
}

interface Asking {
  readonly stations: Stations;
  readonly decisions: DecisionWatch;
  readonly probing: RunProbesOptions;
}

async function askAll(
  questions: readonly Question[],
  probeOf: ReturnType<typeof createProbePlanner>,
  { stations, decisions, probing }: Asking,
) {
  const probes = questions.map(probeOf);
  for (const { protocol, to, port } of probes) stations[protocol].listen(to, port);
  const results = await runProbes(probes, stations, decisions, probing);
  return new Map(questions.flatMap((question, index) => (results[index] ? [[question, results[index]] as const] : [])));
}

interface Judging {
  readonly model: TestModel;
  readonly test: PolicyTest;
  readonly plan: SandboxPlan;
}

function judgeQuestion(
  { case: one, family }: Question,
  seen: Evidence & Pick<SeenOnKernel, "isComplete">,
  { model, test, plan }: Judging,
): readonly FamilyResult[] {
  const verdict = model.verdict(one, family);
  if (verdict === undefined) return [];
  const result = judge(one, verdict, { ...seen, world: model.world });
  if (result.status !== "failed" || result.observed === one.expect) return [result];
  return [{ ...result, change: smallestChange(one, family, { test, plan }) }];
}
