/** CHECK notices each thing that ADD made and somebody took away, and names it. Before, it agrees (see `attach`). */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "#base/json.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { watchNft } from "#kernel/nfnetlink/watch-nft.ts";
import { execIn } from "#kernel/testing/run-in-netns.ts";
import { attach, bridgeConfig, hostLocal, mapPorts, type Pod, ptpConfig, SUBNET, SUBNET_6 } from "./attach.ts";
import { type ConformanceCase, conformance } from "./conformance.ts";
import { batch, type World } from "./world.ts";

interface Damage {
  readonly what: string;
  readonly done: (world: World, pod: Pod) => unknown;
  readonly code?: number;
  /** `VETH`, `IP` stand for the host's end and the pod's first address. */
  readonly message: RegExp | string;
  /** The agent sees the change and repairs it, sooner or later than CHECK comes. */
  readonly isRepairedByAgent?: true;
}

const inPod =
  (...lines: readonly string[]) =>
  (_world: World, pod: Pod) =>
    batch(pod.netns, ...lines.map((line) => fill(line, pod)));
const onNode =
  (...lines: readonly string[]) =>
  (world: World, pod: Pod) =>
    batch(world.node, ...lines.map((line) => fill(line, pod)));
const nft = (command: string) => (world: World, pod: Pod) => runNft(world.node, fill(command, pod));

function hostEnd({ result }: Pod): string {
  return result.interfaces?.find(({ name }) => name.startsWith("veth"))?.name ?? "";
}

function fill(text: string, pod: Pod): string {
  const [address = ""] = pod.result.ips?.[0]?.address.split("/") ?? [];
  return text
    .replaceAll("VETH", hostEnd(pod))
    .replaceAll("CID", pod.input.container ?? "")
    .replaceAll("IP", address);
}

async function runNft(node: Netns, command: string): Promise<void> {
  const { stderr } = await execIn(node, ["nft", "-f", "-"], { input: `${command}\n` });
  assert.equal(stderr, "");
}

/** Damages that concern every plugin with a pair of links. */
const ON_LINKS: readonly Damage[] = [
  { what: "the link", done: inPod("link del eth0"), message: 'Cannot find link "eth0" in the container: it is gone' },
  { what: "the carrier", done: inPod("link set eth0 down"), message: 'Container interface "eth0" is down' },
  { what: "the address", done: inPod("addr del IP/24 dev eth0"), message: 'Address IP/24 is not on "eth0"' },
  {
    what: "the IPv6 address",
    done: inPod("addr flush dev eth0 to fd01::/64"),
    message: /^Address fd01::\w+\/64 is not on "eth0"$/,
  },
  {
    what: "the default route",
    done: inPod("route del default"),
    message: /^Route to 0\.0\.0\.0\/0.* is not in the con/,
  },
  { what: "the IPv6 default route", done: inPod("route del default via fd01::1"), message: /^Route to ::\/0/ },
  { what: "the MTU in the pod", done: inPod("link set eth0 mtu 1399"), message: /^MTU of "eth0" is 1399: / },
  { what: "the MTU on the node", done: onNode("link set VETH mtu 1398"), message: /^MTU of "VETH" is 1398: / },
  {
    what: "the hardware address",
    done: inPod("link set eth0 address 02:00:00:00:00:99"),
    message: /^MAC of "eth0" is 02:00:00:00:00:99: prevResult says /,
  },
  {
    what: "the masquerade",
    done: nft("delete element inet podwire masq4 { IP }"),
    message: 'Cannot find masquerade of IP: nft table "inet podwire" has no such element',
    isRepairedByAgent: true,
  },
  {
    what: "the rules that look the masquerade up",
    isRepairedByAgent: true,
    done: nft("flush chain inet podwire postrouting"),
    message: 'Chain "postrouting" of nft table "inet podwire" has lost rules',
  },
  {
    what: "the reservation",
    done: (world, { result: { ips = [] } }) => {
      for (const { address } of ips) rmSync(join(world.dataDir, "net", address.replace(/\/.*/, "")));
    },
    message: /^host-local: Failed to find address added by container c\d+$/,
  },
];

const ON_BRIDGES: readonly Damage[] = [
  ...ON_LINKS,
  { what: "the bridge", done: onNode("link del br0"), message: 'Cannot find bridge "br0": it is gone' },
  {
    what: "the port",
    done: onNode("link set VETH nomaster"),
    message: /^Host's end "VETH" is not a port of bridge "br0"$/,
  },
  {
    what: "hairpin mode",
    done: onNode("link set VETH type bridge_slave hairpin off"),
    message: /^Port "VETH" is not in hair/,
  },
  {
    what: "the isolation",
    done: onNode("link set VETH type bridge_slave isolated off"),
    message: /^Port "VETH" is not isolated/,
  },
  {
    what: "the gateway",
    done: onNode("addr flush dev br0 to 10.1.0.1"),
    message: 'Address 10.1.0.1/24 is not on "br0"',
  },
  {
    what: "the bridge's hardware address",
    done: onNode("link set br0 address 02:00:00:00:00:98"),
    message: /^MAC of "br0" is 02:00:00:00:00:98: prevResult says /,
  },
  {
    what: "the whole ruleset",
    done: nft("flush ruleset"),
    message: /^Cannot find masquerade of IP: |^Port "VETH" is not checked for its hardware address/,
  },
  {
    what: "the check of hardware addresses",
    done: nft("flush set bridge podwire allowed_macs"),
    message: /^Port "VETH" is not checked for its hardware address/,
  },
];

const ON_PTP: readonly Damage[] = [
  ...ON_LINKS,
  {
    what: "the whole ruleset",
    done: nft("flush ruleset"),
    message: /^Cannot find masquerade of IP: /,
    isRepairedByAgent: true,
  },
  { what: "the way to the pod", done: onNode("route del IP"), message: /^Route to IP\/32 is not on "VETH"$/ },
  {
    what: "the gateway",
    done: onNode("addr flush dev VETH to 10.1.0.1"),
    message: 'Address 10.1.0.1/32 is not on "VETH"',
  },
];

const ON_PORTS: readonly Damage[] = [
  {
    what: "the mapping",
    done: nft("delete element inet podwire hostports4 { tcp . 8080 }"),
    message: 'Cannot find host port 8080/tcp to IP port 80: nft table "inet podwire" has no such element',
    isRepairedByAgent: true,
  },
  {
    what: "the mapping's pod",
    done: nft(
      'delete element inet podwire hostports4 { tcp . 8080 }\nadd element inet podwire hostports4 { tcp . 8080 comment "net/CID/eth0" : 10.1.0.99 . 80 }',
    ),
    message: /^Cannot find host port 8080\/tcp to IP port 80/,
    isRepairedByAgent: true,
  },
  {
    what: "the mapping's source",
    done: nft("flush map inet podwire hostport_snat4"),
    message: /^Cannot find host port 8080\/tcp to IP port 80/,
    isRepairedByAgent: true,
  },
];

/** Each damage is done to a pod of its own, which DEL can delete all the same. */
function caseOf(type: string, damages: readonly Damage[], prepare: (world: World, container: string) => Promise<Pod>) {
  return (way: "with" | "without"): ConformanceCase => ({
    name: `CHECK of ${type} notices what is gone${way === "with" ? ", or the agent has repaired it" : ""}`,
    skip:
      way === "with"
        ? { "in process": "nobody repairs", "no agent": "nobody repairs" }
        : { agent: "the agent repairs some of it" },
    async run(world) {
      for (const [index, damage] of damages.entries()) {
        const pod = await prepare(world, `c${index}`);
        if (way === "with" && damage.isRepairedByAgent) {
          using repair = expectRepair(world.node);
          await damage.done(world, pod);
          await repair.done;
          await world.succeed("CHECK", type, pod.input);
        } else {
          await damage.done(world, pod);
          const { code, msg } = await world.fail("CHECK", type, pod.input).catch((cause: unknown) => {
            throw new Error(`CHECK of ${type} without ${damage.what}`, { cause });
          });
          const { message } = damage;
          const expected = typeof message === "string" ? fill(message, pod) : new RegExp(fill(message.source, pod));
          assert.equal(code, damage.code ?? 103, damage.what);
          if (typeof expected === "string") assert.equal(msg, expected);
          else assert.match(msg, expected, damage.what);
        }
        await world.succeed("DEL", type, pod.input);
      }
    },
  });
}

const REPAIR_DEADLINE_MS = 10_000;

/** Resolves when somebody other than nft adds elements or rules to our table. */
function expectRepair(node: Netns): Disposable & { readonly done: Promise<void> } {
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  const deadline = setTimeout(() => reject(new Error("The agent repaired nothing")), REPAIR_DEADLINE_MS);
  const watch = watchNft(
    { netns: node },
    {
      changed({ processName, changes }) {
        const isAdded = changes.some(
          ({ action, kind, table }) =>
            action === "add" && (kind === "elements" || kind === "rule") && table === "podwire",
        );
        if (processName !== "nft" && isAdded) resolve();
      },
      lost: () => reject(new Error("Events were lost")),
    },
  );
  return {
    done,
    [Symbol.dispose]() {
      clearTimeout(deadline);
      watch[Symbol.dispose]();
    },
  };
}

const dualStack = (world: World): JsonObject => ({
  ...hostLocal(world, SUBNET, SUBNET_6),
  routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
});

const makers = [
  caseOf("bridge", ON_BRIDGES, (world, container) =>
    attach(
      world,
      bridgeConfig(world, {
        isDefaultGateway: true,
        ipMasq: true,
        mtu: 1400,
        hairpinMode: true,
        portIsolation: true,
        macspoofchk: true,
        ipam: dualStack(world),
      }),
      { container },
    ),
  ),
  caseOf("ptp", ON_PTP, (world, container) =>
    attach(world, ptpConfig(world, { ipMasq: true, mtu: 1400, ipam: dualStack(world) }), { container }),
  ),
  caseOf("portmap", ON_PORTS, async (world, container) => {
    const pod = await attach(world, bridgeConfig(world, { isDefaultGateway: true }), { container });
    const input = await mapPorts(world, pod, [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }]);
    return { ...pod, input };
  }),
];

const cases: readonly ConformanceCase[] = [
  ...makers.flatMap((make) => [make("without"), make("with")]),
  {
    name: "CHECK of a pod whose namespace is gone is error 8",
    async run(world) {
      const pod = await attach(world, bridgeConfig(world));
      const gone = { ...pod.input, netns: `${pod.netns.path}-gone` };
      const { code, msg } = await world.fail("CHECK", "bridge", gone);
      assert.equal(code, 8);
      assert.match(msg, /^failed to open netns ".*-gone": /);
    },
  },
];

conformance(cases);
