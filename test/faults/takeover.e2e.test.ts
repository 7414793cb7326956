/** Agents come, go and are killed while containers are added and deleted: the launcher always finds somebody, or says 11. */
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { loadAgent } from "./agent.ts";
import { buildFaultBundle, type FaultBundle } from "./fault-bundle.ts";
import { type Network, testNetworks } from "./networks.ts";
import { createTestNode, type TestNode } from "./node.ts";
import { type CniOutcome, callChain, createPod, type Pod, pathsOf } from "./runtime.ts";
import { takeSnapshot } from "./snapshot.ts";
import { findBrokenPaths } from "./traffic.ts";

const LIVES = 6;
const MAX_TRIES = 40;

async function withNode(body: (node: TestNode, bundle: FaultBundle) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "podwire-faults-"));
  try {
    const bundle = await buildFaultBundle(folder);
    using node = await createTestNode(bundle);
    await body(node, bundle);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function networkOf(node: TestNode, name: string): Network {
  const network = testNetworks(node.folder).find((one) => one.name === name);
  assert.ok(network);
  return network;
}

function mustWork({ error, result }: CniOutcome): CniOutcome["result"] {
  assert.equal(error, undefined, JSON.stringify(error));
  return result;
}

test("verbs with an agent and without one take turns on the same containers", requireRoot, () =>
  withNode(async (node, bundle) => {
    using pods = new DisposableStack();
    const network = networkOf(node, "bridge-portmap");
    const first = pods.use(await createPod("first", 8001));
    const second = pods.use(await createPod("second", 8002));
    const connected = (pod: Pod): Promise<readonly string[]> =>
      findBrokenPaths(pathsOf(node, pod, { hasHostPort: true }));
    for (let round = 0; round < 3; round++) {
      const result = mustWork(await callChain(node, network, first, "ADD"));
      {
        await using agent = loadAgent(node, bundle.agent);
        await agent.start();
        mustWork(await callChain(node, network, first, "CHECK", result));
        mustWork(await callChain(node, network, second, "ADD"));
        mustWork(await callChain(node, network, first, "DEL"));
        assert.deepEqual(await connected(second), []);
      }
      mustWork(await callChain(node, network, first, "ADD"));
      assert.deepEqual([...(await connected(first)), ...(await connected(second))], []);
      for (const pod of [first, second]) mustWork(await callChain(node, network, pod, "DEL"));
    }
  }),
);

/** As a runtime does: what went wrong is deleted and added again. */
async function addAndDelete(node: TestNode, network: Network, pod: Pod, progress: EventEmitter): Promise<void> {
  const insist = async (verb: "ADD" | "DEL"): Promise<void> => {
    for (let tries = 1; ; tries++) {
      const { error } = await callChain(node, network, pod, verb);
      if (error === undefined) break;
      assert.equal(error.code, 11, `${verb}: ${JSON.stringify(error)}`);
      assert.ok(tries < MAX_TRIES, `${verb} does not work after ${tries} tries: ${error.message}`);
      if (verb === "ADD") await insist("DEL");
    }
    progress.emit("verb");
  };
  await insist("ADD");
  assert.deepEqual(await findBrokenPaths(pathsOf(node, pod, { hasHostPort: network.hasHostPorts })), []);
  await insist("DEL");
}

test("agents that come and go under load lose no container and leave nothing", requireRoot, () =>
  withNode(async (node, bundle) => {
    using pods = new DisposableStack();
    const network = networkOf(node, "ptp");
    const all = await Promise.all(["a", "b", "c"].map((name, index) => createPod(name, 8001 + index)));
    for (const pod of all) pods.use(pod);
    const progress = new EventEmitter();
    for (const pod of all) await addAndDelete(node, network, pod, progress);
    const empty = await takeSnapshot(
      node,
      all.map(({ netns }) => netns),
    );

    let isOver = false;
    const load = all.map(async (pod) => {
      while (!isOver) await addAndDelete(node, network, pod, progress);
    });
    const failed = Promise.all(load).then(() => Promise.reject(new Error("the load has ended")));
    failed.catch(() => undefined);
    const verbs = async (count: number): Promise<void> => {
      for (; count > 0; count--) await Promise.race([once(progress, "verb"), failed]);
    };
    try {
      for (let life = 0; life < LIVES; life++) {
        await using agent = loadAgent(node, bundle.agent);
        await agent.start();
        await verbs(4);
        if (life % 2 === 0) await agent.kill();
        else await agent[Symbol.asyncDispose]();
        await verbs(2);
      }
    } finally {
      isOver = true;
      await Promise.allSettled(load);
    }
    await Promise.all(load);
    await using last = loadAgent(node, bundle.agent);
    await last.start();
    assert.deepEqual(
      await takeSnapshot(
        node,
        all.map(({ netns }) => netns),
      ),
      empty,
    );
  }),
);
