/** Records of another life of the node: their addresses are given back, what is there now stays as it is. */
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { watchLinkDeletions } from "#kernel/rtnetlink/events.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { namedTestNetns, requireRoot } from "#kernel/testing/with-netns.ts";
import { ledgerState } from "./testing/ledger-state.ts";
import { leftBehind, NOTHING } from "./testing/left-behind.ts";
import { addressOf, createTestHost, resultOf, type TestHost, type Verb } from "./testing/test-host.ts";

type Pod = { readonly containerId: string; readonly netns: string };

const add = ({ network }: TestHost, pod: Pod): Verb => ({ command: "ADD", ...pod, config: network });
const del = ({ network }: TestHost, pod: Pod): Verb => ({ command: "DEL", ...pod, config: network });

async function addByAgent(host: TestHost, ...pods: readonly Pod[]): Promise<readonly string[]> {
  await using agent = await host.startAgent();
  const addresses: string[] = [];
  for (const pod of pods) addresses.push(addressOf(await agent.call(add(host, pod))));
  return addresses;
}

const journalPath = ({ paths }: TestHost): string => join(paths.ledgerDir, "journal");

/** Changes the line that began the record of the pod. */
function changeRecord(host: TestHost, { containerId }: Pod, change: (line: string) => string): void {
  const lines = readFileSync(journalPath(host), "utf8").split("\n");
  const index = lines.findLastIndex((line) => line.startsWith(`["adding","${containerId}:`));
  const line = lines[index] ?? "";
  assert.notEqual(change(line), line);
  writeFileSync(journalPath(host), lines.with(index, change(line)).join("\n"));
}

/** As if the record had been written before the machine was started again. */
function ageRecord(host: TestHost, pod: Pod): void {
  changeRecord(host, pod, (line) => line.replace(/"epoch":"[^/]*/, '"epoch":"00000000-0000-0000-0000-000000000000'));
}

const kernelState = async (host: Pick<TestHost, "netns">): Promise<string> =>
  (
    await Promise.all(
      ["nft list ruleset", "ip -o link", "ip -4 -o addr", "ip route"].map((line) =>
        outputIn(host.netns, line.split(" ")),
      ),
    )
  ).join("\n");

/** Who notices first that the node has a new life. */
const NOTICED_BY: Readonly<Record<string, (host: TestHost) => Promise<unknown>>> = {
  "an agent that starts": async (host) => {
    await using agent = await host.startAgent();
    return await agent.status();
  },
  "the first one-shot process": async (host) =>
    resultOf(await host.runAlone({ command: "STATUS", config: host.network })),
};

for (const [who, notice] of Object.entries(NOTICED_BY)) {
  test(`${who} gives back addresses of before the boot and touches nothing else`, requireRoot, async () => {
    using host = createTestHost();
    using present = namedTestNetns();
    const old: Pod = { containerId: "old", netns: "/nonexistent/netns" };
    const now: Pod = { containerId: "now", netns: present.path };
    {
      const { promise: linkGone, resolve } = Promise.withResolvers<void>();
      const gone = namedTestNetns();
      assert.deepEqual(await addByAgent(host, { ...old, netns: gone.path }), ["10.1.0.2"]);
      ageRecord(host, old);
      using _watch = watchLinkDeletions(host.netns, { deleted: () => resolve(), lost: resolve });
      gone[Symbol.dispose]();
      await linkGone; // the namespace takes it along; its element is gone with the boot
    }
    await outputIn(host.netns, ["nft", "delete", "table", "inet", "podwire"]);
    // The agent recovers before it serves: by another state folder, the present pod can be there all the same.
    const aside = `${host.paths.ledgerDir}.aside`;
    renameSync(host.paths.ledgerDir, aside);
    assert.deepEqual(await addByAgent(host, now), ["10.1.0.3"]);
    appendFileSync(journalPath(host), readFileSync(join(aside, "journal")));
    writeFileSync(join(dirname(host.paths.ledgerDir), "epoch"), "another epoch");

    const before = await kernelState(host);
    await notice(host);
    assert.equal(await kernelState(host), before);
    assert.deepEqual(host.reservations(), ["10.1.0.3"]);
    assert.deepEqual(ledgerState(host.paths.ledgerDir), ["now:eth0:net:ptp"]);
  });

  test(
    `${who} gives back addresses of a namespace that had the same number, and leaves its pods alone`,
    requireRoot,
    async () => {
      using earlier = createTestHost();
      using later = createTestHost();
      using pod = namedTestNetns();
      const old: Pod = { containerId: "old", netns: pod.path };
      await addByAgent(earlier, old);
      const states = (): Promise<readonly string[]> =>
        Promise.all([kernelState(earlier), kernelState(later), outputIn(pod, ["ip", "-4", "-o", "addr"])]);
      const before = await states();
      mkdirSync(dirname(later.paths.ledgerDir), { recursive: true });
      renameSync(earlier.paths.ledgerDir, later.paths.ledgerDir);
      await notice(later);
      assert.deepEqual(await states(), before);
      assert.deepEqual([earlier.reservations(), ledgerState(later.paths.ledgerDir)], [[], []]);
    },
  );
}

test(
  "one-shot processes that start together after a boot leave each other's new attachments alone",
  requireRoot,
  async () => {
    using host = createTestHost();
    using pods = new DisposableStack();
    const all = ["c1", "c2", "c3", "c4", "c5"].map((containerId) => ({
      containerId,
      netns: pods.use(namedTestNetns()).path,
    }));
    for (let round = 0; round < 5; round++) {
      const addresses = await Promise.all(all.map(async (pod) => addressOf(await host.runAlone(add(host, pod)))));
      assert.equal(new Set(addresses).size, all.length);
      assert.equal(leftBehind(host).links.length, all.length);
      assert.equal(leftBehind(host).records.length, all.length);
      for (const pod of all) ageRecord(host, pod);
      writeFileSync(join(dirname(host.paths.ledgerDir), "epoch"), "another epoch");
    }
  },
);

const CUT_SHORT: Readonly<Record<string, (line: string) => string>> = {
  "an empty line": () => "",
  "half a line": (line) => line.slice(0, 40),
  "a line of zeros": () => "\0".repeat(500),
  "a line with something else": () => '{"phase":"adding"}',
  "a line without its end": (line) => line.slice(0, -1),
};

for (const [what, damage] of Object.entries(CUT_SHORT)) {
  test(`an agent starts over ${what}; DEL and ADD of its container work`, requireRoot, async () => {
    using host = createTestHost();
    using pod = namedTestNetns();
    using other = namedTestNetns();
    const broken: Pod = { containerId: "broken", netns: pod.path };
    await addByAgent(host, broken, { containerId: "whole", netns: other.path });
    changeRecord(host, broken, damage);
    await using agent = await host.startAgent();
    assert.deepEqual(ledgerState(host.paths.ledgerDir), ["whole:eth0:net:ptp"]);
    resultOf(await agent.call(del(host, broken)));
    assert.deepEqual(host.reservations(), ["10.1.0.3"]);
    resultOf(await agent.call(add(host, broken)));
    resultOf(await agent.call(del(host, broken)));
    resultOf(await agent.call(del(host, { containerId: "whole", netns: "" })));
    assert.deepEqual(leftBehind(host), NOTHING);
  });
}
