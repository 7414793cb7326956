import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterStatus } from "#cluster/keeper/cluster-status.ts";
import { parseClusterConfig } from "#cluster/keeper/parse-cluster-config.ts";
import { formatSeconds, printStatus, printUp } from "./print-cluster.ts";

const part = { state: "running", pid: 7, restarts: 1, uptimeSeconds: 65, rssBytes: 90 * 1024 * 1024 } as const;
const node = { state: "running", addresses: ["10.213.0.10"], podCidrs: ["10.244.0.0/24"], initPid: 42 } as const;

function status(name: string): ClusterStatus {
  const spec = parseClusterConfig({ name, nodes: 2 });
  return {
    name,
    state: "degraded",
    keeperPid: 1,
    server: "https://10.213.0.1:6443",
    kubeconfig: "/state/kubeconfig",
    network: spec.network,
    podCidrs: spec.podCidrs,
    serviceCidrs: spec.serviceCidrs,
    underlay: {
      subnets: ["10.213.0.0/24"],
      hostAddresses: ["10.213.0.1"],
      hostLink: "pw-x",
      netnsPath: "/proc/1/fd/9",
    },
    outside: { netnsPath: "/proc/1/fd/10", addresses: ["203.0.113.10"] },
    spec,
    components: [{ ...part, name: "control-plane" }],
    nodes: [
      { ...node, name: `${name}-1`, ready: true, components: [{ ...part, name: "kubelet" }] },
      { ...node, name: `${name}-2`, ready: false, message: "Ready is Unknown", components: [] },
    ],
  };
}

test("printStatus shows nodes with the reason why one is not ready, and each component", () => {
  const text = printStatus(status("lab"));
  assert.match(text, /^cluster +lab \(degraded\)$/m);
  assert.match(text, /^lab-1 +Ready +10\.213\.0\.10 +10\.244\.0\.0\/24 +42$/m);
  assert.match(text, /^lab-2 +NotReady .* Ready is Unknown$/m);
  assert.match(text, /^- +control-plane +running +7 +1m5s +1 +90 MB$/m);
  assert.match(text, /^lab-1 +kubelet +running +7 +1m5s +1 +90 MB$/m);
});

test("printUp ends with commands for this cluster; the default one needs no name", () => {
  assert.match(printUp(status("lab")), /podwire down --name lab\n$/);
  assert.match(printUp(status("podwire")), /export KUBECONFIG=\/state\/kubeconfig\n(.*\n)* {2}podwire down\n$/);
});

test("formatSeconds shows the two largest units", () => {
  const shown = [0, 59, 60, 65, 3600, 3665, 90_000, 200_000].map(formatSeconds);
  assert.deepEqual(shown, ["0s", "59s", "1m", "1m5s", "1h", "1h1m", "1d1h", "2d7h"]);
});
