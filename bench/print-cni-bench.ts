/** The report for people: machine, then a table for each case with one line a contestant, then memory and failures. */
import type { BenchCase } from "./cases.ts";
import type { CniBenchReport } from "./cni-bench-report.ts";
import type { Mode } from "./plan.ts";
import { modes } from "./plan.ts";
import { type Figure, type Verb, verbs } from "./series.ts";

const GAP = "  ";
const NONE = "-";

export function printCniBench(report: CniBenchReport, cases: readonly BenchCase[]): string {
  return [...headLines(report), ...cases.flatMap((benchCase) => caseLines(report, benchCase)), ...tailLines(report)]
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

function headLines({ machine, contestants, driver, options }: CniBenchReport): readonly string[] {
  const memoryGb = Math.round(machine.memoryBytes / 2 ** 30);
  return [
    `machine      ${machine.cores} × ${machine.cpu}, ${memoryGb} GB, ${machine.architecture}, load ${machine.loadAverage.toFixed(2)}`,
    `system       kernel ${machine.kernel}, node ${machine.node}, ${machine.iptables}, state on ${machine.stateFilesystem}`,
    ...contestants.map(({ name, title, version }) => `${name.padEnd(18)} ${title} ${version}`),
    ...driver.map(({ mode, medianMs, p95Ms, programsPerSecond }) => {
      const rate = programsPerSecond === undefined ? "" : `, ${programsPerSecond.toFixed(0)} a second`;
      return `a program that does nothing, ${howMany(mode, options.lanes)}: median ${ms(medianMs)} ms, p95 ${ms(p95Ms)} ms${rate}`;
    }),
    `Times in ms; "ratio" is the median by the reference's median of this run.`,
  ];
}

interface Column {
  readonly heading: string;
  readonly cell: (figure: Figure) => string;
}

const COLUMNS: readonly Column[] = [
  { heading: "median", cell: ({ medianMs }) => ms(medianMs) },
  { heading: "p95", cell: ({ p95Ms }) => ms(p95Ms) },
  { heading: "min", cell: ({ minMs }) => ms(minMs) },
  { heading: "max", cell: ({ maxMs }) => ms(maxMs) },
];
const RATE: Column = { heading: "pods/s", cell: ({ podsPerSecond }) => podsPerSecond?.toFixed(0) ?? NONE };
const RATIO: Column = { heading: "ratio", cell: ({ ratioToReference }) => ratioToReference?.toFixed(3) ?? NONE };
const EMPTY: Column = { heading: "/empty", cell: ({ ratioToEmptyCase }) => ratioToEmptyCase?.toFixed(2) ?? NONE };

function caseLines(report: CniBenchReport, { name, title, load }: BenchCase): readonly string[] {
  const groups = modes.flatMap((mode) => verbs.map((verb) => ({ mode, verb })));
  const cells = groups.map((group) => groupCells(report, name, group, load !== undefined));
  const processes = report.contestants.map(({ name: contestant }) => {
    const found = report.processes.find((count) => count.case === name && count.contestant === contestant);
    return found ? found.processes.toFixed(1) : NONE;
  });
  const names = column(["", "", ...report.contestants.map((contestant) => contestant.name)], "left");
  const last = column(["processes", "per pod", ...processes], "right");
  const lines = names.map((cell, row) => [cell, ...cells.map((lines) => lines[row] ?? ""), last[row]].join(" │ "));
  return ["", `${name}: ${title}`, ...lines];
}

/** Lines of one verb in one mode: its title, the headings, and one for each contestant, all of the same width. */
function groupCells(
  { figures, contestants, options }: CniBenchReport,
  caseName: string,
  { mode, verb }: { readonly mode: Mode; readonly verb: Verb },
  loaded: boolean,
): readonly string[] {
  const columns = [...COLUMNS, ...(mode === "concurrent" ? [RATE] : []), RATIO, ...(loaded ? [EMPTY] : [])];
  const rows = contestants.map(({ name }) =>
    figures.find(
      (figure) =>
        figure.case === caseName && figure.contestant === name && figure.mode === mode && figure.verb === verb,
    ),
  );
  const padded = columns.map(({ heading, cell }) =>
    column([heading, ...rows.map((figure) => (figure ? cell(figure) : NONE))], "right"),
  );
  const lines = [0, ...contestants.map((_, index) => index + 1)].map((row) =>
    padded.map((cells) => cells[row]).join(GAP),
  );
  return column([`${verb} ${howMany(mode, options.lanes)}`, ...lines], "left");
}

function tailLines({ agentMemory, failures }: CniBenchReport): readonly string[] {
  return [
    "",
    ...agentMemory.map(
      ({ contestant, start, end }) =>
        `agent of ${contestant}: RSS ${mb(start.rssKb)} MB at start, ${mb(end.rssKb)} MB at the end; PSS ${mb(start.pssKb)} MB, ${mb(end.pssKb)} MB`,
    ),
    ...failures.map(({ contestant, case: name, error }) => `${name ?? "start"}: ${contestant} failed: ${error}`),
  ];
}

function howMany(mode: Mode, lanes: number): string {
  return mode === "sequential" ? "one at a time" : `${lanes} at a time`;
}

function column(cells: readonly string[], side: "left" | "right"): readonly string[] {
  const width = Math.max(...cells.map((cell) => cell.length));
  return cells.map((cell) => (side === "left" ? cell.padEnd(width) : cell.padStart(width)));
}

/** Three figures that matter. */
function ms(value: number): string {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

function mb(kb: number): string {
  return (kb / 1024).toFixed(0);
}
