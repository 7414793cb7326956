/** A trace for people: one line for each hop with what was seen, and what was predicted where that differs or is missing. */
import type { TraceHop, TraceReport } from "./trace-report.ts";

export function formatTrace(report: TraceReport): string {
  const { from, to, packet, hops, answers, arrived, lastSeen, diagnosis, refused, unproven } = report;
  const rows = hops.map((hop, index) => [
    `${index + 1}`,
    hop.seen === undefined ? "not seen" : `${hop.seen.us.toFixed(1)} µs`,
    `${hop.namespace}  ${hop.link} ${hop.direction}`,
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  const lines = hops.flatMap((hop, index) => {
    const [number = "", time = "", place = ""] = rows[index] ?? [];
    const head = `${number.padStart(widths[0] ?? 0)}  ${time.padStart(widths[1] ?? 0)}  ${place.padEnd(widths[2] ?? 0)}`;
    return [`${head}  ${describeHop(hop)}`];
  });
  const end = arrived
    ? [`arrived: ${hops.filter(({ seen }) => seen !== undefined).length} of ${hops.length} hops seen`]
    : [
        ...(refused === undefined ? [] : [`refused by the sender's kernel: ${refused}`]),
        lastSeen === undefined ? "it was seen nowhere" : `it stopped behind ${lastSeen}`,
      ];
  const why =
    diagnosis === undefined
      ? []
      : [
          `cause:    ${diagnosis.cause} at ${diagnosis.hop}`,
          `why:      ${diagnosis.message}`,
          ...diagnosis.evidence.map((line) => `evidence: ${line}`),
        ];
  const answerLines = answers.map(
    ({ us, namespace, link, headers }) => `answer:   ${us.toFixed(1)} µs  ${namespace}  ${link}  ${headers}`,
  );
  const warnings = unproven.map((line) => `capture not proven: ${line}`);
  return [`${from} → ${to}: ${packet}`, "", ...lines, "", ...answerLines, ...end, ...why, ...warnings]
    .map((line) => `${line}\n`)
    .join("");
}

function describeHop({ seen, predicted, why }: TraceHop): string {
  if (seen === undefined) return `predicted: ${predicted ?? ""}${why === undefined ? "" : `  (${why})`}`;
  if (predicted === undefined) return `${seen.headers}  (not predicted)`;
  return `${seen.headers}  (${why ?? ""})`;
}
