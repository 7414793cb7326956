/** What attachments have left in a node's namespace and folders; nothing, when all were deleted. */
import { listNat } from "#dataplane/nat/apply.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import { listLinks } from "#kernel/rtnetlink/link.ts";
import { ledgerState } from "./ledger-state.ts";
import type { TestHost } from "./test-host.ts";

export interface LeftBehind {
  readonly links: readonly string[];
  /** `<map> <owner>` */
  readonly elements: readonly string[];
  readonly addresses: readonly string[];
  readonly records: readonly string[];
}

export const NOTHING: LeftBehind = { links: [], elements: [], addresses: [], records: [] };

export function leftBehind({ netns, paths, reservations }: TestHost): LeftBehind {
  using rtnetlink = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
  using nft = createNftSocket(netns);
  return {
    links: listLinks(rtnetlink).flatMap(({ name, kind }) => (kind?.type === "veth" ? [name] : [])),
    elements: listNat(nft).map(({ set, comment }) => `${set} ${comment}`),
    addresses: reservations(),
    records: ledgerState(paths.ledgerDir),
  };
}
