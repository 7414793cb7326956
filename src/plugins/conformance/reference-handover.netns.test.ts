/**
 * A node changes from the reference's plugins to ours and back while pods run: each deletes what the other made, also of
 * pods that died meanwhile, and leaves the rules of others alone.
 */
import assert from "node:assert/strict";
import type { JsonObject } from "#base/json.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { skipWithoutReference } from "../testing/call-plugin-as-runtime.ts";
import { attach, bridgeConfig, hostLocal, portmapConfig, ptpConfig, SUBNET, SUBNET_6 } from "./attach.ts";
import { type ConformanceCase, conformance } from "./conformance.ts";
import { reference } from "./ways.ts";
import { disk, elements, showLink } from "./witness.ts";
import type { VerbInput, World } from "./world.ts";

const absent = skipWithoutReference("bridge");
const PORTS = [
  { hostPort: 8080, containerPort: 80, protocol: "tcp" },
  { hostPort: 5353, containerPort: 53, protocol: "udp" },
];

interface ReferencePod {
  readonly bridge: VerbInput & { readonly config: JsonObject };
  readonly portmap: VerbInput & { readonly config: JsonObject };
}

function network(world: World): JsonObject {
  const ipam = hostLocal(world, SUBNET, SUBNET_6);
  return { ...bridgeConfig(world, { isDefaultGateway: true, ipMasq: true, ipam }), cniVersion: "1.0.0" };
}

async function callReference(world: World, verb: string, type: string, input: VerbInput): Promise<JsonObject> {
  const { container = "c1", netns = "", ifname = "eth0", args = "" } = input;
  const environment = { CNI_COMMAND: verb, CNI_CONTAINERID: container, CNI_NETNS: netns, CNI_IFNAME: ifname };
  const { stdout, exitCode } = await reference({ netns: world.node, folders: {} }).call(type, {
    environment: { ...environment, CNI_ARGS: args, CNI_PATH: "/usr/lib/cni" },
    stdin: JSON.stringify(input.config),
  });
  assert.equal(exitCode, 0, `${verb} ${type} by the reference: ${stdout}`);
  return stdout === "" ? {} : JSON.parse(stdout);
}

/** A pod with masquerade and two host ports, all by the reference's plugins and iptables. */
async function referencePod(world: World, container: string, netns = world.newPod().path): Promise<ReferencePod> {
  const given = { container, netns };
  const json = await callReference(world, "ADD", "bridge", { ...given, config: network(world) });
  const bridge = { ...given, config: { ...network(world), prevResult: json } };
  const number = Number(container.slice(1));
  const portMappings = PORTS.map((port) => ({ ...port, hostPort: port.hostPort + number }));
  const portmap = { ...given, config: portmapConfig({ json, input: bridge }, portMappings) };
  await callReference(world, "ADD", "portmap", portmap);
  return { bridge, portmap };
}

/** Chains and rules of the reference's plugins that belong to a container, in iptables-nft's tables. */
async function leftovers(world: World): Promise<readonly string[]> {
  const saved = await Promise.all(
    ["iptables-nft-save", "ip6tables-nft-save"].map((program) => outputIn(world.node, [program, "-t", "nat"])),
  );
  return saved
    .join("\n")
    .split("\n")
    .filter((line) => /id: "|CNI-[0-9a-f]|CNI-DN-/.test(line));
}

/** A rule of somebody else, in the same table. */
async function addForeignRule(world: World): Promise<void> {
  await outputIn(world.node, ["iptables-nft", "-t", "nat", "-A", "POSTROUTING", "-s", "10.99.0.1", "-j", "MASQUERADE"]);
}

async function assertForeignRule(world: World): Promise<void> {
  const saved = await outputIn(world.node, ["iptables-nft-save", "-t", "nat"]);
  assert.match(saved, /-A POSTROUTING -s 10\.99\.0\.1\/32 -j MASQUERADE/);
}

/** Ours deletes it in the runtime's order. */
async function deleteByOurs(
  world: World,
  { bridge, portmap }: ReferencePod,
  more: Partial<VerbInput> = {},
): Promise<void> {
  await world.succeed("DEL", "portmap", { ...portmap, ...more });
  await world.succeed("DEL", "bridge", { ...bridge, ...more });
}

const withoutResult = ({ prevResult: _, ...config }: JsonObject): JsonObject => config;

const cases: readonly ConformanceCase[] = [
  {
    name: "DEL takes away all of a pod that the reference made, and nothing else",
    async run(world) {
      await addForeignRule(world);
      const [one, two] = [await referencePod(world, "c1"), await referencePod(world, "c2")];
      const before = await leftovers(world);
      await deleteByOurs(world, one);
      const now = await leftovers(world);
      assert.equal(now.length, before.length / 2);
      assert.ok(now.every((line) => !line.includes('id: "c1"')));
      assert.deepEqual(disk(`${world.dataDir}/net`).match(/^[0-9a-f.:]+(?=: )/gm), ["10.1.0.3", "fd01::3"]);
      await deleteByOurs(world, two);
      assert.deepEqual(await leftovers(world), []);
      await assertForeignRule(world);
      await deleteByOurs(world, one);
    },
  },
  {
    name: "DEL takes away plain pods of the reference, on a bridge and of ptp",
    async run(world) {
      for (const config of [bridgeConfig(world), ptpConfig(world), ptpConfig(world, { ipMasq: true })]) {
        const type = String(config["type"]);
        const pod = world.newPod();
        const input = { netns: pod.path, config: { ...config, cniVersion: "1.0.0" } };
        const prevResult = await callReference(world, "ADD", type, input);
        const added = { ...input, config: { ...input.config, prevResult } };
        await world.succeed("CHECK", type, added);
        await world.succeed("DEL", type, added);
        assert.equal(await showLink(pod, "eth0"), undefined);
        assert.deepEqual(await leftovers(world), []);
        assert.doesNotMatch(disk(`${world.dataDir}/net`), /^10\./m);
      }
    },
  },
  {
    name: "DEL does so when the pod's namespace is gone, or not given, and without the previous result",
    async run(world) {
      const path = `${world.folder}/gone`;
      const named = world.newPod();
      const [one, two] = [await referencePod(world, "c1", named.path), await referencePod(world, "c2")];
      await outputIn(world.node, ["ip", "link", "del", String(hostEnd(one))]);
      await deleteByOurs(world, one, { netns: path });
      await outputIn(world.node, ["ip", "link", "del", String(hostEnd(two))]);
      const bare = { bridge: strip(two.bridge), portmap: strip(two.portmap) };
      await deleteByOurs(world, bare, { netns: "" });
      assert.deepEqual(await leftovers(world), []);
      assert.doesNotMatch(disk(`${world.dataDir}/net`), /^(10\.|fd)/m);
    },
  },
  {
    name: "GC takes away what the reference left of pods that are not listed",
    async run(world) {
      await addForeignRule(world);
      const kept = await referencePod(world, "c1");
      const stale = await referencePod(world, "c2");
      await outputIn(world.node, ["ip", "link", "del", String(hostEnd(stale))]);
      const valid = { "cni.dev/valid-attachments": [{ containerID: "c1", ifname: "eth0" }] };
      const config = { ...withoutResult(kept.bridge.config), ...valid, cniVersion: "1.1.0" };
      await world.succeed("GC", "bridge", { config });
      await world.succeed("GC", "portmap", { config: { ...config, type: "portmap" } });
      const left = await leftovers(world);
      assert.ok(left.length > 0 && left.every((line) => !line.includes('id: "c2"')), left.join("\n"));
      assert.deepEqual(disk(`${world.dataDir}/net`).match(/^[0-9a-f.:]+(?=: )/gm), ["10.1.0.2", "fd01::2"]);
      await assertForeignRule(world);
      await callReference(world, "DEL", "portmap", kept.portmap);
      await callReference(world, "DEL", "bridge", kept.bridge);
      assert.deepEqual(await leftovers(world), []);
    },
  },
  {
    name: "CHECK finds a pod that the reference made in order",
    async run(world) {
      const pod = await referencePod(world, "c1");
      await world.succeed("CHECK", "bridge", pod.bridge);
      await deleteByOurs(world, pod);
    },
  },
  {
    name: "pods of both reach each other, and get different addresses",
    async run(world) {
      const netns = world.newPod();
      const theirs = await referencePod(world, "c1", netns.path);
      const ours = await attach(world, network(world), { container: "c2" });
      assert.deepEqual(
        ours.result.ips?.map(({ address }) => address),
        ["10.1.0.3/24", "fd01::3/64"],
      );
      await world.serve(netns, "tcp", 80);
      assert.equal(await world.ask(ours.netns, "tcp", "10.1.0.2", 80), "10.1.0.3");
      await deleteByOurs(world, theirs);
    },
  },
  {
    name: "DEL by the reference takes away a pod that we made; GC takes our rules and records",
    async run(world) {
      const pod = await attach(world, { ...network(world), cniVersion: "1.0.0" });
      const portmap = { ...pod.input, config: portmapConfig(pod, PORTS) };
      await world.add("portmap", portmap);
      await callReference(world, "DEL", "portmap", portmap);
      // It misses its iptables chain, when all else is done; when it is asked again, it does not look for one.
      await assert.rejects(callReference(world, "DEL", "bridge", pod.input), /Chain 'CNI-\w+' does not exist/);
      await callReference(world, "DEL", "bridge", pod.input);
      assert.equal(await showLink(pod.netns, "eth0"), undefined);
      assert.doesNotMatch(disk(`${world.dataDir}/net`), /^(10\.|fd)/m);
      const config = { ...withoutResult(pod.input.config), "cni.dev/valid-attachments": [], cniVersion: "1.1.0" };
      await world.succeed("GC", "portmap", { config: { ...config, type: "portmap" } });
      await world.succeed("GC", "bridge", { config });
      assert.deepEqual(await elements(world.node), []);
    },
  },
];

function strip(input: ReferencePod["bridge"]): ReferencePod["bridge"] {
  return { ...input, config: withoutResult(input.config) };
}

/** The host's end, as the reference named it. */
function hostEnd({ bridge }: ReferencePod): unknown {
  const text = JSON.stringify(bridge.config["prevResult"]);
  return /veth[0-9a-f]{8}/.exec(text)?.[0];
}

conformance(
  cases.map((one) =>
    absent === false ? one : { ...one, skip: { "in process": absent, agent: absent, "no agent": absent } },
  ),
);
