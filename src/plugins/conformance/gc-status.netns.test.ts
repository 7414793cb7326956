/** GC takes exactly what is not listed, with the ledger's help and without; STATUS tells whether an ADD could succeed. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import type { JsonObject } from "#base/json.ts";
import { attach, bridgeConfig, hostLocal, mapPorts, type Pod, ptpConfig } from "./attach.ts";
import { type ConformanceCase, conformance } from "./conformance.ts";
import { assertUnchanged, disk, elements, showLink, snapshot } from "./witness.ts";
import type { VerbInput, World } from "./world.ts";

type Valid = readonly { readonly containerID: string; readonly ifname: string }[];

const VALID = "cni.dev/valid-attachments";

/** Configuration of a GC: what the network's ADD had, without a result. */
function gcInput(config: JsonObject, valid: Valid | undefined, key = VALID): VerbInput {
  const { prevResult: _, ...network } = config;
  return { config: { ...network, ...(valid && { [key]: valid }) } };
}

interface Pods {
  readonly pods: readonly Pod[];
  readonly ports: readonly (VerbInput & { readonly config: JsonObject })[];
}

/** Pods c1 to c3 of one network, with all that a bridge and host ports can leave; each port is 8080 and its number. */
async function threePods(world: World, type: "bridge" | "ptp"): Promise<Pods> {
  const more = { ipMasq: true, isDefaultGateway: true, macspoofchk: true };
  const config = type === "bridge" ? bridgeConfig(world, more) : ptpConfig(world, { ipMasq: true });
  const pods: Pod[] = [];
  const ports: Pods["ports"][number][] = [];
  for (const number of [1, 2, 3]) {
    const pod = await attach(world, config, { container: `c${number}` });
    await world.serve(pod.netns, "tcp", 80);
    pods.push(pod);
    ports.push(await mapPorts(world, pod, [{ hostPort: 8080 + number, containerPort: 80, protocol: "tcp" }]));
  }
  return { pods, ports };
}

/** Of the three, c2 alone is left whole; a pod of another network is not touched. */
async function collectAllButTheSecond(world: World, type: "bridge" | "ptp", before?: () => void): Promise<void> {
  const stranger = await attach(world, { ...bridgeConfig(world), name: "other", bridge: "br9" }, { container: "c9" });
  const { pods, ports } = await threePods(world, type);
  before?.();
  const valid = [{ containerID: "c2", ifname: "eth0" }];
  for (const input of [ports[0], pods[0]?.input]) {
    assert.ok(input);
    await world.succeed("GC", input === ports[0] ? "portmap" : type, gcInput(input.config, valid));
  }
  for (const element of await elements(world.node)) assert.match(element, /"net\/c2\/eth0"/);
  assert.deepEqual(disk(`${world.dataDir}/net`).match(/^10\.\S+/gm), ["10.1.0.3:"]);
  for (const [index, pod] of pods.entries()) {
    assert.equal((await showLink(pod.netns, "eth0")) !== undefined, index === 1, `link of c${index + 1}`);
    const answer = await world.ask(world.outside, "tcp", "192.0.2.1", 8081 + index);
    assert.equal(answer, index === 1 ? "192.0.2.2" : "ECONNREFUSED");
  }
  const [, second] = pods;
  assert.ok(second);
  await world.succeed("CHECK", type, second.input);
  await world.succeed("CHECK", "bridge", stranger.input);
}

const cases: readonly ConformanceCase[] = [
  ...(["bridge", "ptp"] as const).flatMap((type): readonly ConformanceCase[] => [
    {
      name: `GC of ${type} and portmap takes exactly the pods that are not listed`,
      run: (world) => collectAllButTheSecond(world, type),
    },
    {
      name: `GC of ${type} and portmap does so too when the ledger is lost`,
      skip: { agent: "a running agent has its ledger in memory", "in process": "as an agent" },
      run: (world) => collectAllButTheSecond(world, type, () => rmSync(world.stateDir, { recursive: true })),
    },
  ]),
  {
    name: "GC tells the interfaces of one container apart",
    async run(world) {
      const config = bridgeConfig(world, { ipMasq: true });
      const first = await attach(world, config);
      const second = await attach(world, config, { netns: first.netns, ifname: "net1" });
      await world.succeed("GC", "bridge", gcInput(config, [{ containerID: "c1", ifname: "net1" }]));
      assert.equal(await showLink(first.netns, "eth0"), undefined);
      await world.succeed("CHECK", "bridge", second.input);
      await world.succeed("GC", "bridge", gcInput(config, []));
      assert.equal(await showLink(first.netns, "net1"), undefined);
      assert.deepEqual(await elements(world.node), []);
    },
  },
  {
    name: "GC without a list does nothing, and knows the list's old name",
    async run(world) {
      const pod = await attach(world, bridgeConfig(world, { ipMasq: true }));
      const before = await snapshot(world, [pod.netns]);
      await world.succeed("GC", "bridge", gcInput(pod.input.config, undefined));
      assertUnchanged(await snapshot(world, [pod.netns]), before);
      await world.succeed("GC", "bridge", gcInput(pod.input.config, [], "cni.dev/attachments"));
      assert.equal(await showLink(pod.netns, "eth0"), undefined);
    },
  },
  {
    name: "GC of IPAM alone gives back reservations that nobody is listed for, also those of others",
    async run(world) {
      const config = { ...bridgeConfig(world), type: "host-local" };
      const netns = world.newPod().path;
      await world.add("host-local", { netns, config });
      await world.add("host-local", { netns, config, container: "c2" });
      await world.succeed("GC", "host-local", gcInput(config, [{ containerID: "c2", ifname: "eth0" }]));
      assert.deepEqual(disk(`${world.dataDir}/net`).match(/^10\.\S+/gm), ["10.1.0.3:"]);
    },
  },
  {
    name: "STATUS succeeds until the addresses are used up, then it is error 50, until one comes back",
    async run(world) {
      const range = { subnet: "10.1.0.0/24", rangeStart: "10.1.0.10", rangeEnd: "10.1.0.11" };
      const ipam = { ...hostLocal(world), ranges: [[range]] };
      for (const config of [bridgeConfig(world, { ipam }), ptpConfig(world, { ipam })]) {
        const type = String(config["type"]);
        await world.succeed("STATUS", type, { config });
        const pods = [await attach(world, config), await attach(world, config, { container: "c2" })];
        const { code, msg } = await world.fail("STATUS", type, { config });
        assert.equal(code, 50);
        assert.match(
          msg,
          /^No address is free in network "net": 2 of 2 addresses of range set 0 \(10\.1\.0\.10-10\.1\.0\.11\)/,
        );
        const refused = await world.fail("ADD", type, { config, container: "c3", netns: world.newPod().path });
        assert.equal(refused.code, 100);
        for (const { input } of pods) await world.succeed("DEL", type, input);
        await world.succeed("STATUS", type, { config });
      }
      await world.succeed("STATUS", "bridge", { config: bridgeConfig(world, { ipam: {} }) });
      await world.succeed("STATUS", "portmap", { config: { cniVersion: "1.1.0", name: "net", type: "portmap" } });
    },
  },
];

conformance(cases);
