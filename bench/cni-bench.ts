/**
 * The benchmark of CNI plugins: workers for all contestants, then case by case a first pod, the count of processes, and
 * rounds in which the contestants take turns. A contestant that fails in a case is out of that case, not of the others.
 */
import type { BenchCase, CaseName } from "./cases.ts";
import { type Contestant, type ContestantName, REFERENCE } from "./contestants.ts";
import { type Mode, modes, planCase, type Step } from "./plan.ts";
import { countProcesses, descendants, openProcessEvents, type ProcessCount, readParents } from "./process-events.ts";
import { addBlock, type Figure, figuresOf, type Series } from "./series.ts";
import { podsPerSecond, type Summary, summarise } from "./statistics.ts";
import { type BenchWorker, startWorker } from "./worker-process.ts";
import { type AgentMemory, type Block, type Measured, readBlock, readMeasured, readMemory } from "./worker-protocol.ts";

export interface CniBenchOptions {
  readonly cases: readonly BenchCase[];
  readonly contestants: readonly Contestant[];
  readonly rounds: number;
  /** For each case and contestant, in all rounds together. */
  readonly pods: Readonly<Record<Mode, number>>;
  /** Pods at a time. */
  readonly lanes: number;
  /** See no-op-program.ts. */
  readonly noOpProgram: string;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

export interface CniBenchResult {
  readonly driver: readonly DriverCost[];
  readonly figures: readonly Figure[];
  readonly processes: readonly CaseProcesses[];
  readonly agentMemory: readonly AgentMemoryChange[];
  readonly failures: readonly Failure[];
}

/** Of one start of a program that does nothing: part of every plugin's time. */
export interface DriverCost extends Summary {
  readonly mode: Mode;
  readonly programsPerSecond?: number;
}

/** For one pod's ADD and DEL. */
export interface CaseProcesses extends ProcessCount {
  readonly case: CaseName;
  readonly contestant: ContestantName;
}

export interface AgentMemoryChange {
  readonly contestant: ContestantName;
  readonly start: AgentMemory;
  readonly end: AgentMemory;
}

export interface Failure {
  /** Absent when it did not even start. */
  readonly case?: CaseName;
  readonly contestant: ContestantName;
  readonly error: string;
}

interface Runner extends Contestant {
  readonly process: BenchWorker;
}

const COUNTED_PODS = 3;
/** Each contestant has this time before a case, with pods that do not count: an agent is a process that has run for a while. */
const WARM_UP_MS = 3_000;
/** Pods at a time between two looks at the clock. */
const WARM_UP_PODS = 10;
const NO_OPS: Readonly<Record<Mode, number>> = { sequential: 100, concurrent: 400 };

export async function runCniBench(options: CniBenchOptions): Promise<CniBenchResult> {
  await using stack = new AsyncDisposableStack();
  const failures: Failure[] = [];
  const runners: Runner[] = [];
  const memoryAtStart = new Map<ContestantName, AgentMemory>();
  for (const contestant of options.contestants) {
    const runner = { ...contestant, process: stack.use(startWorker(contestant.worker)) };
    try {
      const memory = await readAgentMemory(runner, options);
      if (memory) memoryAtStart.set(runner.name, memory);
      runners.push(runner);
    } catch (error) {
      options.signal.throwIfAborted();
      failures.push(describeFailure(contestant.name, error, options));
    }
  }
  const driver = await measureDriver(runners, options);
  const processes: CaseProcesses[] = [];
  let series: readonly Series[] = [];
  for (const benchCase of options.cases) {
    const measured = await runCase(benchCase, runners, options);
    series = [...series, ...measured.series];
    failures.push(...measured.failures);
    processes.push(...measured.processes);
  }
  const agentMemory: AgentMemoryChange[] = [];
  for (const runner of runners) {
    const start = memoryAtStart.get(runner.name);
    const end = start && (await readAgentMemory(runner, options));
    if (start && end) agentMemory.push({ contestant: runner.name, start, end });
  }
  return {
    driver,
    figures: figuresOf(series, {
      reference: REFERENCE,
      emptyCaseOf: (name) => options.cases.find((other) => other.name === name)?.load?.emptyCase,
    }),
    processes,
    agentMemory,
    failures,
  };
}

interface CaseOutcome {
  readonly series: readonly Series[];
  readonly failures: readonly Failure[];
  readonly processes: readonly CaseProcesses[];
}

async function runCase(
  benchCase: BenchCase,
  runners: readonly Runner[],
  options: CniBenchOptions,
): Promise<CaseOutcome> {
  const failures: Failure[] = [];
  const processes: CaseProcesses[] = [];
  let series: readonly Series[] = [];

  /** Undefined when the contestant failed, now or before. */
  async function attempt<T>(runner: Runner, work: () => Promise<T>): Promise<T | undefined> {
    const contestant = runner.name;
    if (failures.some((failure) => failure.contestant === contestant)) return undefined;
    try {
      return await work();
    } catch (error) {
      options.signal.throwIfAborted();
      failures.push({ case: benchCase.name, ...describeFailure(contestant, error, options) });
      return undefined;
    }
  }

  for (const runner of runners) {
    const count = await attempt(runner, () => prepareCase(benchCase, runner, options));
    if (count) processes.push({ case: benchCase.name, contestant: runner.name, ...count });
  }
  const steps = planCase({ ...options, case: benchCase, contestants: runners });
  for (const step of steps) {
    const runner = runners.find(({ name }) => name === step.contestant);
    const measured = runner && (await attempt(runner, () => runStep(step, runner, options)));
    if (!measured) continue;
    const { contestant, mode, round } = step;
    const key = { case: benchCase.name, contestant, mode };
    series = addBlock(series, { ...key, verb: "ADD" }, { round, block: measured.add });
    series = addBlock(series, { ...key, verb: "DEL" }, { round, block: measured.del });
  }
  for (const { process } of runners) await process.ask({ do: "finish", case: benchCase }, options.signal).catch(ignore);
  return { series, failures, processes };
}

/** A worker that has ended is among the failures already; an interrupt shows itself at the next step. */
function ignore(): void {}

/** The first pod makes what all others share; after it the processes of a few pods are counted, and for a while it warms up. */
async function prepareCase(
  benchCase: BenchCase,
  { name, process: worker }: Runner,
  { signal, progress }: CniBenchOptions,
): Promise<ProcessCount | undefined> {
  progress(`${benchCase.name}: ${name}: first pods`);
  const life = { do: "measure", case: benchCase, mode: "sequential", lanes: 1 } as const;
  await worker.ask({ do: "prepare", case: benchCase }, signal);
  await worker.ask({ ...life, pods: 1 }, signal);
  using events = openProcessEvents();
  const family = descendants(worker.rootPid, readParents());
  await worker.ask({ ...life, pods: COUNTED_PODS }, signal);
  const seen = events?.read();
  for (const end = performance.now() + WARM_UP_MS; performance.now() < end; ) {
    await worker.ask({ ...life, pods: WARM_UP_PODS }, signal);
  }
  if (seen === undefined) return undefined;
  const { processes, programs } = countProcesses(family, seen);
  return { processes: processes / COUNTED_PODS, programs: programs / COUNTED_PODS };
}

async function runStep(step: Step<BenchCase>, runner: Runner, options: CniBenchOptions): Promise<Measured> {
  const { case: benchCase, mode, pods, round } = step;
  const start = performance.now();
  const request = { do: "measure", case: benchCase, mode, pods, lanes: options.lanes } as const;
  const measured = readMeasured(await runner.process.ask(request, options.signal));
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const how = mode === "sequential" ? "one at a time" : `${options.lanes} at a time`;
  options.progress(
    `${benchCase.name}: round ${round + 1}/${options.rounds}: ${runner.name}: ${pods} pods ${how}: ${seconds} s`,
  );
  return measured;
}

async function measureDriver(runners: readonly Runner[], options: CniBenchOptions): Promise<readonly DriverCost[]> {
  const [runner] = runners;
  if (runner === undefined) return [];
  const costs: DriverCost[] = [];
  for (const mode of modes) {
    const request = {
      do: "spawn",
      path: options.noOpProgram,
      mode,
      count: NO_OPS[mode],
      lanes: options.lanes,
    } as const;
    const block = readBlock(await runner.process.ask(request, options.signal));
    const summary = summarise(block.samplesMs);
    if (summary) costs.push({ mode, ...summary, ...(mode === "concurrent" && rate(block)) });
  }
  return costs;
}

function rate({ samplesMs, wallMs }: Block): { readonly programsPerSecond?: number } {
  const programsPerSecond = podsPerSecond([{ count: samplesMs.length, wallMs }]);
  return programsPerSecond === undefined ? {} : { programsPerSecond };
}

/** The answer shows, too, that the worker and its agent have come up. */
async function readAgentMemory(
  { process: worker }: Runner,
  { signal }: CniBenchOptions,
): Promise<AgentMemory | undefined> {
  return readMemory(await worker.ask({ do: "memory" }, signal));
}

function describeFailure(contestant: ContestantName, error: unknown, { progress }: CniBenchOptions): Failure {
  const message = error instanceof Error ? error.message : String(error);
  progress(`${contestant} failed: ${message}`);
  return { contestant, error: message };
}
