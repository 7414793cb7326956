/** What was looked at and what was sent, as the lines of a report: counts, failures with what explains them, controls. */
import type { WorldFacts } from "#trace/facts/world-facts.ts";
import { CAUSES } from "#trace/path/path.ts";
import type { CheckFailure, CheckResult } from "./check-network.ts";
import { diagnose } from "./diagnose.ts";
import type { Inspection } from "./inspect.ts";
import { CHECKS, type CheckName, type Probe } from "./plan-probes.ts";
import type { Failure, ProbeResult } from "./probe-result.ts";

/** With the kernels' state behind the packet: traffic resolves neighbours and teaches bridges. */
export interface ExplainableFailure extends Failure {
  readonly world: WorldFacts;
}

/** Failures that are explained one by one, for each check and family. */
const EXPLAINED = 5;

export function inspected(name: CheckName, { looked, findings }: Inspection): CheckResult {
  const status = findings.length > 0 ? "failed" : looked === 0 ? "skipped" : "passed";
  const reason = status === "skipped" ? "there is nothing to look at" : undefined;
  const failures = findings.map(({ cause, hop, message, evidence }) => {
    const text = message.includes(hop) ? message : `${hop}: ${message}`;
    return { hop, message: text, evidence, diagnosis: { cause, hop, message: CAUSES[cause], evidence } };
  });
  return {
    name,
    title: CHECKS[name],
    family: undefined,
    status,
    count: looked,
    reason,
    failed: failures.length,
    failures,
  };
}

/** Checks that send packets, in the order of their table. */
const SENDING = Object.keys(CHECKS).filter(isSending);

function isSending(name: string): name is CheckName {
  return name !== "pod-address" && name !== "address-unique" && name !== "leaks";
}

export function probed(
  results: readonly ProbeResult[],
  failures: readonly ExplainableFailure[],
): readonly CheckResult[] {
  const families = [4, 6].filter((family): family is 4 | 6 => results.some(({ probe }) => probe.family === family));
  return families.flatMap((family) =>
    SENDING.map((name) => {
      const isOurs = ({ probe }: { readonly probe: Probe }) => probe.check === name && probe.family === family;
      const count = results.filter(isOurs).length;
      const failed = failures.filter(({ result }) => isOurs(result));
      const base = { name, title: CHECKS[name], family, count, failed: failed.length };
      if (count === 0) return { ...base, status: "skipped" as const, reason: whyNone(name), failures: [] };
      if (failed.length > 0) return { ...base, status: "failed" as const, failures: explain(failed) };
      const control = failedControl(name, family, results, failures);
      const status = control === undefined ? ("passed" as const) : ("inconclusive" as const);
      return { ...base, status, reason: control, failures: [] };
    }),
  );
}

function explain(failures: readonly ExplainableFailure[]): readonly CheckFailure[] {
  return failures.slice(0, EXPLAINED).map((failure) => {
    const diagnosis = diagnose(failure.world, failure);
    return { message: failure.message, diagnosis, hop: diagnosis.hop, evidence: diagnosis.evidence };
  });
}

/** What must be seen to work for the absence of something to mean anything. Undefined: it was seen. */
function failedControl(
  name: CheckName,
  family: 4 | 6,
  results: readonly ProbeResult[],
  failures: readonly ExplainableFailure[],
): string | undefined {
  if (name !== "over-size") return undefined;
  const isFullSize = ({ probe }: ProbeResult) => probe.check === "full-size" && probe.family === family;
  const passed = results.filter(isFullSize).length - failures.filter(({ result }) => isFullSize(result)).length;
  return passed > 0 ? undefined : "control failed: not even packets of the MTU pass";
}

function whyNone(name: CheckName): string {
  switch (name) {
    case "pod-to-pod-same-node":
      return "no node has two pods";
    case "pod-to-pod-other-node":
      return "fewer than two nodes have pods";
    case "pod-to-outside":
      return "the cluster has no place outside";
    default:
      return "there are too few pods";
  }
}
