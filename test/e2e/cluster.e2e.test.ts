/** `podwire up` from nothing to pods that reach each other, through faults, to `podwire down` that leaves nothing. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { type MachineState, readMachineState } from "#cli/testing/machine-state.ts";
import { busyboxImage, readBusybox } from "#cluster/images.ts";
import type { ClusterStatus, ComponentStatus } from "#cluster/keeper/cluster-status.ts";
import { ociArchive } from "#cluster/oci-archive.ts";
import { peerAnswer } from "#cluster/peer-service.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { findKubectls, HOW_TO_PROVIDE } from "#test/kubectl/find-kubectls.ts";
import { kubectlOf, podwire, startPodwire, tracesOf, tryPodwire, useOwnClusterFolders } from "./podwire-command.ts";

const NAME = "e2e-up";
const OTHER = "e2e-while";
/** Without root that is the reason; else whether there is a kubectl. */
const needs = requireRoot.skip ? requireRoot : { skip: findKubectls().supported.length === 0 && HOW_TO_PROVIDE };
const REPLICAS = 4;
const DEADLINE_MS = 60_000;

/** Answers with the address that it sees. */
const SERVE = `mkdir -p /www/cgi-bin
printf '%s\\n' '#!/bin/sh' 'printf "Content-Type: text/plain\\r\\n\\r\\nyou are %s, I am %s\\n" "$REMOTE_ADDR" "$(hostname)"' >/www/cgi-bin/index.cgi
chmod +x /www/cgi-bin/index.cgi
exec httpd -f -p 0.0.0.0:80 -h /www`;

const DEPLOYMENT = JSON.stringify({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web" },
  spec: {
    replicas: REPLICAS,
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: "web",
            image: "busybox",
            command: ["sh", "-c", SERVE],
            readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 1 },
          },
        ],
      },
    },
  },
});

interface PodPlace {
  readonly name: string;
  readonly ip: string;
  readonly node: string;
}

const NOTHING: MachineState = { links: [], mounts: [], cgroups: [], processes: [] };

suite("podwire up", needs, () => {
  let removeFolders: () => void;
  let kubectl: ReturnType<typeof kubectlOf>;
  const status = async (): Promise<ClusterStatus> => JSON.parse(await podwire("status", "--name", NAME, "-o", "json"));
  const pods = async (): Promise<readonly PodPlace[]> => {
    const { items } = JSON.parse(await kubectl(["get", "pods", "-l", "app=web", "-o", "json"]));
    return items
      .filter((pod: { metadata: { deletionTimestamp?: string } }) => pod.metadata.deletionTimestamp === undefined)
      .map((pod: { metadata: { name: string }; status: { podIP: string }; spec: { nodeName: string } }) => {
        return { name: pod.metadata.name, ip: pod.status.podIP, node: pod.spec.nodeName };
      });
  };
  const ask = (from: PodPlace, url: string): Promise<string> =>
    kubectl(["exec", from.name, "--", "timeout", "5", "wget", "-q", "-O", "-", url]);
  const requireAcrossNodes = async (): Promise<void> => {
    const all = await pods();
    const pairs = all.flatMap((from) => all.filter((to) => to.node !== from.node).map((to) => ({ from, to })));
    assert.notEqual(pairs.length, 0, "pods are on different nodes");
    for (const { from, to } of pairs) {
      assert.equal(await ask(from, `http://${to.ip}/cgi-bin/index.cgi`), peerAnswer(to.name, from.ip));
    }
  };

  before(async () => {
    removeFolders = useOwnClusterFolders();
    await podwire("up", "--name", NAME, "--nodes", "2", "--network", "vxlan");
    kubectl = kubectlOf((await podwire("kubeconfig", "--name", NAME, "--path")).trim());
  });
  after(async () => {
    await tryPodwire(["down", "--all"]);
    removeFolders();
  });

  test("a deployment's pods become ready on both nodes and reach each other with their own addresses", async () => {
    await kubectl(["apply", "-f", "-"], DEPLOYMENT);
    await kubectl(["rollout", "status", "deployment/web", `--timeout=${DEADLINE_MS}ms`]);
    assert.equal((await pods()).length, REPLICAS);
    await requireAcrossNodes();
  });

  test("a pod is masqueraded outside: there, its node's address is seen", async () => {
    const [pod] = await pods();
    const { nodes } = await status();
    const address = nodes.find(({ name }) => name === pod?.node)?.addresses[0];
    assert.ok(pod && address);
    assert.equal(await ask(pod, "http://203.0.113.10/"), peerAnswer("outside", address));
  });

  test("up again changes nothing, and another cluster under the same name is refused", async () => {
    const { keeperPid, nodes } = await status();
    await podwire("up", "--name", NAME, "--nodes", "2");
    await podwire("up", "--name", NAME);
    const now = await status();
    assert.deepEqual(
      [now.keeperPid, now.nodes.map(({ initPid }) => initPid)],
      [keeperPid, nodes.map(({ initPid }) => initPid)],
    );
    const { code, stderr } = await tryPodwire(["up", "--name", NAME, "--nodes", "3"]);
    assert.equal(code, 1);
    assert.match(stderr, /in use by another cluster\n\s+why:\s+nodes is 2, not 3\n/);
    assert.match(stderr, /podwire down --name e2e-up/);
  });

  test("clusters run side by side, each in a subnet of its own", async () => {
    const other = JSON.parse(
      await podwire("up", "--name", OTHER, "--nodes", "1", "--network", "host-gw", "-o", "json"),
    );
    const { underlay, server } = await status();
    assert.notDeepEqual(other.underlay.subnets, underlay.subnets);
    assert.notEqual(other.server, server);
    const listed = JSON.parse(await podwire("list", "-o", "json"));
    assert.deepEqual(
      listed.map(({ name, state, ready }: { name: string; state: string; ready: number }) => [name, state, ready]),
      [
        [NAME, "ready", 2],
        [OTHER, "ready", 1],
      ],
    );
    await podwire("down", "--name", OTHER);
    assert.equal(await podwire("list", "-o", "name"), `${NAME}\n`);
    await requireAcrossNodes();
  });

  test("node exec runs in the node, with the exit status of the command", async () => {
    assert.equal(await podwire("node", "exec", "2", "--name", NAME, "--", "hostname"), `${NAME}-2\n`);
    assert.equal((await tryPodwire(["node", "exec", "1", "--name", NAME, "--", "sh", "-c", "exit 7"])).code, 7);
    const unknown = await tryPodwire(["node", "exec", "e2e-up-7", "--name", NAME, "--", "true"]);
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /has no node "e2e-up-7"\n\s+why:\s+did you mean "e2e-up-\d"/);
  });

  test("node stop ends a node, node start brings it back with its pods", async () => {
    await podwire("node", "stop", "2", "--name", NAME);
    const [, stopped] = (await status()).nodes;
    assert.deepEqual([stopped?.state, stopped?.ready, stopped?.components], ["stopped", false, []]);
    await podwire("node", "start", "2", "--name", NAME);
    assert.equal((await status()).state, "ready");
    await kubectl(["wait", "pods", "-l", "app=web", "--for=condition=Ready", `--timeout=${DEADLINE_MS}ms`]);
    await kubectl(["rollout", "status", "deployment/web", `--timeout=${DEADLINE_MS}ms`]);
  });

  test("image load brings an image to every node; without it, the error is the real one", async () => {
    const image = "example.com/own:1";
    const run = ["run", "own", `--image=${image}`, "--restart=Never", "--", "echo", "own words"];
    await kubectl(run);
    const waiting = "jsonpath={.status.containerStatuses[0].state.waiting.reason}";
    await kubectl(["wait", "pod/own", `--for=${waiting}=ErrImagePull`, `--timeout=${DEADLINE_MS}ms`]);
    await kubectl(["delete", "pod", "own", "--grace-period=0", "--force"]);
    const folder = await mkdtemp(join(tmpdir(), "podwire-image-"));
    try {
      const { program, applets } = await readBusybox(AbortSignal.timeout(DEADLINE_MS));
      const { bytes } = ociArchive({ ...busyboxImage(process.arch, { program, applets }), names: [image] });
      await writeFile(join(folder, "own.tar"), bytes);
      assert.equal(await podwire("image", "load", join(folder, "own.tar"), "--name", NAME), `${image}\n`);
      const missing = await tryPodwire(["image", "load", join(folder, "none.tar"), "--name", NAME]);
      assert.deepEqual([missing.code, /no such file/.test(missing.stderr)], [2, true]);
    } finally {
      await rm(folder, { recursive: true });
    }
    await kubectl(run);
    await kubectl(["wait", "pod/own", "--for=jsonpath={.status.phase}=Succeeded", `--timeout=${DEADLINE_MS}ms`]);
    assert.equal(await kubectl(["logs", "own"]), "own words\n");
    await kubectl(["delete", "pod", "own"]);
  });

  test("a component that is killed runs again", async () => {
    const components = async (): Promise<readonly ComponentStatus[]> => {
      const { components: control, nodes } = await status();
      return [...control, ...nodes.flatMap((node) => node.components)];
    };
    const before = await components();
    assert.deepEqual([...new Set(before.map(({ name }) => name))].toSorted(), [
      "agent",
      "containerd",
      "control-plane",
      "dns",
      "kubelet",
    ]);
    for (const { pid } of before) if (pid !== undefined) process.kill(pid, "SIGKILL");
    const isBack = (part: ComponentStatus, index: number): boolean =>
      part.state === "running" && part.restarts > (before[index]?.restarts ?? 0);
    let now = await components();
    for (const deadline = Date.now() + DEADLINE_MS; !now.every(isBack) && Date.now() < deadline; )
      now = await components();
    assert.deepEqual(
      now.map(({ name, state, restarts }) => [name, state, restarts]),
      before.map(({ name, restarts }) => [name, "running", restarts + 1]),
    );
    await kubectl(["wait", "pods", "-l", "app=web", "--for=condition=Ready", `--timeout=${DEADLINE_MS}ms`]);
    await requireAcrossNodes();
  });

  test("a node that loses its process 1 boots again", async () => {
    const [node] = (await status()).nodes;
    assert.ok(node?.initPid !== undefined);
    process.kill(node.initPid, "SIGKILL");
    await podwire("node", "start", "1", "--name", NAME);
    const [again] = (await status()).nodes;
    assert.notEqual(again?.initPid, node.initPid);
    assert.equal(again?.ready, true);
  });

  test("down leaves nothing when the keeper was killed", async () => {
    const { links = [], cgroups = [], processes = [] } = tracesOf(NAME);
    assert.ok(links.length === 1 && cgroups.length > 0 && processes.length >= 2, "what would be left is seen");
    process.kill((await status()).keeperPid, "SIGKILL");
    await podwire("down", "--name", NAME);
    assert.deepEqual(tracesOf(NAME), NOTHING);
    assert.match((await tryPodwire(["status", "--name", NAME])).stderr, /Cluster "e2e-up" is not up/);
  });

  for (const point of ["keeper started", "underlay", "control plane"]) {
    test(`down leaves nothing when the keeper was killed after: ${point}`, async () => {
      const up = startPodwire(["up", "--name", NAME, "--nodes", "2"]);
      up.stdout.resume();
      let said = "";
      for await (const chunk of up.stderr.setEncoding("utf8")) {
        said += chunk;
        if (said.includes(point)) break;
      }
      assert.ok(said.includes(point), said);
      const exited = once(up, "exit");
      process.kill(await keeperPid(), "SIGKILL");
      await exited;
      await podwire("down", "--name", NAME);
      assert.deepEqual(tracesOf(NAME), NOTHING);
    });
  }

  test("up that is interrupted takes down what it has started", async () => {
    const up = startPodwire(["up", "--name", NAME, "--nodes", "2"]);
    up.stdout.resume();
    const exited = once(up, "exit");
    let said = "";
    up.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      said += chunk;
      if (chunk.includes("underlay")) up.kill("SIGINT");
    });
    assert.deepEqual(await exited, [130, null], said);
    assert.deepEqual(tracesOf(NAME), NOTHING);
  });

  test("down brings the machine back to what it was", async () => {
    await podwire("up", "--name", NAME, "--nodes", "1");
    await podwire("down", "--name", NAME);
    assert.deepEqual(tracesOf(NAME), NOTHING);
    await podwire("down", "--name", NAME);
  });

  async function keeperPid(): Promise<number> {
    const { processes = [] } = readMachineState(["processes"]);
    const line = processes.find((each) => each.includes(`keep-cluster ${NAME}`));
    assert.ok(line, processes.join("\n"));
    return Number(line.split(" ")[0]);
  }
});
