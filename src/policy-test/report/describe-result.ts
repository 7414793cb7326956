/** What a report says about one case, in lines. Pure. */
import { describeSource } from "../policy-test.ts";
import { type CaseResult, type CaseStatus, count, type FamilyResult, type KernelProof } from "./policy-test-report.ts";

/** Families that came to the same are told once. */
export function describeDetails(one: CaseResult): readonly string[] {
  const groups = new Map<string, FamilyResult[]>();
  for (const result of one.families) {
    const key = describeFamily(result)
      .join("\n")
      .replaceAll(/ on node-\d+| handle \d+|counter packets \d+.*/g, "");
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  const lines = [...groups.values()].flatMap((results): readonly string[] => {
    const [first] = results;
    if (first === undefined) return [];
    const head = results.map(({ family }) => `IPv${family}`).join(" and ");
    return [`${head}: ${first.problem ?? "as expected"}`, ...describeFamily(first).map((line) => `  ${line}`)];
  });
  return [...lines, `expected at ${describeSource(one.case.source)}`];
}

/** The one sentence of a case that did not pass. */
export function problemOf({ families }: CaseResult): string {
  const problems = families.flatMap(({ problem, family }) => (problem === undefined ? [] : [{ problem, family }]));
  const [first] = problems;
  if (first === undefined) return "";
  return problems.length === families.length ? first.problem : `IPv${first.family}: ${first.problem}`;
}

const WORDS: Readonly<Record<CaseStatus, string>> = {
  passed: "passed",
  failed: "failed",
  inconclusive: "inconclusive",
};

export function casesSentence(cases: readonly CaseResult[]): string {
  const parts = (["failed", "inconclusive", "passed"] as const)
    .map((status) => ({ status, number: count(cases, status) }))
    .filter(({ number }) => number > 0)
    .map(({ status, number }) => `${number} ${WORDS[status]}`);
  return parts.length === 0 ? "no cases" : `${cases.length} cases, ${parts.join(", ")}`;
}

function describeFamily({ explanation, proofs, control, change, observed }: FamilyResult): readonly string[] {
  return [
    ...labelled("model", explanation),
    ...labelled("kernel", proofs.flatMap(describeProof)),
    ...(observed === "deny" || control !== undefined
      ? labelled("control", [`${control ?? "not run"} without policies`])
      : []),
    ...(change === undefined ? [] : labelled("change", change)),
  ];
}

function describeProof({ node, place, rule, verdict }: KernelProof): readonly string[] {
  return [`${verdict} on ${node} in ${place}`, ...(rule === undefined ? [] : [`  ${rule}`])];
}

function labelled(label: string, lines: readonly string[]): readonly string[] {
  return lines.map((line, index) => `${(index === 0 ? `${label}:` : "").padEnd(9)}${line}`);
}
