/** Names in pods of a real cluster: Services, pods of a StatefulSet, aliases, and a name server that is killed. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { ClusterStatus } from "#cluster/keeper/cluster-status.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { findKubectls, HOW_TO_PROVIDE } from "#test/kubectl/find-kubectls.ts";
import { kubectlOf, podwire, tryPodwire, useOwnClusterFolders } from "./podwire-command.ts";

const NAME = "e2e-dns";
const needs = requireRoot.skip ? requireRoot : { skip: findKubectls().supported.length === 0 && HOW_TO_PROVIDE };
const DEADLINE_MS = 60_000;

const labels = { app: "db" };
const db = {
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  metadata: { name: "db" },
  spec: {
    replicas: 2,
    serviceName: "db",
    podManagementPolicy: "Parallel",
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: "db",
            image: "busybox",
            command: ["sh", "-c", "mkdir /www; hostname >/www/index.html; exec httpd -f -h /www"],
            readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 1 },
          },
        ],
      },
    },
  },
};
const ports = [{ name: "http", port: 80 }];
const client = (node: number) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: `client-${node}` },
  spec: {
    nodeName: `${NAME}-${node}`,
    terminationGracePeriodSeconds: 0,
    containers: [{ name: "sh", image: "busybox", command: ["sleep", "infinity"] }],
  },
});
const OBJECTS = {
  apiVersion: "v1",
  kind: "List",
  items: [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "db" },
      spec: { clusterIP: "None", selector: labels, ports },
    },
    db,
    client(1),
    client(2),
  ],
};

suite("DNS in pods", needs, () => {
  let removeFolders: () => void;
  let kubectl: ReturnType<typeof kubectlOf>;
  const inPod = (node: number, script: string): Promise<string> =>
    kubectl(["exec", `client-${node}`, "--", "timeout", "10", "sh", "-c", script]);
  const addressOf = (node: number, name: string): Promise<string> =>
    inPod(node, `nslookup ${name} | awk '/^Address/ && !/:53$/ {print $NF}'`);

  const agentStatus = (): Promise<string> => {
    const command = ["/opt/cni/bin/.podwire/podwire", "agent", "status", "-o", "json"];
    return podwire("node", "exec", "1", "--name", NAME, "--", ...command);
  };

  before(async () => {
    removeFolders = useOwnClusterFolders();
    await podwire("up", "--name", NAME, "--nodes", "2", "--network", "host-gw", "--dual-stack");
    kubectl = kubectlOf((await podwire("kubeconfig", "--name", NAME, "--path")).trim());
    await kubectl(["apply", "-f", "-"], JSON.stringify(OBJECTS));
    await kubectl(["rollout", "status", "statefulset/db", `--timeout=${DEADLINE_MS}ms`]);
    await kubectl(["wait", "pod/client-1", "pod/client-2", "--for=condition=Ready", `--timeout=${DEADLINE_MS}ms`]);
  });
  after(async () => {
    await tryPodwire(["down", "--all"]);
    removeFolders();
  });

  test("resolv.conf names the cluster's server and its domains", async () => {
    assert.match(
      await inPod(1, "cat /etc/resolv.conf"),
      /^search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local.*\nnameserver 10\.96\.0\.10\noptions ndots:5\n$/,
    );
  });

  test("a Service has its address in every pod, under short names and the full one", async () => {
    const names = ["kubernetes.default", "kubernetes.default.svc", "KUBERNETES.default.svc.cluster.local"];
    // Its first line says what the name is; nobody answers.
    const resolve = `for name in ${names.join(" ")}; do ping -c1 -W1 $name | sed -n '1s/.*(\\(.*\\)).*/\\1/p' & done; wait`;
    for (const node of [1, 2]) assert.equal(await inPod(node, resolve), "10.96.0.1\n".repeat(names.length));
  });

  test("pods of a StatefulSet are reached by their names, on both nodes", async () => {
    for (const node of [1, 2]) {
      for (const pod of ["db-0", "db-1"]) assert.equal(await inPod(node, `wget -q -O - http://${pod}.db/`), `${pod}\n`);
    }
    const all = await addressOf(1, "db.default.svc.cluster.local");
    assert.equal(all.trim().split("\n").length, 2);
    const [address] = all.split("\n");
    const reverse = await inPod(1, `nslookup ${address}`);
    assert.match(reverse, /name = db-[01]\.db\.default\.svc\.cluster\.local/);
    assert.match(
      await inPod(1, "nslookup -type=srv _http._tcp.db.default.svc.cluster.local"),
      /service = 0 50 80 db-0\.db\.default\.svc\.cluster\.local/,
    );
  });

  test("the server's IPv6 address answers as well, and both are the Service's", async () => {
    assert.match(await inPod(2, "nslookup kubernetes.default.svc.cluster.local fd00:96::a"), /Address: 10\.96\.0\.1\n/);
    const addresses = ["get", "service", "kube-dns", "-n", "kube-system", "-o", "jsonpath={.spec.clusterIPs}"];
    assert.equal(await kubectl(addresses), '["10.96.0.10","fd00:96::a"]');
  });

  test("an alias leads to what it stands for", async () => {
    await kubectl([
      "create",
      "service",
      "externalname",
      "alias",
      "--external-name",
      "db-1.db.default.svc.cluster.local",
    ]);
    assert.equal(await inPod(1, "until wget -q -O - http://alias/ 2>/dev/null; do :; done"), "db-1\n");
  });

  test("a Service that was just made resolves, and no more when it is gone", async () => {
    const late = "late.default.svc.cluster.local";
    await kubectl(["create", "service", "clusterip", "late", "--tcp=80"]);
    const ip = await kubectl(["get", "service", "late", "-o", "jsonpath={.spec.clusterIP}"]);
    await inPod(2, `until nslookup ${late} | grep -q ${ip}; do :; done`);
    await kubectl(["delete", "service", "late"]);
    await inPod(2, `while nslookup ${late} | grep -q ${ip}; do :; done`);
  });

  test("it stays off while another server is behind the Service", async () => {
    const other = {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "other", namespace: "kube-system", labels: { "kubernetes.io/service-name": "kube-dns" } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["203.0.113.53"] }],
      ports: [{ name: "dns", port: 53, protocol: "UDP" }],
    };
    const query = "nslookup kubernetes.default.svc.cluster.local >/dev/null 2>&1";
    await kubectl(["apply", "-f", "-"], JSON.stringify(other));
    await inPod(1, `while ${query}; do :; done`);
    const told = JSON.parse(await agentStatus());
    assert.match(told.dns.reason, /served by others, such as 203\.0\.113\.53/);
    await kubectl(["delete", "endpointslice", "other", "-n", "kube-system"]);
    await inPod(1, `until ${query}; do :; done`);
  });

  test("a killed name server is its own node's trouble, and comes back", async () => {
    const status: ClusterStatus = JSON.parse(await podwire("status", "--name", NAME, "-o", "json"));
    const pid = status.nodes[0]?.components.find(({ name }) => name === "dns")?.pid;
    assert.ok(pid);
    const query = "nslookup kubernetes.default.svc.cluster.local >/dev/null";
    const other = inPod(2, `for i in $(seq 200); do ${query} || exit 1; done; echo all`);
    process.kill(pid, "SIGKILL");
    const own = inPod(1, `until ${query} 2>&1; do :; done; echo back`);
    assert.equal(await own, "back\n");
    assert.equal(await other, "all\n");
    const told = JSON.parse(await agentStatus());
    assert.deepEqual([told.dns.state, told.dns.addresses, told.dns.problems], ["on", ["10.96.0.10", "fd00:96::a"], []]);
  });
});
