/**
 * Whether another program translates Services on this node: kube-proxy in nftables mode has tables of its own, in iptables
 * mode its chain KUBE-SERVICES in the table nat of iptables-nft. What iptables-legacy has cannot be read this way.
 */
import { MARK_OUTSIDE } from "#dataplane/services/iptables/render-service.ts";
import { findChain, findTable } from "#kernel/nfnetlink/nft-query.ts";
import type { NftSocket } from "#kernel/nfnetlink/transaction.ts";
import type { NftChange } from "#kernel/nfnetlink/watch-nft.ts";

const KUBE_PROXY_TABLE = "kube-proxy";
const IPTABLES_TABLE = "nat";
const IPTABLES_CHAIN = "KUBE-SERVICES";
const FAMILIES = ["ip", "ip6"] as const;

/** What gives it away, `table ip kube-proxy`; undefined when there is none. */
export function findForeignProxy(nft: NftSocket): string | undefined {
  for (const family of FAMILIES) {
    if (findTable(nft, { family, table: KUBE_PROXY_TABLE })) return `table ${family} ${KUBE_PROXY_TABLE}`;
    const chain = { family, table: IPTABLES_TABLE, chain: IPTABLES_CHAIN };
    const isForeign = findChain(nft, chain) !== undefined && findOwnIptables(nft) === undefined;
    if (isForeign) return `chain ${family} ${IPTABLES_TABLE} ${IPTABLES_CHAIN}`;
  }
  return undefined;
}

/** Our own proxy by iptables has the chains of kube-proxy, and one more. */
export function findOwnIptables(nft: NftSocket): string | undefined {
  const chains = FAMILIES.map((family) => ({ family, table: IPTABLES_TABLE, chain: MARK_OUTSIDE }));
  const found = chains.find((chain) => findChain(nft, chain) !== undefined);
  return found && `chain ${found.family} ${IPTABLES_TABLE} ${MARK_OUTSIDE}`;
}

/** The answer of findForeignProxy may be another one now. */
export function concernsForeignProxy({ kind, table, name }: NftChange): boolean {
  if (table === KUBE_PROXY_TABLE) return kind === "table";
  if (table !== IPTABLES_TABLE) return false;
  return kind === "table" || (kind === "chain" && name === IPTABLES_CHAIN);
}
