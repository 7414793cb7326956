import assert from "node:assert/strict";
import { test } from "node:test";
import { addNat } from "#dataplane/nat/apply.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import { execIn, outputIn } from "#kernel/testing/run-in-netns.ts";
import { namedTestNetns, requireRoot } from "#kernel/testing/with-netns.ts";
import { leftBehind } from "../testing/left-behind.ts";
import { createTestHost, resultOf, type TestAgent, type TestHost } from "../testing/test-host.ts";

async function addPod(host: TestHost, agent: TestAgent, containerId: string, netns: string): Promise<void> {
  resultOf(await agent.call({ command: "ADD", containerId, netns, config: host.network }));
}

function addForeignElement({ netns }: TestHost): void {
  using nft = createNftSocket(netns);
  addNat(nft, "net/nobody/eth0", {
    masquerades: [{ address: "10.7.0.9", subnet: "10.7.0.0/16" }],
    hostPorts: [],
  });
}

const ruleset = (host: TestHost): Promise<string> => outputIn(host.netns, ["nft", "list", "ruleset"]);

const ACCIDENTS = [
  ["nft", "flush", "ruleset"],
  ["nft", "delete", "table", "inet", "podwire"],
  ["nft", "flush", "map", "inet", "podwire", "masq4"],
];

for (const accident of ACCIDENTS) {
  test(`elements come back after "${accident.join(" ")}"`, requireRoot, async () => {
    using host = createTestHost();
    using pods = new DisposableStack();
    await using agent = await host.startAgent();
    for (const id of ["c1", "c2"]) await addPod(host, agent, id, pods.use(namedTestNetns()).path);
    const before = await ruleset(host);
    const { exitCode, stderr } = await execIn(host.netns, accident).then(({ code, ...rest }) => ({
      exitCode: code,
      ...rest,
    }));
    assert.equal(exitCode, 0, stderr);
    assert.equal((await agent.logged("nat table reconciled"))["restoredAttachments"], 2);
    assert.equal(await ruleset(host), before);
    const { repairs, attachments } = await agent.status();
    assert.deepEqual(repairs, { restored: 2, removed: 0 });
    assert.deepEqual(
      attachments.flatMap(({ drift }) => drift),
      [],
    );
  });
}

test("rules that somebody flushed come back", requireRoot, async () => {
  using host = createTestHost();
  using pod = namedTestNetns();
  await using agent = await host.startAgent();
  await addPod(host, agent, "c1", pod.path);
  const before = await ruleset(host);
  await outputIn(host.netns, ["nft", "flush", "chain", "inet", "podwire", "postrouting"]);
  assert.equal((await agent.logged("nat rules restored"))["chains"], "postrouting,pod-networks");
  assert.equal(await ruleset(host), before);
});

test("elements that nobody owns go, at the start of the agent and later", requireRoot, async () => {
  using host = createTestHost();
  using pod = namedTestNetns();
  addForeignElement(host);
  await using agent = await host.startAgent();
  await agent.logged("nat table reconciled");
  await addPod(host, agent, "c1", pod.path);
  const before = await ruleset(host);
  addForeignElement(host);
  await agent.logged("nat table reconciled", 2);
  assert.equal(await ruleset(host), before);
  assert.deepEqual(leftBehind(host).elements, ["masq4 net/c1/eth0"]);
  assert.deepEqual((await agent.status()).repairs, { restored: 0, removed: 2 });
});

test("an element that was changed by somebody is set right", requireRoot, async () => {
  using host = createTestHost();
  using pod = namedTestNetns();
  await using agent = await host.startAgent();
  await addPod(host, agent, "c1", pod.path);
  const before = await ruleset(host);
  const changes = [
    "delete element inet podwire masq4 { 10.1.0.2 }",
    "add element inet podwire masq4 { 10.1.0.2 : drop }",
  ];
  const { code, stderr } = await execIn(host.netns, ["nft", "-f", "-"], { input: changes.join("\n") });
  assert.equal(code, 0, stderr);
  await agent.logged("nat table reconciled");
  assert.equal(await ruleset(host), before);
});
