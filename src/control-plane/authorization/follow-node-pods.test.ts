import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { createNodePodIndex } from "./follow-node-pods.ts";

function podOn(name: string, nodeName?: string): Pod {
  const spec = { containers: [], ...(nodeName !== undefined && { nodeName }) };
  return { apiVersion: "v1", kind: "Pod", metadata: { namespace: "default", name }, spec };
}

test("createNodePodIndex finds pods by name and by node, as they come, move and go", () => {
  const index = createNodePodIndex();
  const namesOn = (node: string) => [...index.podsOnNode(node)].map(({ metadata }) => metadata.name);
  index.put(podOn("a"));
  index.put(podOn("b", "n1"));
  assert.deepEqual([index.pod("default", "a")?.spec?.nodeName, namesOn("n1"), namesOn("n2")], [undefined, ["b"], []]);
  index.put(podOn("a", "n1"));
  index.put(podOn("b", "n2"));
  assert.deepEqual([namesOn("n1"), namesOn("n2")], [["a"], ["b"]]);
  index.remove(podOn("b", "n2"));
  assert.deepEqual([namesOn("n2"), index.pod("default", "b")], [[], undefined]);
});
