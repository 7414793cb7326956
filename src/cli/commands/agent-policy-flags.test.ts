import assert from "node:assert/strict";
import { test } from "node:test";
import { Command, CommanderError } from "commander";
import type { NetworkOptions } from "#agent/network/start-network.ts";
import type { PolicyOptions } from "#agent/policy/start-policy.ts";
import { CliError } from "../cli-error.ts";
import { addPolicyFlags, type PolicyFlags, policyOptions } from "./agent-policy-flags.ts";

const NETWORK: NetworkOptions = { nodeName: "n1", source: { type: "kubernetes", kubeconfig: "/k" } };

function parse(argv: readonly string[], network: NetworkOptions | undefined = NETWORK): PolicyOptions | undefined {
  const silent = { writeErr: () => undefined, writeOut: () => undefined };
  const command = addPolicyFlags(new Command().exitOverride().configureOutput(silent));
  return policyOptions(command.parse(argv, { from: "user" }).opts<PolicyFlags>(), network);
}

test("policies are enforced where there is an API, for the agent's own pods", () => {
  assert.deepEqual(parse([]), { nodeName: "n1", established: "reevaluate" });
  assert.equal(parse([], { ...NETWORK, source: { type: "etcd", endpoints: [], prefix: "/net" } }), undefined);
  assert.equal(parse(["--policy", "none"]), undefined);
});

test("--policy-only is about another CNI's pods, by the names of its links", () => {
  assert.deepEqual(parse(["--policy-only"])?.foreign, { podLinks: ["cali*"], bridges: ["cni0"] });
  const given = parse(["--policy-only", "--pod-links", "veth*,tap0", "--pod-bridges", ""]);
  assert.deepEqual(given?.foreign, { podLinks: ["veth*", "tap0"], bridges: [] });
});

for (const [argv, network, why] of [
  [["--policy-only", "--policy", "none"], NETWORK, /exclude each other/],
  [["--policy-only"], undefined, /read from the Kubernetes API/],
  [["--pod-links", "veth*"], NETWORK, /where another CNI's pods are/],
] as const) {
  test(`${argv.join(" ")} is refused${network === undefined ? " without an API" : ""}`, () => {
    const command = new Command();
    addPolicyFlags(command.exitOverride());
    const flags = command.parse([...argv], { from: "user" }).opts<PolicyFlags>();
    const isRefusal = (error: unknown): boolean => error instanceof CliError && why.test(error.explanation.why ?? "");
    assert.throws(() => policyOptions(flags, network), isRefusal);
  });
}

for (const names of ["veth *", "a*b", ",", "much-too-long-name"]) {
  test(`--pod-links "${names}" is refused`, () =>
    assert.throws(() => parse(["--policy-only", "--pod-links", names]), CommanderError));
}
