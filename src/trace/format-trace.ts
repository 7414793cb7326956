/** A trace for people: one line for each hop with what was seen, and what was predicted where that differs or is missing. */
import type { TracedTranslation } from "./connection-facts.ts";
import { describePolicyDrop } from "./path/policy-of-drop.ts";
import type { TraceHop, TraceReport } from "./trace-report.ts";

export function formatTrace(report: TraceReport): string {
  const { from, to, packet, hops, answers, arrived, lastSeen, diagnosis, drop, translations, refused, unproven } =
    report;
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
          ...(diagnosis.policy === undefined ? [] : [`policy:   ${describePolicyDrop(diagnosis.policy)}`]),
          ...diagnosis.evidence.map((line) => `evidence: ${line}`),
        ];
  const dropped =
    drop === undefined ? [] : [`dropped:  ${drop.node}, ${describePolicyDrop(drop)} (recorded by its agent)`];
  const answerLines = answers.map(
    ({ us, namespace, link, headers }) => `answer:   ${us.toFixed(1)} µs  ${namespace}  ${link}  ${headers}`,
  );
  const warnings = unproven.map((line) => `capture not proven: ${line}`);
  return [
    `${from} → ${to}: ${packet}`,
    "",
    ...lines,
    "",
    ...translations.flatMap(describeTranslation),
    ...answerLines,
    ...end,
    ...dropped,
    ...why,
    ...warnings,
  ]
    .map((line) => `${line}\n`)
    .join("");
}

function describeTranslation(translation: TracedTranslation): readonly string[] {
  const { namespace, kind, frontend, from, to, rule, backends, connection } = translation;
  if (kind === "source") return [`source:   ${namespace}: ${from} → ${to}  (${rule})`];
  const choice =
    backends === undefined || backends.length < 2 ? "" : `, one of ${backends.length}: ${backends.join(", ")}`;
  const chosen = connection === undefined && choice !== "" ? "one of them, not observed which" : to;
  return [
    `service:  ${namespace}: ${frontend ?? "translated"}: ${from} → ${chosen}${choice}`,
    ...(connection === undefined
      ? []
      : [`answers:  ${namespace}: ${connection.reply} become those of ${connection.original}`]),
  ];
}

function describeHop({ seen, predicted, why }: TraceHop): string {
  if (seen === undefined) return `predicted: ${predicted ?? ""}${why === undefined ? "" : `  (${why})`}`;
  if (predicted === undefined) return `${seen.headers}  (not predicted)`;
  return `${seen.headers}  (${why ?? ""})`;
}
