/** JUnit's XML, as CI systems read it: a suite for each test, a failure for what does not hold, an error for what is not proven. */
import { describeDetails, problemOf } from "./describe-result.ts";
import { type CaseResult, count, type PolicyTestReport } from "./policy-test-report.ts";

export function formatJunit(reports: readonly PolicyTestReport[]): string {
  const suites = reports.map(({ name, cases, durationMs }) => {
    const numbers = `tests="${cases.length}" failures="${count(cases, "failed")}" errors="${count(cases, "inconclusive")}"`;
    const head = `  <testsuite name="${escapeXml(name)}" ${numbers} time="${durationMs / 1000}">\n`;
    return `${head}${cases.map((one) => formatCase(name, one)).join("")}  </testsuite>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join("")}</testsuites>\n`;
}

function formatCase(suite: string, one: CaseResult): string {
  const { file, line } = one.case.source;
  const name = `${one.title}: ${one.case.expect}`;
  const head = `    <testcase classname="${escapeXml(suite)}" name="${escapeXml(name)}" file="${escapeXml(file)}" line="${line}"`;
  if (one.status === "passed") return `${head}/>\n`;
  const element = one.status === "failed" ? "failure" : "error";
  const text = escapeXml(describeDetails(one).join("\n"));
  return `${head}><${element} message="${escapeXml(problemOf(one))}">${text}</${element}></testcase>\n`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;",
};

function escapeXml(text: string): string {
  return text.replace(/[&<>"\n]/g, (character) => ENTITIES[character] ?? character);
}
