/** Reports of tests for people, programs and CI: table, JSON with a version, JUnit XML, TAP 14, GitHub's annotations. */
import type { Family } from "#base/ip-address.ts";
import { describeSource } from "../policy-test.ts";
import { casesSentence, describeDetails } from "./describe-result.ts";
import { formatGithub } from "./format-github.ts";
import { formatJunit } from "./format-junit.ts";
import { formatTap } from "./format-tap.ts";
import {
  type CaseResult,
  type FamilyResult,
  type PolicyTestReport,
  reportStatus,
  statusOf,
} from "./policy-test-report.ts";

export const TEST_FORMATS = ["table", "json", "junit", "tap", "github"] as const;
export type TestFormat = (typeof TEST_FORMATS)[number];

export interface FormatOptions {
  /** Explain what passed, too. */
  readonly verbose?: boolean | undefined;
}

export function formatReports(
  reports: readonly PolicyTestReport[],
  format: TestFormat,
  options: FormatOptions = {},
): string {
  switch (format) {
    case "table":
      return reports.map((report) => formatTable(report, options)).join("\n");
    case "json":
      return `${JSON.stringify({ version: 1, status: reportStatus(reports), tests: reports.map(jsonReport) }, undefined, 2)}\n`;
    case "junit":
      return formatJunit(reports);
    case "tap":
      return formatTap(reports);
    case "github":
      return formatGithub(reports);
  }
}

const MARKS = { passed: "✓", failed: "✗", inconclusive: "?" } as const;

function formatTable(report: PolicyTestReport, { verbose = false }: FormatOptions): string {
  const { cases, notes, nodes, pods, policies, name } = report;
  const width = Math.max(0, ...cases.map(({ title }) => title.length));
  const lines = cases.flatMap((one) => {
    const head =
      `${MARKS[one.status]} ${one.title.padEnd(width)}  ${one.case.expect.padEnd(5)}  ${shortReason(one)}`.trimEnd();
    const isExplained = verbose || one.status !== "passed";
    return [head, ...(isExplained ? describeDetails(one).map((line) => `    ${line}`) : [])];
  });
  const status = statusOf(cases.map((one) => one.status));
  const world = `${nodes} nodes, ${pods} pods, ${policies} ${policies === 1 ? "policy" : "policies"}`;
  const total = `${name}: ${casesSentence(cases)} on ${world} in ${report.durationMs} ms: ${status}`;
  return [...lines, ...(lines.length > 0 ? [""] : []), ...notes.map((note) => `note: ${note}`), total]
    .map((line) => `${line}\n`)
    .join("");
}

/** What decided; by family where they differ. */
function shortReason({ families }: CaseResult): string {
  const reasons = new Map<string, Family[]>();
  for (const one of families) {
    const reason = reasonOf(one);
    reasons.set(reason, [...(reasons.get(reason) ?? []), one.family]);
  }
  if (reasons.size <= 1) return [...reasons.keys()].join("");
  return [...reasons]
    .map(([reason, list]) => `${list.map((family) => `IPv${family}`).join(", ")}: ${reason}`)
    .join("; ");
}

function reasonOf({ observed, proofs }: FamilyResult): string {
  const [first] = proofs;
  if (observed === undefined) return "not proven";
  if (observed === "deny") {
    return first === undefined ? "no answer" : `dropped by ${first.reason ?? first.place} on ${first.node}`;
  }
  const reasons = proofs.flatMap(({ reason }) => reason ?? []);
  return reasons.length === 0 ? "answered" : `answered; by ${[...new Set(reasons)].join(" and ")}`;
}

function jsonReport(report: PolicyTestReport) {
  return {
    ...report,
    status: statusOf(report.cases.map(({ status }) => status)),
    cases: report.cases.map(({ case: one, ...result }) => ({
      ...result,
      from: one.from,
      to: one.to,
      port: one.port,
      portName: one.portName,
      protocol: one.protocol,
      expect: one.expect,
      because: one.because,
      source: describeSource(one.source),
    })),
  };
}
