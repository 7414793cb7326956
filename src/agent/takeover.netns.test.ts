/** Who may act in a namespace, and how agents and one-shot processes hand attachments over to each other. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import type { PluginOutput } from "#cni/plugin-main.ts";
import { namedTestNetns, requireRoot } from "#kernel/testing/with-netns.ts";
import { AgentError } from "./agent-error.ts";
import { tryStateLock } from "./state-lock.ts";
import { leftBehind, NOTHING } from "./testing/left-behind.ts";
import { createTestHost, errorCodeOf, resultOf, type TestHost, type Verb } from "./testing/test-host.ts";

const WAYS: Readonly<Record<string, (host: TestHost, verb: Verb) => Promise<PluginOutput>>> = {
  agent: async (host, verb) => {
    await using agent = await host.startAgent();
    return await agent.call(verb);
  },
  "one-shot process": (host, verb) => host.runAlone(verb),
};

for (const [maker, add] of Object.entries(WAYS)) {
  for (const [heir, call] of Object.entries(WAYS)) {
    test(`what the ${maker} adds is checked and deleted by another ${heir}`, requireRoot, async () => {
      using host = createTestHost();
      using pod = namedTestNetns();
      const container = { containerId: "c1", netns: pod.path };
      for (let round = 0; round < 2; round++) {
        const prevResult = resultOf(await add(host, { command: "ADD", ...container, config: host.network }));
        assert.equal(leftBehind(host).links.length, 1);
        resultOf(await call(host, { command: "CHECK", ...container, config: { ...host.network, prevResult } }));
        assert.equal(errorCodeOf(await call(host, { command: "ADD", ...container, config: host.network })), 104);
        resultOf(await call(host, { command: "CHECK", ...container, config: { ...host.network, prevResult } }));
        resultOf(await call(host, { command: "DEL", ...container, config: host.network }));
        assert.deepEqual(leftBehind(host), NOTHING);
      }
    });
  }
}

test("GC by a one-shot process deletes what an agent made and the runtime does not list", requireRoot, async () => {
  using host = createTestHost();
  using kept = namedTestNetns();
  using stale = namedTestNetns();
  await WAYS["agent"]?.(host, { command: "ADD", containerId: "kept", netns: kept.path, config: host.network });
  await WAYS["agent"]?.(host, { command: "ADD", containerId: "stale", netns: stale.path, config: host.network });
  const valid = { "cni.dev/valid-attachments": [{ containerID: "kept", ifname: "eth0" }] };
  resultOf(await host.runAlone({ command: "GC", config: { ...host.network, ...valid } }));
  const { addresses, elements, records } = leftBehind(host);
  assert.deepEqual({ addresses, elements }, { addresses: ["10.1.0.2"], elements: ["masq4 net/kept/eth0"] });
  assert.deepEqual(records, ["kept:eth0:net:ptp"]);
});

test("a second agent in the same namespace refuses, and the first goes on", requireRoot, async () => {
  using host = createTestHost();
  await using first = await host.startAgent();
  await assert.rejects(
    host.startAgent(),
    (error) => error instanceof AgentError && error.code === "alreadyRuns" && error.message.includes(host.folder),
  );
  assert.equal((await first.status()).pid, process.pid);
});

test("an agent waits for one-shot processes under way, and they for nobody", requireRoot, async () => {
  using host = createTestHost();
  using pod = namedTestNetns();
  const underWay = tryStateLock(host.paths.lock, "shared");
  assert.ok(underWay);
  const starting = host.startAgent();
  const verb: Verb = { command: "ADD", containerId: "c1", netns: pod.path, config: host.network };
  resultOf(await host.runAlone(verb));
  underWay[Symbol.dispose]();
  await using agent = await starting;
  resultOf(await agent.call({ ...verb, command: "DEL" }));
  assert.deepEqual(leftBehind(host), NOTHING);
});

test("a one-shot process asks to try again while an agent has the lock but does not accept", requireRoot, async () => {
  using host = createTestHost();
  using pod = namedTestNetns();
  const verb: Verb = { command: "ADD", containerId: "c1", netns: pod.path, config: host.network };
  mkdirSync(dirname(host.paths.lock), { recursive: true });
  {
    using _starting = tryStateLock(host.paths.lock, "exclusive");
    const output = await host.runAlone(verb);
    assert.equal(errorCodeOf(output), 11);
    assert.match(output.stdout, /agent is starting or stopping.*can be repeated/);
  }
  resultOf(await host.runAlone(verb));
});
