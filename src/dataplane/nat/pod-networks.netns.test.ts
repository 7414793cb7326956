import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePrefix } from "#base/ip-address.ts";
import { createNftSocket, type NftSocket } from "#kernel/nfnetlink/transaction.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot, testNetns } from "#kernel/testing/with-netns.ts";
import { addNat, listNat } from "./apply.ts";
import { applyPodNetworks, type PodNetworks, podNetworkDrift } from "./pod-networks.ts";

const WANTED: PodNetworks = {
  networks: ["10.244.0.0/16", "fd00:10:244::/48"].map(parsePrefix),
  nodePods: ["10.244.1.1/24", "fd00:10:244:1::/64"].map(parsePrefix),
};

async function withNft(body: (nft: NftSocket, nftCommand: (command: string) => Promise<string>) => Promise<void>) {
  using netns = testNetns();
  using nft = createNftSocket(netns);
  await body(nft, (command) => outputIn(netns, ["nft", ...command.split(" ")]));
}

test("applyPodNetworks writes what differs, and then nothing", requireRoot, () =>
  withNft(async (nft, run) => {
    assert.equal(applyPodNetworks(nft, WANTED).length, 4);
    const ruleset = await run("list ruleset");
    for (const part of ["10.244.0.0/16", "10.244.1.0/24", "fd00:10:244::/48", "fd00:10:244:1::/64"]) {
      assert.ok(ruleset.includes(`elements = { ${part} }`), `${part} in ${ruleset}`);
    }
    assert.deepEqual(applyPodNetworks(nft, WANTED), []);
    assert.deepEqual(podNetworkDrift(nft, WANTED), []);
    const moved = { ...WANTED, nodePods: [parsePrefix("10.244.2.0/24")] };
    assert.deepEqual(applyPodNetworks(nft, moved), ["node_pods4", "node_pods6"]);
    assert.deepEqual(applyPodNetworks(nft, { networks: [], nodePods: [] }).length, 3);
  }),
);

for (const [command, drift] of [
  ["delete element inet podwire node_pods4 { 10.244.1.0/24 }", /set "node_pods4" .* is not 10\.244\.1\.0\/24/],
  ["add element inet podwire pod_networks4 { 192.0.2.0/24 }", /set "pod_networks4" .* is not 10\.244\.0\.0\/16/],
  ["flush chain inet podwire pod-networks", /chain "pod-networks" .* has lost rules/],
  ["delete table inet podwire", /set "pod_networks6"/],
] as const) {
  test(`applyPodNetworks mends after: nft ${command}`, requireRoot, () =>
    withNft(async (nft, run) => {
      applyPodNetworks(nft, WANTED);
      const before = await run("list ruleset");
      await run(command);
      assert.match(podNetworkDrift(nft, WANTED).join("\n"), drift);
      applyPodNetworks(nft, WANTED);
      assert.deepEqual(podNetworkDrift(nft, WANTED), []);
      assert.equal(await run("list ruleset"), before);
    }),
  );
}

test("applyPodNetworks completes a table that an older Podwire made, and keeps what pods have there", requireRoot, () =>
  withNft(async (nft, run) => {
    addNat(nft, "net/a/eth0", { masquerades: [{ address: "10.1.0.5", subnet: "10.1.0.0/16" }], hostPorts: [] });
    const whole = await run("list ruleset");
    const jump = /jump pod-networks # handle (\d+)/.exec(await run("-a list chain inet podwire postrouting"))?.[1];
    await run(`delete rule inet podwire postrouting handle ${jump}`);
    await run("delete chain inet podwire pod-networks");
    for (const set of ["pod_networks4", "pod_networks6", "node_pods4", "node_pods6"]) {
      await run(`delete set inet podwire ${set}`);
    }
    applyPodNetworks(nft, { networks: [], nodePods: [] });
    const lines = (text: string): readonly string[] => text.split("\n").toSorted();
    assert.deepEqual(lines(await run("list ruleset")), lines(whole));
    assert.equal(listNat(nft).length, 1);
    applyPodNetworks(nft, WANTED);
    assert.deepEqual(podNetworkDrift(nft, WANTED), []);
  }),
);
