/** Services of a cluster, as people use them: reached from everywhere, and all the time, whatever happens to what serves them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, suite, test } from "node:test";
import { endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { namespace } from "#api/kinds/namespace.ts";
import { service as serviceKind } from "#api/kinds/service/service.ts";
import { DRAIN_ANNOTATION, DRAIN_PROGRAMMED, DRAINED } from "#api/programmed/drain.ts";
import { createHttpClient } from "#api-client/http-client.ts";
import { loadKubeconfig } from "#api-client/kubeconfig.ts";
import { parseAddress } from "#base/ip-address.ts";
import { askHttp, type HttpLoadReport, startHttpLoad } from "#check/http-load.ts";
import { type Netns, openNetns } from "#kernel/netns/netns.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { findKubectls, HOW_TO_PROVIDE } from "#test/kubectl/find-kubectls.ts";
import { allPods, type FaultCluster, startFaultCluster } from "./fault-cluster.ts";
import { inLanes } from "./in-lanes.ts";
import { podwire, tryPodwire, useOwnClusterFolders } from "./podwire-command.ts";

const NAME = "e2e-services";
const needs = requireRoot.skip ? requireRoot : { skip: findKubectls().supported.length === 0 && HOW_TO_PROVIDE };
/** Enough to meet every moment of a change, and little enough for a machine that is busy with other tests. */
const REQUESTS_PER_SECOND = 200;

/** Services that come while agents are killed; of a large cluster: PODWIRE_TEST_SERVICES=10000. */
const MANY = Number(process.env["PODWIRE_TEST_SERVICES"] ?? 100);
const MANY_NAMESPACE = "many";

/** With the endpoints of `web`, in slices that nobody else writes. */
async function createServices({ kubeconfig }: FaultCluster, count: number): Promise<void> {
  using client = createHttpClient(loadKubeconfig(kubeconfig), { userAgent: "podwire-test" });
  const signal = AbortSignal.timeout(5 * 60_000);
  const { items } = await client.list(endpointSlice, { namespace: "default", labelSelector: `${OWNER}=web` }, signal);
  const endpoints = items.flatMap((slice) => slice.endpoints);
  const ports = [{ name: "http", port: 80, protocol: "TCP" }] as const;
  await client.create(namespace, { metadata: { name: MANY_NAMESPACE } }, signal);
  await inLanes(Array.from({ length: count }), 16, async (_none, number) => {
    const name = `many-${number}`;
    const metadata = { namespace: MANY_NAMESPACE, name, labels: { [OWNER]: name } };
    await client.create(endpointSlice, { metadata, addressType: "IPv4", endpoints, ports: [...ports] }, signal);
    await client.create(
      serviceKind,
      { metadata: { namespace: MANY_NAMESPACE, name }, spec: { ports: [...ports] } },
      signal,
    );
  });
}
const OWNER = "kubernetes.io/service-name";

/** Listens when it is ready, and finishes what it has begun when it is told to end: not more. */
const SERVE = `mkdir /www && hostname >/www/index.html && trap "sleep 1; exit" TERM
httpd -f -p 80 -h /www & wait`;
const WEB = {
  name: "web",
  image: "busybox",
  command: ["sh", "-c", SERVE],
  readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 1 },
};
const DRAINED_FIRST = { graceSeconds: 60, annotations: { [DRAIN_ANNOTATION]: DRAIN_PROGRAMMED } };
const CLIENT = { name: "client", image: "busybox", command: ["sleep", "infinity"] };

function deployment(
  container: { readonly name: string },
  replicas: number,
  { graceSeconds, annotations }: { readonly graceSeconds: number; readonly annotations: object },
) {
  const labels = { app: container.name };
  const spec = { terminationGracePeriodSeconds: graceSeconds, containers: [container] };
  const template = { metadata: { labels, annotations }, spec };
  const metadata = { name: container.name };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: { replicas, selector: { matchLabels: labels }, template },
  };
}

suite("Services", needs, () => {
  let removeFolders: () => void;
  let cluster: FaultCluster;
  let clusterIP = "";
  let nodePort = 0;

  const wait = (...options: readonly string[]) =>
    tryPodwire(["wait", "service", "default/web", "--name", NAME, ...options]);
  const ask = (netns: Netns, address: string, port = 80): Promise<number> =>
    askHttp({ netns, address: parseAddress(address), port });
  const clientNetns = async (): Promise<Netns> => {
    // Alone: others may be on their way out, without a sandbox.
    const name = await cluster.kubectl("get", "pods", "-l", "app=client", "-o", "jsonpath={.items[0].metadata.name}");
    return (await cluster.pod(name)).netns;
  };
  /** What a client sees while `change` happens. */
  const underLoad = async (change: () => Promise<unknown>): Promise<HttpLoadReport> => {
    using netns = await clientNetns();
    const address = parseAddress(clusterIP);
    await using load = startHttpLoad({ netns, address, port: 80, perSecond: REQUESTS_PER_SECOND });
    await change();
    return await load.stop();
  };
  const requireNothingLost = ({ requests, lost, reasons }: HttpLoadReport): void => {
    assert.deepEqual(reasons, {});
    assert.equal(lost, 0);
    assert.notEqual(requests, 0);
  };

  before(async () => {
    removeFolders = useOwnClusterFolders();
    cluster = await startFaultCluster(NAME, 2, ["--load-balancer-pool", "198.18.7.0/28"]);
    await cluster.apply(deployment(WEB, 4, DRAINED_FIRST), deployment(CLIENT, 1, { graceSeconds: 2, annotations: {} }));
    for (const app of ["web", "client"]) {
      await cluster.kubectl("rollout", "status", `deployment/${app}`, "--timeout=60s");
    }
  });
  after(async () => {
    await tryPodwire(["down", "--all"]);
    removeFolders();
  });

  test("kubectl expose, podwire wait, and pods, nodes and outside reach it at once", async () => {
    await cluster.kubectl("expose", "deployment", "web", "--port=80", "--type=NodePort");
    const waited = await wait("-o", "json");
    assert.equal(waited.code, 0, waited.stderr);
    assert.deepEqual(JSON.parse(waited.stdout).nodes.toSorted(), cluster.nodeNames);
    const { spec } = JSON.parse(await cluster.kubectl("get", "service", "web", "-o", "json"));
    clusterIP = spec.clusterIP;
    nodePort = spec.ports[0].nodePort;
    for (const pod of await allPods(cluster)) {
      using own = pod;
      // Each of the web servers reaches itself by the Service, too: one of four is chosen each time.
      for (let count = 0; count < 12; count += 1) await ask(own.netns, clusterIP);
    }
    const { nodes, outside } = await cluster.status();
    using stranger = openNetns(outside.netnsPath);
    for (const { initPid, addresses } of nodes) {
      using node = openNetns(`/proc/${initPid}/ns/net`);
      await ask(node, clusterIP);
      await ask(node, addresses[0] ?? "", nodePort);
      await ask(stranger, addresses[0] ?? "", nodePort);
    }
    const slices = JSON.parse(
      await cluster.kubectl("get", "endpointslices", "-l", "kubernetes.io/service-name=web", "-o", "json"),
    );
    assert.equal(slices.items[0].endpoints.length, 4);
  });

  test("all pods are replaced while an agent hangs: they serve until it has heard of it, and no request is lost", async () => {
    const podName = async (app: string): Promise<string> =>
      cluster.kubectl("get", "pods", "-l", `app=${app}`, "-o", "jsonpath={.items[0].metadata.name}");
    const web = await podName("web");
    const told = `jsonpath={.status.conditions[?(@.type=="${DRAINED}")].message}`;
    const report = await underLoad(async () => {
      using own = await cluster.pod(web);
      using client = await cluster.pod(await podName("client"));
      {
        // Of the node that sends the load.
        using _agent = await stopped("agent", client.node);
        await cluster.kubectl("delete", "pod", web, "--wait=false");
        await cluster.kubectl("rollout", "restart", "deployment/web");
        // It is told after two seconds; a pod that had been stopped would have ended by then.
        await cluster.kubectl("wait", `pod/${web}`, `--for=condition=${DRAINED}=False`, "--timeout=30s");
        assert.match(await cluster.kubectl("get", "pod", web, "-o", told), new RegExp(` ${client.node}\\b`));
        await cluster.kill("kubelet", own.node);
        await ask(client.netns, own.address);
      }
      await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s");
      await cluster.kubectl("wait", `pod/${web}`, "--for=delete", "--timeout=60s");
    });
    requireNothingLost(report);
    assert.equal(await cluster.kubectl("get", "events", "--field-selector", "reason=NotDrained", "-o", "name"), "");
  });

  test("agents are killed while Services come and when all are there, and no request is lost", async () => {
    const report = await underLoad(async () => {
      const coming = createServices(cluster, MANY);
      for (const node of cluster.nodeNames) await cluster.kill("agent", node);
      await coming;
      for (const node of cluster.nodeNames) await cluster.kill("agent", node);
      const { code, stderr } = await wait("--timeout", "60");
      assert.equal(code, 0, stderr);
    });
    requireNothingLost(report);
    const last = ["get", "service", `many-${MANY - 1}`, "-n", MANY_NAMESPACE, "-o", "jsonpath={.spec.clusterIP}"];
    const address = await cluster.kubectl(...last);
    using netns = await clientNetns();
    for (let count = 0; count < 12; count += 1) await ask(netns, address);
    await cluster.kubectl("delete", "namespace", MANY_NAMESPACE);
  });

  /** Stops a component of a node, and lets it go on at the end. */
  const stopped = async (component: string, node: string): Promise<Disposable> => {
    const { components } = await cluster.node(node);
    const pid = components.find(({ name }) => name === component)?.pid ?? assert.fail(`no ${component} runs`);
    // nsenter stops itself when its child is stopped, and would not notice its end.
    const [, parent] = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? assert.fail();
    process.kill(pid, "SIGSTOP");
    return {
      [Symbol.dispose]() {
        for (const each of [Number(parent), pid]) process.kill(each, "SIGCONT");
      },
    };
  };

  test("podwire wait names the node that does not have it, and what of it is late", async () => {
    for (const [component, reason] of [
      ["agent", "its agent does not answer"],
      ["dns", "its name server does not answer"],
    ] as const) {
      const [first = "", second = ""] = cluster.nodeNames;
      using _component = await stopped(component, second);
      const { code, stderr } = await wait("--timeout", "2");
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`not programmed on every node after 2 s[^]*${second}: ${reason}`));
      assert.doesNotMatch(stderr, new RegExp(`${first}: `));
    }
    assert.equal((await wait()).code, 0);
    const { code, stderr } = await tryPodwire(["wait", "service", "default/none", "--name", NAME]);
    assert.equal(code, 2);
    assert.match(stderr, /no Service default\/none/);
  });

  test("a Service that podwire wait has seen resolves in a pod at the first question", async () => {
    for (const name of ["fresh-1", "fresh-2", "fresh-3"]) {
      await cluster.kubectl("create", "service", "clusterip", name, "--tcp=80");
      await podwire("wait", "service", `default/${name}`, "--name", NAME);
      const address = await cluster.kubectl("get", "service", name, "-o", "jsonpath={.spec.clusterIP}");
      const query = ["nslookup", `${name}.default.svc.cluster.local`];
      const answer = await cluster.kubectl("exec", "deployment/client", "--", ...query);
      assert.ok(answer.includes(`Address: ${address}\n`), answer);
    }
  });

  test("a Service of type LoadBalancer gets an address of the pool, and keeps it", async () => {
    await cluster.kubectl("patch", "service", "web", "-p", JSON.stringify({ spec: { type: "LoadBalancer" } }));
    const jsonpath = "jsonpath={.status.loadBalancer.ingress[0].ip}";
    await cluster.kubectl("wait", "service/web", `--for=${jsonpath}`, "--timeout=30s");
    const address = await cluster.kubectl("get", "service", "web", "-o", jsonpath);
    assert.match(address, /^198\.18\.7\.\d+$/);
    await podwire("wait", "service", "default/web", "--name", NAME);
    using netns = await clientNetns();
    await ask(netns, address);
    // Outside has a route to the pool, over all nodes.
    using stranger = openNetns((await cluster.status()).outside.netnsPath);
    for (let count = 0; count < 12; count += 1) await ask(stranger, address);
    await cluster.kubectl("annotate", "service", "web", "touched=yes");
    assert.equal(await cluster.kubectl("get", "service", "web", "-o", jsonpath), address);
  });

  interface Checked {
    readonly name: string;
    readonly status: string;
    readonly reason?: string;
    readonly failures: readonly {
      readonly message: string;
      readonly evidence: readonly string[];
      readonly next: string;
    }[];
  }
  const check = async (): Promise<{
    readonly code: number;
    readonly checks: readonly Checked[];
    readonly text: string;
  }> => {
    const { code, stdout, stderr } = await tryPodwire(["check", "services", "--name", NAME, "-o", "json"]);
    assert.equal(stderr, "");
    const { checks } = JSON.parse(stdout);
    const bad = checks.filter(({ status }: Checked) => status !== "passed");
    return { code, checks, text: JSON.stringify(bad, undefined, 1) };
  };

  test("podwire check services proves every kind of Service", async () => {
    const ports = [{ name: "http", port: 80 }];
    const service = (name: string, spec: object) => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name },
      spec: { selector: { app: "web" }, ports, ...spec },
    });
    await cluster.apply(
      service("sticky", { sessionAffinity: "ClientIP" }),
      service("local", { type: "NodePort", externalTrafficPolicy: "Local" }),
      service("inside", { internalTrafficPolicy: "Local", externalIPs: ["198.18.9.9"] }),
      service("nobody", { type: "NodePort", selector: { app: "nobody" } }),
      service("datagrams", { ports: [{ port: 53, protocol: "UDP" }] }),
      service("each", { clusterIP: "None" }),
      service("alias", { type: "ExternalName", externalName: "web.default.svc.cluster.local" }),
    );
    for (const name of ["sticky", "local", "inside", "nobody", "datagrams"]) {
      await podwire("wait", "service", `default/${name}`, "--name", NAME);
    }
    const { code, checks, text } = await check();
    // The datagrams reach web servers, which refuse them: the only thing that is wrong here.
    assert.equal(code, 1, text);
    const failures = checks.flatMap((one) => one.failures);
    assert.ok(failures.length > 0 && failures.every(({ message }) => message.includes("default/datagrams")), text);
    assert.match(
      failures[0]?.message ?? "",
      /translated to [\d.]+:53 and refused: nothing listens on UDP port 53/,
      text,
    );
    await cluster.kubectl("delete", "service", "datagrams");
    const sound = await check();
    assert.equal(sound.code, 0, sound.text);
    assert.deepEqual(
      sound.checks.filter(({ status }) => status !== "passed"),
      [],
    );
  });

  test("podwire check services names an element that is gone, and an endpoint that is none", async () => {
    const [first = ""] = cluster.nodeNames;
    const { components } = await cluster.node(first);
    const pid = components.find(({ name }) => name === "agent")?.pid ?? assert.fail("no agent runs");
    const [, parent] = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? assert.fail();
    const nft = (command: string) => cluster.inNode(first, `nft '${command}'`);
    const sticky = await cluster.kubectl("get", "service", "sticky", "-o", "jsonpath={.spec.clusterIP}");
    process.kill(pid, "SIGSTOP");
    try {
      await nft(`delete element inet podwire-services services4 { ${sticky} . tcp . 80 }`);
      await nft(`delete element inet podwire-services endpoints4 { ${clusterIP} . tcp . 80 . 0x0 }`);
      await nft(`add element inet podwire-services endpoints4 { ${clusterIP} . tcp . 80 . 0x0 : 192.0.2.9 . 80 }`);
      const { code, checks, text } = await check();
      assert.equal(code, 1);
      const failures = checks.flatMap((one) => one.failures);
      const gone = failures.find(({ message }) =>
        message.includes(`default/sticky, clusterIP ${sticky}:80/TCP from pod`),
      );
      assert.match(gone?.message ?? "", new RegExp(`on ${first}: it was refused and not translated`), text);
      assert.match(gone?.evidence.join() ?? "", /map services4 of table inet podwire-services has no element/, text);
      assert.match(gone?.next ?? "", /podwire wait service default\/sticky/, text);
      const wrong = failures.find(({ message }) =>
        message.includes(`default/web, clusterIP ${clusterIP}:80/TCP from pod`),
      );
      assert.match(wrong?.message ?? "", /it went to 192\.0\.2\.9:80, which is no endpoint/, text);
      assert.match(wrong?.evidence.join() ?? "", /map endpoints4 leads .* to 192\.0\.2\.9:80, no endpoint/, text);
      assert.ok(
        failures.every(({ message }) => /default\/(sticky|web)/.test(message)),
        text,
      );
    } finally {
      for (const each of [Number(parent), pid]) process.kill(each, "SIGCONT");
    }
  });
});
