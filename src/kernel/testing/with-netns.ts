/**
 * Network namespaces for tests. An anonymous one lives as long as its descriptor, so that a test that crashes leaves
 * nothing; a named one is bound to a file in a temporary folder, for code that opens it by path.
 */
import { closeSync, mkdtempSync, openSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNetlinkSocket, NETLINK_ROUTE } from "../netlink/socket.ts";
import { createNetns, type Netns, openNetns, ownNetns, removeNetns } from "../netns/netns.ts";
import { setLink } from "../rtnetlink/link.ts";
import { CLONE_NEWNET, call, MNT_DETACH, syscalls } from "../syscalls/syscalls.ts";

/** Options of a test that needs root: skipped at a desk, run (and so failed) in CI. */
export const requireRoot: { readonly skip: string | false } = {
  skip: process.getuid?.() === 0 || process.env["CI"] !== undefined ? false : "needs root",
};

export interface TestNetnsOptions {
  /** Sets `lo` up, which gives 127.0.0.1 and ::1. Default: false, as in a new pod. */
  readonly loopbackUp?: boolean;
}

const LOOPBACK_IFINDEX = 1;

/** An anonymous namespace; other processes reach it through `path` (`/proc/<pid>/fd/<fd>`). */
export function testNetns({ loopbackUp = false }: TestNetnsOptions = {}): Netns {
  using original = openUnshared();
  const netns = openNetns(`/proc/${process.pid}/fd/${original.fd}`);
  if (loopbackUp) setLoopbackUp(netns);
  return { ...netns, path: `/proc/${process.pid}/fd/${netns.fd}` };
}

/** A namespace bound to `<temporary folder>/pwtest-…/netns`. Disposing removes name, folder and mounts. */
export function namedTestNetns({ loopbackUp = false }: TestNetnsOptions = {}): Netns {
  const folder = mkdtempSync(join(tmpdir(), "pwtest-"));
  const path = join(folder, "netns");
  const netns = createNetns(path);
  if (loopbackUp) setLoopbackUp(netns);
  return {
    ...netns,
    [Symbol.dispose]() {
      netns[Symbol.dispose]();
      removeNetns(path);
      call("umount2", `unmount "${folder}"`, folder, MNT_DETACH);
      rmdirSync(folder);
    },
  };
}

/** Runs `body` with an anonymous namespace and ends the namespace after it. */
export async function withNetns<T>(body: (netns: Netns) => T | Promise<T>, options?: TestNetnsOptions): Promise<T> {
  using netns = testNetns(options);
  return await body(netns);
}

function openUnshared(): { readonly fd: number } & Disposable {
  using home = ownNetns();
  call("unshare", "create network namespace", CLONE_NEWNET);
  try {
    const fd = openSync("/proc/thread-self/ns/net", "r");
    return { fd, [Symbol.dispose]: () => closeSync(fd) };
  } finally {
    if (syscalls.setns(home.fd, CLONE_NEWNET) < 0) process.abort();
  }
}

function setLoopbackUp(netns: Netns): void {
  using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
  setLink(socket, LOOPBACK_IFINDEX, { up: true });
}
