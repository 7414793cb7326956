/** The Test Anything Protocol, version 14: https://testanything.org/tap-version-14-specification.html */
import { describeDetails, problemOf } from "./describe-result.ts";
import type { CaseResult, PolicyTestReport } from "./policy-test-report.ts";

export function formatTap(reports: readonly PolicyTestReport[]): string {
  const cases = reports.flatMap((report) => report.cases);
  const lines = cases.flatMap((one, index) => formatCase(one, index + 1));
  return `${["TAP version 14", `1..${cases.length}`, ...lines].join("\n")}\n`;
}

function formatCase(one: CaseResult, number: number): readonly string[] {
  const title = `${one.title}: ${one.case.expect}`.replaceAll(/[\\#]/g, "\\$&");
  if (one.status === "passed") return [`ok ${number} - ${title}`];
  return [
    `not ok ${number} - ${title}`,
    "  ---",
    `  message: ${JSON.stringify(problemOf(one))}`,
    `  severity: ${one.status === "failed" ? "fail" : "inconclusive"}`,
    `  at: ${JSON.stringify(`${one.case.source.file}:${one.case.source.line}`)}`,
    "  details: |",
    ...describeDetails(one).map((line) => `    ${line}`),
    "  ...",
  ];
}
