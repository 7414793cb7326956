/**
 * What lies outside of a node: a network namespace with a router on a link to the node, and a service behind it.
 * The node's default route leads there. It knows no way to the pods, so only a node that translates gets answers.
 *
 *   node: uplink 192.0.2.2/24  ←→  downlink 192.0.2.1/24, service 203.0.113.10   (addresses: RFC 5737)
 *
 * Equal to `ip link add uplink type veth peer name downlink netns …` with addresses and a route. It ends with this process.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { type IpAddress, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE, type NetlinkSocket } from "#kernel/netlink/socket.ts";
import { type Netns, openNetns } from "#kernel/netns/netns.ts";
import { addAddress } from "#kernel/rtnetlink/address.ts";
import { createVeth, setLink } from "#kernel/rtnetlink/link.ts";
import { addRoute } from "#kernel/rtnetlink/route.ts";
import type { NodeSandbox } from "./node-sandbox.ts";
import { startNetnsService } from "./peer-service.ts";
import { exitStatus, type ProgramResult, runProgram } from "./program.ts";

export interface Outside extends AsyncDisposable {
  /** A process that holds the namespace: `nsenter --target PID --net`. */
  readonly pid: number;
  exec(argv: readonly string[], signal: AbortSignal): Promise<ProgramResult>;
}

export const OUTSIDE = {
  name: "outside",
  nodeLink: "uplink",
  nodeAddress: parseAddress("192.0.2.2"),
  link: "downlink",
  routerAddress: parseAddress("192.0.2.1"),
  prefixLength: 24,
  serviceAddress: parseAddress("203.0.113.10"),
} as const;

/** The service has its own address on lo, so that it is reached through the router. */
const LOOPBACK_IFINDEX = 1;
const DEFAULT_ROUTE = parsePrefix("0.0.0.0/0");

export async function startOutside(node: Pick<NodeSandbox, "netnsPath">, signal: AbortSignal): Promise<Outside> {
  await using cleanup = new AsyncDisposableStack();
  const pid = cleanup.adopt(await startHolder(signal), endHolder).pid ?? 0;
  const netns = cleanup.use(openNetns(`/proc/${pid}/ns/net`));
  {
    using nodeNetns = openNetns(node.netnsPath);
    connect(nodeNetns, netns);
  }
  cleanup.use(startNetnsService(netns, OUTSIDE.name));
  const owned = cleanup.move();
  return {
    pid,
    exec: (argv, signal) => runProgram(["nsenter", `--target=${pid}`, "--net", "--", ...argv], signal),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function connect(nodeNetns: Netns, outsideNetns: Netns): void {
  using node = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: nodeNetns });
  using outside = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: outsideNetns });
  const peer = { name: OUTSIDE.link, netnsFd: outsideNetns.fd };
  const uplink = createVeth(node, { name: OUTSIDE.nodeLink, up: true, peer });
  setLink(outside, uplink.peerIfindex, { up: true });
  setLink(outside, LOOPBACK_IFINDEX, { up: true });
  const { prefixLength } = OUTSIDE;
  addOwnAddress(node, uplink.ifindex, OUTSIDE.nodeAddress, prefixLength);
  addOwnAddress(outside, uplink.peerIfindex, OUTSIDE.routerAddress, prefixLength);
  addOwnAddress(outside, LOOPBACK_IFINDEX, OUTSIDE.serviceAddress, 32);
  addRoute(node, { destination: DEFAULT_ROUTE, gateway: OUTSIDE.routerAddress });
}

function addOwnAddress(socket: NetlinkSocket, ifindex: number, address: IpAddress, length: number): void {
  addAddress(socket, { ifindex, prefix: { family: 4, address, length } });
}

type Holder = ChildProcessByStdio<null, Readable, null>;

/** Resolves when its namespace is there. The kernel kills it with the thread that called this. */
async function startHolder(signal: AbortSignal): Promise<Holder> {
  const argv = ["--pdeathsig", "KILL", "--", "unshare", "--net", "--", "sh", "-c", "echo; exec sleep 2147483647"];
  // A session of its own: Ctrl-C is for the caller.
  const child = spawn("setpriv", argv, { stdio: ["ignore", "pipe", "inherit"], detached: true });
  const ended = exitStatus(child).then((code) => {
    throw new Error(`Cannot make the network namespace outside of the node: unshare ended with status ${code}`);
  });
  ended.catch(() => undefined); // It ends later, too, when nobody waits for its first line.
  try {
    await Promise.race([once(child.stdout, "data", { signal }), ended]);
    return child;
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

async function endHolder(child: Holder): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
