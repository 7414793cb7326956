import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#api/kinds/node.ts";
import type { InformerHandlers } from "#api-client/informer.ts";
import { missingNodes, waitForNodes, whyNotReady } from "./wait-for-nodes.ts";

function nodeObject(name: string, status: "True" | "False", resourceVersion = "1"): Node {
  const condition = { type: "Ready", status, reason: "KubeletNotReady", message: "cni plugin not initialized" };
  return { apiVersion: "v1", kind: "Node", metadata: { name, resourceVersion }, status: { conditions: [condition] } };
}

test("whyNotReady says what is missing in the node's own words", () => {
  assert.equal(whyNotReady(nodeObject("a", "True")), undefined);
  assert.match(whyNotReady(undefined) ?? "", /has not registered/);
  assert.match(whyNotReady(nodeObject("a", "False")) ?? "", /Ready is False: KubeletNotReady: cni plugin not init/);
  const conditions = [
    { type: "Ready", status: "True" },
    { type: "NetworkUnavailable", status: "True", reason: "NoRoute", message: "none" },
  ] as const;
  const node: Node = { apiVersion: "v1", kind: "Node", metadata: {}, status: { conditions } };
  assert.match(whyNotReady(node) ?? "", /NetworkUnavailable is True: NoRoute/);
});

test("missingNodes lists those that are not ready, and those that are not there", () => {
  const missing = missingNodes(["a", "b", "c"], [nodeObject("a", "True"), nodeObject("b", "False")]);
  assert.deepEqual(
    missing.map(({ name }) => name),
    ["b", "c"],
  );
});

interface World {
  readonly watch: Parameters<typeof waitForNodes>[0];
  show(node: Node): void;
}

/** The API has `written`; what the informer knows of it comes later. */
function world(written: Node): World {
  let known: readonly Node[] = [];
  const handlers = new Set<InformerHandlers<Node>>();
  return {
    show(node) {
      known = [node];
      for (const each of handlers) each.onUpdate?.(node, node);
    },
    watch: {
      // Asked for nodes only.
      client: { get: async () => written as never },
      nodeObjects: {
        list: () => known,
        subscribe(each) {
          handlers.add(each);
          return { [Symbol.dispose]: () => handlers.delete(each) };
        },
      },
    },
  };
}

const node = (registered: Promise<void>) => ({ name: "a", registered: () => registered });

test("waitForNodes does not take a node of an earlier life for ready", async () => {
  const { watch, show } = world(nodeObject("a", "False", "7"));
  const registered = Promise.withResolvers<void>();
  let isOver = false;
  const waiting = waitForNodes(watch, [node(registered.promise)], AbortSignal.timeout(20_000)).then((missing) => {
    isOver = true;
    return missing;
  });
  show(nodeObject("a", "True", "6"));
  registered.resolve();
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  show(nodeObject("a", "False", "7"));
  assert.equal(isOver, false);
  show(nodeObject("a", "True", "8"));
  assert.deepEqual(await waiting, []);
});

test("waitForNodes tells what is missing when its time is over", async () => {
  const { watch } = world(nodeObject("a", "False"));
  const stop = new AbortController();
  const waiting = waitForNodes(watch, [node(new Promise(() => undefined))], stop.signal);
  stop.abort();
  assert.deepEqual(await waiting, [{ name: "a", why: "its kubelet has not registered it" }]);
});
