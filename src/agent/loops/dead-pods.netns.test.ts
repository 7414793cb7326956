import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { namedTestNetns, requireRoot } from "#kernel/testing/with-netns.ts";
import { leftBehind, NOTHING } from "../testing/left-behind.ts";
import { createTestHost, errorCodeOf, resultOf, type TestHost, type Verb } from "../testing/test-host.ts";

const verb = ({ network }: TestHost, command: Verb["command"], containerId: string, netns: string): Verb => ({
  command,
  containerId,
  netns,
  config: network,
});

test(
  "a pod whose namespace is deleted without DEL is reclaimed; the DEL that comes later succeeds",
  requireRoot,
  async () => {
    using host = createTestHost();
    using alive = namedTestNetns();
    await using agent = await host.startAgent();
    resultOf(await agent.call(verb(host, "ADD", "alive", alive.path)));
    let path = "";
    {
      using pod = namedTestNetns();
      path = pod.path;
      resultOf(await agent.call(verb(host, "ADD", "dead", path)));
      assert.equal(leftBehind(host).records.length, 2);
    }
    assert.equal((await agent.logged("dead pod reclaimed"))["containerId"], "dead");
    const { addresses, elements, records } = leftBehind(host);
    assert.deepEqual(addresses, ["10.1.0.2"]);
    assert.deepEqual(elements, ["masq4 net/alive/eth0"]);
    assert.deepEqual(records, ["alive:eth0:net:ptp"]);
    resultOf(await agent.call(verb(host, "DEL", "dead", path)));
    resultOf(await agent.call(verb(host, "DEL", "alive", alive.path)));
    assert.deepEqual(leftBehind(host), NOTHING);
  },
);

/** An IPAM plugin that answers only when it is let go. */
function addSlowIpam({ folder }: TestHost): Disposable & { release(): void } {
  const gate = join(folder, "gate");
  execFileSync("mkfifo", [gate]);
  const answer = '{"cniVersion":"1.1.0","ips":[{"address":"10.2.0.2/24"}]}';
  const script = `#!/bin/sh\n[ $CNI_COMMAND = ADD ] || exit 0\nread line <${gate}\necho '${answer}'\n`;
  writeFileSync(join(folder, "bin/slow-ipam"), script, { mode: 0o755 });
  // For reading and writing: opening it waits for nobody.
  const fd = openSync(gate, "r+");
  return { release: () => writeFileSync(fd, "go\n"), [Symbol.dispose]: () => closeSync(fd) };
}

test("a verb that takes long keeps neither dead pods nor verbs of other containers waiting", requireRoot, async () => {
  using host = createTestHost();
  using slowPod = namedTestNetns();
  using other = namedTestNetns();
  using ipam = addSlowIpam(host);
  await using agent = await host.startAgent();
  {
    using pod = namedTestNetns();
    resultOf(await agent.call(verb(host, "ADD", "dead", pod.path)));
  }
  const slow = verb(host, "ADD", "slow", slowPod.path);
  const added = agent.call({ ...slow, config: { ...slow.config, name: "slow", ipam: { type: "slow-ipam" } } });
  await agent.logged("dead pod reclaimed");
  resultOf(await agent.call(verb(host, "ADD", "other", other.path)));
  ipam.release();
  assert.equal(errorCodeOf(await added), 0);
});
