/**
 * Annotations at the lines of the expectations, as GitHub's runners take them from what a step prints.
 * Source: GitHub documentation, "Workflow commands for GitHub Actions".
 */
import { casesSentence, describeDetails, problemOf } from "./describe-result.ts";
import type { CaseResult, PolicyTestReport } from "./policy-test-report.ts";

export function formatGithub(reports: readonly PolicyTestReport[]): string {
  const lines = reports.flatMap(({ name, cases, durationMs, notes }) => [
    ...cases.flatMap(formatCase),
    ...notes.map((note) => `::notice::${escapeData(note)}`),
    `${name}: ${casesSentence(cases)} in ${durationMs} ms`,
  ]);
  return lines.map((line) => `${line}\n`).join("");
}

function formatCase(one: CaseResult): readonly string[] {
  if (one.status === "passed") return [];
  const { file, line, column } = one.case.source;
  const place = [`file=${escapeProperty(file)}`, `line=${line}`, ...(column === undefined ? [] : [`col=${column}`])];
  const title = `title=${escapeProperty(`${one.title}: expected ${one.case.expect}`)}`;
  const text = [problemOf(one), ...describeDetails(one)].join("\n");
  return [`::${one.status === "failed" ? "error" : "warning"} ${[...place, title].join(",")}::${escapeData(text)}`];
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
