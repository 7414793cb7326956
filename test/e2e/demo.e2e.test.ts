/** `podwire demo`: the first thing that people run, as they run it. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, suite, test } from "node:test";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { podwire, tracesOf, tryPodwire, useOwnClusterFolders } from "./podwire-command.ts";

const NAME = "e2e-shown";
/** Of the second cluster: what a failure leaves of the first is not in its way. */
const BRIEF = "e2e-brief";

const NOTHING = { links: [], mounts: [], cgroups: [], processes: [] };

suite("podwire demo", requireRoot, () => {
  let removeFolders: () => void;
  before(() => {
    removeFolders = useOwnClusterFolders();
  });
  after(async () => {
    await tryPodwire(["down", "--all", "--quiet"]);
    removeFolders();
  });

  test("demo proves the network and a packet's way, leaves the cluster up, and down leaves nothing", async () => {
    const { code, stdout, stderr } = await tryPodwire(["demo", "--name", NAME, "--nodes", "2", "--load", "2"]);
    assert.equal(code, 0, stderr + stdout);
    for (const phase of ["control plane", "nodes ready", "2 web servers and 2 clients run", "network checked"]) {
      assert.match(stderr, new RegExp(`^podwire: +\\d+ ms  ${phase}`, "m"));
    }
    assert.match(stdout, /^ {2}✓ pods reach pods of other nodes as themselves \(IPv4\) +\d+$/m);
    assert.match(stdout, /^ {2}cluster e2e-shown: 2 nodes, 4 pods, \d+ packets in \d+ ms: passed$/m);
    assert.match(stdout, /flannel\.1 out /);
    assert.match(stdout, /^ {2}arrived: (\d+) of \1 hops seen$/m);
    assert.match(stdout, /^ {2}pod client-\S+ +http:\/\/web\.default\.svc\.cluster\.local\/ +200 OK$/m);
    assert.match(stdout, /^ {2}outside +http:\/\/10\.213\.\d+\.\d+:3\d{4}\/ +200 OK$/m);
    assert.match(stdout, /^ {2}all web servers replaced under load: \d{3,} requests in .*, 0 lost$/m);
    const [, kubeconfig = ""] = /export KUBECONFIG=(\S+)/.exec(stdout) ?? [];
    assert.ok(existsSync(kubeconfig), "what it says to do next is possible");
    assert.match(stdout, /sudo \.\/podwire down --name e2e-shown/);

    const again = JSON.parse(await podwire("demo", "--name", NAME, "--nodes", "2", "--load", "0", "-o", "json"));
    assert.equal(again.pods.length, 4, "a second demo uses what is there");
    assert.equal(again.trace.arrived, true);

    await podwire("down", "--name", NAME);
    assert.deepEqual(tracesOf(NAME), NOTHING);
  });

  test("demo --no-keep takes the cluster down at the end", async () => {
    const stdout = await podwire("demo", "--name", BRIEF, "--nodes", "1", "--no-keep", "--load", "0");
    assert.match(stdout, /: passed$/m);
    assert.deepEqual(tracesOf(BRIEF), NOTHING);
  });
});
