/** The report for people: machine, a table for each case, and what of the aims holds. */
import { machineLines } from "../bench-report.ts";
import type { ApiBenchReport } from "./api-bench-report.ts";
import type { LatencyFigure, PodsFigure, RateFigure, StartFigure } from "./figures.ts";
import type { MemoryUsage } from "./process-usage.ts";

const GAP = "  ";
const NONE = "-";

export function printApiBench(report: ApiBenchReport): string {
  const { latency, rates, pods, starts } = report;
  return [
    ...headLines(report),
    ...section("start: from the start of the process until /readyz answers", START_COLUMNS, starts),
    ...section(
      "latency: from a create to its watch event at each watcher, one event at a time",
      LATENCY_COLUMNS,
      latency,
    ),
    ...section("throughput: a second, and the time of each", RATE_COLUMNS, rates),
    ...section("pods: a cluster full of running pods", PODS_COLUMNS, pods),
    ...acceptanceLines(report),
  ]
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

function headLines({ machine, contestants, etcd, podwireVersion }: ApiBenchReport): readonly string[] {
  const width = Math.max(...contestants.map(({ name }) => name.length));
  const promise = etcd.fsync ? "waits for the disk" : "does not wait for the disk, as our SQLite store does not";
  return [
    ...machineLines(machine),
    `etcd     ${etcd.version}; it ${promise}`,
    `podwire  ${podwireVersion}`,
    ...contestants.map(({ name, title }) => `${name.padEnd(width)}  ${title}`),
    `Times in ms; "ratio" is by ${contestants[0]?.name ?? "the reference"}'s figure of this run, with the lowest and highest of all rounds.`,
  ];
}

interface Column<F> {
  readonly heading: string;
  readonly side: "left" | "right";
  cell(figure: F): string;
}

type Timed = Pick<LatencyFigure, "medianMs" | "p95Ms" | "minMs" | "maxMs">;
type Compared = Pick<LatencyFigure, "ratio" | "ratioByRound">;

const right = <F>(heading: string, cell: (figure: F) => string): Column<F> => ({ heading, side: "right", cell });
const left = <F>(heading: string, cell: (figure: F) => string): Column<F> => ({ heading, side: "left", cell });

const MEDIAN = right<Timed>("p50", ({ medianMs }) => ms(medianMs));
const P95 = right<Timed>("p95", ({ p95Ms }) => ms(p95Ms));
const MIN = right<Timed>("min", ({ minMs }) => ms(minMs));
const MAX = right<Timed>("max", ({ maxMs }) => ms(maxMs));
const RATIO = right<Compared>("ratio", ({ ratio }) => times(ratio));
const SPREAD = left<Compared>("of rounds", ({ ratioByRound = [] }) =>
  ratioByRound.length === 0 ? NONE : `${times(Math.min(...ratioByRound))}–${times(Math.max(...ratioByRound))}`,
);

const LATENCY_COLUMNS: readonly Column<LatencyFigure>[] = [
  right("watchers", ({ watchers }) => String(watchers)),
  left("", ({ contestant }) => contestant),
  MEDIAN,
  P95,
  right("p99", ({ p99Ms }) => ms(p99Ms)),
  MAX,
  RATIO,
  SPREAD,
  right("p99 ratio", ({ p99Ratio }) => times(p99Ratio)),
  right("CPU µs per event and watcher", ({ cpuMicros }) => cpuMicros.toFixed(cpuMicros < 100 ? 1 : 0)),
];

const RATE_COLUMNS: readonly Column<RateFigure>[] = [
  left("operation", ({ operation }) => operation),
  right("in flight", ({ lanes }) => String(lanes)),
  left("", ({ contestant }) => contestant),
  right("per second", ({ perSecond }) => perSecond.toFixed(0)),
  RATIO,
  SPREAD,
  MEDIAN,
  P95,
  MAX,
  right("CPU µs each", ({ cpuMicros }) => cpuMicros.toFixed(0)),
];

const PODS_COLUMNS: readonly Column<PodsFigure>[] = [
  left("", ({ store }) => store),
  right("pods", ({ pods }) => String(pods)),
  right("created/s", ({ createdPerSecond }) => createdPerSecond.toFixed(0)),
  right("list MB", ({ listBytes }) => (listBytes / 1e6).toFixed(1)),
  right("list", ({ list }) => ms(list.medianMs)),
  right("in pages", ({ pagedList }) => ms(pagedList.medianMs)),
  right("RSS/PSS MB empty", ({ emptyMemory }) => mb(emptyMemory)),
  right("filled", ({ filledMemory }) => mb(filledMemory)),
  right("after lists", ({ listedMemory }) => mb(listedMemory)),
  right("ready again", ({ restart }) => ms(restart.readyMs)),
  right("first list", ({ restart }) => ms(restart.firstListMs)),
  right("RSS/PSS MB then", ({ restart }) => mb(restart.memory)),
];

const START_TITLES: Readonly<Record<StartFigure["start"], string>> = {
  empty: "node -e 0, until it has ended",
  first: "first start, with certificates",
  second: "second start",
};

const START_COLUMNS: readonly Column<StartFigure>[] = [
  left("", ({ start }) => START_TITLES[start]),
  MEDIAN,
  P95,
  MIN,
  MAX,
  RATIO,
  SPREAD,
];

function section<F>(title: string, columns: readonly Column<F>[], figures: readonly F[]): readonly string[] {
  if (figures.length === 0) return [];
  const cells = columns.map(({ heading, side, cell }) => padded([heading, ...figures.map(cell)], side));
  const lines = ["", ...figures].map((_, row) => cells.map((column) => column[row]).join(GAP));
  return ["", title, ...lines];
}

function acceptanceLines({ acceptance }: ApiBenchReport): readonly string[] {
  if (acceptance.length === 0) return [];
  const what = padded(
    acceptance.map((line) => line.what),
    "left",
  );
  const lines = acceptance.map(({ value, unit, limit, holds }, row) =>
    [holds ? "holds   " : "DOES NOT", what[row], `${value.toFixed(2)} ${unit}, aim ${limit}`].join(GAP),
  );
  return ["", "aims", ...lines];
}

function padded(cells: readonly string[], side: "left" | "right"): readonly string[] {
  const width = Math.max(...cells.map((cell) => cell.length));
  return cells.map((cell) => (side === "left" ? cell.padEnd(width) : cell.padStart(width)));
}

/** Three figures that matter. */
function ms(value: number): string {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

function times(value: number | undefined): string {
  return value?.toFixed(value < 9.995 ? 2 : 1) ?? NONE;
}

function mb({ rssKb, pssKb }: MemoryUsage): string {
  return `${(rssKb / 1024).toFixed(0)}/${(pssKb / 1024).toFixed(0)}`;
}
