import assert from "node:assert/strict";
import { test } from "node:test";
import type { Namespace } from "#api/kinds/namespace.ts";
import { createMemoryInformer } from "./memory-informer.ts";

test("createMemoryInformer tells subscribers what is there and what changes", () => {
  const one: Namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "ns-0" } };
  const informer = createMemoryInformer([one]);
  const heard: string[] = [];
  const say = (what: string) => (object: typeof one) => void heard.push(`${what} ${object.metadata.name}`);
  using _ = informer.subscribe({ onAdd: say("add"), onUpdate: say("update") });
  informer.set(one);
  informer.set({ ...one, metadata: { name: "new" } });
  assert.deepEqual(heard, ["add ns-0", "update ns-0", "add new"]);
  assert.equal(informer.get(undefined, "new")?.metadata.name, "new");
});
