/**
 * Policy tests in TypeScript: the same data as a test file, from an object, for tests that are computed.
 *
 *   const report = await policyTest({ pods: { "shop/web": {} }, policies: ["policies/"], expectations: [ … ] });
 */
import { stringify } from "yaml";
import type { JsonObject } from "#base/json.ts";
import { loadTestText } from "./file/load-test.ts";
import { TEST_API_VERSION, TEST_KIND } from "./file/test-file.ts";
import type { Expectation, Labels } from "./policy-test.ts";
import type { PolicyTestReport } from "./report/policy-test-report.ts";
import { runPolicyTest } from "./run-policy-test.ts";

type OneOrMore<T> = T | readonly T[];
type EndpointText = string | { readonly pod: string } | { readonly ip: string };

/** The members of a test file; see docs/commands/policy.md. */
export interface PolicyTestDefinition {
  readonly name?: string;
  readonly nodes?: number;
  readonly ipFamilies?: OneOrMore<"IPv4" | "IPv6">;
  readonly defaultNamespace?: string;
  readonly namespaces?: Readonly<Record<string, Labels>>;
  readonly pods?: Readonly<
    Record<
      string,
      {
        readonly labels?: Labels;
        readonly ports?: Readonly<Record<string, number | string>> | readonly (number | string)[];
        readonly node?: number;
      }
    >
  >;
  /** Paths, from the current folder, or manifests. */
  readonly policies?: readonly (string | JsonObject)[];
  readonly expectations: readonly {
    readonly from: OneOrMore<EndpointText>;
    readonly to: OneOrMore<EndpointText>;
    readonly port?: OneOrMore<number | string>;
    readonly protocol?: "TCP" | "UDP" | "SCTP";
    readonly expect: Expectation;
    readonly because?: string;
  }[];
}

export interface PolicyTestOptions {
  readonly signal?: AbortSignal;
  readonly parallel?: number;
}

const DEADLINE_MS = 60_000;

/** Runs it on the kernel; needs root. Throws PolicyTestError for a definition that is wrong. */
export async function policyTest(
  definition: PolicyTestDefinition,
  options: PolicyTestOptions = {},
): Promise<PolicyTestReport> {
  const { signal = AbortSignal.timeout(DEADLINE_MS), parallel } = options;
  const text = stringify(
    { apiVersion: TEST_API_VERSION, kind: TEST_KIND, ...definition },
    { aliasDuplicateObjects: false },
  );
  const test = loadTestText(text, definition.name ?? "policy test");
  return runPolicyTest(test, { signal, parallel });
}
