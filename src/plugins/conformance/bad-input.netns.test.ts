/**
 * What must be refused, and how; and what looks bad but has to work. A refusal leaves links, addresses, routes, rules,
 * reservations and ledger of a node with a running pod byte for byte as they were.
 */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { attach, bridgeConfig, mapPorts } from "./attach.ts";
import { type BadInput, type BusyNode, badInputs, FULL, LAST_ADDRESS } from "./bad-inputs.ts";
import { type ConformanceCase, conformance } from "./conformance.ts";
import { addressesOf, assertUnchanged, disk, showLink, snapshot, withoutLastReserved } from "./witness.ts";
import type { World } from "./world.ts";

async function busyNode(world: World): Promise<BusyNode> {
  const config = bridgeConfig(world, { isDefaultGateway: true, ipMasq: true });
  const pod = await attach(world, config, { container: "c0" });
  await mapPorts(world, pod, [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }]);
  // Reservations of somebody else that leave no address in a range of one, and a file for what is no namespace.
  const folder = join(world.folder, FULL, "net");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, LAST_ADDRESS), "somebody\r\neth0");
  writeFileSync(join(folder, "lock"), "");
  writeFileSync(join(world.folder, "file"), "");
  return { world, pod, fresh: world.newPod() };
}

async function assertRefused(node: BusyNode, before: Readonly<Record<string, string>>, row: BadInput): Promise<void> {
  const { world, fresh } = node;
  const { verb = "ADD", type = "bridge", code, message, details, input, gotAddress = false } = row;
  const refused = await world.fail(verb, type, { netns: fresh.path, ...input(node) });
  const told = `${refused.code} ${refused.msg} (${refused.details})`;
  assert.equal(refused.code, code, told);
  for (const part of [message].flat()) assert.ok(refused.msg.includes(part), `no "${part}" in: ${told}`);
  if (details !== undefined) assert.ok(refused.details.includes(details), `no details "${details}" in: ${told}`);
  const after = await snapshot(world, [fresh]);
  if (gotAddress) assertUnchanged(withoutLastReserved(after), withoutLastReserved(before));
  else assertUnchanged(after, before);
}

const cases: readonly ConformanceCase[] = [
  {
    name: "bad input is refused with its code and leaves everything as it was",
    async run(world) {
      const node = await busyNode(world);
      let before = await snapshot(world, [node.fresh]);
      const failures: string[] = [];
      for (const row of badInputs) {
        await assertRefused(node, before, row).catch((error: unknown) => {
          failures.push(`${row.name}: ${error instanceof Error ? error.message : String(error)}`);
        });
        if (row.gotAddress) before = await snapshot(world, [node.fresh]);
      }
      if (failures.length > 0) assert.fail(`${failures.length} rows:\n${failures.join("\n")}`);
      await world.succeed("CHECK", "bridge", node.pod.input);
    },
  },
  {
    name: "ADD for a container that has its network already is refused, in the same namespace and in another",
    async run(world) {
      const node = await busyNode(world);
      const before = await snapshot(world, [node.fresh, node.pod.netns]);
      for (const netns of [node.pod.netns.path, node.fresh.path]) {
        const repeated = {
          netns,
          container: "c0",
          config: bridgeConfig(world, { isDefaultGateway: true, ipMasq: true }),
        };
        const { code, msg } = await world.fail("ADD", "bridge", repeated);
        assert.equal(code, 104);
        assert.match(msg, /^container veth name \("eth0"\) .*already exists$/);
        assertUnchanged(await snapshot(world, [node.fresh, node.pod.netns]), before, netns);
      }
      await world.succeed("CHECK", "bridge", node.pod.input);
    },
  },
  {
    name: "ADD for a container that another implementation gave an address leaves it that address",
    async run(world) {
      const node = await busyNode(world);
      writeFileSync(join(world.dataDir, "net", "10.1.0.99"), "c7\r\neth0");
      const before = await snapshot(world, [node.fresh]);
      for (const type of ["bridge", "ptp"]) {
        const input = { netns: node.fresh.path, container: "c7", config: { ...bridgeConfig(world), type } };
        const { code, msg } = await world.fail("ADD", type, input);
        assert.equal(code, 101);
        assert.match(msg, /10\.1\.0\.99 has been allocated to c7, duplicate allocation is not allowed/);
        assertUnchanged(await snapshot(world, [node.fresh]), before, type);
      }
      await world.succeed("DEL", "bridge", { container: "c7", config: bridgeConfig(world) });
    },
  },
  {
    name: "DEL succeeds any number of times, with less and less to go by, and for what was never there",
    async run(world) {
      const { pod, fresh } = await busyNode(world);
      const [mapped] = world.attachments.slice(-1);
      assert.ok(mapped);
      const config = bridgeConfig(world, { isDefaultGateway: true, ipMasq: true });
      const paths = ["", `${world.folder}/none`, `${world.folder}/file`, "/proc/self/ns/mnt", world.folder, fresh.path];
      const before = await snapshot(world, [pod.netns, fresh]);
      for (const netns of paths) {
        for (const type of ["bridge", "ptp"]) await world.succeed("DEL", type, { container: "never", netns, config });
        await world.succeed("DEL", "portmap", { container: "never", netns, config: mapped.input.config });
      }
      assertUnchanged(await snapshot(world, [pod.netns, fresh]), before);
      await world.succeed("DEL", "portmap", mapped.input);
      await world.succeed("DEL", "portmap", { ...mapped.input, netns: "", config: { ...config, type: "portmap" } });
      await world.succeed("DEL", "bridge", pod.input);
      assert.equal(await showLink(pod.netns, "eth0"), undefined);
      const after = await snapshot(world, [pod.netns, fresh]);
      for (const netns of [pod.netns.path, ...paths]) {
        await world.succeed("DEL", "bridge", { ...pod.input, netns, config });
        await world.succeed("DEL", "portmap", { ...mapped.input, netns, config: { ...config, type: "portmap" } });
      }
      assertUnchanged(await snapshot(world, [pod.netns, fresh]), after);
    },
  },
  {
    name: "a configuration of 2 MB, unknown keys and keys in other case work",
    async run(world) {
      const padding = Object.fromEntries(
        Array.from({ length: 20_000 }, (_, index) => [`unknown${index}`, "x".repeat(90)]),
      );
      const config = bridgeConfig(world, { "cni.dev/extra": { a: [1, null] }, padding });
      assert.ok(JSON.stringify(config).length > 2e6);
      const pod = await attach(world, { ...config, ISGATEWAY: true, HairpinMode: null });
      assert.deepEqual(await addressesOf(world.node, "br0"), ["10.1.0.1/24"]);
      await world.succeed("DEL", "bridge", pod.input);
    },
  },
  {
    name: "files in host-local's folder that are no reservations are left alone or taken for what they are",
    async run(world) {
      const folder = join(world.dataDir, "net");
      mkdirSync(join(folder, "10.1.0.4"), { recursive: true });
      for (const [name, content] of [
        ["10.1.0.2", ""],
        ["10.1.0.3", "somebody of before 2018"],
        ["README", "no reservation"],
        ["10.1.0.5.bak", "c1\r\neth0"],
        ["last_reserved_ip.0", "junk"],
      ] as const) {
        writeFileSync(join(folder, name), content);
      }
      const config = bridgeConfig(world);
      const [first, second] = [await attach(world, config), await attach(world, config, { container: "c2" })];
      assert.deepEqual(
        [first, second].map(({ result }) => result.ips?.[0]?.address),
        ["10.1.0.2/24", "10.1.0.5/24"],
      );
      for (const { input } of [first, second]) await world.succeed("DEL", "bridge", input);
      assert.deepEqual(disk(folder).match(/^[^:\n]+/gm), [
        "10.1.0.3",
        "10.1.0.4/",
        "10.1.0.5.bak",
        "README",
        "last_reserved_ip.0",
        "lock",
      ]);
      rmSync(folder, { recursive: true });
    },
  },
  {
    name: "without a verb a plugin tells about itself, and VERSION answers whatever is on standard input",
    async run(world) {
      for (const type of ["bridge", "ptp", "portmap", "loopback", "flannel"]) {
        const about = await world.call("", type, { config: "junk" });
        assert.equal(about.exitCode, 0);
        assert.match(about.stderr, /CNI protocol versions supported: 0\.1\.0, .*, 1\.1\.0/);
        const { stdout } = await world.call("VERSION", type, { config: "junk" });
        assert.match(stdout, /^\{"cniVersion":"1\.1\.0","supportedVersions":\["0\.1\.0",.*"1\.1\.0"\]\}\n$/);
      }
    },
  },
];

test("each bad input has a name of its own", () => {
  assert.equal(new Set(badInputs.map(({ name }) => name)).size, badInputs.length);
});

conformance(cases);
