/** A node that flanneld runs, made by commands as flanneld makes it, among nodes of ours. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { node as nodeKind } from "#api/kinds/node.ts";
import { parseAddress } from "#base/ip-address.ts";
import type { JsonObject } from "#base/json.ts";
import { startEcho } from "#dataplane/conformance/echo.ts";
import type { Backend } from "#dataplane/contract.ts";
import { vtepMac } from "#dataplane/vtep-mac.ts";
import { createVeth, findLink } from "#kernel/rtnetlink/link.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot, testNetns } from "#kernel/testing/with-netns.ts";
import { startAgents } from "./testing/connected.ts";
import { brokenPairs, createNetworkWorld } from "./testing/network-world.ts";

const VTEP_MAC = "ee:91:d3:3c:25:e7";

/** What flanneld 0.28 does on node 3 with peers 1 and 2, as commands; its nftables and iptables rules are left out. */
const FLANNELD: Readonly<Record<"vxlan" | "host-gw", readonly string[]>> = {
  vxlan: [
    `ip link add flannel.1 address ${VTEP_MAC} type vxlan id 1 dev eth0 local 192.168.50.3 dstport 8472 nolearning`,
    "ip address add 10.244.3.0/32 dev flannel.1",
    "ip link set flannel.1 mtu 1450 up",
    ...[1, 2].flatMap((peer) => {
      const mac = vtepMac(`node${peer}`, 4);
      return [
        `ip neighbour replace 10.244.${peer}.0 lladdr ${mac} dev flannel.1 nud permanent`,
        `bridge fdb replace ${mac} dev flannel.1 dst 192.168.50.${peer} self permanent`,
        `ip route replace 10.244.${peer}.0/24 via 10.244.${peer}.0 dev flannel.1 onlink`,
      ];
    }),
  ],
  "host-gw": [1, 2].map((peer) => `ip route replace 10.244.${peer}.0/24 via 192.168.50.${peer} dev eth0`),
};

const ANNOTATIONS: Readonly<Record<"vxlan" | "host-gw", Readonly<Record<string, string>>>> = {
  vxlan: { "backend-type": "vxlan", "backend-data": `{"VNI":1,"VtepMAC":"${VTEP_MAC}"}` },
  "host-gw": { "backend-type": "host-gw", "backend-data": "null" },
};

const CASES: readonly { readonly theirs: "vxlan" | "host-gw"; readonly ours: JsonObject; readonly by: Backend }[] = [
  { theirs: "vxlan", ours: { Type: "vxlan" }, by: "vxlan" },
  { theirs: "host-gw", ours: { Type: "host-gw" }, by: "host-gw" },
  // flanneld ignores a node of another back end; one that a person has given its routes does not.
  { theirs: "host-gw", ours: { Type: "vxlan" }, by: "host-gw" },
];

for (const { theirs, ours, by } of CASES) {
  test(
    `flanneld with ${theirs} and agents with ${ours["Type"]} exchange pods' packets both ways`,
    requireRoot,
    async () => {
      await using world = await createNetworkWorld({ nodes: 3 });
      await using stack = new AsyncDisposableStack();
      world.configure(ours);
      const foreign = world.nodes[2] ?? assert.fail();
      const run = (command: string): Promise<string> => outputIn(foreign.netns, ["sh", "-ec", command]);
      const agents = await startAgents({ nodes: world.nodes.slice(0, 2) }, stack);
      const key = "flannel.alpha.coreos.com/";
      const { metadata, ...object } = await world.client.get(nodeKind, { name: "node3" }, AbortSignal.timeout(1000));
      const announced = { "kube-subnet-manager": "true", "public-ip": "192.168.50.3", ...ANNOTATIONS[theirs] };
      const annotations = Object.fromEntries(
        Object.entries(announced).map(([name, value]) => [`${key}${name}`, value]),
      );
      world.client.put(nodeKind, { ...object, metadata: { ...metadata, annotations } });
      await run("sysctl -qw net.ipv4.ip_forward=1");
      for (const command of FLANNELD[theirs]) await run(command);
      const pod = stack.use(testNetns({ loopbackUp: true }));
      await run("ip link add cni0 type bridge; ip address add 10.244.3.1/24 dev cni0; ip link set cni0 up");
      const bridge = findLink(foreign.socket, { name: "cni0" })?.ifindex;
      createVeth(foreign.socket, { name: "veth5", master: bridge, up: true, peer: { name: "eth0", netnsFd: pod.fd } });
      await outputIn(pod, [
        "sh",
        "-ec",
        "ip address add 10.244.3.5/24 dev eth0; ip link set eth0 up; ip route add default via 10.244.3.1",
      ]);
      const address = parseAddress("10.244.3.5");
      stack.use(startEcho(pod, address));
      for (const [index, agent] of agents.entries()) {
        const isThere = ({
          peers = [],
        }: {
          readonly peers?: readonly { peer: string; backend: Backend; problem: string }[];
        }) => peers.some((one) => one.peer === "node3" && one.backend === by && one.problem === "");
        await agent.statusWhen(isThere);
        await world.nodes[index]?.addPod(agent, `pod${index}`);
      }
      assert.deepEqual(await brokenPairs([...world.pods, { netns: pod, addresses: [address] }]), []);
    },
  );
}
