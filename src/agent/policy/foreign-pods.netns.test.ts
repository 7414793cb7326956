/**
 * Policies beside another CNI: pods that the reference plugins have made, an agent that enforces policies only, an API in
 * memory. A pod is closed until its status says which addresses it has, and when its link has gone.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { networkPolicy } from "#api/kinds/network-policy.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { createMemoryClient } from "#api-client/testing/memory-client.ts";
import { familyOf, hostPrefix, type IpAddress, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import { parseJson } from "#cni/go-json.ts";
import { ask, startEcho } from "#dataplane/conformance/echo.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { addAddress } from "#kernel/rtnetlink/address.ts";
import { findLink } from "#kernel/rtnetlink/link.ts";
import { writeSysctls } from "#kernel/sysctl.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { namedTestNetns, requireRoot } from "#kernel/testing/with-netns.ts";
import { REFERENCE_FOLDER, skipWithoutReference } from "#plugins/testing/call-plugin-as-runtime.ts";
import { createTestHost, type TestAgent, type TestHost } from "../testing/test-host.ts";
import { waitForPolicy } from "./wait-for-policy.ts";

const NODE = "n1";
const SUBNETS = ["10.244.1.0/24", "fd00:10:244:1::/64"];
const FOREIGN = { podLinks: ["veth*"], bridges: ["cni0"] };
const DEADLINE_MS = 10_000;
const TRIES = 5;
/** In each family. */
const ANSWERED = ["answer", "answer"];
const CLOSED = ["none", "none"];
type PluginType = "bridge" | "ptp";

interface ForeignPod {
  readonly name: string;
  readonly netns: Netns;
  readonly addresses: readonly IpAddress[];
}

function configOf(type: PluginType, folder: string): JsonObject {
  const ipam = {
    type: "host-local",
    dataDir: `${folder}/ipam`,
    ranges: SUBNETS.map((subnet) => [{ subnet }]),
    ...(type === "ptp" && { routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }] }),
  };
  const own = type === "bridge" ? { bridge: "cni0", isDefaultGateway: true } : {};
  return { cniVersion: "1.0.0", name: "foreign", type, ...own, ipam };
}

suite("policies for pods of the reference plugins", { ...requireRoot, concurrency: true }, () => {
  for (const type of ["bridge", "ptp"] as const) {
    const skip = skipWithoutReference(type);
    test(`${type}: they are closed, judged, held to their addresses, and closed again when they go`, {
      skip,
    }, async () => {
      await using stack = new AsyncDisposableStack();
      const host = stack.use(createTestHost());
      writeSysctls(host.netns, { "net/ipv6/conf/all/accept_dad": 0, "net/ipv6/conf/default/accept_dad": 0 });
      const client = createMemoryClient();
      client.put(nodeKind, {
        metadata: { name: NODE },
        spec: { podCIDRs: SUBNETS },
        status: { conditions: [{ type: "Ready", status: "True" }] },
      });
      const options = {
        source: { type: "client", client },
        policy: { nodeName: NODE, established: "reevaluate", foreign: FOREIGN },
      } as const;
      const start = (): Promise<TestAgent> => host.startAgent(undefined, options);
      let agent = await start();
      stack.defer(() => agent[Symbol.asyncDispose]());

      const put = (name: string, addresses: readonly IpAddress[]): void => {
        const podIPs = addresses.map((ip) => ({ ip }));
        client.put(podKind, {
          metadata: { namespace: "default", name, labels: { app: name } },
          spec: { nodeName: NODE, containers: [{ name: "c", image: "i" }] },
          status: { phase: "Running", podIPs },
        });
      };
      const add = async (name: string, args = ""): Promise<ForeignPod> => {
        put(name, []);
        const netns = stack.use(namedTestNetns({ loopbackUp: true }));
        writeSysctls(netns, { "net/ipv6/conf/all/accept_dad": 0, "net/ipv6/conf/default/accept_dad": 0 });
        const addresses = await callReference(host, { verb: "ADD", type, name, netns, args });
        for (const address of addresses) stack.use(startEcho(netns, address));
        return { name, netns, addresses };
      };
      const [web, friend, other] = [await add("web"), await add("friend"), await add("other")];

      assert.deepEqual(await answers(friend, web), CLOSED, "closed before the API tells of its addresses");
      for (const { name, addresses } of [web, friend, other]) put(name, addresses);
      await untilJoined(agent, 3);
      assert.deepEqual(await reaches(friend, web), ANSWERED);
      assert.deepEqual(await reaches(other, web), ANSWERED);

      client.put(networkPolicy, {
        metadata: { namespace: "default", name: "web" },
        spec: {
          podSelector: { matchLabels: { app: "web" } },
          policyTypes: ["Ingress"],
          ingress: [{ from: [{ podSelector: { matchLabels: { app: "friend" } } }] }],
        },
      });
      await waitForPolicy(client, { namespace: "default", name: "web" }, AbortSignal.timeout(DEADLINE_MS));
      assert.deepEqual(await all(reaches(friend, web), answers(other, web)), [ANSWERED, CLOSED]);
      assert.ok((await dropped(host, "isolation")) >= 2, "by the policy");

      const spoofing = type === "bridge" ? "bridge" : "inet";
      await speakAs(other, friend.addresses);
      assert.deepEqual(await answers({ ...other, addresses: friend.addresses }, web), CLOSED);
      assert.ok((await dropped(host, "spoofed a", spoofing)) >= 1, "its port has other addresses");

      await agent[Symbol.asyncDispose]();
      const late = await add("late");
      put("late", late.addresses);
      const alone = await all(reaches(friend, web), answers(other, web), answers(late, friend));
      assert.deepEqual(alone, [ANSWERED, CLOSED, CLOSED], "without an agent");
      agent = await start();
      await untilJoined(agent, 4);
      assert.deepEqual(await all(reaches(friend, web), reaches(late, friend)), [ANSWERED, ANSWERED]);

      // The next pod gets the address that was the friend's, whose object is still there.
      await callReference(host, { verb: "DEL", type, name: "friend", netns: friend.netns });
      const [address] = friend.addresses;
      const heir = await add("heir", `IgnoreUnknown=1;IP=${address}`);
      assert.equal(heir.addresses[0], address);
      assert.deepEqual(await answers(heir, web), CLOSED, "not as its predecessor");
      put("heir", heir.addresses);
      await untilJoined(agent, 5);
      const { policy } = await agent.status();
      assert.deepEqual([policy?.drift, policy?.lastError], [[], undefined]);
      assert.deepEqual(await all(answers(heir, web), reaches(heir, late)), [CLOSED, ANSWERED], "as itself");
    });
  }
});

/** So many pods since the agent began, and what it does in the same turn is done when it answers. */
async function untilJoined(agent: TestAgent, count: number): Promise<void> {
  await agent.logged("pod joined", count);
  await agent.status();
}

const all = <T>(...promises: readonly Promise<T>[]): Promise<readonly T[]> => Promise.all(promises);

/** One datagram in each family. */
function answers(from: ForeignPod, to: ForeignPod): Promise<readonly string[]> {
  return Promise.all(from.addresses.map((address) => answer(from, address, to)));
}

/** What may take some: neighbours that were out of reach before are not asked for at once, and a new pod hears them late. */
function reaches(from: ForeignPod, to: ForeignPod): Promise<readonly string[]> {
  return Promise.all(
    from.addresses.map(async (address) => {
      for (let tries = 1; tries < TRIES; tries++) if ((await answer(from, address, to)) === "answer") return "answer";
      return await answer(from, address, to);
    }),
  );
}

async function answer({ netns }: ForeignPod, address: IpAddress, { addresses }: ForeignPod): Promise<string> {
  const target = addresses.find((one) => familyOf(one) === familyOf(address));
  assert.ok(target);
  return (await ask(netns, address, target)) === address ? "answer" : "none";
}

interface ReferenceCall {
  readonly verb: "ADD" | "DEL";
  readonly type: PluginType;
  readonly name: string;
  readonly netns: Netns;
  readonly args?: string;
}

/** As a runtime of another CNI does; the agent has no part in it. */
async function callReference(
  { netns: node, folder }: TestHost,
  { verb, type, name, netns, args = "" }: ReferenceCall,
): Promise<readonly IpAddress[]> {
  const environment = {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: name,
    CNI_NETNS: netns.path,
    CNI_IFNAME: "eth0",
    CNI_ARGS: args,
    CNI_PATH: REFERENCE_FOLDER,
  };
  const pairs = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
  const input = JSON.stringify(configOf(type, folder));
  const output = await outputIn(node, ["env", ...pairs, `${REFERENCE_FOLDER}/${type}`], { input });
  const result = output === "" ? {} : parseJson(output);
  const ips = isJsonObject(result) && Array.isArray(result["ips"]) ? result["ips"] : [];
  return ips.map((ip) => parsePrefix(String(isJsonObject(ip) ? ip["address"] : "")).address);
}

/** Takes another's addresses beside its own. */
async function speakAs({ netns }: ForeignPod, addresses: readonly IpAddress[]): Promise<void> {
  using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
  const ifindex = findLink(socket, { name: "eth0" })?.ifindex;
  assert.ok(ifindex);
  for (const address of addresses) {
    addAddress(socket, { ifindex, prefix: hostPrefix(parseAddress(address)), noDad: true });
  }
}

/** Packets that rules with this comment have dropped on the node. */
async function dropped({ netns }: TestHost, comment: string, family: "inet" | "bridge" = "inet"): Promise<number> {
  const text = await outputIn(netns, ["nft", "list", "table", family, "podwire-policy"]);
  const counts = text
    .split("\n")
    .filter((line) => line.includes(" drop ") && line.includes(`comment "${comment}`))
    .map((line) => Number(/packets (\d+)/.exec(line)?.[1] ?? 0));
  return counts.reduce((sum, one) => sum + one, 0);
}
