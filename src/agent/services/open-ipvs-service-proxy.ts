/** The proxy by IPVS with what it works with, where the kernel has IPVS. */
import type { ServiceProxy } from "#dataplane/services/contract.ts";
import { createIpvsServiceProxy } from "#dataplane/services/ipvs/create-ipvs-service-proxy.ts";
import { IPVS_TABLE } from "#dataplane/services/ipvs/ipvs-table.ts";
import { openIpvs } from "#kernel/genetlink/ipvs.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import type { NftSocket } from "#kernel/nfnetlink/transaction.ts";
import type { NftChange } from "#kernel/nfnetlink/watch-nft.ts";
import { writeSysctls } from "#kernel/sysctl.ts";

export interface OpenedIpvsProxy {
  readonly proxy: ServiceProxy;
  isOurs(change: NftChange): boolean;
}

/** Undefined where the kernel has no IPVS. Nobody tells of changes that others make to virtual services: `drift` does. */
export function openIpvsServiceProxy(deps: {
  readonly nft: NftSocket;
  readonly netns: Netns;
}): OpenedIpvsProxy | undefined {
  const { nft, netns } = deps;
  using stack = new DisposableStack();
  const ipvs = openIpvs(netns);
  if (ipvs === undefined) return undefined;
  stack.use(ipvs);
  const rtnl = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns }));
  const proxy = createIpvsServiceProxy({ ipvs, nft, rtnl, writeSettings: (values) => writeSysctls(netns, values) });
  const sockets = stack.move();
  return {
    proxy: {
      ...proxy,
      async [Symbol.asyncDispose]() {
        await proxy[Symbol.asyncDispose]();
        sockets.dispose();
      },
    },
    isOurs: ({ family, table }) => family === IPVS_TABLE.family && table === IPVS_TABLE.table,
  };
}
