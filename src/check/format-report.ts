/** A check's report as text for people, as JSON with a version, and as JUnit XML for CI. */
import type { CheckFailure, CheckReport, CheckResult } from "./check-network.ts";

export const REPORT_FORMATS = ["table", "json", "junit"] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

export function formatReport(report: CheckReport, format: ReportFormat): string {
  switch (format) {
    case "table":
      return formatTable(report);
    case "json":
      return `${JSON.stringify({ version: 1, ...report, verdict: verdictOf(report) }, undefined, 2)}\n`;
    case "junit":
      return formatJunit(report);
  }
}

/** A failure counts more than a control that failed; a check that sent nothing proves nothing. */
export function verdictOf({ checks, probes }: CheckReport): "passed" | "failed" | "inconclusive" {
  if (checks.some(({ status }) => status === "failed")) return "failed";
  return probes === 0 || checks.some(({ status }) => status === "inconclusive") ? "inconclusive" : "passed";
}

/** Names of pods that were left out, in the table. */
const LISTED = 10;
const MARKS = { passed: "✓", failed: "✗", skipped: "-", inconclusive: "?" } as const;

function formatTable(report: CheckReport): string {
  const { checks, pods, nodes, probes, durationMs, cluster, note, subject, skippedPods = [] } = report;
  const unit = subject === "services" ? "connections and questions" : "packets";
  const width = Math.max(...checks.map((check) => titleOf(check).length));
  const lines = checks.map((check) => {
    const { status, count, failed, reason } = check;
    const result =
      status === "failed" ? `${failed} of ${count} failed` : status === "passed" ? `${count}` : `${status}: ${reason}`;
    return `${MARKS[status]} ${titleOf(check).padEnd(width)}  ${result}`;
  });
  const skipped = skippedPods
    .slice(0, LISTED)
    .map(({ pod, reason }) => `${MARKS.skipped} pod ${pod}: skipped: ${reason}`);
  const more = skippedPods.length - skipped.length;
  if (more > 0) skipped.push(`${MARKS.skipped} and ${more} more pods`);
  const details = checks.flatMap((check) => (check.status === "failed" ? ["", ...describeCheck(check)] : []));
  const total = `cluster ${cluster}: ${nodes} nodes, ${pods} pods, ${probes} ${unit} in ${durationMs} ms: ${verdictOf(report)}`;
  return [...lines, ...skipped, ...details, "", ...(note === undefined ? [] : [`note: ${note}`]), total]
    .map((line) => `${line}\n`)
    .join("");
}

function titleOf({ title, family }: CheckResult): string {
  return family === undefined ? title : `${title} (IPv${family})`;
}

function describeCheck(check: CheckResult): readonly string[] {
  const more = check.failed - check.failures.length;
  return [
    `${check.name}${check.family === undefined ? "" : ` IPv${check.family}`}`,
    ...check.failures.flatMap((failure) => describeFailure(failure).map((line) => `  ${line}`)),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}

function describeFailure({ message, diagnosis, evidence, next }: CheckFailure): readonly string[] {
  const [first, ...others] = evidence;
  return [
    message,
    ...(diagnosis === undefined
      ? []
      : [
          `  cause:    ${diagnosis.cause} at ${diagnosis.hop}${diagnosis.way === undefined ? "" : `, on the way of the ${diagnosis.way}`}`,
          `  why:      ${diagnosis.message}`,
        ]),
    ...(first === undefined ? [] : [`  evidence: ${first}`, ...others.map((line) => `            ${line}`)]),
    ...(next === undefined ? [] : [`  next:     ${next}`]),
  ];
}

function formatJunit({ checks, cluster, durationMs, subject = "network", skippedPods = [] }: CheckReport): string {
  const count = (status: CheckResult["status"]) => checks.filter((check) => check.status === status).length;
  const cases = [
    ...checks.map((check) => junitCase(check, subject)),
    ...skippedPods.map(({ pod, reason }) => junitCase({ ...NO_CHECK, title: `pod ${pod}`, reason }, subject)),
  ];
  const numbers = `tests="${cases.length}" failures="${count("failed")}" errors="${count("inconclusive")}" skipped="${count("skipped") + skippedPods.length}"`;
  const suite = `  <testsuite name="podwire check ${subject} ${escapeXml(cluster)}" ${numbers} time="${durationMs / 1000}">\n`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suite}${cases.join("")}  </testsuite>\n</testsuites>\n`;
}

const NO_CHECK = { name: "", family: undefined, status: "skipped", count: 0, failed: 0, failures: [] } as const;

function junitCase(check: CheckResult, subject: string): string {
  const head = `    <testcase classname="podwire.${subject}" name="${escapeXml(titleOf(check))}"`;
  const reason = `message="${escapeXml(check.reason ?? "")}"`;
  switch (check.status) {
    case "passed":
      return `${head}/>\n`;
    case "skipped":
      return `${head}><skipped ${reason}/></testcase>\n`;
    case "inconclusive":
      return `${head}><error ${reason}/></testcase>\n`;
    case "failed": {
      const [first] = check.failures;
      const message = escapeXml(first?.diagnosis?.message ?? first?.message ?? "");
      const text = escapeXml(describeCheck(check).join("\n"));
      return `${head}><failure message="${message}">${text}</failure></testcase>\n`;
    }
  }
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
