/** The sockets and stores that plugins act with, for one network namespace; see plugins/host.ts. */
import { createDelegate } from "#cni/delegate.ts";
import type { Plugin } from "#cni/plugin.ts";
import { createNetlinkSocket, NETLINK_ROUTE, NETLINK_SOCK_DIAG } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import type { Host, Journal } from "#plugins/host.ts";
import { createAddressFolders } from "#plugins/host-local/address-folders.ts";
import { createLinkEvents } from "./link-events.ts";
import { createLinkRemover } from "./link-remover.ts";
import { isOurLauncher } from "./our-launcher.ts";

export interface HostServices extends Disposable {
  hostFor(journal: Journal): Host;
}

export function createHostServices(netns: Netns, findPlugin: (type: string) => Plugin<Host> | undefined): HostServices {
  using stack = new DisposableStack();
  const rtnetlink = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns }));
  const sockDiag = stack.use(createNetlinkSocket({ protocol: NETLINK_SOCK_DIAG, netns }));
  const nft = stack.use(createNftSocket(netns));
  const linkEvents = stack.use(createLinkEvents(netns));
  const links = createLinkRemover({
    events: linkEvents,
    openSocket: () => open.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns })),
  });
  const addressFolders = stack.use(createAddressFolders());
  const open = stack.move();
  return {
    hostFor(journal) {
      const host: Host = {
        netns,
        rtnetlink,
        sockDiag,
        nft,
        links,
        linkEvents,
        addressFolders,
        journal,
        delegate: createDelegate({
          isOurs: isOurLauncher,
          findOurs: findPlugin,
          host: () => host,
        }),
      };
      return host;
    },
    [Symbol.dispose]: () => open.dispose(),
  };
}
