/**
 * Runs a test on the kernel: starts the place to run it in, has the policies programmed on every node, asks all questions,
 * then takes the policies away and asks those again that were not answered. So every allow is proven by an answer, and
 * every deny by the rule that dropped it and by the answer that comes without it.
 */
import { smallestChange } from "./model/smallest-change.ts";
import { createTestModel, type TestModel } from "./model/test-world.ts";
import { describeCase, type PolicyTest } from "./policy-test.ts";
import type { ProbeAnswer } from "./probe/probe.ts";
import type { Asked, Places, ProbeWorld, StartProbeWorld } from "./probe-world.ts";
import { type Question, questionsOf } from "./questions.ts";
import { judge } from "./report/judge.ts";
import { type CaseResult, type FamilyResult, type PolicyTestReport, statusOf } from "./report/policy-test-report.ts";
import { startSandboxWorld } from "./sandbox/sandbox-world.ts";

export interface RunTestOptions {
  readonly signal: AbortSignal;
  /** Questions under way. */
  readonly parallel?: number | undefined;
  /** For what is neither answered nor dropped. */
  readonly silenceMs?: number | undefined;
  /** Default: a throw-away cluster of namespaces. */
  readonly startWorld?: StartProbeWorld | undefined;
}

const DEFAULT_PARALLEL = 128;
const DEFAULT_SILENCE_MS = 10_000;

interface Evidence extends Asked {
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
  const seen = await seeOnKernel(test, { options, timed });
  const { places } = seen;
  const model = createTestModel(test, test.policies, places);
  const cases = test.cases.map((one): CaseResult => {
    const families = [...seen.evidence].flatMap(([question, evidence]) =>
      question.case === one
        ? judgeQuestion(
            question,
            { ...evidence, isComplete: seen.isComplete, isSilenceDeny: seen.isSilenceDeny },
            { model, test, places },
          )
        : [],
    );
    return { case: one, title: describeCase(one), status: statusOf(families.map(({ status }) => status)), families };
  });
  const { name, policies, notes } = test;
  return {
    name,
    file: test.file,
    nodes: places.nodes.length,
    pods: places.pods.length,
    policies: policies.length,
    cases,
    notes,
    phases,
    durationMs: Math.round(performance.now() - startedMs),
  };
}

interface Run {
  readonly options: RunTestOptions;
  readonly timed: <T>(name: string, step: () => T | Promise<T>) => Promise<T>;
}

interface SeenOnKernel {
  readonly places: Places;
  readonly evidence: ReadonlyMap<Question, Evidence>;
  /** The kernel told of everything. */
  readonly isComplete: boolean;
  readonly isSilenceDeny: boolean | undefined;
}

async function seeOnKernel(test: PolicyTest, { options, timed }: Run): Promise<SeenOnKernel> {
  const { signal, parallel = DEFAULT_PARALLEL, silenceMs = DEFAULT_SILENCE_MS } = options;
  const { startWorld = startSandboxWorld } = options;
  await using stack = new AsyncDisposableStack();
  const world: ProbeWorld = stack.use(await timed("boot", () => startWorld(test, signal)));
  const { places } = world;
  await timed("policies", () => world.enforce());
  const questions = questionsOf(test, places);
  const probing = { parallel, silenceMs, signal };

  const asked = await timed("probes", () => world.ask(questions, probing));
  const unanswered = questions.filter((question) => asked.get(question)?.answer.kind !== "answered");
  if (unanswered.length > 0) await timed("policies away", () => world.takeAway());
  const controls = await timed("controls", () => world.ask(unanswered, probing));
  const evidence = new Map(
    Array.from(asked, ([question, one]) => [question, { ...one, control: controls.get(question)?.answer }]),
  );
  const { isComplete, isSilenceDeny } = world;
  return { places, evidence, isComplete, isSilenceDeny };
}

interface Judging {
  readonly model: TestModel;
  readonly test: PolicyTest;
  readonly places: Places;
}

function judgeQuestion(
  { case: one, family }: Question,
  seen: Evidence & Pick<SeenOnKernel, "isComplete" | "isSilenceDeny">,
  { model, test, places }: Judging,
): readonly FamilyResult[] {
  const verdict = model.verdict(one, family);
  if (verdict === undefined) return [];
  const result = judge(one, verdict, { ...seen, world: model.world });
  if (result.status !== "failed" || result.observed === one.expect) return [result];
  return [{ ...result, change: smallestChange(one, family, { test, plan: places }) }];
}
