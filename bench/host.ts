/**
 * The node of one contestant: the network, mount and process namespaces of this worker, made by `unshare`, so that
 * everything in here ends with the worker. A fresh /run keeps locks and state of plugins apart from the machine's;
 * a veth pair to a namespace behind it carries the default route that masquerading and port mapping look up.
 */
import { existsSync } from "node:fs";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import { createNetlinkSocket, listenNetlink, NETLINK_ROUTE, type NetlinkSocket } from "#kernel/netlink/socket.ts";
import { createNetns, type Netns, ownNetns, removeNetns } from "#kernel/netns/netns.ts";
import { addAddress } from "#kernel/rtnetlink/address.ts";
import { createVeth, decodeLink, setLink } from "#kernel/rtnetlink/link.ts";
import { RTM_DELLINK } from "#kernel/rtnetlink/link-messages.ts";
import { addRoute } from "#kernel/rtnetlink/route.ts";
import { call } from "#kernel/syscalls/syscalls.ts";

export interface BenchHost extends Disposable {
  readonly netns: Netns;
  readonly rtnetlink: NetlinkSocket;
  /** Resolves when the kernel has taken down every namespace that was left before the call. */
  settle(): Promise<void>;
}

/** Plugins keep locks, sockets and state here unless a configuration says otherwise. */
const PRIVATE_FOLDERS = ["/run", "/var/lib/cni"];
const OUTSIDE_PATH = "/run/netns/outside";
const MARKER_PATH = "/run/netns/settle";
const LOOPBACK_IFINDEX = 1;
const RTNLGRP_LINK = 1;
const SETTLE_DEADLINE_MS = 60_000;

export function createBenchHost(): BenchHost {
  for (const folder of PRIVATE_FOLDERS) {
    if (existsSync(folder)) call("mount", `mount tmpfs on "${folder}"`, "tmpfs", folder, "tmpfs", 0, null);
  }
  using stack = new DisposableStack();
  const netns = stack.use(ownNetns());
  const rtnetlink = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE }));
  setLink(rtnetlink, LOOPBACK_IFINDEX, { up: true });
  addUplink(rtnetlink, stack.use(createNetns(OUTSIDE_PATH)));
  const open = stack.move();
  return { netns, rtnetlink, settle: () => settle(rtnetlink), [Symbol.dispose]: () => open.dispose() };
}

function addUplink(rtnetlink: NetlinkSocket, outside: Netns): void {
  const { ifindex, peerIfindex } = createVeth(rtnetlink, {
    name: "uplink",
    up: true,
    peer: { name: "uplink", netnsFd: outside.fd },
  });
  using beyond = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: outside });
  setLink(beyond, peerIfindex, { up: true });
  addAddress(beyond, { ifindex: peerIfindex, prefix: parsePrefix("192.0.2.1/24") });
  addAddress(rtnetlink, { ifindex, prefix: parsePrefix("192.0.2.2/24") });
  addRoute(rtnetlink, { destination: parsePrefix("0.0.0.0/0"), gateway: parseAddress("192.0.2.1") });
}

/**
 * Namespaces end in the background, one batch after the other. One more is left behind them, with one end of a veth
 * pair inside: when the other end goes, all before it are gone.
 */
async function settle(rtnetlink: NetlinkSocket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const marker = createNetns(MARKER_PATH);
  const { ifindex } = createVeth(rtnetlink, { name: "settle", peer: { name: "settle", netnsFd: marker.fd } });
  using _listener = listenNetlink(
    { protocol: NETLINK_ROUTE, groups: [RTNLGRP_LINK] },
    {
      message: ({ type, payload }) => {
        if (type === RTM_DELLINK && decodeLink(payload).ifindex === ifindex) resolve();
      },
      lost: () => reject(new Error("Cannot wait for the end of namespaces: netlink events were lost")),
    },
  );
  marker[Symbol.dispose]();
  removeNetns(MARKER_PATH);
  const late = () => reject(new Error(`Namespaces of pods did not end within ${SETTLE_DEADLINE_MS} ms`));
  const deadline = setTimeout(late, SETTLE_DEADLINE_MS);
  try {
    await promise;
  } finally {
    clearTimeout(deadline);
  }
}
