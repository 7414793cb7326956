/** Counts requests for /metrics. Names as the API server has them; format: Prometheus text exposition 0.0.4. */
import { type Answer, textAnswer } from "./answer.ts";

export interface RequestLabels {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
}

export interface RequestMetrics {
  observe(labels: RequestLabels, code: number, seconds: number): void;
  /** A watch that begins; dispose when it is over. */
  watchStarted(labels: RequestLabels): Disposable;
  answer(gauges: Readonly<Record<string, number>>): Answer;
}

const BUCKETS_SECONDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 5, 10, 30, 60];

interface Histogram {
  readonly counts: number[];
  sum: number;
  total: number;
}

export function createRequestMetrics(): RequestMetrics {
  const requests = new Map<string, number>();
  const durations = new Map<string, Histogram>();
  const watches = new Map<string, number>();
  const add = (counters: Map<string, number>, key: string, by: number): void => {
    counters.set(key, (counters.get(key) ?? 0) + by);
  };
  return {
    observe(labels, code, seconds) {
      const key = labelText(labels);
      add(requests, `code="${code}",${key}`, 1);
      const histogram = durations.get(key) ?? { counts: BUCKETS_SECONDS.map(() => 0), sum: 0, total: 0 };
      durations.set(key, histogram);
      const bucket = BUCKETS_SECONDS.findIndex((limit) => seconds <= limit);
      if (bucket !== -1) histogram.counts[bucket] = (histogram.counts[bucket] ?? 0) + 1;
      histogram.sum += seconds;
      histogram.total++;
    },
    watchStarted(labels) {
      const key = labelText(labels);
      add(watches, key, 1);
      return { [Symbol.dispose]: () => add(watches, key, -1) };
    },
    answer(gauges) {
      const lines = [
        "# TYPE apiserver_request_total counter",
        ...[...requests].map(([key, value]) => `apiserver_request_total{${key}} ${value}`),
        "# TYPE apiserver_longrunning_requests gauge",
        ...[...watches].map(([key, value]) => `apiserver_longrunning_requests{${key}} ${value}`),
        "# TYPE apiserver_request_duration_seconds histogram",
        ...[...durations].flatMap(([key, histogram]) => histogramLines(key, histogram)),
        ...Object.entries(gauges).flatMap(([name, value]) => [`# TYPE ${name} gauge`, `${name} ${value}`]),
      ];
      return { ...textAnswer(200, `${lines.join("\n")}\n`), contentType: "text/plain; version=0.0.4; charset=utf-8" };
    },
  };
}

function histogramLines(key: string, { counts, sum, total }: Histogram): readonly string[] {
  const name = "apiserver_request_duration_seconds";
  let below = 0;
  const buckets = BUCKETS_SECONDS.map((limit, index) => {
    below += counts[index] ?? 0;
    return `${name}_bucket{${key},le="${limit}"} ${below}`;
  });
  return [
    ...buckets,
    `${name}_bucket{${key},le="+Inf"} ${total}`,
    `${name}_sum{${key}} ${sum}`,
    `${name}_count{${key}} ${total}`,
  ];
}

function labelText({ group, resource, subresource, verb }: RequestLabels): string {
  return `group="${group}",resource="${resource}",subresource="${subresource}",verb="${verb}"`;
}
