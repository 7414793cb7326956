/** The agent's network over HTTP: a real control plane, and agents with the rights that a cluster gives them. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { RECEIVES_ANNOTATION } from "#agent/network/receives.ts";
import { isConnected } from "#agent/network/testing/connected.ts";
import { brokenPairs, createNetworkWorld } from "#agent/network/testing/network-world.ts";
import { nodeWhen } from "#agent/network/testing/node-when.ts";
import type { TestAgent } from "#agent/testing/test-host.ts";
import { configMap } from "#api/kinds/config-map.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import { createHttpClient, type HttpClient } from "#api-client/http-client.ts";
import { loadKubeconfig } from "#api-client/kubeconfig.ts";
import { parsePrefix } from "#base/ip-address.ts";
import { AGENT_GROUP, ensureClusterObjects } from "#cluster/keeper/cluster-objects.ts";
import type { ClusterSpec } from "#cluster/keeper/cluster-spec.ts";
import { writeKubeconfig } from "#control-plane/pki/kubeconfig.ts";
import type { KeyPair } from "#control-plane/pki/sign-certificate.ts";
import { type ControlPlane, startControlPlane } from "#control-plane/start-control-plane.ts";
import { createSqliteStore } from "#control-plane/store/sqlite/sqlite-store.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";

const SILENT = { info: () => undefined, error: () => undefined };
const SPEC: ClusterSpec = {
  name: "test",
  nodes: 2,
  network: { type: "vxlan", vni: 1, port: 8472, directRouting: false },
  store: "sqlite",
  podCidrs: ["10.244.0.0/16", "fd00:10:244::/48"],
  serviceCidrs: ["10.96.0.0/16"],
  serviceProxy: "none",
  policy: "none",
  established: "reevaluate",
  loadBalancerPools: [],
  dns: "none",
  dnsUpstream: [],
  mtuBytes: 1500,
  uplink: false,
};

interface Api {
  readonly admin: HttpClient;
  /** Path of a kubeconfig. */
  kubeconfig(user: string, pair: KeyPair): Promise<string>;
  readonly controlPlane: ControlPlane;
}

async function startApi(folder: string, stack: AsyncDisposableStack): Promise<Api> {
  const controlPlane = stack.use(
    await startControlPlane({
      listen: { host: "127.0.0.1", port: 0 },
      dataDirectory: folder,
      store: createSqliteStore({ path: ":memory:" }),
      serverNames: [],
      serviceCidrs: [parsePrefix("10.96.0.0/16")],
      staticTokens: [],
      defaultAccountWaitMs: 0,
      podwireVersion: "0.0.0",
      log: SILENT,
    }),
  );
  const { server, pki } = controlPlane;
  const kubeconfig = async (userName: string, pair: KeyPair): Promise<string> => {
    const path = join(folder, `${userName}.kubeconfig`);
    await writeKubeconfig(path, {
      server: `https://127.0.0.1:${server.port}`,
      certificateAuthority: pki.certificateAuthority,
      clusterName: "test",
      userName,
      credentials: { type: "certificate", pair },
    });
    return path;
  };
  const cluster = loadKubeconfig(await kubeconfig("admin", pki.admin));
  return { admin: stack.use(createHttpClient(cluster, { userAgent: "test" })), kubeconfig, controlPlane };
}

test(
  "agents with a cluster's rights connect their nodes, and follow what kubectl would change",
  requireRoot,
  async () => {
    await using stack = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "podwire-agent-network-"));
    stack.defer(() => rm(folder, { recursive: true }));
    const { admin, kubeconfig, controlPlane } = await startApi(folder, stack);
    const signal = AbortSignal.timeout(30_000);
    await ensureClusterObjects(admin, SPEC, signal);
    const world = stack.use(await createNetworkWorld({ nodes: SPEC.nodes, isDualStack: true }));
    for (const object of world.client.all(nodeKind)) {
      const { name } = object.metadata;
      const made = await admin.create(nodeKind, { metadata: { name }, spec: object.spec ?? {} }, signal);
      await admin.updateStatus(nodeKind, { ...made, status: object.status ?? {} }, signal);
    }
    const agents: TestAgent[] = [];
    for (const { name, host, options } of world.nodes) {
      const names = { commonName: `podwire:agent:${name}`, organizations: [AGENT_GROUP] };
      const file = await kubeconfig(names.commonName, await controlPlane.pki.issueClient(names));
      const source = { type: "kubernetes", kubeconfig: file } as const;
      agents.push(stack.use(await host.startAgent({ ...options, source })));
    }
    for (const [index, agent] of agents.entries()) {
      await agent.statusWhen(isConnected(2, "vxlan"));
      await world.nodes[index]?.addPod(agent, `p${index}`);
    }
    assert.deepEqual(await brokenPairs(world.pods), []);
    const { status } = await nodeWhen(admin, "node1", (object) => (object.status?.conditions ?? []).length > 0);
    assert.deepEqual(
      status?.conditions?.map(({ type, status: value }) => `${type}=${value}`),
      ["NetworkUnavailable=False"],
    );
    const body = { data: { "net-conf.json": `{"Network":"10.244.0.0/16","Backend":{"Type":"host-gw"}}` } };
    await admin.patch(configMap, { namespace: "kube-system", name: "podwire" }, { type: "merge", body }, signal);
    for (const agent of agents) await agent.statusWhen(({ network }) => network?.planes.join() === "host-gw");
    for (const agent of agents) assert.ok(isConnected(1, "host-gw")(await agent.status()));
    const { metadata } = await nodeWhen(
      admin,
      "node1",
      (object) => !object.metadata.annotations?.[RECEIVES_ANNOTATION],
    );
    assert.deepEqual(metadata.annotations, {
      "flannel.alpha.coreos.com/kube-subnet-manager": "true",
      "flannel.alpha.coreos.com/backend-type": "host-gw",
      "flannel.alpha.coreos.com/public-ip": "192.168.50.1",
      "flannel.alpha.coreos.com/backend-data": "null",
    });
  },
);
