/**
 * Thousands of damaged calls into each plugin, the way the agent gets them: each is served or refused with a CNI error
 * that was meant, and when all that was added has been deleted, there is what was there before.
 * Another run: PODWIRE_FUZZ_SEED=<number>; a longer one: PODWIRE_FUZZ_CALLS=10000.
 */
import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import type { PluginOutput } from "#cni/plugin-main.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { deleteLink, listLinks } from "#kernel/rtnetlink/link.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot, testNetns } from "#kernel/testing/with-netns.ts";
import { pluginTypes } from "#plugins/registry.ts";
import { openLedger } from "./ledger.ts";
import { MAX_DELETIONS } from "./link-remover.ts";
import { createPluginRunner, type PluginRunner } from "./plugin-runner.ts";
import { NATIVE_LAUNCHER } from "./testing/call-launcher.ts";
import { ledgerState } from "./testing/ledger-state.ts";
import { createMutator, type Mutator } from "./testing/mutate-config.ts";

const CALLS = Number(process.env["PODWIRE_FUZZ_CALLS"] ?? 3000);
const SEED = Number(process.env["PODWIRE_FUZZ_SEED"] ?? 1);
/** A call that takes longer hangs: nothing here waits for anything. */
const CALL_DEADLINE_MS = 10_000;

const prevResult = {
  cniVersion: "1.0.0",
  interfaces: [
    { name: "veth1", mac: "02:00:00:00:00:01" },
    { name: "eth0", sandbox: "/run/netns/x" },
  ],
  ips: [{ address: "10.1.0.5/24", gateway: "10.1.0.1", interface: 1 }],
  routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }],
  dns: { nameservers: ["10.1.0.1"] },
};
const hostLocal = {
  type: "host-local",
  ranges: [[{ subnet: "10.1.0.0/24", rangeStart: "10.1.0.10" }], [{ subnet: "fd00::/64" }]],
  routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
};
const addresses = [{ address: "10.1.0.5/24", gateway: "10.1.0.1" }, { address: "fd00::5/64" }];
const general = { "cni.dev/valid-attachments": [{ containerID: "c1", ifname: "eth0" }], args: { cni: { ips: [] } } };

/** Valid configurations to start from. */
const CONFIGS: Readonly<Record<string, JsonObject>> = {
  loopback: { prevResult },
  bridge: {
    bridge: "br0",
    isGateway: true,
    ipMasq: true,
    hairpinMode: true,
    macspoofchk: true,
    mtu: 1400,
    vlanTrunk: [],
    ipam: hostLocal,
    dns: { nameservers: ["10.1.0.1"] },
    prevResult,
  },
  ptp: { ipMasq: true, mtu: 1400, ipam: hostLocal, dns: {}, prevResult },
  "host-local": { ipam: hostLocal, runtimeConfig: { ips: ["10.1.0.20"] } },
  static: { ipam: { type: "static", addresses, routes: hostLocal.routes, dns: { nameservers: ["10.1.0.1"] } } },
  portmap: {
    snat: true,
    runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp", hostIP: "" }] },
    prevResult,
  },
  flannel: { delegate: { hairpinMode: true, mtu: 1400 }, ipam: { routes: [{ dst: "10.9.0.0/16" }] } },
};

test("there is a configuration for every plugin", () => {
  assert.deepEqual(Object.keys(CONFIGS).toSorted(), pluginTypes.toSorted());
});

interface Scene extends Disposable {
  readonly folder: string;
  readonly netns: Netns;
  readonly pod: Netns;
  readonly runner: PluginRunner;
}

/** Relative paths of damaged configurations lead into the folder, too. */
function createScene(): Scene {
  using stack = new DisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "podwire-fuzz-"));
  stack.defer(() => rmSync(folder, { recursive: true }));
  const home = process.cwd();
  mkdirSync(join(folder, "cwd"));
  process.chdir(join(folder, "cwd"));
  stack.defer(() => process.chdir(home));
  const netns = stack.use(testNetns({ loopbackUp: true }));
  const pod = stack.use(testNetns());
  mkdirSync(join(folder, "bin"));
  for (const type of pluginTypes) copyFileSync(NATIVE_LAUNCHER, join(folder, "bin", type));
  writeFileSync(
    join(folder, "subnet.env"),
    "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n",
  );
  const ledger = openLedger(join(folder, "ledger"), "epoch", "cached");
  const runner = stack.use(createPluginRunner({ netns, ledger, epoch: "epoch" }));
  const open = stack.move();
  return { folder, netns, pod, runner, [Symbol.dispose]: () => open.dispose() };
}

interface Call {
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: Buffer;
}

function makeCall(type: string, config: JsonObject, scene: Scene, mutator: Mutator): Call {
  const { below, pick, mutate, garble } = mutator;
  const cniVersion = pick(["1.1.0", "1.1.0", "1.0.0", "0.4.0", "0.3.1", "0.2.0"]);
  const damaged = keepInside(type, mutate({ cniVersion, name: "net", type, ...general, ...config }), scene);
  const text = JSON.stringify(damaged);
  const garbled = garble(text);
  const isGarbled = below(15) === 0 && !isJson(garbled);
  const environment: Record<string, string> = {
    ...environmentOf(scene),
    CNI_COMMAND: pick(["ADD", "ADD", "ADD", "ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"]),
  };
  if (below(8) === 0) {
    const name = pick(["CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH", "CNI_ARGS"]);
    environment[name] = pick([
      "",
      "x",
      "add",
      "../x",
      "a b",
      "eth0:1",
      "/proc/self/ns/mnt",
      "x".repeat(300),
      "💥",
      "IP=10.1.0.7;MAC=02:00:00:00:00:07",
      "MAC=zz;=;;IgnoreUnknown=1",
      "IP=fd00::7/64;GATEWAY=x",
    ]);
  }
  return { environment, stdin: isGarbled ? garbled : Buffer.from(text) };
}

function environmentOf({ pod, folder }: Scene): Readonly<Record<string, string>> {
  return {
    CNI_CONTAINERID: "c1",
    CNI_NETNS: pod.path,
    CNI_IFNAME: "eth0",
    CNI_PATH: join(folder, "bin"),
    CNI_ARGS: "",
  };
}

/** All paths that plugins write to lead into the folder, in whatever case the keys are. */
function keepInside(type: string, config: JsonObject, { folder }: Scene): JsonObject {
  const withPath = (json: JsonValue | undefined, key: string, path: string): JsonObject => ({
    ...Object.fromEntries(
      Object.entries(isJsonObject(json) ? json : {}).filter(([name]) => name.toLowerCase() !== key.toLowerCase()),
    ),
    [key]: path,
  });
  const hasIpam = isJsonObject(config["ipam"]) || type === "flannel";
  const inside = {
    ...withPath(withPath(config, "dataDir", join(folder, "flannel")), "subnetFile", join(folder, "subnet.env")),
    ...(hasIpam && { ipam: withPath(config["ipam"], "dataDir", join(folder, "ipam")) }),
  };
  // A name of its own for each of thousands of networks is not what is tried here: each has a folder that stays.
  const { name = null } = config;
  const isOneOfMany = typeof name === "string" && /^[\w.-]+$/.test(name) && name !== "other";
  return { ...inside, name: isOneOfMany ? "net" : name };
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}

/** What the language says when code has not expected a value; no message that was written on purpose sounds so. */
const UNEXPECTED =
  /undefined|is not a function|is not iterable|cannot read prop|call stack|invalid array|\bNaN\b|object Object/i;

function checkOutput({ exitCode, stdout, stderr }: PluginOutput, verb: string): void {
  if (exitCode === 0) {
    if (verb === "ADD") assert.equal(typeof JSON.parse(stdout).cniVersion, "string");
    return;
  }
  assert.equal(exitCode, 1);
  const { code, msg } = JSON.parse(stdout);
  assert.ok(Number.isInteger(code) && code > 0 && code < 1000, "the code is one of CNI's");
  assert.ok(typeof msg === "string" && msg !== "", "there is a message");
  assert.doesNotMatch(msg, UNEXPECTED);
  assert.equal(stderr, "");
}

async function run({ runner }: Scene, type: string, { environment, stdin }: Call): Promise<PluginOutput> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("the call hangs")), CALL_DEADLINE_MS);
  try {
    return await Promise.race([runner.run({ plugin: type, environment, stdin }), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a runtime does next: DEL with the same configuration, or, where that one is useless, with a good one. */
async function tidyUp(
  scene: Scene,
  type: string,
  { environment, stdin }: Call,
  { isAdded }: { readonly isAdded: boolean },
): Promise<void> {
  if (isAdded) {
    const { exitCode, stdout } = await run(scene, type, { environment: { ...environment, CNI_COMMAND: "DEL" }, stdin });
    assert.equal(exitCode, 0, `DEL of what was added: ${stdout}`);
  }
  if (ledgerState(join(scene.folder, "ledger")).length === 0) return;
  assert.equal(isAdded, false, "DEL leaves no record");
  const { stdout } = await run(scene, type, goodCall(type, "DEL", scene));
  assert.deepEqual(ledgerState(join(scene.folder, "ledger")), [], `DEL with a good configuration: ${stdout}`);
}

function goodCall(type: string, verb: "ADD" | "DEL", scene: Scene): Call {
  const good = JSON.stringify(keepInside(type, { cniVersion: "1.0.0", name: "net", type, ...CONFIGS[type] }, scene));
  return { environment: { ...environmentOf(scene), CNI_COMMAND: verb }, stdin: Buffer.from(good) };
}

/** The file that flannel keeps for DEL stays behind an ADD that failed; the next ones take care of it. */
async function addAndDelete(scene: Scene, type: string): Promise<void> {
  for (const verb of ["ADD", "DEL"] as const) {
    const { exitCode, stdout } = await run(scene, type, goodCall(type, verb, scene));
    assert.equal(exitCode, 0, stdout);
  }
}

/** Where plugins keep addresses unless they are told otherwise: of no concern to this test. */
const DEFAULT_FOLDER = "/var/lib/cni/networks";

interface Traces {
  /** What they lead to, but for sockets. */
  readonly descriptors: readonly string[];
  readonly sockets: number;
  readonly links: readonly string[];
  readonly podLinks: readonly string[];
  readonly ruleset: string;
  readonly files: readonly string[];
  readonly outside: readonly string[];
}

/** Bridges are made once and stay by design: those that damage has named are removed first. */
async function traces({ netns, pod, folder }: Scene): Promise<Traces> {
  using here = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
  using there = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: pod });
  for (const { ifindex, name } of listLinks(here, { kind: "bridge" })) if (name !== "br0") deleteLink(here, ifindex);
  const isLasting = (name: string): boolean => /^(last_reserved_ip\.\d+|lock)$/.test(name);
  const open = descriptors();
  const isSocket = (target: string): boolean => target.startsWith("socket:");
  const files = ["ipam", "flannel", "cwd"].flatMap((name) => filesBelow(join(folder, name)));
  return {
    descriptors: open.filter((target) => !isSocket(target)),
    sockets: open.filter(isSocket).length,
    links: listLinks(here).map(({ name }) => name),
    podLinks: listLinks(there).map(({ name }) => name),
    ruleset: await outputIn(netns, ["nft", "list", "ruleset"]),
    files: files.filter((name) => !isLasting(name)),
    outside: existsSync(DEFAULT_FOLDER) ? readdirSync(DEFAULT_FOLDER) : [],
  };
}

function descriptors(): readonly string[] {
  return readdirSync("/proc/self/fd")
    .flatMap((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/g, "N");
      } catch {
        return []; // that of the listing itself
      }
    })
    .toSorted();
}

function filesBelow(folder: string): readonly string[] {
  mkdirSync(folder, { recursive: true });
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

for (const [type, config] of Object.entries(CONFIGS)) {
  test(`${type} serves or refuses ${CALLS} damaged calls and leaves nothing`, requireRoot, async (context) => {
    using scene = createScene();
    const mutator = createMutator(SEED);
    const outcomes: Record<string, number> = {};
    const { outside } = await traces(scene);
    let before: Traces | undefined;
    for (let index = 0; index < CALLS; index++) {
      const call = makeCall(type, config, scene, mutator);
      const verb = call.environment["CNI_COMMAND"] ?? "";
      try {
        const output = await run(scene, type, call);
        checkOutput(output, verb);
        const outcome = output.exitCode === 0 ? verb : `error ${JSON.parse(output.stdout).code}`;
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        if (verb === "ADD") await tidyUp(scene, type, call, { isAdded: output.exitCode === 0 });
        // By then, everything that is made once has been made.
        if (index === Math.floor(CALLS / 10)) {
          await addAndDelete(scene, type);
          before = await traces(scene);
        }
      } catch (cause) {
        const text = call.stdin.toString().slice(0, 3_000);
        throw new Error(`seed ${SEED}, call ${index}: ${JSON.stringify(call.environment)} ${text}: ${cause}`, {
          cause,
        });
      }
    }
    context.diagnostic(JSON.stringify(outcomes));
    await addAndDelete(scene, type);
    const after = await traces(scene);
    assert.deepEqual({ ...after, sockets: 0 }, { ...before, sockets: 0, outside });
    // A deletion of a link opens a lane when the one before is not acknowledged yet.
    assert.ok(after.sockets <= (before?.sockets ?? 0) + MAX_DELETIONS, `${after.sockets} sockets`);
  });
}
