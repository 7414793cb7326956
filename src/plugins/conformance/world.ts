/**
 * The world of one test: a node with an uplink to one machine outside, pods, folders, and one way to call plugins.
 * The outside knows the way back to pods, so that a missing masquerade shows as the pod's address and not as silence.
 *
 *     pod … node 192.0.2.1, fd02::1 ─ uplink ─ 192.0.2.2, fd02::2 outside
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "#base/json.ts";
import { parseJson } from "#cni/go-json.ts";
import type { PluginOutput } from "#cni/plugin-main.ts";
import type { CniResult } from "#cni/result.ts";
import { parseResult } from "#cni/result-versions.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { execIn, outputIn } from "#kernel/testing/run-in-netns.ts";
import { namedTestNetns, testNetns } from "#kernel/testing/with-netns.ts";
import { type Probe, type Protocol, type Question, startProbe } from "./probe.ts";
import type { Caller, Node } from "./ways.ts";

export interface VerbInput {
  readonly container?: string;
  /** Path of the pod's namespace. */
  readonly netns?: string;
  readonly ifname?: string;
  readonly args?: string;
  /** An object, or text that goes to standard input as it is. */
  readonly config: JsonObject | string;
  /** Takes the place of variables; undefined removes one. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export interface PrintedError {
  readonly code: number;
  readonly msg: string;
  readonly details: string;
}

export interface Added {
  readonly result: CniResult;
  /** As it was printed. */
  readonly json: JsonObject;
}

/** An ADD that no DEL has followed. */
export interface Attachment {
  readonly type: string;
  readonly input: VerbInput;
}

export interface World extends AsyncDisposable {
  readonly node: Netns;
  readonly outside: Netns;
  /** Folder for whatever a case needs on disk. */
  readonly folder: string;
  /** For host-local. */
  readonly dataDir: string;
  /** Of the ledger. */
  readonly stateDir: string;
  readonly binDir: string;
  /** ADDs that no DEL has followed, oldest first. */
  readonly attachments: readonly Attachment[];
  newPod(): Netns;
  call(verb: string, type: string, input: VerbInput): Promise<PluginOutput>;
  /** Asserts success. */
  add(type: string, input: VerbInput): Promise<Added>;
  /** Asserts success and that nothing is printed. */
  succeed(verb: "DEL" | "CHECK" | "GC" | "STATUS", type: string, input: VerbInput): Promise<void>;
  /** Asserts failure. */
  fail(verb: string, type: string, input: VerbInput): Promise<PrintedError>;
  serve(netns: Netns, protocol: Protocol, port: number, address?: string): Promise<void>;
  ask(netns: Netns, protocol: Protocol, address: string, port: number, more?: Partial<Question>): Promise<string>;
}

export async function createWorld(openWay: (node: Node) => Caller | Promise<Caller>): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "podwire-world-"));
  stack.defer(() => rmSync(folder, { recursive: true }));
  const node = stack.use(namedTestNetns({ loopbackUp: true }));
  const outside = stack.use(testNetns({ loopbackUp: true }));
  await connectNode(node, outside);
  const stateDir = join(folder, "state");
  const folders = { PODWIRE_RUN_DIR: join(folder, "run"), PODWIRE_STATE_DIR: stateDir };
  for (const path of Object.values(folders)) mkdirSync(path);
  const caller = stack.use(await openWay({ netns: node, folders }));
  const attachments: Attachment[] = [];
  const probes = new Map<number, Promise<Probe>>();

  const pods = stack.use(new DisposableStack());
  const probeStack = stack.use(new AsyncDisposableStack());
  const open = stack.move();

  function probe(netns: Netns): Promise<Probe> {
    const started = probes.get(netns.inode) ?? startProbe(netns).then((one) => probeStack.use(one));
    probes.set(netns.inode, started);
    return started;
  }

  const call: World["call"] = (verb, type, { config, ...input }) =>
    caller.call(type, {
      environment: environmentOf(verb, caller.binDir, input),
      stdin: typeof config === "string" ? config : JSON.stringify(config),
    });

  return {
    node,
    outside,
    folder,
    dataDir: join(folder, "addresses"),
    stateDir,
    binDir: caller.binDir,
    attachments,
    newPod: () => pods.use(namedTestNetns()),
    call,
    async add(type, input) {
      const { stdout, stderr, exitCode } = await call("ADD", type, input);
      assert.equal(exitCode, 0, `ADD ${type}: ${stdout}${stderr}`);
      attachments.push({ type, input });
      const json = parseObject(stdout);
      return { json, result: parseResult(json, String(json["cniVersion"])) };
    },
    async succeed(verb, type, input) {
      assert.deepEqual(await call(verb, type, input), { stdout: "", stderr: "", exitCode: 0 }, `${verb} ${type}`);
      if (verb !== "DEL") return;
      const at = attachments.findLastIndex((one) => one.type === type && isSameAttachment(one.input, input));
      if (at !== -1) attachments.splice(at, 1);
    },
    async fail(verb, type, input) {
      const { stdout, exitCode } = await call(verb, type, input);
      assert.equal(exitCode, 1, `${verb} ${type} did not fail: ${stdout}`);
      const { code, msg, details = "" } = parseObject(stdout);
      return { code: Number(code), msg: String(msg), details: String(details) };
    },
    serve: async (netns, protocol, port, address) =>
      (await probe(netns)).serve({ protocol, port, ...(address !== undefined && { address }) }),
    ask: async (netns, protocol, address, port, more = {}) =>
      (await probe(netns)).ask({ protocol, address, port, ...more }),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

export function isSameAttachment(a: Omit<VerbInput, "config">, b: Omit<VerbInput, "config">): boolean {
  return (a.container ?? "c1") === (b.container ?? "c1") && (a.ifname ?? "eth0") === (b.ifname ?? "eth0");
}

function environmentOf(verb: string, binDir: string, input: Omit<VerbInput, "config">): Record<string, string> {
  const { container = "c1", netns = "", ifname = "eth0", args = "", environment = {} } = input;
  const isAboutNetwork = ["GC", "STATUS", "VERSION"].includes(verb);
  const variables: Record<string, string | undefined> = {
    CNI_COMMAND: verb,
    CNI_PATH: binDir,
    CNI_ARGS: args,
    ...(!isAboutNetwork && { CNI_CONTAINERID: container, CNI_NETNS: netns, CNI_IFNAME: ifname }),
    ...environment,
  };
  return Object.fromEntries(
    Object.entries(variables).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

function parseObject(text: string): JsonObject {
  const json = parseJson(text);
  assert.ok(typeof json === "object" && json !== null && !Array.isArray(json), `not an object: ${text}`);
  // Checked the line before; Array.isArray does not narrow a readonly array away.
  return json as JsonObject;
}

/** Neighbours are written down, because IPv6 on a new link answers no solicitation for a second. */
const MACS = { node: "02:00:00:00:02:01", outside: "02:00:00:00:02:02" };

async function connectNode(node: Netns, outside: Netns): Promise<void> {
  for (const netns of [node, outside]) {
    // Link-local addresses serve at once.
    await outputIn(netns, ["sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"]);
  }
  await batch(
    node,
    `link add uplink address ${MACS.node} type veth peer name uplink address ${MACS.outside} netns /proc/${process.pid}/fd/${outside.fd}`,
    "addr add 192.0.2.1/24 dev uplink",
    "addr add fd02::1/64 dev uplink nodad",
    "link set uplink up",
    `neigh add fd02::2 lladdr ${MACS.outside} dev uplink nud permanent`,
    "route add default via 192.0.2.2",
    "route add default via fd02::2",
  );
  await batch(
    outside,
    "addr add 192.0.2.2/24 dev uplink",
    "addr add fd02::2/64 dev uplink nodad",
    "link set uplink up",
    `neigh add fd02::1 lladdr ${MACS.node} dev uplink nud permanent`,
    "route add 10.0.0.0/8 via 192.0.2.1",
    "route add fd01::/16 via fd02::1",
  );
}

/** `ip -batch`: one process for several changes. */
export async function batch(netns: Pick<Netns, "fd">, ...lines: readonly string[]): Promise<void> {
  const { code, stderr } = await execIn(netns, ["ip", "-batch", "-"], { input: lines.join("\n") });
  assert.equal(code, 0, stderr);
}
