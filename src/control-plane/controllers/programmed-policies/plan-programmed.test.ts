import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyAnswer } from "#api/programmed/policy-answer.ts";
import { sampleNode } from "../testing/sample-objects.ts";
import { isProgrammed, planCondition, planProgrammed, readyNodes } from "./plan-programmed.ts";

const NOW = new Date("2025-01-01T00:00:09Z");
const REQUIRED = { kind: "networkPolicies", revision: 20, question: 5 } as const;

function answersOf(...given: readonly (readonly [node: string, revision: number, question?: number])[]) {
  return new Map<string, PolicyAnswer>(
    given.map(([node, revision, question = 5]) => {
      const programmed = { networkPolicies: revision, clusterNetworkPolicies: 7 };
      return [node, { node, question, programmed }];
    }),
  );
}

const nodesOf = (...names: readonly string[]) => names.map((name) => sampleNode(name));

test("planProgrammed is True when every ready node has that version, whatever others have", () => {
  const nodes = [...nodesOf("a", "b"), sampleNode("down", "Unknown")];
  const all = planProgrammed(readyNodes(nodes, answersOf(["a", 20], ["b", 31], ["gone", 1])), REQUIRED);
  assert.deepEqual(all, { status: "True", reason: "Programmed", message: "All 2 ready nodes have it in the kernel" });
  const other = { ...REQUIRED, kind: "clusterNetworkPolicies" } as const;
  assert.equal(planProgrammed(readyNodes(nodes, answersOf(["a", 20], ["b", 31])), other).status, "False");
  assert.equal(
    planProgrammed(readyNodes(nodes, answersOf(["a", 20], ["b", 31])), { ...other, revision: 7 }).status,
    "True",
  );
});

test("planProgrammed says which nodes are late and which do not answer, and names only some of many", () => {
  const answers = answersOf(["a", 20], ["b", 19], ["c", 3, 4]);
  const { status, reason, message } = planProgrammed(readyNodes(nodesOf("d", "c", "b", "a"), answers), REQUIRED);
  assert.deepEqual({ status, reason }, { status: "False", reason: "NodesMissing" });
  assert.equal(message, "Not in the kernel of b; no answer from the agent of c, d");
  const many = nodesOf(...Array.from({ length: 30 }, (_, index) => `n${index + 10}`));
  const silent = planProgrammed(readyNodes(many, new Map()), REQUIRED).message;
  assert.equal(silent, "No answer from the agent of n10, n11, n12, n13, n14, n15, n16, n17 and 22 more");
});

test("planProgrammed does not know while no node is ready", () => {
  const { status, reason } = planProgrammed(readyNodes([sampleNode("a", "False")], answersOf(["a", 99])), REQUIRED);
  assert.deepEqual({ status, reason }, { status: "Unknown", reason: "NoReadyNodes" });
});

test("planCondition keeps the time while the status stays, and writes nothing twice", () => {
  const missing = { status: "False", reason: "NodesMissing", message: "Not in the kernel of a" } as const;
  const policy = { metadata: { name: "deny", generation: 3 } };
  const first = planCondition(policy, missing, new Date("2025-01-01T00:00:01Z"));
  assert.ok(first);
  assert.deepEqual([first.observedGeneration, first.lastTransitionTime], [3, "2025-01-01T00:00:01Z"]);
  const written = { ...policy, status: { conditions: [first] } };
  assert.equal(planCondition(written, missing, NOW), undefined);
  const later = { ...written, metadata: { ...policy.metadata, generation: 4 } };
  const again = planCondition(later, missing, NOW);
  assert.deepEqual([again?.observedGeneration, again?.lastTransitionTime], [4, "2025-01-01T00:00:01Z"]);
  const done = planCondition(later, { status: "True", reason: "Programmed", message: "" }, NOW);
  assert.equal(done?.lastTransitionTime, "2025-01-01T00:00:09Z");
});

test("isProgrammed asks for True and for the present generation", () => {
  const condition = {
    type: "Programmed",
    reason: "Programmed",
    message: "",
    lastTransitionTime: "2025-01-01T00:00:01Z",
  };
  const of = (status: "True" | "False", observedGeneration: number) =>
    isProgrammed({
      metadata: { generation: 2 },
      status: { conditions: [{ ...condition, status, observedGeneration }] },
    });
  assert.deepEqual([of("True", 2), of("True", 1), of("False", 2)], [true, false, false]);
  assert.equal(isProgrammed({ metadata: { generation: 1 } }), false);
});
